"""Where the worker goes on in the new topics: behind what the old installation had folded."""

import aiokafka
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from stream.config.settings import KafkaSettings
from stream.engine.committed_offsets import CheckpointMetadata, committed_offsets
from stream.engine.connection import client_arguments
from stream.engine.topic_ids import topic_ids


async def ends_of(kafka: KafkaSettings, topic: str) -> dict[int, int]:
    """By partition, where a topic ends now."""
    consumer = aiokafka.AIOKafkaConsumer(**client_arguments(kafka), isolation_level="read_committed")
    await consumer.start()
    try:
        await consumer.topics()
        tps = [TopicPartition(topic, number) for number in range(kafka.partitions)]
        return {tp.partition: end for tp, end in (await consumer.end_offsets(tps)).items()}
    finally:
        await consumer.stop()


async def known(kafka: KafkaSettings, topic: str, group: str) -> dict[int, int] | None:
    """The offsets that were kept for a topic by an earlier run; None: none were."""
    admin = AIOKafkaAdminClient(**client_arguments(kafka))
    await admin.start()
    try:
        tps = [TopicPartition(topic, number) for number in range(kafka.partitions)]
        found = await admin.list_consumer_group_offsets(group, partitions=tps)
    finally:
        await admin.close()
    kept = {tp.partition: meta.offset for tp, meta in found.items() if meta.offset >= 0}
    return kept if len(kept) == kafka.partitions else None


async def keep(kafka: KafkaSettings, group: str, topic: str, offsets: dict[int, int]) -> None:
    """Keep offsets of a topic in a group that has no members."""
    await _commit(
        kafka, group, {TopicPartition(topic, at): OffsetAndMetadata(offset, "") for at, offset in offsets.items()}
    )


async def hand_over(old: KafkaSettings, new: KafkaSettings, boundaries: dict[str, dict[int, int]]) -> None:
    """Commit for the new installation's workers where each input goes on, as a checkpoint would.

    Args:
        old, new: the installation as it was, and as it will be.
        boundaries: by new topic and partition, the first offset that is not folded.
    """
    topics = new.topics
    ids = await topic_ids(new, [*topics.sources, topics.changelog])
    ends = await ends_of(new, topics.changelog)
    own = {name for name in old.topics.inputs if name not in boundaries and name in topics.inputs}
    tps = [TopicPartition(name, number) for name in own for number in range(new.partitions)]
    for tp, offset in (await committed_offsets(old, tps) if tps else {}).items():  # they stay where they are
        boundaries.setdefault(tp.topic, {})[tp.partition] = offset
    committed = {}
    for topic, offsets in boundaries.items():
        for number, offset in offsets.items():
            metadata = CheckpointMetadata(ids.get(topic), ids.get(topics.changelog), ends[number], new.partitions)
            committed[TopicPartition(topic, number)] = OffsetAndMetadata(offset, metadata.encode())
    await _commit(new, new.installation, committed)


async def _commit(kafka: KafkaSettings, group: str, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
    consumer = aiokafka.AIOKafkaConsumer(**client_arguments(kafka), group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(list(offsets))
        await consumer.commit(offsets)
    finally:
        await consumer.stop()
