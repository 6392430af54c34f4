"""The partition groups in this worker's hands, and everything that happens to them: fold, checkpoint, drain, recover.

Invariants: a chunk is folded only into a recovered partition and only if no seek or rebalance came after its fetch;
a partition is committed only by the producer that was fenced for it; any error that is not expected here ends the
process. All methods run in the worker's event loop, except the two views that say otherwise.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, Generic

from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from stream.engine import recovery
from stream.engine.checkpoint import STATE_BYTES_MAX, Snapshot, publish, take
from stream.engine.chunk import Chunk
from stream.engine.failstop import ExitCode, Stop, fail_stop
from stream.engine.fence import fenced_producer
from stream.engine.folding import fold_chunk
from stream.engine.owned import Owned
from stream.engine.partition import Partition, S
from stream.engine.work import Work
from stream.errors import EngineError
from stream.metrics import WorkerMetrics
from stream.settings import Settings

logger = logging.getLogger(__name__)

# A checkpoint is taken early when this many accounts wait in one partition: it bounds one transaction's size.
EARLY_DIRTY: Final = 20_000
# What judging may take of the time, all partitions together: under load the rest is for folding and encoding.
JUDGING_RATIO: Final = 0.5
# How long one checkpoint may judge while its partition waits.
JUDGING_SECONDS_MAX: Final = 0.1
# Long enough for a broker's restart, shorter than the transaction time-out's double.
COMMIT_DEADLINE_SECONDS: Final = 30.0


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
        self._generation: int | None = None
        self._seeks = 0
        self._current_seek: int | None = None
        self._ownership = asyncio.Lock()
        self._taking = asyncio.Lock()
        self._recovery: asyncio.Task[None] | None = None
        self._end_offsets: Mapping[TopicPartition, int] = {}

    # Fold

    async def fold(self, chunk: Chunk) -> None:
        """Fold one chunk; a stale one is dropped, since the seek that made it stale has it fetched again.

        Waits while a snapshot of the partition is taken. That costs no throughput, the snapshot is CPU time too.
        """
        while (owned := self._owned.get(chunk.partition)) is not None and not owned.foldable.is_set():
            await owned.foldable.wait()
        if owned is None or not owned.ready or chunk.seek != self._current_seek:
            self._metrics.stale_chunks.inc()
            return
        try:
            folded = fold_chunk(self._work, owned.partition, chunk)
        except EngineError as error:
            self.stop(ExitCode.SEQUENCE, str(error))
        except Exception as error:
            self.stop(ExitCode.FOLD, f"folding {chunk} to @{chunk.next_offset}", error)
        self._metrics.records_folded.labels(chunk.topic).inc(folded)
        owned.look_at_backlog()
        if len(owned.partition.dirty) >= EARLY_DIRTY:
            owned.early.set()

    # Seek

    def begin_seek(self) -> tuple[int, dict[TopicPartition, int]]:
        """Number a seek and say where it goes: the next offset of every input partition that is ready.

        From here on only chunks fetched after that seek are folded.
        """
        self._seeks += 1
        self._current_seek = self._seeks
        positions = {
            TopicPartition(topic, owned.number): offset
            for owned in self._owned.values()
            if owned.ready
            for topic, offset in owned.partition.next_offsets.items()
        }
        return self._seeks, positions

    # Checkpoint

    async def checkpoint(self, owned: Owned[S]) -> None:
        """One checkpoint of one partition; whatever goes wrong in it ends the process."""
        async with owned.lock:
            started = time.monotonic()
            where = f"checkpoint of partition {owned.number}"
            try:
                snapshot = await self._take(owned)
                if not snapshot.is_news(owned.committed):
                    return
                async with asyncio.timeout(COMMIT_DEADLINE_SECONDS):
                    await self._publish(owned, snapshot)
            except ProducerFenced as error:
                self.stop(ExitCode.FENCED, f"{where}: another worker owns the partition now", error)
            except Exception as error:
                self.stop(ExitCode.CHECKPOINT, f"{where} at offsets {owned.partition.next_offsets}", error)
            owned.committed = snapshot.offsets
            self._count(owned, snapshot, time.monotonic() - started)

    async def _publish(self, owned: Owned[S], snapshot: Snapshot) -> None:
        kafka = self.settings.kafka
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
            try:
                return await take(self._work, owned.partition, self._judging_seconds(owned))
            finally:
                owned.foldable.set()

    def _judging_seconds(self, owned: Owned[S]) -> float:
        """How long this checkpoint may judge: the partition's part of the time since it last did.

        In a drain, where nothing else wants the time, an eighth of the drain's deadline is for judging.
        """
        now = time.monotonic()
        elapsed, owned.judged_at = now - owned.judged_at, now
        if self._current_seek is None:
            return min(JUDGING_SECONDS_MAX, self._drain_seconds / 8 / len(self._owned))
        return min(JUDGING_SECONDS_MAX, JUDGING_RATIO * elapsed / len(self._owned))

    def _pause_seconds(self, partition: Partition[S]) -> float:
        """How long until the partition's next checkpoint: sooner than usual when accounts still wait to be judged."""
        interval = self.settings.worker.checkpoint_interval_seconds
        if not partition.restless and not partition.due:
            return interval
        return min(interval, JUDGING_SECONDS_MAX * len(self._owned) / JUDGING_RATIO)

    def _count(self, owned: Owned[S], snapshot: Snapshot, seconds: float) -> None:
        """Metrics of an accepted checkpoint."""
        metrics = self._metrics
        metrics.checkpoint_seconds.observe(seconds)
        metrics.records_published.labels(self.settings.kafka.topics.changelog).inc(len(snapshot.states))
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

    async def _keep_pace(self, owned: Owned[S]) -> None:
        """Checkpoints of one partition, about one an interval, earlier when much is dirty; none during a rebalance."""
        interval = self.settings.worker.checkpoint_interval_seconds
        # Spread over the interval, so that the partitions do not all commit at the same moment.
        await asyncio.sleep(interval * (owned.number % 16 + 1) / 16)
        while True:
            if self._current_seek is not None:
                await self.checkpoint(owned)
            owned.early.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_seconds(owned.partition)):
                    await owned.early.wait()

    # Drain

    @property
    def _drain_seconds(self) -> float:
        """How long the last checkpoints may take, so that the group does not give up on this worker."""
        return self.settings.worker.rebalance_timeout_seconds / 2

    async def drain(self) -> None:
        """The last checkpoint before a rebalance or the end; nothing is folded from here to the next seek."""
        self._current_seek = None
        ready = [owned for owned in self._owned.values() if owned.ready]
        deadline = self._drain_seconds
        try:
            async with asyncio.timeout(deadline):
                await asyncio.gather(*(self.checkpoint(owned) for owned in ready))
        except TimeoutError as error:
            self.stop(ExitCode.CHECKPOINT, f"the drain took longer than {deadline:.0f} s", error)

    async def close(self) -> None:
        """Let go of every partition; call after `drain`."""
        async with self._ownership:
            await self._release(list(self._owned))

    # Assign and recover

    async def assign(self, numbers: Iterable[int], generation: int) -> None:
        """Take these partitions and no others: fence the new ones, release the rest, keep what stays.

        What stays is kept hot: had anyone else owned it in between, the fence would refuse its next commit. After a
        generation that this worker was not part of, everything is recovered afresh all the same.
        """
        wanted = set(numbers)
        if self._recovery is not None:
            self._recovery.cancel()  # it is of an older generation; this one's begins after this returns
        try:
            async with self._ownership:
                missed = self._generation is None or generation != self._generation + 1
                self._generation = generation
                gone = [n for n, owned in self._owned.items() if missed or n not in wanted or not owned.ready]
                await self._release(gone)
                await self._fence(sorted(wanted - self._owned.keys()))
                await self._find_changelog_ends()
        except Exception as error:
            self.stop(ExitCode.RECOVERY, f"taking partitions {sorted(wanted)}", error)

    async def _fence(self, numbers: list[int]) -> None:
        """Start the producers of new partitions, side by side."""
        kafka = self.settings.kafka
        async with asyncio.timeout(COMMIT_DEADLINE_SECONDS):
            producers = await asyncio.gather(*(fenced_producer(kafka, number) for number in numbers))
        for number, producer in zip(numbers, producers, strict=True):
            self._owned[number] = Owned(Partition(number, kafka.partitions), producer)

    async def _find_changelog_ends(self) -> None:
        """Where the changelogs end now that nobody writes to them: no predecessor, and no checkpoint of ours."""
        if self._owned:
            async with asyncio.timeout(COMMIT_DEADLINE_SECONDS):
                ends = await recovery.changelog_ends(self.settings.kafka, sorted(self._owned))
            for number, end in ends.items():
                self._owned[number].changelog_end = end

    async def recover(self) -> None:
        """Read the changelogs of all partitions that are not ready, then start their pace.

        A new assignment in the meantime cancels it, and has it done again for what that assignment brings.
        """
        async with self._ownership:
            fenced = [owned for owned in self._owned.values() if not owned.ready]
            if not fenced:
                return
            self._recovery = asyncio.create_task(self._recover(fenced), name="recovery")
            try:
                await asyncio.wait([self._recovery])
            finally:
                self._recovery = None

    async def _recover(self, fenced: list[Owned[S]]) -> None:
        """One recovery, logged and counted."""
        started = time.monotonic()
        numbers = sorted(owned.number for owned in fenced)
        try:
            records = await recovery.recover(self.settings.kafka, self._work, fenced)
        except Exception as error:
            self.stop(ExitCode.RECOVERY, f"recovering partitions {numbers}", error)
        seconds = time.monotonic() - started
        for owned in fenced:
            owned.ready = True
            owned.partition.catching_up = True
            owned.pace = asyncio.create_task(self._keep_pace(owned), name=f"pace-{owned.number}")
        self._metrics.recovery_seconds.observe(seconds)
        self._metrics.recovered_records.inc(records)
        accounts = sum(len(owned.partition.states) for owned in fenced)
        logger.info(
            "recovered partitions %s: %d accounts from %d changelog records in %.2f s",
            numbers,
            accounts,
            records,
            seconds,
        )

    async def _release(self, numbers: Iterable[int]) -> None:
        """Forget partitions and stop their producers."""
        for number in numbers:
            owned = self._owned.pop(number)
            if owned.pace is not None:
                owned.pace.cancel()
                await asyncio.wait([owned.pace])
            try:
                async with asyncio.timeout(5):
                    await owned.producer.stop()
            except Exception as error:  # nothing was in flight: the next owner's fence ends it in any case
                logger.warning("partition %d: its producer did not stop cleanly: %r", number, error)

    # Views

    def report_ready(self) -> None:
        """Say that the worker has its partitions and their states; tests and `heartline up` wait for this line."""
        if all(owned.ready for owned in self._owned.values()):
            logger.info("worker ready: partitions %s", sorted(self._owned))

    @property
    def recovering(self) -> bool:
        """Whether a recovery runs; it watches its own progress."""
        return self._recovery is not None

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
        return self._generation, self._current_seek, sum(sum(p.next_offsets.values()) for p in self.partitions())

    def observe_ends(self, ends: Mapping[TopicPartition, int]) -> None:
        """Remember where the input partitions end, for `lags`, and whether what waited at first is folded."""
        self._end_offsets = ends
        for owned in self._owned.values():
            if owned.ready:
                owned.observe_ends(ends)

    def partitions(self) -> list[Partition[Any]]:
        """The partitions that are recovered and being folded; also called from other threads."""
        return [owned.partition for owned in list(self._owned.values()) if owned.ready]

    def lags(self) -> dict[str, int]:
        """Per input topic, the records that are in Kafka and not yet folded; also called from other threads."""
        lags = dict.fromkeys(self.settings.kafka.topics.sources, 0)
        ends = self._end_offsets
        for partition in self.partitions():
            for topic, offset in list(partition.next_offsets.items()):
                lags[topic] += max(0, ends.get(TopicPartition(topic, partition.number), offset) - offset)
        return lags
