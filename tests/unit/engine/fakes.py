"""A broker in memory that keeps what the engine needs of the real one: logs, transactions, fences, group offsets."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NoReturn

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, ProducerFenced

from stream.engine.failstop import ExitCode
from stream.engine.partition_assignment import PartitionAssignment
from stream.engine.recovery import ChangelogReplay


class Stopped(Exception):
    """What the engine does in tests instead of ending the process."""

    def __init__(self, code: ExitCode, what: str) -> None:
        super().__init__(f"{code.name}: {what}")
        self.code = code


def stop(code: ExitCode, what: str, error: BaseException | None = None) -> NoReturn:
    """Raise instead of leaving."""
    raise Stopped(code, what) from error


@dataclass
class FakeRecord:
    """A record as a consumer gives it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 1


@dataclass
class FakeBroker:
    """Committed data only; what a transaction holds becomes visible when it commits.

    Attributes:
        inputs: the input logs.
        changelog: partition to its last value per key.
        records: the changelog as it is read: by partition and offset; None: the marker of a transaction.
        outputs: topic to its committed records, in order.
        group: the committed offsets.
        epochs: partition to the epoch of its newest producer; an older one is fenced.
        failures: names of steps that fail next: "send", "offsets", "commit before", "commit after".
    """

    inputs: dict[tuple[str, int], list[FakeRecord]] = field(default_factory=dict)
    changelog: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    records: dict[int, list[FakeRecord | None]] = field(default_factory=dict)
    outputs: dict[str, list[tuple[bytes | None, bytes | None]]] = field(default_factory=dict)
    group: dict[TopicPartition, int] = field(default_factory=dict)
    epochs: dict[int, int] = field(default_factory=dict)
    failures: set[str] = field(default_factory=set)
    changelog_name: str = "changelog"
    repartition_name: str = "repartition"

    def append(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        """Add an input record."""
        log = self.inputs.setdefault((topic, partition), [])
        log.append(FakeRecord(topic, partition, len(log), key, value))

    def producer(self, number: int) -> "FakeProducer":
        """A new owner's producer: it fences all before it."""
        self.epochs[number] = self.epochs.get(number, 0) + 1
        return FakeProducer(self, number, self.epochs[number])

    def fail(self, step: str) -> None:
        """Fail here if the test asked for it."""
        if step in self.failures:
            self.failures.discard(step)
            raise KafkaConnectionError(f"injected at: {step}")

    async def recover(self, settings: Any, fenced: Sequence[PartitionAssignment], hot_max: int) -> int:
        """Stands in for `recovery.recover`."""
        count = 0
        for assigned in fenced:
            await assigned.store.open(settings, "id", assigned.changelog_end, int(time.time() * 1000))
            beyond = self.records.get(assigned.number, [])[assigned.store.loaded_offset : assigned.changelog_end]
            values = [record for record in beyond if record is not None]
            replay = ChangelogReplay(assigned)
            for record in values:
                await replay.add([record])
            await replay.finish(hot_max)
            for topic in settings.kafka.topics.sources:
                committed = self.group.get(TopicPartition(topic, assigned.number))
                assigned.partition.next_offsets[topic] = committed or 0
                if committed is not None:
                    assigned.committed.next_offsets[topic] = committed
            count += len(values)
        return count


class FakeBatch:
    """A batch of at most 10 records, so that several are needed."""

    def __init__(self) -> None:
        self.entries: list[tuple[bytes | None, bytes | None]] = []

    def append(self, *, key: bytes | None, value: bytes | None, timestamp: None) -> object | None:
        if len(self.entries) >= 10:
            return None
        self.entries.append((key, value))
        return self

    def record_count(self) -> int:
        return len(self.entries)


class FakeProducer:
    """A transactional producer of one partition group."""

    def __init__(self, broker: FakeBroker, number: int, epoch: int) -> None:
        self._broker, self._number, self._epoch = broker, number, epoch
        self._open = False
        self._batches: list[tuple[str, int, list[tuple[bytes | None, bytes | None]]]] = []
        self._offsets: dict[TopicPartition, int] = {}

    def _check(self) -> None:
        if self._epoch != self._broker.epochs[self._number]:
            raise ProducerFenced

    async def begin_transaction(self) -> None:
        assert not self._open
        self._open, self._batches, self._offsets = True, [], {}

    def create_batch(self) -> FakeBatch:
        return FakeBatch()

    async def send_batch(self, batch: FakeBatch, topic: str, *, partition: int) -> "asyncio.Future[Any]":
        assert self._open
        await asyncio.sleep(0)
        self._check()
        self._broker.fail("send")
        self._batches.append((topic, partition, batch.entries))
        future = asyncio.get_running_loop().create_future()
        log = self._broker.records.get(partition, []) if topic == self._broker.changelog_name else []
        before = sum(len(sent) for where, _, sent in self._batches[:-1] if where == topic)
        future.set_result(SimpleNamespace(offset=len(log) + before))
        return future

    async def send_offsets_to_transaction(self, offsets: dict[TopicPartition, tuple[int, str]], group: str) -> None:
        assert self._open
        await asyncio.sleep(0)
        self._check()
        self._broker.fail("offsets")
        self._offsets = {tp: offset for tp, (offset, _) in offsets.items()}

    async def commit_transaction(self) -> None:
        assert self._open
        await asyncio.sleep(0)
        self._check()
        self._broker.fail("commit before")
        for topic, partition, entries in self._batches:
            if topic == self._broker.changelog_name:
                kept = self._broker.changelog.setdefault(partition, {})
                log = self._broker.records.setdefault(partition, [])
                for key, value in entries:
                    assert key is not None
                    log.append(FakeRecord(topic, partition, len(log), key, value))
                    if value is None:
                        kept.pop(key, None)
                    else:
                        kept[key] = value
            elif topic == self._broker.repartition_name:
                for key, value in entries:
                    assert key is not None
                    assert value is not None
                    self._broker.append(topic, partition, key, value)
            else:
                self._broker.outputs.setdefault(topic, []).extend(entries)
        for partition in {partition for topic, partition, _ in self._batches if topic == self._broker.changelog_name}:
            self._broker.records[partition].append(None)
        self._broker.group.update(self._offsets)
        self._open = False
        self._broker.fail("commit after")

    async def stop(self) -> None:
        self._open = False
