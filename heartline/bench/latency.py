"""When a health report is there for others to see: a reader of committed records, in a process of its own.

It shares no interpreter with the sender, which is busy, so what it notes is the moment of arrival and not of its turn.
"""

import asyncio
import math
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from heartline.bench.probes import PREFIX, Probe
from stream.config.settings import KafkaSettings
from stream.contracts.errors import HeartlineError
from stream.contracts.events import epoch_ms
from stream.engine.connection import client_arguments

_READY_SECONDS: Final = 120.0  # nothing is measured by it: a busy machine takes its time
_GRACE_SECONDS: Final = 120.0  # what the reader may need to answer when its time is up
_POLL_MS: Final = 200
_PREFIX: Final = PREFIX.encode()


class Watcher:
    """Notes when each probe's report arrives; use it in `with`.

    Raises:
        LatencyError: on entering: its process did not get ready.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_watch, args=(kafka, theirs), daemon=True)

    def __enter__(self) -> "Watcher":
        self._process.start()
        if not self._ours.poll(_READY_SECONDS):
            self._process.kill()
            raise LatencyError(f"the reader of health reports was not ready within {_READY_SECONDS:g} s")
        self._ours.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self._ours.close()

    def latencies_ms(self, probes: Sequence[Probe], seconds: float) -> dict[str, float]:
        """From handing over each probe to seeing the report of its event, in milliseconds by account.

        Args:
            probes: what was sent.
            seconds: how long to wait for the last report; a probe whose report has not come by then is not among what
                is returned: it took longer.

        Raises:
            LatencyError: the reader does not answer.
        """
        self._ours.send(({probe.account_id: probe.at_ms for probe in probes}, seconds))
        if not self._ours.poll(seconds + _GRACE_SECONDS):
            raise LatencyError(f"the reader of health reports did not answer within {seconds + _GRACE_SECONDS:g} s")
        seen: dict[str, float] = self._ours.recv()
        return {
            probe.account_id: (seen[probe.account_id] - probe.handed_at) * 1000
            for probe in probes
            if probe.account_id in seen
        }


class LatencyError(HeartlineError):
    """The reader of health reports did not see what it should."""


class _ReportView(Struct):
    """What is read of a report: up to which event it knows its account."""

    last_event_at: datetime | None = None


_decode = msgspec.json.Decoder(_ReportView).decode


def quantile(values: Sequence[float], count: int, share: float) -> float | None:
    """The smallest value that at least this share (above 0, up to 1) of `count` values does not exceed.

    Values that are missing are larger than all others; None: it is one of them.

    >>> quantile([3.0, 1.0, 4.0, 2.0], 4, 0.5), quantile([3.0, 1.0, 4.0, 2.0], 4, 0.99)
    (2.0, 4.0)
    >>> quantile([3.0, 1.0], 4, 0.5), quantile([3.0, 1.0], 4, 0.99)
    (3.0, None)
    """
    at = math.ceil(share * count) - 1
    return sorted(values)[at] if at < len(values) else None


def _watch(kafka: KafkaSettings, pipe: Connection) -> None:
    """The process: says when it is ready, is told which probes there were, and answers when it has seen them."""
    asyncio.run(_read(kafka, pipe))


async def _read(kafka: KafkaSettings, pipe: Connection) -> None:
    consumer = AIOKafkaConsumer(
        **client_arguments(kafka), isolation_level="read_committed", auto_offset_reset="latest", fetch_max_wait_ms=100
    )
    await consumer.start()
    partitions = [TopicPartition(kafka.topics.health, number) for number in range(kafka.partitions)]
    consumer.assign(partitions)
    for partition in partitions:
        await consumer.position(partition)  # from here on nothing is missed
    pipe.send("ready")
    seen: dict[tuple[str, int], float] = {}
    wanted: set[tuple[str, int]] | None = None
    deadline = math.inf
    while (wanted is None or not wanted <= seen.keys()) and time.monotonic() < deadline:
        _note(seen, await consumer.getmany(timeout_ms=_POLL_MS), time.time())
        if wanted is None and pipe.poll():
            events, seconds = pipe.recv()
            wanted, deadline = set(events.items()), time.monotonic() + seconds
    pipe.send(
        {account_id: seen[account_id, at_ms] for account_id, at_ms in wanted or () if (account_id, at_ms) in seen}
    )
    await consumer.stop()


def _note(seen: dict[tuple[str, int], float], batches: Mapping[Any, Sequence[Any]], now: float) -> None:
    """Note of each probe's account when a report came that knows it up to which event; the first one counts."""
    for records in batches.values():
        for record in records:
            if record.key.startswith(_PREFIX):
                newest = _decode(record.value).last_event_at
                if newest is not None:
                    seen.setdefault((record.key.decode(), epoch_ms(newest)), now)
