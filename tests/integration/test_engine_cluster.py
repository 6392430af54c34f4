"""Three brokers, replicated topics, and brokers that die under load; by command: `pytest -m soak` with this file."""

import asyncio
from pathlib import Path

import pytest

from heartline.embedded import kafka_config
from stream.engine.failstop import ExitCode
from stream.engine.topology import prepare_topics
from tests.integration.engine_oracle import assert_exact
from tests.integration.engine_worker import WorkerProcess, engine_settings, feed
from tests.integration.kafka_nodes import three_nodes


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_brokers_that_die_and_come_back_one_after_another_change_nothing(
    prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = three_nodes()
    cluster_id = kafka_config.random_id()
    monkeypatch.setattr(kafka_config, "random_id", lambda: cluster_id)
    worker: WorkerProcess | None = None
    try:
        await asyncio.gather(*(asyncio.to_thread(node.start) for node in nodes))
        settings = engine_settings(",".join(node.bootstrap_servers for node in nodes), prefix)
        settings.kafka.replication_factor = 3
        await prepare_topics(settings.kafka)
        worker = await WorkerProcess(settings, tmp_path / "worker.log").start()
        restarts, fed = 0, 0
        for node in nodes:
            feeding = asyncio.create_task(feed(settings, 20_000, first=fed, rate=2_000, misplaced=True))
            fed += 20_000
            await asyncio.sleep(3)
            await asyncio.to_thread(node.kill)
            while not feeding.done():
                if worker.process.returncode is not None:  # right, when the outcome of a commit is unknown
                    assert worker.process.returncode in set(ExitCode), worker.log()
                    restarts += 1
                    await worker.start(ready=False)
                await asyncio.sleep(0.5)
            await feeding
            await asyncio.to_thread(node.start)
        if worker.process.returncode is not None:
            await worker.start(ready=False)
        await assert_exact(settings, seconds=120)
        assert restarts <= 6, worker.log()
    finally:
        if worker is not None:
            await worker.kill()
        for node in nodes:
            await asyncio.to_thread(node.close)
