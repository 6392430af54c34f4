"""Whatever order fetch, fold, checkpoint, failure, rebalance, crash and zombie come in: what is committed is exact."""

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from aiokafka import TopicPartition
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from prometheus_client import CollectorRegistry

from stream.config.settings import KafkaSettings, Settings, WorkerSettings
from stream.contracts.partitioner import partition_of
from stream.engine.chunk import Chunk, FetchPositions
from stream.engine.failstop import ExitCode
from stream.engine.metrics import EngineMetrics
from stream.engine.partition_manager import PartitionManager
from stream.engine.processor import Record
from stream.worker.repartition import decode_repartitioned
from tests.examples import examples
from tests.tally import Tally, TallyProcessor, digest
from tests.unit.engine.fakes import FakeBroker, FakeRecord, Stopped, stop

PARTITIONS = [0, 1]
NAMES = [f"account-{number}" for number in range(20)]
SETTINGS = Settings(
    kafka=KafkaSettings(partitions=len(PARTITIONS)),
    worker=WorkerSettings(checkpoint_interval_seconds=60, hot_accounts_max=4),
)
TOPICS = list(SETTINGS.kafka.topics.inputs)[:2]
REPARTITION = SETTINGS.kafka.topics.repartition
SOURCES = [*TOPICS, REPARTITION]
# Two accounts of each partition arrive there, one always arrives in the other.
AT_HOME = {home: [n for n in NAMES if partition_of(n, 2) == home][:3] for home in PARTITIONS}
ARRIVING = {number: [*AT_HOME[number][:2], AT_HOME[1 - number][2]] for number in PARTITIONS}


class Worker:
    """A partition manager with its consumer: positions, and the chunks on their way to the fold."""

    def __init__(self, broker: FakeBroker, settings: Settings) -> None:
        self.broker = broker
        self.manager = PartitionManager(settings, TallyProcessor(settings), EngineMetrics(CollectorRegistry()), stop)
        self.fetch_positions = FetchPositions()
        self.positions: dict[TopicPartition, int] = {}
        self.queue: list[Chunk] = []

    async def assign(self, numbers: list[int], generation: int) -> None:
        """A rebalance as Faust runs it: drain, assign, recover, seek."""
        await self.manager.drain()
        await self.manager.assign(numbers, generation)
        await self.manager.recover()
        self.seek()
        self.observe()

    def observe(self) -> None:
        """What the watchdog's look at the ends does."""
        ends = {
            TopicPartition(topic, number): 0
            for topic in self.manager.settings.kafka.topics.sources
            for number in PARTITIONS
        }
        ends |= {TopicPartition(*where): len(log) for where, log in self.broker.inputs.items()}
        self.manager.observe_ends(ends)

    def seek(self) -> None:
        """Go to the manager's offsets; chunks on their way stay where they are."""
        number, positions = self.manager.begin_seek()
        self.fetch_positions.on_seek(positions, number)
        self.positions = dict(positions)

    def fetch(self, tp: TopicPartition, count: int) -> None:
        """Put the next chunk of a partition on its way."""
        start = self.positions.get(tp)
        if start is None:
            return
        records = self.broker.inputs.get((tp.topic, tp.partition), [])[start : start + count]
        chunk = self.fetch_positions.chunk(tp, records)
        if chunk is not None:
            self.positions[tp] = chunk.next_offset
            self.queue.append(chunk)

    async def fold(self, count: int) -> None:
        """Fold the oldest chunks on their way."""
        for _ in range(min(count, len(self.queue))):
            await self.manager.fold(self.queue.pop(0))

    async def checkpoint(self, number: int, folds: int = 0) -> None:
        """A checkpoint while chunks go on being folded."""
        await asyncio.gather(self.manager.checkpoint(number), self.fold(folds))

    def die(self) -> None:
        """What the kernel does for a process that is killed: it lets go of its files."""
        for assigned in self.manager._assigned.values():
            assigned.store.release()


partitions = st.sampled_from(PARTITIONS)
topics = st.sampled_from(TOPICS)


