"""When a partition is checkpointed, for how long it may judge, and what follows a checkpoint.

Invariant: one checkpoint of a partition at a time, by the producer that was fenced for it; whatever goes wrong in one
ends the process. The pace only decides how much is folded again after a crash, and how old a report is.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection
from typing import Final, Generic

from aiokafka.errors import ProducerFenced

from stream.engine import copies
from stream.engine.checkpoint import STATE_BYTES_MAX, Snapshot, publish, take
from stream.engine.failstop import ExitCode, Stop
from stream.engine.owned import Owned
from stream.engine.partition import Partition, S
from stream.engine.work import Work
from stream.metrics import WorkerMetrics
from stream.settings import Settings

logger = logging.getLogger(__name__)

# A checkpoint is taken early when this many accounts wait in one partition: it bounds one transaction's size.
EARLY_DIRTY: Final = 20_000
# The same in a backlog, as far as so many accounts may be hot: whoever moves again until then is saved once.
BACKLOG_DIRTY: Final = 50_000
# What snapshots may take of the time while accounts wait to be judged, all partitions together: what folding leaves of
# it, less a reserve for fetching and for transactions, but half of it even where folding wants more.
RESERVE_RATIO: Final = 0.1
JUDGING_RATIO_MIN: Final = 0.5
# How long one checkpoint may judge while its partition waits; and where nothing comes to be folded, as after a backlog
# and in the tick of a quiet hour.
JUDGING_SECONDS_MAX: Final = 0.1
IDLE_JUDGING_SECONDS_MAX: Final = 0.2
# While a backlog is folded nothing is published, so checkpoints only bound what a crash repeats: they come when saving
# what is dirty would take a tenth of the time since the last one, within these bounds of intervals.
CATCHING_UP_TIMES: Final = 5
CATCHING_UP_TIMES_MAX: Final = 30
SAVING_RATIO: Final = 0.1
# Processor time of one state into the changelog and the local copy, encoding included.
SAVING_SECONDS: Final = 0.00003
# What snapshots may take of the time where nobody waits to be judged; where they would take more, they are rarer.
ENCODING_RATIO: Final = 0.5
RARER_TIMES_MAX: Final = 3
# Processor time of one transaction, as measured with a trickle of events, and what all of them may take of the time.
TRANSACTION_SECONDS: Final = 0.0015
TRANSACTIONS_RATIO: Final = 0.05
# A trickle of events is told this much sooner than the interval says.
SOONER_TIMES_MAX: Final = 5
# Long enough for a broker's restart, shorter than the transaction time-out's double.
COMMIT_DEADLINE_SECONDS: Final = 30.0


class Checkpoints(Generic[S]):
    """Checkpoints of the partitions in this worker's hands.

    Args:
        settings: the worker's.
        work: judges and encodes.
        metrics: where counts go.
        stop: how to leave on an unexpected error.
        held: the partitions in this worker's hands.
        flows: whether chunks are folded now: not in a rebalance, and not in the drain.
    """

    def __init__(
        self,
        settings: Settings,
        work: Work[S],
        metrics: WorkerMetrics,
        stop: Stop,
        held: Collection[Owned[S]],
        flows: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._work = work
        self._metrics = metrics
        self._stop = stop
        self._held = held
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
            judging_seconds = self._judging_seconds(owned)
            try:
                return await take(self._work, owned.partition, judging_seconds, self.hot_max)
            finally:
                owned.foldable.set()
                owned.taken_at = time.monotonic()
                owned.taking_seconds = owned.taken_at - started

    @property
    def hot_max(self) -> int:
        """How many accounts of each partition may be hot."""
        return max(1, self._settings.worker.hot_accounts_max // max(1, len(self._held)))

    def is_full(self, partition: Partition[S]) -> bool:
        """Whether so much of the partition is dirty that its checkpoint should not wait for its time."""
        most = max(EARLY_DIRTY, min(BACKLOG_DIRTY, self.hot_max)) if partition.catching_up else EARLY_DIRTY
        return len(partition.dirty) >= most

    def _judging_seconds(self, owned: Owned[S]) -> float:
        """How long this checkpoint may judge: the partition's part of the time since it last did.

        In a drain, where nothing else wants the time, an eighth of the drain's deadline is for judging.
        """
        now = time.monotonic()
        elapsed, owned.judged_at = now - owned.judged_at, now
        if not self._flows():
            return min(JUDGING_SECONDS_MAX, self._drain_seconds / 8 / len(self._held))
        folding_seconds = sum(each.folding_seconds for each in self._held)
        owned.folding_ratio = (folding_seconds - owned.folding_seconds_then) / max(elapsed, 1e-9)
        owned.folding_seconds_then = folding_seconds
        longest = IDLE_JUDGING_SECONDS_MAX if owned.folding_ratio <= 0 else JUDGING_SECONDS_MAX
        return min(longest, self._judging_ratio(owned) * elapsed / len(self._held))

    def _judging_ratio(self, owned: Owned[S]) -> float:
        """What snapshots may take of the time while accounts wait to be judged."""
        return max(JUDGING_RATIO_MIN, 1 - max(0.0, owned.folding_ratio) - RESERVE_RATIO)

    def _pause_seconds(self, owned: Owned[S]) -> float:
        """How long from the end of the partition's last snapshot to the next; docs/engine.md has the rule."""
        interval = self._settings.worker.checkpoint_interval_seconds
        partition, count = owned.partition, len(self._held)
        if partition.catching_up:
            worth = len(partition.dirty) * SAVING_SECONDS * count / SAVING_RATIO
            return min(max(CATCHING_UP_TIMES * interval, worth), CATCHING_UP_TIMES_MAX * interval)
        waits = bool(partition.restless or partition.due)
        ratio = self._judging_ratio(owned) if waits else ENCODING_RATIO
        wanted = owned.taking_seconds * (count / ratio - 1)
        wanted = max(wanted, TRANSACTION_SECONDS * count / TRANSACTIONS_RATIO)
        longest = interval if waits else RARER_TIMES_MAX * interval
        return min(max(interval / SOONER_TIMES_MAX, wanted), longest)

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
            await self._pause(owned)

    async def _pause(self, owned: Owned[S]) -> None:
        """Wait until the next checkpoint is due, or wanted early; in a backlog that depends on what comes meanwhile."""
        while (rest := owned.taken_at + self._pause_seconds(owned) - time.monotonic()) > 0:
            if owned.partition.catching_up:
                rest = min(rest, CATCHING_UP_TIMES * self._settings.worker.checkpoint_interval_seconds)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await owned.early.wait()
                    return

    @property
    def _drain_seconds(self) -> float:
        """How long the last checkpoints may take, so that the group does not give up on this worker."""
        return self._settings.worker.rebalance_timeout_seconds / 2

    async def drain(self) -> None:
        """The last checkpoint of every partition, before a rebalance or the end; the flow has stopped."""
        deadline = self._drain_seconds
        try:
            async with asyncio.timeout(deadline):
                await asyncio.gather(*(self.checkpoint(owned) for owned in list(self._held) if owned.ready))
        except TimeoutError as error:
            self._stop(ExitCode.CHECKPOINT, f"the drain took longer than {deadline:.0f} s", error)
