"""The offsets of the last checkpoint, what they stand on, and where to go on reading the inputs.

Offsets say nothing of the topic that they count in. So each is committed with metadata: which topics, of how many
partitions, and how far the changelog reached. With these, a topic that was created again or got more partitions, and a
changelog that was lost, are noticed before anything is skipped or folded onto nothing.

Invariant: nothing is read of topics that are not those of the last checkpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import stamina
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream.config.logs import get_logger
from stream.config.settings import KafkaSettings
from stream.contracts.errors import EngineError
from stream.engine.connection import client_arguments
from stream.engine.topic_ids import topic_ids

log = get_logger(__name__)

REMEDY = (
    "Stop all workers. To fold everything again from what the input topics still hold, delete the changelog and the "
    "consumer group's offsets (kafka-consumer-groups --group {group} --delete), or use a new kafka.app_id"
)


@dataclass(frozen=True, slots=True)
class CheckpointMetadata:
    """What one committed offset stands on.

    Attributes:
        topic: the id of the topic whose offset it is; None: the broker has no ids.
        changelog: the id of the changelog; None likewise.
        end: the changelog's end offset, at least, after the checkpoint.
        partitions: how many partitions every topic had; None: not known, as of an older worker.
    """

    topic: str | None
    changelog: str | None
    end: int
    partitions: int | None = None

    def encode(self) -> str:
        """The metadata of the offset: a few hundred characters, Kafka takes 4096."""
        return msgspec.json.encode(self).decode()


def decode_metadata(text: str | None) -> CheckpointMetadata | None:
    """The reverse; None where there is none: offsets that an operator has reset."""
    try:
        return msgspec.json.decode(text or "", type=CheckpointMetadata)
    except msgspec.DecodeError:
        return None


@dataclass(slots=True)
class CommittedOffsets:
    """What the checkpoints of one partition have committed.

    Attributes:
        partitions: how many every topic has.
        next_offsets: of the last checkpoint, per input topic.
        topic_ids: the ids of the topics that the checkpoints stand on.
        changelog_end: the changelog's end, at least, after the last checkpoint.
    """

    partitions: int
    next_offsets: dict[str, int] = field(default_factory=dict)
    topic_ids: dict[str, str] = field(default_factory=dict)
    changelog_end: int = 0

    def metadata(self, topic: str, changelog: str) -> str:
        """What to commit beside an offset of a topic."""
        ids = self.topic_ids
        return CheckpointMetadata(ids.get(topic), ids.get(changelog), self.changelog_end, self.partitions).encode()


def validate(
    where: str,
    metadata: CheckpointMetadata,
    topic: str | None,
    changelog: str | None,
    end: int,
    group: str,
    partitions: int | None = None,
) -> str | None:
    """What is wrong with the topics as they are, against the metadata of the last checkpoint; None: nothing.

    Args:
        where: the input partition, "topic[partition]".
        metadata: the last checkpoint's.
        topic, changelog: the ids now; None: not known.
        end: the changelog partition's end now.
        group: the consumer group.
        partitions: how many every topic has now; None: not known.
    """
    if changelog is not None and metadata.changelog is not None and changelog != metadata.changelog:
        return (
            f"{where}: the changelog was deleted and created again since the last checkpoint (its id was "
            f"{metadata.changelog} and is {changelog}): the states behind the committed offsets are lost. "
            + REMEDY.format(group=group)
        )
    if end < metadata.end:
        return (
            f"{where}: the changelog ends at offset {end}, at the last checkpoint it reached {metadata.end}: states "
            "behind the committed offsets are lost. Restore it, or: " + REMEDY.format(group=group)
        )
    if topic is not None and metadata.topic is not None and topic != metadata.topic:
        return (
            f"{where}: the topic was deleted and created again since the last checkpoint (its id was {metadata.topic} "
            f"and is {topic}): its first records would be skipped in silence. To keep the states and fold the new "
            "topic from its beginning, stop all workers and reset its offsets "
            f"(kafka-consumer-groups --group {group} --topic {where.partition('[')[0]} --reset-offsets --to-earliest "
            "--execute)"
        )
    if partitions is not None and metadata.partitions is not None and partitions != metadata.partitions:
        return (
            f"{where}: the last checkpoint was made with {metadata.partitions} partitions, the topics have "
            f"{partitions}: accounts would be split over two states, and Kafka can't take partitions back. Use a new "
            "kafka.topic_prefix with the new count, replay the old inputs into its topics (heartline replay), and turn "
            "the producers over to them; until then no worker should run"
        )
    return None


async def resume(
    consumer: Any, settings: KafkaSettings, changelog_ends: dict[int, int]
) -> dict[int, tuple[CommittedOffsets, dict[str, int]]]:
    """Where each partition goes on reading: what the last checkpoint committed, else the beginning.

    Args:
        consumer: any that is started.
        settings: how to reach Kafka, and the topics.
        changelog_ends: by partition number, where its changelog ends.

    Returns:
        by partition number, what was committed, and the next offset per input topic.

    Raises:
        EngineError: the topics are not those of the last checkpoint.
        KafkaError: Kafka can't be reached.
    """
    topics = settings.topics
    tps = [TopicPartition(topic, number) for topic in topics.sources for number in changelog_ends]
    found = await committed_metadata(settings, tps)
    ids = await topic_ids(settings, [*topics.sources, topics.changelog])
    first = await consumer.beginning_offsets(tps)
    end = await consumer.end_offsets(tps)
    resumed = {
        number: (CommittedOffsets(settings.partitions, topic_ids=ids), dict[str, int]()) for number in changelog_ends
    }
    for tp in tps:
        committed, next_offsets = resumed[tp.partition]
        offset, metadata = found.get(tp, (None, None))
        if metadata is not None:
            where = f"{tp.topic}[{tp.partition}]"
            changelog, group = ids.get(topics.changelog), settings.installation
            problem = validate(
                where, metadata, ids.get(tp.topic), changelog, changelog_ends[tp.partition], group, settings.partitions
            )
            if problem is not None:
                raise EngineError(problem)
            committed.changelog_end = max(committed.changelog_end, metadata.end)
        next_offsets[tp.topic] = resume_offset(tp, offset, first[tp], end[tp])
        if offset is not None:
            committed.next_offsets[tp.topic] = next_offsets[tp.topic]
    return resumed


def resume_offset(tp: TopicPartition, committed: int | None, first: int, end: int) -> int:
    """Where to go on reading one input partition.

    Raises:
        EngineError: the checkpoint is ahead of the topic, which was therefore deleted or restored from a backup.
    """
    where = f"{tp.topic}[{tp.partition}]"
    if committed is None:
        return first
    if committed > end:
        raise EngineError(
            f"{where}: the last checkpoint stands at offset {committed}, the topic ends at {end}: it was recreated or "
            "restored, and its new records would be skipped in silence. Start over with a new app_id, or reset the "
            "offsets of the consumer group if the states may keep what they have"
        )
    if committed < first:
        log.error(
            "records were deleted before they were folded and are lost to the states; going on behind them. Give the "
            "topic a longer retention than the worker's longest outage",
            topic=tp.topic,
            partition=tp.partition,
            offset=committed,
            next_offset=first,
        )
        return first
    return committed


async def committed_offsets(settings: KafkaSettings, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """The group's committed offsets; see `committed_metadata`."""
    return {tp: offset for tp, (offset, _) in (await committed_metadata(settings, tps)).items()}


async def committed_metadata(
    settings: KafkaSettings, tps: Sequence[TopicPartition]
) -> dict[TopicPartition, tuple[int, CheckpointMetadata | None]]:
    """The group's committed offsets and the metadata beside them; partitions without an offset are left out.

    Waits while the group's coordinator moves or loads, up to half a minute.

    Raises:
        KafkaError: it can't be reached, or refuses.
    """
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    await admin.start()
    try:
        found = {}
        async for attempt in stamina.retry_context(on=_is_passing, timeout=30.0, attempts=None):
            with attempt:
                found = await admin.list_consumer_group_offsets(settings.installation, partitions=list(tps))
    finally:
        await admin.close()
    return {tp: (meta.offset, decode_metadata(meta.metadata)) for tp, meta in found.items() if meta.offset >= 0}


def _is_passing(error: Exception) -> bool:
    """Whether Kafka calls the error one that time heals."""
    return isinstance(error, KafkaError) and bool(error.retriable)