class Interleavings(RuleBasedStateMachine):
    """One worker that may crash, be rebalanced, or be overtaken without noticing, on one broker."""

    settings = SETTINGS

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.broker = FakeBroker(changelog_name=SETTINGS.kafka.topics.changelog, repartition_name=REPARTITION)
        self.patches: list[Any] = [
            patch("stream.engine.partition_manager.fenced_producer", self._producer),
            patch("stream.engine.recovery.changelog_ends", self._ends),
            patch("stream.engine.recovery.recover", self.broker.recover),
            patch("stream.engine.checkpoint.ENCODE_SLICE", 1),
            # The rules alone make checkpoints, however long a slow machine takes for one life.
            patch.object(PartitionManager, "_keep_checkpointing", lambda *_: asyncio.sleep(1e9)),
            patch("stream.engine.checkpoint_scheduler.EVALUATION_SECONDS_MAX", 1e-9),  # one account a checkpoint
            patch("stream.engine.checkpoint_scheduler.IDLE_EVALUATION_SECONDS_MAX", 1e-9),
        ]
        for each in self.patches:
            each.start()
        self.generation = 0
        self.number = 0
        self.start()

    async def _producer(self, _settings: Any, number: int) -> Any:
        return self.broker.producer(number)

    async def _ends(self, _settings: Any, numbers: list[int]) -> dict[int, int]:
        return {number: len(self.broker.records.get(number, [])) for number in numbers}

    def start(self) -> None:
        """A new worker with all partitions."""
        self.generation += 1
        self.worker = Worker(self.broker, self.settings)
        self.run(self.worker.assign(PARTITIONS, self.generation))

    def teardown(self) -> None:
        self.run(self.worker.assign(PARTITIONS, self.generation + 5))
        for _ in range(2):  # the second time for what the first has repartitioned
            self.worker.seek()
            for tp in list(self.worker.positions):
                self.worker.fetch(tp, 10_000)
            self.run(self.worker.fold(10_000))
            self.run(self.worker.manager.drain())
        while any(partition.pending_count for partition in self.worker.manager.partitions()):
            self.run(self.worker.manager.drain())
        self.what_is_committed_is_exact()
        for number in PARTITIONS:
            for value in self.broker.changelog.get(number, {}).values():
                assert not msgspec.msgpack.decode(value, type=Tally).needs_evaluation
        for (topic, partition), log in self.broker.inputs.items():
            assert self.broker.group[TopicPartition(topic, partition)] == len(log)
        self.worker.die()
        self.runner.close()
        for each in self.patches:
            each.stop()

    def run(self, step: Coroutine[Any, Any, None], *allowed: ExitCode) -> bool:
        """Run a step; whether the worker left on the way, which it may only for the reasons given."""
        try:
            self.runner.run(step)
        except Stopped as stopped:
            if stopped.code not in allowed:
                raise
            return True
        return False

    @rule()
    def crash(self) -> None:
        """Start over with a new worker."""
        self.worker.die()
        self.start()

    @rule(
        topic=topics,
        partition=partitions,
        values=st.lists(st.sampled_from([None, None, b"x", b"noop"]), min_size=1, max_size=8),
        fetched=st.integers(0, 3),
    )
    def arrive(self, topic: str, partition: int, values: list[bytes | None], fetched: int) -> None:
        """Records arrive: numbers (None), refused ones, and ones that change nothing; some chunks get on their way."""
        for value in values:
            self.number += 1
            key = ARRIVING[partition][self.number % 3]
            self.broker.append(topic, partition, key.encode(), value or b"%d" % self.number)
        for count in range(1, fetched + 1):
            self.worker.fetch(TopicPartition(topic, partition), count)

    @rule(topic=st.sampled_from(SOURCES), partition=partitions, count=st.integers(1, 5))
    def fetch(self, topic: str, partition: int, count: int) -> None:
        self.worker.fetch(TopicPartition(topic, partition), count)

    @rule(count=st.integers(1, 3))
    def fold(self, count: int) -> None:
        self.run(self.worker.fold(count))

    @rule(partition=partitions, folds=st.integers(1, 5))
    def checkpoint(self, partition: int, folds: int) -> None:
        self.run(self.worker.checkpoint(partition, folds))

    @rule(partition=partitions, step=st.sampled_from(["send", "offsets", "commit before", "commit after"]))
    def checkpoint_fails(self, partition: int, step: str) -> None:
        """The connection breaks somewhere in a transaction; whoever does not know its outcome must leave."""
        self.broker.failures.add(step)
        if self.run(self.worker.checkpoint(partition), ExitCode.CHECKPOINT):
            self.crash()
        self.broker.failures.clear()

    @rule()
    def rebalance_and_keep_everything(self) -> None:
        """The group rebalances, with chunks still on their way; this worker keeps its partitions hot."""
        self.generation += 1
        self.run(self.worker.assign(PARTITIONS, self.generation))

    @rule(partition=partitions)
    def rebalance_away_and_back(self, partition: int) -> None:
        """One partition goes to another worker, which checkpoints, and comes back."""
        self.generation += 1
        self.run(self.worker.assign([number for number in PARTITIONS if number != partition], self.generation))
        other = Worker(self.broker, self.settings)
        self.run(other.assign([partition], self.generation))
        for topic in SOURCES:
            other.fetch(TopicPartition(topic, partition), 2)
        self.run(other.fold(2))
        self.run(other.manager.drain())
        other.die()
        self.generation += 1
        self.run(self.worker.assign(PARTITIONS, self.generation))

    @rule()
    def seek_again(self) -> None:
        """A seek without a rebalance: chunks on their way are stale."""
        self.worker.seek()

    @precondition(lambda self: self.worker.queue)
    @rule(data=st.data())
    def lose_a_chunk_and_seek(self, data: st.DataObject) -> None:
        """What an interrupted flow does: some chunks on their way vanish, some stay, all are fetched again."""
        self.worker.queue.pop(data.draw(st.integers(0, len(self.worker.queue) - 1)))
        self.worker.seek()

    @precondition(lambda self: self.worker.queue)
    @rule(data=st.data())
    def lose_a_chunk(self, data: st.DataObject) -> None:
        """A chunk vanishes on its way: the fold notices at the next one of its partition, or nothing came after it."""
        lost = self.worker.queue.pop(data.draw(st.integers(0, len(self.worker.queue) - 1)))
        if self.run(self.worker.fold(10_000), ExitCode.SEQUENCE):
            self.crash()
            return
        offsets = {p.number: dict(p.next_offsets) for p in self.worker.manager.partitions()}
        self.worker.fetch(TopicPartition(lost.topic, lost.partition), 5)
        if self.worker.queue and lost.seek == self.worker.manager._current_seek:
            assert lost.next_offset > offsets[lost.partition][lost.topic]
            assert self.run(self.worker.fold(1), ExitCode.SEQUENCE), f"{lost} was lost and nobody noticed"
            self.crash()
        elif lost.seek == self.worker.manager._current_seek:
            self.crash()

    @rule(partition=partitions)
    def another_worker_takes_over_unnoticed(self, partition: int) -> None:
        """A zombie: the group gave the partition away while this worker slept, then it wakes and goes on."""
        zombie = self.worker
        self.start()
        for topic in SOURCES:
            zombie.fetch(TopicPartition(topic, partition), 3)
        self.run(zombie.fold(10_000))
        before = dict(self.broker.group)
        (hot,) = (each for each in zombie.manager.partitions() if each.number == partition)
        committed = {tp.topic: offset for tp, offset in before.items() if tp.partition == partition}
        has_news = hot.next_offsets != committed or bool(hot.dirty or hot.pending_count or hot.outputs)
        assert self.run(zombie.checkpoint(partition), ExitCode.FENCED) == has_news
        assert self.broker.group == before
        zombie.die()

    @invariant()
    def what_is_committed_is_exact(self) -> None:
        """States, reports and dead letters are those of the records below the committed offsets.

        But for the reports of accounts whose state says that they wait to be evaluated. Records of another partition's
        accounts are in the repartition topic instead.
        """
        dead: Counter[bytes] = Counter()
        sent: Counter[tuple[str, int, int]] = Counter()
        for number in PARTITIONS:
            should: dict[bytes, Tally] = {}
            for topic in TOPICS:
                for record in self._committed(topic, number):
                    if record.value == b"x":
                        dead[f"{topic}[{number}]@{record.offset}".encode()] += 1
                    elif record.value != b"noop" and partition_of((record.key or b"").decode(), 2) != number:
                        sent[topic, number, record.offset] += 1
                    elif record.value != b"noop":
                        _count(should, topic, record)
            for record in self._committed(REPARTITION, number):
                arrived = decode_repartitioned(record.value)
                _count(should, arrived.topic, arrived)
            stored = self.broker.changelog.get(number, {})
            found = {key: msgspec.msgpack.decode(value, type=Tally) for key, value in stored.items()}
            assert {key: (tally.counts, tally.digests) for key, tally in found.items()} == {
                key: (tally.counts, tally.digests) for key, tally in should.items()
            }
            evaluated = {key: tally.counts for key, tally in found.items() if not tally.needs_evaluation}
            reports = {k: v for k, v in self._outputs(SETTINGS.kafka.topics.health) if k in found}
            assert {k: msgspec.json.decode(v or b"") for k, v in reports.items() if k in evaluated} == evaluated
        assert Counter(value for _, value in self._outputs(SETTINGS.kafka.topics.dead_letters)) == dead

        logs = [self.broker.inputs.get((REPARTITION, number), []) for number in PARTITIONS]
        arrived_at = [decode_repartitioned(record.value) for log in logs for record in log]
        assert Counter((record.topic, record.partition, record.offset) for record in arrived_at) == sent

    @invariant()
    def what_is_not_dirty_is_what_is_committed(self) -> None:
        """Wherever a state is: an object, bytes, or a location on the disk."""
        for partition in self.worker.manager.partitions():
            stored = self.broker.changelog.get(partition.number, {})
            clean = {*partition.states, *partition.cold} - partition.dirty
            found = {key: partition.peek(key) for key in clean}
            assert found == {key: msgspec.msgpack.decode(stored[key.encode()], type=Tally) for key in clean}
            assert {key.encode() for key in clean} | {key.encode() for key in partition.dirty} >= stored.keys()

    def _committed(self, topic: str, number: int) -> list[FakeRecord]:
        """The records below the committed offset."""
        end = self.broker.group.get(TopicPartition(topic, number), 0)
        return self.broker.inputs.get((topic, number), [])[:end]

    def _outputs(self, topic: str) -> list[tuple[bytes | None, bytes | None]]:
        return self.broker.outputs.get(topic, [])


