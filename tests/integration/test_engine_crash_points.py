"""The engine on a real broker: killed at named instants, rolled, cut off; each time every record counts once."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from heartline.embedded import KafkaServer
from heartline.embedded.ports import free_ports
from stream.config.settings import Settings
from stream.engine.failstop import ExitCode
from stream.engine.topology import prepare_topics
from stream.worker.repartition import decode_repartitioned
from tests.crash_points import OTHERS, STORE, TRANSACTION
from tests.integration.engine_oracle import assert_exact, read_all
from tests.integration.engine_worker import FEED_RATE, WorkerProcess, engine_settings, eventually, feed
from tests.integration.proxy import Proxy
from tests.servers import Kafka

# `pytest -m soak tests/integration/test_engine_crash_points.py`; how long, by this variable.
SOAK_SECONDS = int(os.environ.get("SOAK_SECONDS", "1800"))

Start = Callable[..., Awaitable[WorkerProcess]]


@pytest.fixture
async def settings(kafka: Kafka, prefix: str) -> Settings:
    """Topics and a group of the test's own."""
    settings = engine_settings(kafka.bootstrap_servers, prefix)
    await prepare_topics(settings.kafka)
    return settings


@pytest.fixture
async def start(settings: Settings, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts workers, with the instant at which they kill themselves, if any; what is left is killed after the test."""
    workers: list[WorkerProcess] = []

    async def start_one(crash_at: str | None = None, *, ready: bool = True) -> WorkerProcess:
        worker = WorkerProcess(settings, tmp_path / f"worker-{len(workers)}.log", crash_at)
        workers.append(worker)
        return await worker.start(ready=ready)

    yield start_one
    for worker in workers:
        await worker.kill()


async def crashed(worker: WorkerProcess) -> None:
    """Wait until it has killed itself."""
    assert await worker.wait(30) == -signal.SIGKILL, worker.log()


async def test_a_kill_before_within_and_after_the_transaction_changes_nothing(settings: Settings, start: Start) -> None:
    fed = 0
    for point in TRANSACTION:
        worker = await start(f"{point}:6", ready=False)
        fed = await feed(settings, first=fed, rate=FEED_RATE, misplaced=True, until=worker.is_gone)
        await crashed(worker)
    await start()
    await assert_exact(settings)
    sent = [
        decode_repartitioned(record.value) for record in await read_all(settings, settings.kafka.topics.repartition)
    ]
    assert len(sent) > fed / 10
    assert len({(record.topic, record.partition, record.offset) for record in sent}) == len(sent), "sent once each"


async def test_a_kill_in_the_drain_and_in_the_recovery_changes_nothing(settings: Settings, start: Start) -> None:
    feeding = asyncio.create_task(feed(settings, 10_000, rate=FEED_RATE))
    draining = await start("drain:2")
    await asyncio.sleep(0.5)
    draining.send(signal.SIGTERM)
    await crashed(draining)
    await crashed(await start("recovery:3", ready=False))
    await start()
    await feeding
    await assert_exact(settings)


async def test_one_worker_becomes_three_is_rolled_and_becomes_one_again(settings: Settings, start: Start) -> None:
    rolled = asyncio.Event()
    feeding = asyncio.create_task(feed(settings, rate=FEED_RATE, misplaced=True, until=rolled.is_set))
    workers = [await start()]
    workers += await asyncio.gather(start(), start())
    for _ in range(3):
        assert await workers.pop(0).stop() == 0
        workers.append(await start())
    last = workers.pop()
    for worker in workers:
        assert await worker.stop() == 0
    await eventually(lambda: "partitions [0, 1, 2, 3]" in last.log(), 30, last.log)
    rolled.set()
    await feeding
    await assert_exact(settings)
    assert await last.stop() == 0


async def test_a_static_member_that_is_killed_and_comes_back_moves_no_partition(
    settings: Settings, tmp_path: Path
) -> None:
    settings.worker.session_timeout_seconds = 25  # a start may take a while where much else runs
    workers = [WorkerProcess(settings, tmp_path / f"{name}.log", instance_id=name) for name in ("one", "two")]
    one, two = workers
    try:
        await one.start()
        await two.start()
        feeding = asyncio.create_task(feed(settings, 8_000, rate=2_000))
        await eventually(lambda: one.log().count("worker ready") == 2, 20, one.log)
        await asyncio.sleep(0.5)
        await two.kill()
        await two.start(ready=False)
        await eventually(lambda: two.log().count("worker ready") == 2, 20, two.log)
        held = [line.rpartition("partitions ")[2] for line in two.log().splitlines() if "worker ready" in line]
        assert held[0] == held[1]
        await feeding
        await assert_exact(settings)
        assert one.log().count("worker ready") == 2, "the other worker saw no rebalance"
        assert [await worker.stop() for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            await worker.kill()


def damage(chance: random.Random, store: Path) -> None:
    """Change a byte somewhere in the state stores."""
    files = [path for path in store.rglob("*-*") if path.is_file() and path.stat().st_size > 0]
    if files:
        path = chance.choice(files)
        content = bytearray(path.read_bytes())
        content[chance.randrange(len(content))] ^= 1
        path.write_bytes(content)


@pytest.mark.soak
@pytest.mark.timeout(SOAK_SECONDS + 300)
async def test_a_long_night_of_everything_changes_nothing(settings: Settings, start: Start, tmp_path: Path) -> None:
    settings.worker.store = str(tmp_path / "store")  # of all workers: they hand their stores over
    settings.worker.hot_accounts_max = 8  # the others are on the disk alone
    chance = random.Random(time.time_ns())
    ends, fed = time.monotonic() + SOAK_SECONDS, 0
    worker = await start()
    while time.monotonic() < ends:
        count = chance.randrange(500, 20_000)
        await feed(settings, count, first=fed, rate=chance.choice([2_000, 10_000, None]), misplaced=True)
        fed += count
        what = chance.choice(["kill", "stop", "sleep", "join", "damage", *TRANSACTION, *OTHERS, *STORE])
        if what == "join":
            second = await start()
            await second.stop()
            continue
        if what == "sleep":
            worker.send(signal.SIGSTOP)
            next_worker = await start()
            worker.send(signal.SIGCONT)
            assert await worker.stop() in (0, ExitCode.FENCED), worker.log()  # 0: it had nothing to commit
        elif what in ("kill", "damage"):
            await worker.kill()
            if what == "damage":
                damage(chance, tmp_path / "store")
            next_worker = await start()
        else:
            await worker.stop()
            next_worker = await start(f"{what}:{chance.randrange(1, 30)}" if what != "stop" else None, ready=False)
        worker = next_worker
        if what in (*TRANSACTION, *OTHERS, *STORE):
            await feed(settings, 2_000, first=fed, misplaced=True)
            fed += 2_000
            await asyncio.sleep(chance.uniform(1, 10))
            await worker.kill()
            worker = await start()
    await assert_exact(settings, seconds=300)


async def test_connections_that_are_cut_and_answers_that_are_lost_change_nothing(
    own_kafka: Callable[..., KafkaServer], prefix: str, tmp_path: Path
) -> None:
    port, proxy_port = free_ports(2)
    async with Proxy(proxy_port, port) as proxy:
        address = f"127.0.0.1:{proxy_port}"
        await asyncio.to_thread(own_kafka, port=port, properties={"advertised.listeners": f"PLAINTEXT://{address}"})
        settings = engine_settings(address, prefix)
        await prepare_topics(settings.kafka)
        await feed(settings, 60_000)
        chance = random.Random(3)
        worker = await WorkerProcess(settings, tmp_path / "worker.log").start()
        try:
            for number in range(6):
                await asyncio.sleep(chance.uniform(0.05, 0.4))
                if number % 3 == 2:
                    await proxy.lose_answers(0.5)
                else:
                    proxy.cut()
                await feed(settings, 2_000, first=60_000 + 2_000 * number)
                if worker.process.returncode is not None:  # right, when the outcome of a commit is unknown
                    assert worker.process.returncode in set(ExitCode), worker.log()
                    await worker.start()
            await assert_exact(settings)
            assert await worker.stop() == 0
        finally:
            await worker.kill()
