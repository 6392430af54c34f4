"""The worker's own fold on stock Faust, the documented way: one event at a time, one table write an event.

The same decoding, the same fold, the same encoding of the same states; what differs is everything around it. It
starts with the states that the worker left in its changelog, so each write is as large as the worker's would be. Health
is not evaluated here, though it is in the worker's own results. Run as a program, by `compare`.
"""

import asyncio
import json
import os
import sys
import time
from typing import Any

import faust

from heartline.bench.compare import stock_settings
from heartline.bench.verify import read_states
from stream.config.settings import KafkaSettings
from stream.kinds.decode import Decoder
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState, encode_state


class _State(faust.Codec):  # type: ignore[misc]
    """An account's state as its changelog value, as the worker writes it."""

    def _dumps(self, s: AccountState) -> bytes:
        return encode_state(s)


class _Raw(faust.Codec):  # type: ignore[misc]
    """Bytes as they are."""

    def _loads(self, s: Any) -> Any:
        return s


def make_app(kafka: KafkaSettings, warm: dict[str, AccountState], events: int, data_dir: str) -> faust.App:
    """An app that folds that many events, prints what they cost as one JSON object, and ends its process.

    Args:
        kafka: where the events are, and under which names.
        warm: states to start with.
        events: how many to fold; the clock runs from the first to the last.
        data_dir: for Faust's own files.
    """
    app = faust.App(
        kafka.app_id,
        broker=f"kafka://{kafka.bootstrap_servers}",
        store="memory://",
        topic_partitions=kafka.partitions,
        web_enabled=False,
        autodiscover=False,
        datadir=data_dir,
    )
    inputs = app.topic(
        *kafka.topics.inputs,
        partitions=kafka.partitions,
        value_type=None,
        value_serializer=_Raw(),
        key_serializer=_Raw(),
    )
    table = app.Table("state", partitions=kafka.partitions, key_type=str)
    table.value_serializer = _State()
    decoders = {topic: Decoder(kind).decode for topic, kind in kafka.topics.inputs.items()}
    folded, started, cpu_before = 0, 0.0, 0.0

    async def fold(stream: Any) -> None:
        nonlocal folded, started, cpu_before
        async for received in stream.events():
            if folded == 0:
                started, cpu_before = time.monotonic(), time.process_time()
            event: Any = decoders[received.message.topic](received.value)
            name = event.account_id
            state = table.get(name)
            if state is None:
                state = warm.get(name) or AccountState()
            fold_event(state, event)
            table[name] = state
            folded += 1
            if folded == events:
                seconds, cpu_seconds = time.monotonic() - started, time.process_time() - cpu_before
                _tell({"seconds": seconds, "cpu_seconds": cpu_seconds})

    app.agent(inputs, name="fold")(fold)
    return app


def _tell(results: dict[str, float]) -> None:
    """The results as the last line, and the end: nobody needs what a clean stop would still write."""
    sys.__stdout__.write(f"\n{json.dumps(results)}\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]
    os._exit(0)


def main(bootstrap_servers: str, prefix: str, app_id: str, partitions: str, events: str, data_dir: str) -> None:
    """The program; `prefix` and `app_id` are the measured worker's, whose states it starts with."""
    worker = KafkaSettings(
        bootstrap_servers=bootstrap_servers, topic_prefix=prefix, app_id=app_id, partitions=int(partitions)
    )
    warm = asyncio.run(read_states(worker))
    app = make_app(stock_settings(worker), warm, int(events), data_dir)
    faust.Worker(app, loglevel="ERROR", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
