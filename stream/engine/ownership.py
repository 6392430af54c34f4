"""How partitions come into this worker's hands and leave them: fence, recover, release.

Invariant: a partition is recovered only after it was fenced, and folded only after it was recovered. What a rebalance
leaves with this worker stays hot; what it brings is recovered afresh.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Generic

from stream.config.settings import Settings
from stream.engine import copies, recovery
from stream.engine.checkpoints import COMMIT_DEADLINE_SECONDS
from stream.engine.failstop import ExitCode, Stop
from stream.engine.fence import fenced_producer
from stream.engine.owned import Owned
from stream.engine.partition import Partition, S
from stream.engine.work import Work
from stream.worker.metrics import WorkerMetrics

logger = logging.getLogger(__name__)


class Ownership(Generic[S]):
    """Takes and releases partitions.

    Args:
        settings: the worker's.
        work: decodes states.
        metrics: where counts go.
        stop: how to leave on an unexpected error.
        owned: by number, the partitions in this worker's hands; this object alone adds and removes them.
        keep_pace: what takes the checkpoints of a partition that is ready.
        hot_max: how many accounts of each partition may be hot.
    """

    def __init__(
        self,
        settings: Settings,
        work: Work[S],
        metrics: WorkerMetrics,
        stop: Stop,
        owned: dict[int, Owned[S]],
        keep_pace: Callable[[Owned[S]], Coroutine[Any, Any, None]],
        hot_max: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._work = work
        self._metrics = metrics
        self._stop = stop
        self._owned = owned
        self._keep_pace = keep_pace
        self._hot_max = hot_max
        self._lock = asyncio.Lock()
        self._recovery: asyncio.Task[None] | None = None
        self.generation: int | None = None

    async def assign(self, numbers: Iterable[int], generation: int) -> None:
        """Take these partitions and no others: fence the new ones, release the rest, keep what stays.

        What stays is kept hot: had anyone else owned it in between, the fence would refuse its next commit. After a
        generation that this worker was not part of, everything is recovered afresh all the same.
        """
        wanted = set(numbers)
        if self._recovery is not None:
            self._recovery.cancel()  # it is of an older generation; this one's begins after this returns
        try:
            async with self._lock:
                missed = self.generation is None or generation != self.generation + 1
                self.generation = generation
                gone = [n for n, owned in self._owned.items() if missed or n not in wanted or not owned.ready]
                await self._release(gone)
                await self._fence(sorted(wanted - self._owned.keys()))
                await self._find_changelog_ends()
        except Exception as error:
            self._stop(ExitCode.RECOVERY, f"taking partitions {sorted(wanted)}", error)

    async def _fence(self, numbers: list[int]) -> None:
        """Start the producers of new partitions, side by side."""
        kafka = self._settings.kafka
        async with asyncio.timeout(COMMIT_DEADLINE_SECONDS):
            producers = await asyncio.gather(*(fenced_producer(kafka, number) for number in numbers))
        for number, producer in zip(numbers, producers, strict=True):
            self._owned[number] = Owned(Partition(number, kafka.partitions, decode=self._work.decode), producer)

    async def _find_changelog_ends(self) -> None:
        """Where the changelogs end now that nobody writes to them: no predecessor, and no checkpoint of ours."""
        if self._owned:
            async with asyncio.timeout(COMMIT_DEADLINE_SECONDS):
                ends = await recovery.changelog_ends(self._settings.kafka, sorted(self._owned))
            for number, end in ends.items():
                self._owned[number].changelog_end = end

    async def recover(self) -> None:
        """Bring back the states of all partitions that are not ready, then start their pace.

        A new assignment in the meantime cancels it, and has it done again for what that assignment brings.
        """
        async with self._lock:
            fenced = [owned for owned in self._owned.values() if not owned.ready]
            if not fenced:
                return
            self._recovery = asyncio.create_task(self._recover(fenced), name="recovery")
            try:
                await asyncio.wait([self._recovery])
            finally:
                self._recovery = None

    @property
    def recovering(self) -> bool:
        """Whether a recovery runs; it watches its own progress."""
        return self._recovery is not None

    async def _recover(self, fenced: list[Owned[S]]) -> None:
        """One recovery, logged and counted."""
        started = time.monotonic()
        numbers = sorted(owned.number for owned in fenced)
        try:
            records = await recovery.recover(self._settings, self._work, fenced, self._hot_max())
        except Exception as error:
            self._stop(ExitCode.RECOVERY, f"recovering partitions {numbers}", error)
        seconds = time.monotonic() - started
        for owned in fenced:
            owned.ready = True
            owned.partition.catching_up = True
            owned.pace = asyncio.create_task(self._keep_pace(owned), name=f"pace-{owned.number}")
        self._metrics.recovery_seconds.observe(seconds)
        self._metrics.recovered_records.inc(records)
        logger.info(
            "recovered partitions %s: %d accounts in %.2f s, from %d changelog records and %d local copies",
            numbers,
            sum(len(owned.partition.states) + len(owned.partition.cold) for owned in fenced),
            seconds,
            records,
            sum(owned.recalled > 0 for owned in fenced),
        )

    async def close(self) -> None:
        """Let go of every partition; call after the drain."""
        async with self._lock:
            await self._release(list(self._owned))

    async def _release(self, numbers: Iterable[int]) -> None:
        """Forget partitions, stop their producers, let go of their local copies."""
        for number in numbers:
            owned = self._owned.pop(number)
            if owned.pace is not None:
                owned.pace.cancel()
                await asyncio.wait([owned.pace])
            copies.let_go(owned)
            try:
                async with asyncio.timeout(5):
                    await owned.producer.stop()
            except Exception as error:  # nothing was in flight: the next owner's fence ends it in any case
                logger.warning("partition %d: its producer did not stop cleanly: %r", number, error)
