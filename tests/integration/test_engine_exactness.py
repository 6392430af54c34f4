"""The engine on a real broker: whatever happens to the worker, every record is folded exactly once."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiokafka
import pytest
from aiokafka import TopicPartition

from heartline.embedded import KafkaServer
from stream.config.settings import Settings
from stream.engine.committed_offsets import committed_offsets
from stream.engine.failstop import ExitCode
from stream.engine.topology import prepare_topics
from tests.integration.engine_oracle import assert_exact, expected, wait_until_folded
from tests.integration.engine_worker import FEED_RATE, PARTITIONS, WorkerProcess, engine_settings, feed
from tests.servers import Kafka

Start = Callable[[], Awaitable[WorkerProcess]]


@pytest.fixture
async def settings(kafka: Kafka, prefix: str) -> Settings:
    """Topics and a group of the test's own."""
    settings = engine_settings(kafka.bootstrap_servers, prefix)
    await prepare_topics(settings.kafka)
    return settings


@pytest.fixture
async def start(settings: Settings, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts workers; whatever is left of them is killed after the test."""
    workers: list[WorkerProcess] = []

    async def start_one() -> WorkerProcess:
        worker = WorkerProcess(settings, tmp_path / f"worker-{len(workers)}.log")
        workers.append(worker)
        return await worker.start()

    yield start_one
    for worker in workers:
        await worker.kill()


async def test_a_clean_run_is_exact_and_ends_with_status_0(settings: Settings, start: Start) -> None:
    worker = await start()
    await feed(settings, 20_000)
    await assert_exact(settings)
    assert await worker.stop() == 0
    assert "fail-stop" not in worker.log()


async def test_a_stop_and_a_start_in_the_middle_change_nothing(settings: Settings, start: Start) -> None:
    feeding = asyncio.create_task(feed(settings, 10_000, rate=2_000))
    worker = await start()
    await asyncio.sleep(1)
    assert await worker.stop() == 0
    await start()
    await feeding
    await assert_exact(settings)


async def test_kill_9_at_random_moments_changes_nothing(settings: Settings, start: Start) -> None:
    chance, survived = random.Random(20), asyncio.Event()
    feeding = asyncio.create_task(feed(settings, rate=FEED_RATE, until=survived.is_set))
    for _ in range(3):
        worker = await start()
        await asyncio.sleep(chance.uniform(0.05, 1.5))
        await worker.kill()
    await start()
    survived.set()
    await feeding
    await assert_exact(settings)


async def test_a_worker_that_slept_through_its_eviction_is_fenced(settings: Settings, start: Start) -> None:
    awake = asyncio.Event()
    feeding = asyncio.create_task(feed(settings, rate=FEED_RATE, until=awake.is_set))
    zombie = await start()
    await asyncio.sleep(0.5)
    zombie.send(signal.SIGSTOP)
    await start()  # waits for the eviction, then owns every partition
    zombie.send(signal.SIGCONT)
    assert await zombie.wait() == ExitCode.FENCED, zombie.log()
    awake.set()
    await feeding
    await assert_exact(settings)


async def test_records_that_change_nothing_still_move_the_committed_offsets(settings: Settings, start: Start) -> None:
    worker = await start()
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers)
    await producer.start()
    try:
        for number in range(200):
            await producer.send(settings.kafka.topics.input("usage"), b"noop", key=b"account-%d" % number)
    finally:
        await producer.stop()
    await wait_until_folded(settings)
    assert (await expected(settings)).states == {}
    usage = [TopicPartition(settings.kafka.topics.input("usage"), number) for number in range(PARTITIONS)]
    committed = await committed_offsets(settings.kafka, usage)
    assert sum(committed.values()) == 200
    assert await worker.stop() == 0


async def test_a_broker_that_dies_and_comes_back_changes_nothing(
    own_kafka: Callable[..., KafkaServer], prefix: str, tmp_path: Path
) -> None:
    broker = await asyncio.to_thread(own_kafka)
    settings = engine_settings(broker.bootstrap_servers, prefix)
    await prepare_topics(settings.kafka)
    await feed(settings, 30_000)
    worker = await WorkerProcess(settings, tmp_path / "worker.log").start()
    try:
        await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(broker.start)
        await feed(settings, 5_000, first=30_000)
        if worker.process.returncode is not None:  # leaving is right too, when the outcome of a commit is unknown
            assert worker.process.returncode in set(ExitCode)
            await worker.start()
        await assert_exact(settings)
        assert await worker.stop() == 0
    finally:
        await worker.kill()
