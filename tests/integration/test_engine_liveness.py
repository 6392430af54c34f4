"""A worker that owns too little says so, puts it right by itself, and leaves where it can't."""

import re
from pathlib import Path

import pytest

from stream.config.settings import Settings
from stream.engine.failstop import ExitCode
from stream.engine.topology import prepare_topics
from tests.integration.engine_oracle import assert_exact
from tests.integration.engine_worker import WorkerProcess, engine_settings, eventually, feed
from tests.integration.roles import asked
from tests.servers import Kafka


@pytest.fixture
async def settings(kafka: Kafka, prefix: str) -> Settings:
    """Topics with some events, and workers that serve their metrics."""
    settings = engine_settings(kafka.bootstrap_servers, prefix)
    settings.worker.metrics_port = 0
    await prepare_topics(settings.kafka)
    await feed(settings, 500)
    return settings


def answer_of(worker: WorkerProcess, path: str) -> tuple[int, str]:
    """What the worker answers by HTTP: status and body."""
    found = re.search(r"http://[0-9.]+:\d+", worker.log())
    assert found is not None, worker.log()
    return asked(found[0] + path)


async def test_a_worker_whose_group_assigned_nothing_refreshes_its_metadata_and_folds(
    settings: Settings, tmp_path: Path
) -> None:
    worker = WorkerProcess(settings, tmp_path / "worker.log", environment={"TOPICS_UNKNOWN_UNTIL": "refresh"})
    try:
        await worker.start(ready=False)
        await eventually(lambda: "are assigned to no worker" in worker.log(), 60, worker.log)
        await eventually(lambda: "worker ready: partitions [0, 1, 2, 3]" in worker.log(), 60, worker.log)
        await assert_exact(settings)
        await eventually(lambda: answer_of(worker, "/readyz") == (200, "ok\n"), 30, worker.log)
        assert answer_of(worker, "/livez") == (200, "ok\n")
        metrics = answer_of(worker, "/metrics")[1]
        assert "heartline_worker_partitions_expected 4.0" in metrics
        assert "heartline_group_unassigned_partitions 0.0" in metrics
        assert await worker.stop() == 0
    finally:
        await worker.kill()


async def test_a_worker_that_is_left_without_partitions_is_not_ready_and_leaves(
    settings: Settings, tmp_path: Path
) -> None:
    worker = WorkerProcess(settings, tmp_path / "worker.log", environment={"TOPICS_UNKNOWN_UNTIL": "never"})
    try:
        await worker.start(ready=False)
        await eventually(lambda: "are assigned to no worker" in worker.log(), 60, worker.log)
        status, body = answer_of(worker, "/readyz")
        assert (status, body) == (503, "partitions [0, 1, 2, 3] are assigned to no worker of the group\n")
        assert answer_of(worker, "/livez")[0] == 200, "its supervisor need not restart it: it leaves by itself"
        assert await worker.wait(60) == ExitCode.ASSIGNMENT
        assert "have been assigned to no worker of the group" in worker.log()
        assert "worker ready" not in worker.log()
    finally:
        await worker.kill()


async def test_a_worker_beyond_the_count_of_partitions_is_ready_while_the_others_have_them_all(
    settings: Settings, tmp_path: Path
) -> None:
    first = WorkerProcess(settings, tmp_path / "first.log")
    others = [WorkerProcess(settings, tmp_path / f"{number}.log") for number in range(4)]
    try:
        await first.start()
        for worker in others:
            await worker.start(ready=False)
        await eventually(
            lambda: any("no partition was assigned to this worker" in each.log() for each in others), 90, first.log
        )
        (idle, *_) = [each for each in others if "no partition was assigned to this worker" in each.log()]
        await eventually(lambda: answer_of(idle, "/readyz") == (200, "ok\n"), 90, idle.log)
        await assert_exact(settings)
    finally:
        for worker in (first, *others):
            await worker.kill()
