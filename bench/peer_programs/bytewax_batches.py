"""Bytewax as someone writes it who knows both: a batch at a time like Heartline's worker, states saved as bytes.

The stateful operators that its guide begins with hand over one event at a time, and copy each state deeply to save it.
"""

import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, cluster_main
from job import KINDS, AccountState, decode_state, encode_state, fold_event
from meter import Meter, from_environment

from stream.contracts.events import InputEvent
from stream.kinds.decode import FAST_FORMS, Decoder
from stream.kinds.folding import FOLDS

config = from_environment()
meter = Meter(config.events)
Usage = FAST_FORMS["usage"]
decoders = {topic: Decoder(kind) for topic, kind in zip(config.topics, KINDS, strict=True)}


def parse(messages: list[KafkaSourceMessage]) -> Iterator[tuple[str, InputEvent]]:
    """A batch of records as (account, event), each topic's decoded together."""
    meter.begin()
    now_ms = int(time.time() * 1000)
    values: dict[str, list[bytes]] = {}
    for message in messages:
        values.setdefault(message.topic, []).append(message.value)
    for topic, together in values.items():
        for event in decoders[topic].decode_all(together, now_ms):
            yield event.account_id, event


class Account(StatefulBatchLogic):
    """One account's state, and what folds into it."""

    def __init__(self, saved: bytes | None) -> None:
        self._state = AccountState() if saved is None else decode_state(saved)

    def on_batch(self, batch: list[InputEvent]) -> tuple[list[None], bool]:
        """All of a batch that is the account's."""
        usages = [event for event in batch if type(event) is Usage]
        if usages:
            FOLDS["usage"](self._state, usages)
        if len(usages) < len(batch):
            for event in batch:
                if type(event) is not Usage:
                    fold_event(self._state, event)
        meter.folded(len(batch))
        return [], StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        """The state as it is saved."""
        return encode_state(self._state)


flow = Dataflow("peer")
messages = op.input("in", flow, KafkaSource([config.bootstrap], config.topics, tail=False, batch_size=5_000))
keyed = op.flat_map_batch("parse", messages, parse)
op.output("out", op.stateful_batch("fold", keyed, Account), TestingSink([]))

if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp(prefix="peer-bytewax-"))
    init_db_dir(folder, 1)
    interval = timedelta(seconds=config.commit_seconds)
    cluster_main(flow, [], 0, recovery_config=RecoveryConfig(folder), epoch_interval=interval)
