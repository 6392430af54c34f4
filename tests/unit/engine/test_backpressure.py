"""A broker that takes its time: how much is folded meanwhile, and that nothing waits for ever."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from unittest.mock import patch

import pytest
from aiokafka import TopicPartition

from stream.config.settings import KafkaSettings, Settings, WorkerSettings
from stream.engine.partition_manager import PartitionManager
from tests.deadlines import HANG_SECONDS
from tests.unit.engine.fakes import FakeBroker, FakeProducer
from tests.unit.engine.test_interleavings import Worker

STATES_MAX = 4
SETTINGS = Settings(
    kafka=KafkaSettings(partitions=1), worker=WorkerSettings(checkpoint_interval_seconds=0.01, hot_accounts_max=100)
)
USAGE = SETTINGS.kafka.topics.input("usage")


class SlowBroker(FakeBroker):
    """Commits when it is told to."""

    def __init__(self) -> None:
        super().__init__(changelog_name=SETTINGS.kafka.topics.changelog)
        self.may_commit = asyncio.Event()
        self.sizes: list[int] = []

    def producer(self, number: int) -> "SlowProducer":
        self.epochs[number] = self.epochs.get(number, 0) + 1
        return SlowProducer(self, number, self.epochs[number])


class SlowProducer(FakeProducer):
    """Of a SlowBroker."""

    def __init__(self, broker: SlowBroker, number: int, epoch: int) -> None:
        super().__init__(broker, number, epoch)
        self._slow = broker

    async def commit_transaction(self) -> None:
        states = sum(len(sent) for topic, _, sent in self._batches if topic == self._slow.changelog_name)
        self._slow.sizes.append(states)
        await self._slow.may_commit.wait()
        await super().commit_transaction()


@pytest.fixture
async def worker(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Worker]:
    """One that has its only partition, whose transactions hold four states; twelve accounts have an event each."""
    broker = SlowBroker()

    async def producer(_settings: Any, number: int) -> SlowProducer:
        return broker.producer(number)

    async def ends(_settings: Any, numbers: list[int]) -> dict[int, int]:
        return dict.fromkeys(numbers, 0)

    monkeypatch.setattr("stream.engine.partition_manager.fenced_producer", producer)
    monkeypatch.setattr("stream.engine.recovery.changelog_ends", ends)
    monkeypatch.setattr("stream.engine.recovery.recover", broker.recover)
    monkeypatch.setattr("stream.engine.checkpoint_scheduler.EARLY_DIRTY_MIN", STATES_MAX)
    for number in range(3 * STATES_MAX):
        broker.append(USAGE, 0, b"account-%d" % number, b"%d" % number)
    worker = Worker(broker, SETTINGS)
    await worker.assign([0], 1)
    broker.may_commit.set()
    await worker.manager.checkpoint(0)  # the first one has offsets alone
    broker.may_commit.clear()
    broker.sizes.clear()
    scheduler = worker.manager._scheduler
    scheduler.times(0).states_max = STATES_MAX
    # From here on no checkpoint comes by its time, within the test's.
    scheduler._settings = Settings(worker=WorkerSettings(checkpoint_interval_seconds=60, hot_accounts_max=100))
    yield worker
    broker.may_commit.set()
    await worker.manager.drain()
    await worker.manager.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        while not condition():
            await asyncio.sleep(0)


async def waiting_fold(worker: Worker) -> "asyncio.Task[None]":
    """The first four accounts are on their way to the broker, the next four are folded, the last four wait."""
    for _ in range(3):
        worker.fetch(TopicPartition(USAGE, 0), STATES_MAX)
    broker, (partition,) = worker.broker, worker.manager.partitions()
    assert isinstance(broker, SlowBroker)
    await worker.fold(1)
    await until(lambda: broker.sizes == [STATES_MAX])
    await worker.fold(1)
    third = asyncio.create_task(worker.fold(1))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not third.done()
    assert len(partition.dirty) == STATES_MAX
    return third


async def test_no_more_is_folded_than_the_next_transaction_may_hold_while_one_is_under_way(worker: Worker) -> None:
    """And what asked for the next one meanwhile need not ask again."""
    third, broker = await waiting_fold(worker), worker.broker
    assert isinstance(broker, SlowBroker)
    broker.may_commit.set()
    await third
    await until(lambda: len(broker.changelog.get(0, {})) == 2 * STATES_MAX)
    assert broker.sizes == [STATES_MAX] * 2
    assert broker.group[TopicPartition(USAGE, 0)] == 2 * STATES_MAX


@pytest.mark.parametrize("leaves", ["for another worker", "for good"])
async def test_what_waits_for_a_partition_that_leaves_waits_no_longer(worker: Worker, leaves: str) -> None:
    third = await waiting_fold(worker)
    with patch("stream.engine.partition_assignment.STOP_SECONDS", 0.1):
        if leaves == "for good":
            await worker.manager.close()
        else:
            await PartitionManager.assign(worker.manager, [], 2)
    async with asyncio.timeout(HANG_SECONDS):
        await third


async def test_a_partition_may_leave_while_its_snapshot_is_taken(worker: Worker) -> None:
    begun = asyncio.Event()

    async def endless(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    with patch("stream.engine.partition_manager.take_checkpoint", endless):
        ((_, assigned),) = worker.manager._assigned.items()
        assigned.checkpoint_requested.set()
        async with asyncio.timeout(HANG_SECONDS):
            await begun.wait()
            await PartitionManager.assign(worker.manager, [], 2)
    assert worker.manager.partitions() == []
    assert assigned.checkpoints is not None
    assert assigned.checkpoints.cancelled()
