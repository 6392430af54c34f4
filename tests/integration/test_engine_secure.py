"""The worker at a broker that asks who it is: TLS, SCRAM and PLAIN; and its password is in no log."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.kafka_client import partition_count
from stream.config.settings import KafkaSettings
from stream.engine.topology import prepare_topics
from tests.integration.engine_oracle import assert_exact, read_all
from tests.integration.engine_worker import PARTITIONS, WorkerProcess, engine_settings, feed
from tests.integration.kafka_nodes import DOORS, PASSWORD, SecureKafka

pytestmark = pytest.mark.xdist_group("secure-kafka")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """One broker for all doors."""
    with SecureKafka(tmp_path_factory.mktemp("certificates")) as server:
        server.add_scram_user()
        yield server


@pytest.mark.parametrize("door", DOORS)
async def test_a_worker_gets_in_and_folds_exactly(broker: SecureKafka, door: str, prefix: str, tmp_path: Path) -> None:
    settings = engine_settings(broker.bootstrap_servers, prefix)
    await prepare_topics(settings.kafka)
    await feed(settings, 500, misplaced=True)
    worker = WorkerProcess(settings, tmp_path / "worker.log", environment=broker.environment(door))
    try:
        await worker.start()
        await feed(settings, 500, first=500, misplaced=True)
        await assert_exact(settings)
        assert await worker.stop() == 0
    finally:
        await worker.kill()
    assert PASSWORD not in worker.log()
    assert broker.token_file.read_text("utf-8") not in worker.log()
    kafka = settings.kafka.model_copy(update={"topic_prefix": prefix})
    with_door = {
        name.removeprefix("HEARTLINE_KAFKA__").lower(): value for name, value in broker.environment(door).items()
    }
    consumers = KafkaSettings.model_validate(kafka.model_dump() | with_door)
    assert partition_count(consumers, consumers.topics.changelog) == PARTITIONS, "kafka-python gets in, too"


async def test_a_wrong_password_is_refused_at_once_and_not_repeated(
    broker: SecureKafka, prefix: str, tmp_path: Path
) -> None:
    settings = engine_settings(broker.bootstrap_servers, prefix)
    environment = broker.environment("SCRAM", "not-the-password")
    worker = WorkerProcess(settings, tmp_path / "worker.log", environment=environment)
    try:
        await worker.start(ready=False)
        assert await worker.wait(60) == 1
    finally:
        await worker.kill()
    assert "check that the broker runs and the security settings fit" in worker.log()
    assert "not-the-password" not in worker.log()


async def test_replay_gets_in_by_the_same_settings(broker: SecureKafka, prefix: str, tmp_path: Path) -> None:
    settings = engine_settings(broker.bootstrap_servers, prefix)
    await prepare_topics(settings.kafka)
    event = '{"type":"usage","event_id":"e1","account_id":"acme","user_id":"u","feature":"f","timestamp":1800000000000}'
    (tmp_path / "events.jsonl").write_text(event + "\n")
    names = {"HEARTLINE_KAFKA__TOPIC_PREFIX": prefix, "HEARTLINE_KAFKA__PARTITIONS": str(PARTITIONS)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "heartline.cli", "replay", str(tmp_path / "events.jsonl")),
        env=kept | broker.environment("SCRAM") | names,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert [record.key for record in await read_all(settings, settings.kafka.topics.input("usage"))] == [b"acme"]
    assert PASSWORD.encode() not in said
