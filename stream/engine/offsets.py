"""Where to go on reading the inputs: the last checkpoint's offsets, if its topics are the same still.

Invariant: nothing is read of topics that are not those of the last checkpoint.
"""

import logging
from collections.abc import Sequence
from typing import Any

import stamina
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream.config.settings import KafkaSettings
from stream.contracts.errors import EngineError
from stream.engine.connection import client_arguments
from stream.engine.mark import Mark, contradiction, read_mark
from stream.engine.owned import Owned
from stream.engine.partition import S
from stream.engine.topic_ids import topic_ids

logger = logging.getLogger(__name__)


async def resume_offsets(consumer: Any, settings: KafkaSettings, fenced: Sequence[Owned[S]]) -> None:
    """Next offsets: what the last checkpoint committed, if its topics are the same still, else the beginning."""
    topics = settings.topics
    numbers = [owned.number for owned in fenced]
    tps = [TopicPartition(topic, number) for topic in topics.sources for number in numbers]
    found = await committed_marks(settings, tps)
    ids = await topic_ids(settings, [*topics.sources, topics.changelog])
    committed = {tp: offset for tp, (offset, _) in found.items()}
    first = await consumer.beginning_offsets(tps)
    end = await consumer.end_offsets(tps)
    by_number = {owned.number: owned for owned in fenced}
    for tp in tps:
        owned = by_number[tp.partition]
        owned.topic_ids = ids
        mark = found[tp][1] if tp in found else None
        if mark is not None:
            _compare(settings, tp, mark, owned)
            owned.changelog_saved = max(owned.changelog_saved, mark.end)
        offset = resume_offset(tp, committed.get(tp), first[tp], end[tp])
        owned.partition.next_offsets[tp.topic] = offset
        if tp in committed:
            owned.committed[tp.topic] = offset


def _compare(settings: KafkaSettings, tp: TopicPartition, mark: Mark, owned: Owned[S]) -> None:
    """Refuse topics that are not those of the last checkpoint.

    Raises:
        EngineError: the input topic or the changelog was created again, or the changelog is shorter than it was.
    """
    ids = owned.topic_ids
    changelog = ids.get(settings.topics.changelog)
    where = f"{tp.topic}[{tp.partition}]"
    problem = contradiction(where, mark, ids.get(tp.topic), changelog, owned.changelog_end, settings.app_id)
    if problem is not None:
        raise EngineError(problem)


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
        logger.error(
            "%s: the records @%d to before @%d were deleted before they were folded and are lost to the states; going "
            "on from there. Give the topic a longer retention than the worker's longest outage",
            where,
            committed,
            first,
        )
        return first
    return committed


async def committed_offsets(settings: KafkaSettings, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """The group's committed offsets; see `committed_marks`."""
    return {tp: offset for tp, (offset, _) in (await committed_marks(settings, tps)).items()}


async def committed_marks(
    settings: KafkaSettings, tps: Sequence[TopicPartition]
) -> dict[TopicPartition, tuple[int, Mark | None]]:
    """The group's committed offsets and the marks beside them; partitions without an offset are left out.

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
                found = await admin.list_consumer_group_offsets(settings.app_id, partitions=list(tps))
    finally:
        await admin.close()
    return {tp: (meta.offset, read_mark(meta.metadata)) for tp, meta in found.items() if meta.offset >= 0}


def _is_passing(error: Exception) -> bool:
    """Whether Kafka calls the error one that time heals."""
    return isinstance(error, KafkaError) and bool(error.retriable)
