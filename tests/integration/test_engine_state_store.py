"""The state store on a real broker: whatever happened to it, states are exact and it says what the changelog says."""

import asyncio
import re
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream.config.settings import Settings
from stream.engine.failstop import ExitCode
from stream.engine.state_store import StateStore
from stream.engine.store_index import VERSION, StoreIdentity
from stream.engine.topic_ids import topic_ids
from stream.engine.topology import prepare_topics
from tests.crash_points import STORE
from tests.integration.engine_oracle import assert_exact, read_all
from tests.integration.engine_worker import FEED_RATE, PARTITIONS, WorkerProcess, engine_settings, feed
from tests.servers import Kafka


@pytest.fixture
async def settings(kafka: Kafka, prefix: str, tmp_path: Path) -> Settings:
    """Topics and a group of the test's own, and a folder for the stores; one account of each partition is hot."""
    settings = with_store(engine_settings(kafka.bootstrap_servers, prefix), str(tmp_path / "store"))
    settings.worker.hot_accounts_max = PARTITIONS
    await prepare_topics(settings.kafka)
    return settings


def with_store(settings: Settings, store: str) -> Settings:
    """The same settings with stores elsewhere, or without."""
    return settings.model_copy(update={"worker": settings.worker.model_copy(update={"store": store})})


def recovered(worker: WorkerProcess) -> tuple[int, int]:
    """From how many changelog records and state stores it says that it came back, the first time."""
    found = re.search(r"from (\d+) changelog records and (\d+) state stores", worker.log())
    assert found is not None, worker.log()
    return int(found[1]), int(found[2])


async def assert_stores_say_what_the_changelog_says(settings: Settings) -> None:
    """Call it when no worker runs."""
    changelog = settings.kafka.topics.changelog
    ids = await topic_ids(settings.kafka, [changelog])
    last: dict[int, dict[str, bytes]] = {number: {} for number in range(PARTITIONS)}
    ends = dict.fromkeys(range(PARTITIONS), 0)
    for record in await read_all(settings, changelog):
        last[record.partition][record.key.decode()] = record.value
        ends[record.partition] = record.offset + 1
    for number in range(PARTITIONS):
        folder = Path(settings.worker.store) / settings.kafka.installation / f"{number:03}"
        store = StateStore(folder, StoreIdentity(VERSION, changelog, ids[changelog], number, PARTITIONS))
        index = store.load()
        assert index is not None
        states = {key: store.read(key, location) for key, location in index.locations.items() if location is not None}
        store.close()
        assert states == last[number]
        assert index.position.offset >= ends[number]
        assert index.pending == {}


async def test_a_kill_around_and_within_what_is_written_to_the_store_changes_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    fed = 0
    workers = []
    try:
        for number, point in enumerate(STORE):
            worker = WorkerProcess(settings, tmp_path / f"{point}.log", f"{point}:{2 if number > 1 else 6}")
            workers.append(worker)
            await worker.start(ready=False)
            async with asyncio.timeout(60):
                fed = await feed(settings, first=fed, rate=FEED_RATE, misplaced=True, until=worker.is_gone)
            assert worker.process.returncode == -9, worker.log()
        last = WorkerProcess(settings, tmp_path / "last.log")
        workers.append(last)
        await last.start()
        await assert_exact(settings)
        assert recovered(last)[1] == PARTITIONS
        assert await last.stop() == 0
        await assert_stores_say_what_the_changelog_says(settings)
    finally:
        for worker in workers:
            await worker.kill()


async def test_a_store_that_others_overtook_is_caught_up_and_a_damaged_one_is_not_believed(
    settings: Settings, tmp_path: Path
) -> None:
    fed, here = 0, settings.worker.store

    async def one_life(name: str, store: str) -> WorkerProcess:
        nonlocal fed
        worker = WorkerProcess(with_store(settings, store), tmp_path / f"{name}.log")
        try:
            await worker.start()
            await feed(settings, 3_000, first=fed)
            fed += 3_000
            await assert_exact(settings)
            assert await worker.stop() == 0
        finally:
            await worker.kill()
        return worker

    await one_life("first", here)
    assert recovered(await one_life("warm", here)) == (0, PARTITIONS), "nothing came after it"
    assert recovered(await one_life("elsewhere", "memory"))[1] == 0
    records, stores = recovered(await one_life("back", here))
    assert records > 0
    assert stores == PARTITIONS
    folder = Path(here) / settings.kafka.installation
    damaged = folder / "000" / "segment-1"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    worker = await one_life("damaged", here)
    (told,) = [line for line in worker.log().splitlines() if "the last frame is not whole" in line]
    assert f"path={damaged}" in told
    records, _ = recovered(worker)
    assert records > 0, "what was behind the damage is read from the changelog"
    await assert_stores_say_what_the_changelog_says(settings)


async def test_accounts_that_are_on_the_disk_alone_are_exact_through_kills_and_a_rebalance(
    settings: Settings, tmp_path: Path
) -> None:
    feeding = asyncio.create_task(feed(settings, 30_000, rate=3_000, misplaced=True))
    workers: list[WorkerProcess] = []

    async def start() -> WorkerProcess:
        name = tmp_path / f"worker-{len(workers)}.log"
        workers.append(WorkerProcess(settings, name, environment={"HEARTLINE_WORKER__METRICS_PORT": "0"}))
        return await workers[-1].start()

    try:
        for _ in range(2):
            killed = await start()
            await asyncio.sleep(1)
            await killed.kill()
        await start()
        await start()  # takes two partitions, and their stores, from the one before
        await feeding
        await assert_exact(settings)
        accounts = 0.0
        for worker in workers[-2:]:
            gauges = await asyncio.to_thread(scrape, worker)
            assert gauges["heartline_worker_hot_accounts"] <= PARTITIONS, "the others are on the disk"
            assert gauges["heartline_worker_partitions_without_store"] == 0
            accounts += gauges["heartline_worker_accounts"]
        assert accounts > 200
        assert [await worker.stop() for worker in workers[-2:]] == [0, 0]
        await assert_stores_say_what_the_changelog_says(settings)
    finally:
        for worker in workers:
            await worker.kill()


async def test_a_disk_that_damages_states_ends_the_worker_and_the_next_start_reads_the_changelog(
    settings: Settings, tmp_path: Path
) -> None:
    worker = WorkerProcess(settings, tmp_path / "first.log")
    again = WorkerProcess(settings, tmp_path / "again.log")
    try:
        await worker.start()
        await feed(settings, 2_000)
        await assert_exact(settings)
        for path in Path(settings.worker.store).rglob("segment-*"):
            content = path.read_bytes()
            with path.open("r+b") as file:
                file.seek(200)
                file.write(bytes(byte ^ 1 for byte in content[200:]))
        await feed(settings, 1_000, first=2_000)
        assert await worker.wait() == ExitCode.FOLD, worker.log()
        assert "can't be read from the state store" in worker.log()
        assert "a restart deletes a store that is damaged and reads the changelog instead" in worker.log()
        await again.start()
        await assert_exact(settings)
        assert recovered(again)[1] == 0
        assert await again.stop() == 0
        await assert_stores_say_what_the_changelog_says(settings)
    finally:
        await worker.kill()
        await again.kill()


def scrape(worker: WorkerProcess) -> dict[str, float]:
    """A worker's gauges that have no labels."""
    found = re.search(r"url=(http://\S+)", worker.log())
    assert found is not None, worker.log()
    with urllib.request.urlopen(found[1], timeout=30) as response:
        families = text_string_to_metric_families(response.read().decode())
    return {family.name: family.samples[0].value for family in families if family.type == "gauge" and family.samples}
