"""Topics that were deleted, created again or emptied behind the worker's back: it says so instead of skipping."""

from pathlib import Path

import aiokafka
import pytest
from kafka import KafkaAdminClient, TopicPartition

from stream.config.settings import Settings
from stream.engine.committed_offsets import committed_metadata
from stream.engine.failstop import ExitCode
from stream.engine.topology import prepare_topics
from tests.integration.engine_oracle import assert_exact, wait_until_folded
from tests.integration.engine_worker import PARTITIONS, WorkerProcess, engine_settings, feed
from tests.servers import Kafka


@pytest.fixture
async def settings(kafka: Kafka, prefix: str, tmp_path: Path) -> Settings:
    """Topics whose records are all folded, by a worker that has stopped."""
    settings = engine_settings(kafka.bootstrap_servers, prefix)
    await prepare_topics(settings.kafka)
    await feed(settings, 1_000)
    worker = await WorkerProcess(settings, tmp_path / "first.log").start()
    try:
        await assert_exact(settings)
        assert await worker.stop() == 0
    finally:
        await worker.kill()
    return settings


def recreate(settings: Settings, topic: str) -> None:
    """Delete a topic and create it again."""
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    try:
        admin.delete_topics([topic])
        admin.create_topics({topic: {"num_partitions": PARTITIONS, "replication_factor": 1}}, wait_for_metadata=True)
    finally:
        admin.close()


async def commit(settings: Settings, offsets: dict[aiokafka.TopicPartition, tuple[int, str]]) -> None:
    """Commit for the group: Kafka forgets the offsets of a deleted topic, a running worker commits again."""
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers, group_id=settings.kafka.app_id, enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign(list(offsets))
        await consumer.commit(offsets)
    finally:
        await consumer.stop()


async def refusal(settings: Settings, log: Path) -> str:
    """What a worker says that refuses to start."""
    worker = await WorkerProcess(settings, log).start(ready=False)
    assert await worker.wait(40) == ExitCode.RECOVERY, worker.log()
    return worker.log()


async def test_an_input_topic_that_was_created_again_is_refused_though_it_is_longer_now(
    settings: Settings, tmp_path: Path
) -> None:
    topic = settings.kafka.topics.input("usage")
    tps = [aiokafka.TopicPartition(topic, number) for number in range(PARTITIONS)]
    before = await committed_metadata(settings.kafka, tps)
    recreate(settings, topic)
    await feed(settings, 3_000, first=1_000)
    await commit(settings, {tp: (offset, mark.encode()) for tp, (offset, mark) in before.items() if mark})
    said = await refusal(settings, tmp_path / "second.log")
    assert "the topic was deleted and created again since the last checkpoint" in said
    assert f"--group {settings.kafka.app_id} --topic {topic} --reset-offsets --to-earliest" in said


async def test_a_changelog_that_was_lost_is_noticed_before_anything_is_folded_onto_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    recreate(settings, settings.kafka.topics.changelog)
    said = await refusal(settings, tmp_path / "second.log")
    assert "the changelog was deleted and created again since the last checkpoint" in said
    assert f"--group {settings.kafka.app_id} --delete" in said


async def test_records_that_were_deleted_before_they_were_folded_are_told_and_the_rest_is_folded(
    settings: Settings, tmp_path: Path
) -> None:
    await feed(settings, 1_000, first=1_000)
    topic = settings.kafka.topics.input("usage")
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    try:
        admin.delete_records({TopicPartition(topic, number): -1 for number in range(PARTITIONS)})
    finally:
        admin.close()
    worker = await WorkerProcess(settings, tmp_path / "second.log").start()
    try:
        await feed(settings, 500, first=2_000)
        await wait_until_folded(settings)
        assert f"{topic}[0]: the records @" in worker.log()
        assert "were deleted before they were folded" in worker.log()
        assert await worker.stop() == 0
    finally:
        await worker.kill()
