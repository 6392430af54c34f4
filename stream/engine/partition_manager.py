"""The partitions that are assigned to this worker: how they come and go, are folded, checkpointed and drained.

Invariants:
- A partition is recovered only after it was fenced, and folded only after it was recovered. What a rebalance leaves
  with this worker stays hot; what it brings is recovered afresh.
- A chunk is folded only if no seek or rebalance came after its fetch.
- One checkpoint of a partition at a time, by the producer that was fenced for it.
- Any error that is not expected here ends the process.

All methods run in the worker's event loop, except the views that say otherwise.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from stream.config.logs import get_logger
from stream.config.settings import Settings
from stream.contracts.errors import EngineError
from stream.engine import recovery
from stream.engine.checkpoint import STATE_BYTES_MAX, Checkpoint, commit, take_checkpoint
from stream.engine.checkpoint_scheduler import CheckpointScheduler
from stream.engine.chunk import Chunk
from stream.engine.failstop import ExitCode, Stop, fail_stop
from stream.engine.fence import fenced_producer
from stream.engine.in_flight import InFlightLimit
from stream.engine.liveness import Liveness
from stream.engine.metrics import EngineMetrics
from stream.engine.partition import Partition
from stream.engine.partition_assignment import PartitionAssignment
from stream.engine.processor import Processor

log = get_logger(__name__)

# Long enough for a broker's restart, shorter than the transaction time-out's double.
COMMIT_DEADLINE_SECONDS: Final = 30.0


class SequenceError(EngineError):
    """A chunk that does not follow the one before: it can't be folded."""


