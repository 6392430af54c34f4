"""The partitions in this worker's hands, as the transport and the store see them: fold, seek, drain, assign, recover.

Invariants: a chunk is folded only into a recovered partition and only if no seek or rebalance came after its fetch;
any error that is not expected here ends the process. All methods run in the worker's event loop, except the two views
that say otherwise.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any, Generic

from aiokafka import TopicPartition

from stream.config.settings import Settings
from stream.contracts.errors import EngineError
from stream.engine.budget import Budget
from stream.engine.checkpoints import Checkpoints
from stream.engine.chunk import Chunk
from stream.engine.failstop import ExitCode, Stop, fail_stop
from stream.engine.folding import fold_chunk
from stream.engine.owned import Owned
from stream.engine.ownership import Ownership
from stream.engine.pace import Pace
from stream.engine.partition import Partition, S
from stream.engine.work import Work
from stream.worker.metrics import WorkerMetrics

logger = logging.getLogger(__name__)


class Engine(Generic[S]):
    """Owns partitions and keeps them consistent.

    Args:
        settings: the worker's.
        work: what is done to the records.
        metrics: where counts go.
        stop: how to leave on an unexpected error; tests inject one that raises.
    """

    def __init__(self, settings: Settings, work: Work[S], metrics: WorkerMetrics, stop: Stop = fail_stop) -> None:
        self.settings = settings
        self.stop = stop
        self._work = work
        self._metrics = metrics
        self._owned: dict[int, Owned[S]] = {}
        self.budget = Budget(settings.worker.in_flight_bytes_max)
        self._seeks = 0
        self._current_seek: int | None = None
        self._end_offsets: Mapping[TopicPartition, int] = {}
        held = self._owned.values()
        self._pace = Pace(settings, held)
        self._checkpoints = Checkpoints(
            settings, work, metrics, stop, held, self._pace, lambda: self._current_seek is not None
        )
        self._ownership = Ownership(
            settings,
            work,
            metrics,
            stop,
            self._owned,
            self._checkpoints.keep_pace,
            lambda: self._pace.hot_max,
        )

    # Fold

    async def fold(self, chunk: Chunk) -> None:
        """Fold one chunk; a stale one is dropped, since the seek that made it stale has it fetched again.

        Waits while a snapshot of the partition is taken. That costs no throughput, the snapshot is CPU time too.
        """
        while (owned := self._owned.get(chunk.partition)) is not None and not owned.foldable.is_set():
            await owned.foldable.wait()
        self.budget.remove(chunk)
        if owned is None or not owned.ready or chunk.seek != self._current_seek:
            self._metrics.stale_chunks.inc()
            return
        started = time.perf_counter()
        try:
            folded = fold_chunk(self._work, owned.partition, chunk)
        except EngineError as error:
            self.stop(ExitCode.SEQUENCE, str(error))
        except Exception as error:
            self.stop(ExitCode.FOLD, f"folding {chunk} to @{chunk.next_offset}", error)
        owned.folding_seconds += time.perf_counter() - started
        self._metrics.records_folded.labels(chunk.topic).inc(folded)
        owned.look_at_backlog()
        if self._pace.is_full(owned.partition):
            owned.early.set()

    # Seek

    def begin_seek(self) -> tuple[int, dict[TopicPartition, int]]:
        """Number a seek and say where it goes: the next offset of every input partition that is ready.

        From here on only chunks fetched after that seek are folded.
        """
        self._seeks += 1
        self._current_seek = self._seeks
        self.budget.clear()
        positions = {
            TopicPartition(topic, owned.number): offset
            for owned in self._owned.values()
            if owned.ready
            for topic, offset in owned.partition.next_offsets.items()
        }
        return self._seeks, positions

    # Drain, assign, recover

    async def drain(self) -> None:
        """The last checkpoint before a rebalance or the end; nothing is folded from here to the next seek."""
        self._current_seek = None
        await self._checkpoints.drain()

    async def close(self) -> None:
        """Let go of every partition; call after `drain`."""
        await self._ownership.close()

    async def assign(self, numbers: Iterable[int], generation: int) -> None:
        """Take these partitions and no others; see `Ownership.assign`."""
        await self._ownership.assign(numbers, generation)

    async def recover(self) -> None:
        """Bring back the states of what was assigned; see `Ownership.recover`."""
        await self._ownership.recover()

    # Views

    def report_ready(self) -> None:
        """Say that the worker has its partitions and their states; tests and `heartline up` wait for this line."""
        if all(owned.ready for owned in self._owned.values()):
            logger.info("worker ready: partitions %s", sorted(self._owned))

    @property
    def recovering(self) -> bool:
        """Whether a recovery runs; it watches its own progress."""
        return self._ownership.recovering

    @property
    def catching_up(self) -> bool:
        """Whether a partition has not yet folded what waited when it was taken over."""
        return any(partition.catching_up for partition in self.partitions())

    def changelog_end(self, number: int) -> int | None:
        """The end of a changelog partition as of the last assignment; None when it isn't owned."""
        owned = self._owned.get(number)
        return owned.changelog_end if owned is not None else None

    def progress(self) -> tuple[object, ...]:
        """A value that changes whenever the worker moves: folds, seeks, or takes part in a rebalance."""
        return (
            self._ownership.generation,
            self._current_seek,
            sum(sum(p.next_offsets.values()) for p in self.partitions()),
        )

    def observe_ends(self, ends: Mapping[TopicPartition, int]) -> None:
        """Remember where the input partitions end, for `lags`, and whether what waited at first is folded."""
        self._end_offsets = ends
        for owned in self._owned.values():
            if owned.ready:
                owned.observe_ends(ends)

    def partitions(self) -> list[Partition[Any]]:
        """The partitions that are recovered and being folded; also called from other threads."""
        return [owned.partition for owned in list(self._owned.values()) if owned.ready]

    def without_copy(self) -> int:
        """How many partitions should have a local copy that is kept in step, and have none; also from other threads."""
        if self.settings.worker.store == "memory":
            return 0
        return sum(owned.ready and (owned.copy is None or owned.copy.failed) for owned in list(self._owned.values()))

    def lags(self) -> dict[str, int]:
        """Per input topic, the records that are in Kafka and not yet folded; also called from other threads."""
        lags = dict.fromkeys(self.settings.kafka.topics.sources, 0)
        ends = self._end_offsets
        for partition in self.partitions():
            for topic, offset in list(partition.next_offsets.items()):
                lags[topic] += max(0, ends.get(TopicPartition(topic, partition.number), offset) - offset)
        return lags
