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
from tests.integration.roles import wait_for
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
        bootstrap_servers=settings.kafka.bootstrap_servers,
        group_id=settings.kafka.installation,
        enable_auto_commit=False,
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
    assert f"--group {settings.kafka.installation} --topic {topic} --reset-offsets --to-earliest" in said


async def test_a_changelog_that_was_lost_is_noticed_before_anything_is_folded_onto_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    recreate(settings, settings.kafka.topics.changelog)
    said = await refusal(settings, tmp_path / "second.log")
    assert "the changelog was deleted and created again since the last checkpoint" in said
    assert f"--group {settings.kafka.installation} --delete" in said


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
        told = [line for line in worker.log().splitlines() if "records were deleted before they were folded" in line]
        assert any(f"topic={topic}" in line and "partition=0" in line and "next_offset=" in line for line in told)
        assert await worker.stop() == 0
    finally:
        await worker.kill()


async def test_topics_that_were_given_more_partitions_are_refused_with_a_recipe(
    settings: Settings, tmp_path: Path
) -> None:
    """Else the accounts that moved to another partition would have two half states."""
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    try:
        names = [spec.name for spec in settings.kafka.topics.specs()]
        admin.create_partitions(dict.fromkeys(names, 2 * PARTITIONS))
        wait_for(
            lambda: {len(each["partitions"]) for each in admin.describe_topics(names)} == {2 * PARTITIONS},
            30,
            "the broker says so",
        )
    finally:
        admin.close()
    grown = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"partitions": 2 * PARTITIONS})})
    said = await refusal(grown, tmp_path / "second.log")
    assert f"was made with {PARTITIONS} partitions, the topics have {2 * PARTITIONS}" in said
    assert "Use a new kafka.topic_prefix" in said


async def test_two_installations_that_differ_in_their_prefix_alone_do_not_disturb_each_other(
    kafka: Kafka, prefix: str, tmp_path: Path
) -> None:
    both = []
    for name in ("one", "two"):
        settings = engine_settings(kafka.bootstrap_servers, f"{prefix}{name}-")
        own = settings.kafka.model_copy(update={"app_id": f"{prefix}app"})
        both.append(settings.model_copy(update={"kafka": own}))
    workers = [WorkerProcess(settings, tmp_path / f"{number}.log") for number, settings in enumerate(both)]
    try:
        for settings in both:
            await prepare_topics(settings.kafka)
            await feed(settings, 1_000)
        for worker in workers:
            await worker.start()
        for settings in both:
            await assert_exact(settings)
        assert [await worker.stop() for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            await worker.kill()