class PartitionManager:
    """Takes partitions, keeps them consistent, and releases them.

    Args:
        settings: the worker's.
        processor: what is done to the records.
        metrics: where counts go.
        stop: how to leave on an unexpected error; tests inject one that raises.
    """

    def __init__(
        self, settings: Settings, processor: Processor[Any], metrics: EngineMetrics, stop: Stop = fail_stop
    ) -> None:
        self.settings = settings
        self.stop = stop
        self.in_flight = InFlightLimit(settings.worker.in_flight_bytes_max)
        self._processor = processor
        self._metrics = metrics
        self._scheduler = CheckpointScheduler(settings)
        self._assigned: dict[int, PartitionAssignment] = {}
        self._generation: int | None = None
        self._assigning = asyncio.Lock()
        self._recovery: asyncio.Task[None] | None = None
        self._snapshotting = asyncio.Lock()
        self._seeks = 0
        self._current_seek: int | None = None
        self._end_offsets: Mapping[TopicPartition, int] = {}
        self.liveness = Liveness(2 * settings.worker.rebalance_timeout_seconds)

    # Assign

    async def assign(self, numbers: Iterable[int], generation: int) -> None:
        """Take these partitions and no others: fence the new ones, release the rest, keep what stays.

        What stays is kept hot: had another worker had it in between, the fence would refuse its next commit. After a
        generation that this worker was not part of, everything is recovered afresh all the same.
        """
        wanted = set(numbers)
        if self._recovery is not None:
            self._recovery.cancel()  # it is of an older generation; this one's begins after this returns
        try:
            async with self._assigning:
                missed = self._generation is None or generation != self._generation + 1
                self._generation = generation
                gone = [n for n, each in self._assigned.items() if missed or n not in wanted or not each.ready]
                await self._release(gone)
                await self._fence(sorted(wanted - self._assigned.keys()))
                await self._find_changelog_ends()
        except Exception as error:
            self.stop(ExitCode.RECOVERY, f"taking partitions {sorted(wanted)}", error)

    async def _fence(self, numbers: list[int]) -> None:
        """Start the producers of new partitions, side by side."""
        kafka = self.settings.kafka
        async with asyncio.timeout(COMMIT_DEADLINE_SECONDS):
            producers = await asyncio.gather(*(fenced_producer(kafka, number) for number in numbers))
        for number, producer in zip(numbers, producers, strict=True):
            partition = self._processor.new_partition(number, kafka.partitions)
            self._assigned[number] = PartitionAssignment(partition, producer)
            self._scheduler.add(number)

    async def _find_changelog_ends(self) -> None:
        """Where the changelogs end now that nobody writes to them: no predecessor, and no checkpoint of ours."""
        if self._assigned:
            async with asyncio.timeout(COMMIT_DEADLINE_SECONDS):
                ends = await recovery.changelog_ends(self.settings.kafka, sorted(self._assigned))
            for number, end in ends.items():
                self._assigned[number].changelog_end = end

    async def _release(self, numbers: Iterable[int]) -> None:
        """Forget partitions: another worker may take them."""
        for number in numbers:
            assigned = self._assigned.pop(number)
            try:
                await assigned.release()
            finally:
                self._scheduler.remove(number)  # its checkpoints ask for its times until they have ended

    async def close(self) -> None:
        """Release every partition; call after `drain`."""
        async with self._assigning:
            await self._release(list(self._assigned))

    # Recover

    async def recover(self) -> None:
        """Bring back the states of all partitions that are not ready, then start their checkpoints.

        A new assignment in the meantime cancels it, and has it done again for what that assignment brings.
        """
        async with self._assigning:
            fenced = [assigned for assigned in self._assigned.values() if not assigned.ready]
            if not fenced:
                return
            self._recovery = asyncio.create_task(self._recover(fenced), name="recovery")
            try:
                await asyncio.wait([self._recovery])
            finally:
                self._recovery = None

    async def _recover(self, fenced: list[PartitionAssignment]) -> None:
        """One recovery, logged and counted."""
        started = time.monotonic()
        numbers = sorted(assigned.number for assigned in fenced)
        try:
            records = await recovery.recover(self.settings, fenced, self._scheduler.hot_max)
        except Exception as error:
            self.stop(ExitCode.RECOVERY, f"recovering partitions {numbers}", error)
        seconds = time.monotonic() - started
        for assigned in fenced:
            assigned.ready = True
            assigned.partition.catching_up = True
            assigned.checkpoints = asyncio.create_task(
                self._keep_checkpointing(assigned), name=f"checkpoints-{assigned.number}"
            )
        self._metrics.recovery_seconds.observe(seconds)
        self._metrics.recovered_records.inc(records)
        log.info(
            "recovered partitions %s: %d accounts in %.2f s, from %d changelog records and %d state stores",
            numbers,
            sum(len(assigned.partition.states) + len(assigned.partition.cold) for assigned in fenced),
            seconds,
            records,
            sum(assigned.store.loaded_offset > 0 for assigned in fenced),
        )

    # Fold

    async def fold(self, chunk: Chunk) -> None:
        """Fold one chunk; a stale one is dropped, since the seek that made it stale has it fetched again.

        Waits while a checkpoint of the partition is taken, which costs no throughput: it is CPU time too. And waits
        for the next one while the partition is full: what a slow broker has not taken yet stays within bounds.
        """
        while (assigned := self._assigned.get(chunk.partition)) is not None and not assigned.ingest_allowed.is_set():
            await assigned.ingest_allowed.wait()
        self.in_flight.remove(chunk)
        if assigned is None or not assigned.ready or chunk.seek != self._current_seek:
            self._metrics.stale_chunks.inc()
            return
        started = time.perf_counter()
        try:
            folded = fold_chunk(self._processor, assigned.partition, chunk)
        except SequenceError as error:
            self.stop(ExitCode.SEQUENCE, str(error))
        except Exception as error:
            self.stop(ExitCode.FOLD, f"folding {chunk} to @{chunk.next_offset}: {error}", error)
        self._scheduler.fold_seconds += time.perf_counter() - started
        self._metrics.records_folded.labels(chunk.topic).inc(folded)
        assigned.observe_progress()
        if self._scheduler.is_full(assigned.partition):
            assigned.ingest_allowed.clear()
            assigned.checkpoint_requested.set()

    # Checkpoint

    async def checkpoint(self, number: int) -> None:
        """One checkpoint of one partition that is ready."""
        assigned = self._assigned[number]
        async with assigned.lock:
            started = time.monotonic()
            where = f"checkpoint of partition {number}"
            try:
                checkpoint = await self._take(assigned)
                if not checkpoint.differs_from(assigned.committed.next_offsets):
                    return
                kafka, began = self.settings.kafka, time.monotonic()
                async with asyncio.timeout(COMMIT_DEADLINE_SECONDS):
                    await commit(
                        assigned.producer,
                        kafka.topics.changelog,
                        number,
                        kafka.installation,
                        checkpoint,
                        assigned.committed,
                    )
                self._scheduler.end_transaction(number, len(checkpoint.states), time.monotonic() - began)
                self._count(assigned, checkpoint, time.monotonic() - started)
                now_ms = int(time.time() * 1000)
                await assigned.store.append(checkpoint, assigned.committed.changelog_end, now_ms)
            except ProducerFenced as error:
                self.stop(ExitCode.FENCED, f"{where}: another worker has the partition now", error)
            except Exception as error:
                self.stop(ExitCode.CHECKPOINT, f"{where} at offsets {assigned.partition.next_offsets}", error)

    async def _take(self, assigned: PartitionAssignment) -> Checkpoint:
        """The checkpoint of one partition; one at a time, so that the loop breathes after a slice of one of them."""
        async with self._snapshotting:
            assigned.ingest_allowed.clear()
            assigned.checkpoint_requested.clear()  # what comes from here on is for the next one
            scheduler, number = self._scheduler, assigned.number
            seconds = (
                scheduler.begin_snapshot(number, time.monotonic())
                if self._flows
                else scheduler.drain_evaluation_seconds
            )
            try:
                with scheduler.snapshot_measured(number):
                    return await take_checkpoint(self._processor, assigned.partition, seconds, scheduler.hot_max)
            finally:
                assigned.ingest_allowed.set()

    def _count(self, assigned: PartitionAssignment, checkpoint: Checkpoint, seconds: float) -> None:
        """Metrics of an accepted checkpoint."""
        metrics = self._metrics
        exemplar = {"partition": str(assigned.number)}
        metrics.checkpoint_seconds.observe(seconds, exemplar)
        metrics.records_published.labels(self.settings.kafka.topics.changelog).inc(len(checkpoint.states))
        for output in checkpoint.outputs:
            metrics.records_published.labels(output.topic).inc()
        if checkpoint.oldest_ms is not None and checkpoint.oldest_ms > 0:
            metrics.publish_latency_seconds.observe(max(0.0, time.time() - checkpoint.oldest_ms / 1000), exemplar)
        for key in checkpoint.oversized:
            metrics.oversized_states.inc()
            log.error(
                "a state is too large for a changelog record and was not saved; a restart brings back its last smaller "
                "state",
                partition=assigned.number,
                account_id=key[:80],
                bytes_max=STATE_BYTES_MAX,
            )

    async def _keep_checkpointing(self, assigned: PartitionAssignment) -> None:
        """Checkpoints of one partition until cancelled; none during a rebalance."""
        interval = self.settings.worker.checkpoint_interval_seconds
        # Spread over the interval, so that the partitions do not all commit at the same moment.
        await asyncio.sleep(interval * (assigned.number % 16 + 1) / 16)
        while True:
            if self._flows:
                await self.checkpoint(assigned.number)
            else:
                self._scheduler.postpone(assigned.number)
                assigned.checkpoint_requested.clear()
            await self._scheduler.pause(assigned.partition, assigned.checkpoint_requested)

    # Seek and drain

    @property
    def _flows(self) -> bool:
        """Whether chunks are folded: not in a rebalance, and not in the drain."""
        return self._current_seek is not None

    def begin_seek(self) -> tuple[int, dict[TopicPartition, int]]:
        """Number a seek and say where it goes: the next offset of every input partition that is ready.

        From here on only chunks fetched after that seek are folded.
        """
        self._seeks += 1
        self._current_seek = self._seeks
        self.in_flight.clear()
        positions = {
            TopicPartition(topic, assigned.number): offset
            for assigned in self._assigned.values()
            if assigned.ready
            for topic, offset in assigned.partition.next_offsets.items()
        }
        return self._seeks, positions

    async def drain(self) -> None:
        """The last checkpoints before a rebalance or the end; nothing is folded from here to the next seek."""
        self._current_seek = None
        deadline = self._scheduler.drain_seconds
        ready = [number for number, assigned in self._assigned.items() if assigned.ready]
        try:
            async with asyncio.timeout(deadline):
                await asyncio.gather(*(self.checkpoint(number) for number in ready))
        except TimeoutError as error:
            self.stop(ExitCode.CHECKPOINT, f"the drain took longer than {deadline:.0f} s", error)

    # Views

    def report_ready(self) -> None:
        """Say that the worker has its partitions and their states; tests and `heartline up` wait for this line.

        Without any partition it is not ready: either the others have all, or nobody has, which is looked at.
        """
        if not self._assigned:
            log.info("no partition was assigned to this worker")
        elif all(assigned.ready for assigned in self._assigned.values()):
            log.info("worker ready: partitions %s", sorted(self._assigned))

    @property
    def not_ready(self) -> str | None:
        """Why it can't fold what it has been assigned; None: it can, or has been assigned nothing."""
        if self._generation is None:
            return "the worker has not joined its group yet"
        if waiting := sorted(number for number, assigned in self._assigned.items() if not assigned.ready):
            return f"partitions {waiting} are being recovered"
        return None if self._flows or not self._assigned else "a rebalance runs"

    @property
    def has_all_partitions(self) -> bool:
        """Whether every partition is assigned to this worker, so that nobody has to be asked."""
        return len(self._assigned) == self.settings.kafka.partitions

    @property
    def recovering(self) -> bool:
        """Whether a recovery runs; it watches its own progress."""
        return self._recovery is not None

    @property
    def catching_up(self) -> bool:
        """Whether a partition has not yet folded what waited when it was assigned."""
        return any(partition.catching_up for partition in self.partitions())

    def changelog_end(self, number: int) -> int | None:
        """The end of a changelog partition as of the last assignment; None when it isn't assigned."""
        assigned = self._assigned.get(number)
        return assigned.changelog_end if assigned is not None else None

    def progress(self) -> tuple[object, ...]:
        """A value that changes whenever the worker moves: folds, seeks, or takes part in a rebalance."""
        return (
            self._generation,
            self._current_seek,
            sum(sum(p.next_offsets.values()) for p in self.partitions()),
        )

    def observe_ends(
        self, ends: Mapping[TopicPartition, int], markers: Mapping[TopicPartition, tuple[int, int]] | None = None
    ) -> None:
        """Remember where the input partitions end, for `lags`, and whether what waited at first is folded.

        Args:
            ends: by input partition.
            markers: where nothing but markers of transactions lies, from an offset to before another one. They count
                as folded, so that nobody who compares the group's offsets with the ends sees a lag that never ends.
        """
        self._end_offsets = ends
        for tp, (first, end) in (markers or {}).items():
            assigned = self._assigned.get(tp.partition)
            if assigned is not None and assigned.ready and assigned.partition.next_offsets.get(tp.topic) == first:
                assigned.partition.next_offsets[tp.topic] = end
        for assigned in self._assigned.values():
            if assigned.ready:
                assigned.observe_ends(ends)

    def partitions(self) -> list[Partition[Any]]:
        """The partitions that are recovered and being folded; also called from other threads."""
        return [assigned.partition for assigned in list(self._assigned.values()) if assigned.ready]

    def without_store(self) -> int:
        """How many partitions lack the state store that they should have; also called from other threads."""
        if self.settings.worker.store == "memory":
            return 0
        return sum(assigned.ready and not assigned.store.usable for assigned in list(self._assigned.values()))

    def unassigned(self) -> frozenset[int]:
        """The partitions that no worker of the group has; also called from other threads."""
        return self.liveness.unassigned

    def group_lags(self) -> dict[str, int]:
        """Per input topic, the records that no worker has checkpointed; also called from other threads."""
        return self.lags() if self.has_all_partitions else self.liveness.group_lags

    def lags(self) -> dict[str, int]:
        """Per input topic, the records that are in Kafka and not yet folded; also called from other threads."""
        lags = dict.fromkeys(self.settings.kafka.topics.sources, 0)
        ends = self._end_offsets
        for partition in self.partitions():
            for topic, offset in list(partition.next_offsets.items()):
                lags[topic] += max(0, ends.get(TopicPartition(topic, partition.number), offset) - offset)
        return lags