def _count(should: dict[bytes, Tally], topic: str, record: Record) -> None:
    """Fold one record by hand."""
    tally = should.setdefault(record.key or b"", Tally({}, {}))
    tally.counts[topic] = tally.counts.get(topic, 0) + 1
    tally.digests[topic] = digest(tally.digests.get(topic, 0), int(record.value or b""))


class InterleavingsOnDisk(Interleavings):
    """The same with state stores, which are torn and compacted; all but one account of a partition are cold."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        worker = SETTINGS.worker.model_copy(update={"store": str(self.folder), "hot_accounts_max": 2})
        self.settings = SETTINGS.model_copy(update={"worker": worker})
        self.more_patches: list[Any] = [
            patch("stream.engine.state_store.SEGMENT_BYTES_MIN", 500),
            patch("stream.engine.partition_store.RELEASE_SECONDS", 0),
            patch("stream.engine.recovery.BATCH_BYTES", 500),
        ]
        for each in self.more_patches:
            each.start()
        super().__init__()

    def teardown(self) -> None:
        super().teardown()
        for each in self.more_patches:
            each.stop()
        shutil.rmtree(self.folder)

    @rule(lost_bytes=st.integers(1, 200))
    def crash_within_a_write(self, lost_bytes: int) -> None:
        """A kill, or a power cut, that leaves the end of what was written last unwritten."""
        self.worker.die()
        for segments in (self.folder / SETTINGS.kafka.installation).iterdir():
            last = max(segments.glob("segment-*"), key=lambda path: int(path.name[len("segment-") :]), default=None)
            if last is not None:
                os.truncate(last, max(0, last.stat().st_size - lost_bytes))
        self.start()

    @rule(partition=partitions)
    def the_disk_fails(self, partition: int) -> None:
        """Nothing more is written to this partition's store until a restart."""
        self.worker.manager._assigned[partition].store.disable(OSError(28, "No space left on device"))
        assert 1 <= self.worker.manager.without_store() <= len(PARTITIONS)

    @invariant()
    def what_the_store_has_is_not_in_memory(self) -> None:
        """Bytes are of states that the store lacks."""
        for assigned in self.worker.manager._assigned.values():
            if assigned.store.usable:
                assert all(isinstance(found, int) for found in assigned.partition.cold.values())


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = examples(150, stateful_step_count=50)
TestInterleavingsOnDisk = InterleavingsOnDisk.TestCase
TestInterleavingsOnDisk.settings = examples(60, parent=TestInterleavings.settings)
