"""The checkpoints of the partitions in this worker's hands, at their pace and in the drain, and what follows each.

Invariant: one checkpoint of a partition at a time, by the producer that was fenced for it; whatever goes wrong in one
ends the process.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import Final, Generic

from aiokafka.errors import ProducerFenced

from stream.config.settings import Settings
from stream.engine import copies
from stream.engine.checkpoint import STATE_BYTES_MAX, Snapshot, publish, take
from stream.engine.failstop import ExitCode, Stop
from stream.engine.owned import Owned
from stream.engine.pace import Pace
from stream.engine.partition import S
from stream.engine.work import Work
from stream.worker.metrics import WorkerMetrics

logger = logging.getLogger(__name__)

# Long enough for a broker's restart, shorter than the transaction time-out's double.
COMMIT_DEADLINE_SECONDS: Final = 30.0


class Checkpoints(Generic[S]):
    """Checkpoints of the partitions in this worker's hands.

    Args:
        settings: the worker's.
        work: evaluates and encodes.
        metrics: where counts go.
        stop: how to leave on an unexpected error.
        held: the partitions in this worker's hands.
        pace: when, and for how long to evaluate.
        flows: whether chunks are folded now: not in a rebalance, and not in the drain.
    """

    def __init__(
        self,
        settings: Settings,
        work: Work[S],
        metrics: WorkerMetrics,
        stop: Stop,
        held: Collection[Owned[S]],
        pace: Pace[S],
        flows: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._work = work
        self._metrics = metrics
        self._stop = stop
        self._held = held
        self._pace = pace
        self._flows = flows
        self._taking = asyncio.Lock()

    async def checkpoint(self, owned: Owned[S]) -> None:
        """One checkpoint of one partition."""
        async with owned.lock:
            started = time.monotonic()
            where = f"checkpoint of partition {owned.number}"
            try:
                snapshot = await self._take(owned)
                if not snapshot.is_news(owned.committed):
                    return
                async with asyncio.timeout(COMMIT_DEADLINE_SECONDS):
                    await self._publish(owned, snapshot)
                owned.committed = snapshot.offsets
                self._count(owned, snapshot, time.monotonic() - started)
                await copies.keep(owned, snapshot, int(time.time() * 1000))
            except ProducerFenced as error:
                self._stop(ExitCode.FENCED, f"{where}: another worker owns the partition now", error)
            except Exception as error:
                self._stop(ExitCode.CHECKPOINT, f"{where} at offsets {owned.partition.next_offsets}", error)

    async def _publish(self, owned: Owned[S], snapshot: Snapshot) -> None:
        kafka = self._settings.kafka
        owned.changelog_saved = await publish(
            owned.producer,
            kafka.topics.changelog,
            owned.number,
            kafka.app_id,
            snapshot,
            owned.topic_ids,
            owned.changelog_saved,
        )

    async def _take(self, owned: Owned[S]) -> Snapshot:
        """The snapshot of one partition; one at a time, so that the loop breathes after a slice of one of them."""
        async with self._taking:
            owned.foldable.clear()
            started = time.monotonic()
            pace = self._pace
            evaluation_seconds = (
                pace.evaluation_seconds(owned, started) if self._flows() else pace.drain_evaluation_seconds
            )
            try:
                return await take(self._work, owned.partition, evaluation_seconds, pace.hot_max)
            finally:
                owned.foldable.set()
                owned.taken_at = time.monotonic()
                owned.taking_seconds = owned.taken_at - started

    def _count(self, owned: Owned[S], snapshot: Snapshot, seconds: float) -> None:
        """Metrics of an accepted checkpoint."""
        metrics = self._metrics
        metrics.checkpoint_seconds.observe(seconds)
        metrics.records_published.labels(self._settings.kafka.topics.changelog).inc(len(snapshot.states))
        for output in snapshot.outputs:
            metrics.records_published.labels(output.topic).inc()
        if snapshot.oldest_ms is not None and snapshot.oldest_ms > 0:
            metrics.publish_latency_seconds.observe(max(0.0, time.time() - snapshot.oldest_ms / 1000))
        for key in snapshot.oversized:
            metrics.oversized_states.inc()
            logger.error(
                "partition %d: the state of account %.80r is larger than %d bytes and was not saved; a restart "
                "brings back its last smaller state",
                owned.number,
                key,
                STATE_BYTES_MAX,
            )

    async def keep_pace(self, owned: Owned[S]) -> None:
        """Checkpoints of one partition until cancelled; none during a rebalance."""
        interval = self._settings.worker.checkpoint_interval_seconds
        # Spread over the interval, so that the partitions do not all commit at the same moment.
        await asyncio.sleep(interval * (owned.number % 16 + 1) / 16)
        while True:
            if self._flows():
                await self.checkpoint(owned)
            else:
                owned.taken_at = time.monotonic()
            owned.early.clear()
            await self._pace.pause(owned)

    async def drain(self) -> None:
        """The last checkpoint of every partition, before a rebalance or the end; the flow has stopped."""
        deadline = self._pace.drain_seconds
        try:
            async with asyncio.timeout(deadline):
                await asyncio.gather(*(self.checkpoint(owned) for owned in list(self._held) if owned.ready))
        except TimeoutError as error:
            self._stop(ExitCode.CHECKPOINT, f"the drain took longer than {deadline:.0f} s", error)