def fold_chunk(processor: Processor[Any], partition: Partition[Any], chunk: Chunk) -> int:
    """Fold what is new in the chunk, the only place where next offsets move past records; returns how many.

    Afterwards the states are what the records below `next_offsets` give. A chunk that was fetched twice, wholly or in
    part, is folded once: records below the next offset are skipped. No await, no I/O.

    Raises:
        SequenceError: the chunk starts beyond the next offset, so one before it was lost.
    """
    expected = partition.next_offsets.get(chunk.topic)
    if expected is None or chunk.start > expected:
        raise SequenceError(
            f"chunk {chunk} came where offset {expected} was expected: a chunk was lost between fetch and fold; "
            "the records will be read again after a restart"
        )
    if chunk.records[0].offset < chunk.start:
        raise SequenceError(
            f"chunk {chunk} begins with offset {chunk.records[0].offset}: the consumer went back by itself, as it does "
            "when the topic was deleted and created again; a restart says what to do"
        )
    partition.ends.update(chunk.ends)
    if chunk.next_offset <= expected:
        return 0
    records = chunk.records
    if records[0].offset < expected:
        records = [record for record in records if record.offset >= expected]
    processor.fold(partition, chunk.topic, records)
    partition.next_offsets[chunk.topic] = chunk.next_offset
    return len(records)
