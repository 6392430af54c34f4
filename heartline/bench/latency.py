"""When a health report is there for others to see: a reader of committed records, in a process of its own.

It shares no interpreter with the sender, which is busy, so what it notes is the moment of arrival and not of its turn.
"""

import asyncio
import math
import multiprocessing
import time
from multiprocessing.connection import Connection
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from heartline.bench.sending import PROBE_PREFIX
from stream.engine.connection import client_arguments
from stream.errors import HeartlineError
from stream.settings import KafkaSettings

_READY_SECONDS: Final = 30.0
_REPORTS_SECONDS: Final = 120.0
_POLL_MS: Final = 200


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

    def latencies_ms(self, probes: dict[str, float]) -> list[float]:
        """From handing over each probe to seeing its report, sorted, in milliseconds; waits for the last one.

        Raises:
            LatencyError: a probe's report did not come.
        """
        self._ours.send(frozenset(probes))
        if not self._ours.poll(_REPORTS_SECONDS):
            raise LatencyError(f"not all of {len(probes):,} probes had a report within {_REPORTS_SECONDS:g} s")
        seen: dict[str, float] = self._ours.recv()
        return sorted((seen[account] - moment) * 1000 for account, moment in probes.items())


class LatencyError(HeartlineError):
    """The reader of health reports did not see what it should."""


def quantile(ordered: list[float], share: float) -> float:
    """The smallest value that at least this share (above 0, up to 1) of the values does not exceed.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5), quantile([1.0, 2.0, 3.0, 4.0], 0.99)
    (2.0, 4.0)
    """
    return ordered[math.ceil(share * len(ordered)) - 1]


def _watch(kafka: KafkaSettings, pipe: Connection) -> None:
    """The process: says when it is ready, is told which probes there were, and answers when it has seen them."""
    asyncio.run(_read(kafka, pipe))


async def _read(kafka: KafkaSettings, pipe: Connection) -> None:
    consumer = AIOKafkaConsumer(
        **client_arguments(kafka), isolation_level="read_committed", auto_offset_reset="latest", fetch_max_wait_ms=100
    )
    await consumer.start()
    places = [TopicPartition(kafka.topics.health, number) for number in range(kafka.partitions)]
    consumer.assign(places)
    for place in places:
        await consumer.position(place)  # from here on nothing is missed
    pipe.send("ready")
    seen: dict[str, float] = {}
    wanted: frozenset[str] | None = None
    prefix = PROBE_PREFIX.encode()
    while wanted is None or not wanted <= seen.keys():
        batches = await consumer.getmany(timeout_ms=_POLL_MS)
        now = time.time()
        for records in batches.values():
            for record in records:
                if record.key.startswith(prefix):
                    seen.setdefault(record.key.decode(), now)
        if wanted is None and pipe.poll():
            wanted = pipe.recv()
    pipe.send(seen)
    await consumer.stop()
