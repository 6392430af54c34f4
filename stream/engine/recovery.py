"""The changelog back into hot state, in bulk and by position, after the fence.

Invariant: when it returns, states and next offsets are those of the last committed checkpoint. The fence came
before, so nobody else can add to the changelog, and no transaction of a predecessor is still open.
"""

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import aiokafka
import stamina
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream.engine.connection import client_arguments
from stream.engine.mark import Mark, contradiction, read_mark
from stream.engine.owned import Owned
from stream.engine.partition import S
from stream.engine.topic_ids import topic_ids
from stream.engine.work import Work
from stream.errors import EngineError
from stream.settings import KafkaSettings

logger = logging.getLogger(__name__)

FETCH_BYTES_MAX: Final = 8 << 20
DECODE_SLICE: Final = 1000
PROGRESS_SECONDS: Final = 2.0
SILENCE_SECONDS: Final = 60.0


async def changelog_ends(settings: KafkaSettings, numbers: Sequence[int]) -> dict[int, int]:
    """The committed end of each changelog partition; read it after the fence."""
    changelog = settings.topics.changelog
    consumer = _reader(settings)
    await consumer.start()
    try:
        ends = await consumer.end_offsets([TopicPartition(changelog, number) for number in numbers])
    finally:
        await consumer.stop()
    return {tp.partition: end for tp, end in ends.items()}


async def recover(settings: KafkaSettings, work: Work[S], fenced: Sequence[Owned[S]]) -> int:
    """Fill the states and next offsets of these partitions; returns how many changelog records were read.

    Raises:
        EngineError: the changelog stays silent before its end, or the offsets contradict the topics.
        KafkaError: the broker can't be reached.
    """
    consumer = _reader(settings)
    await consumer.start()
    try:
        await _resume_offsets(consumer, settings, fenced)
        with states_are_no_garbage():
            records = await _read(consumer, settings.topics.changelog, work, fenced)
    finally:
        await consumer.stop()
    for owned in fenced:
        work.restored(owned.partition)
    return records


@contextlib.contextmanager
def states_are_no_garbage() -> Iterator[None]:
    """Keep the garbage collector away while millions of objects are made, and from what was made ever after."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _reader(settings: KafkaSettings) -> Any:
    """A consumer outside of any group that sees committed records only."""
    return aiokafka.AIOKafkaConsumer(
        **client_arguments(settings),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES_MAX,
        fetch_max_wait_ms=100,
    )


async def _read(consumer: Any, changelog: str, work: Work[S], fenced: Sequence[Owned[S]]) -> int:
    """The last value per key of each partition, decoded; a tombstone removes its key."""
    todo = {TopicPartition(changelog, owned.number): owned for owned in fenced if owned.changelog_end > 0}
    raw: dict[TopicPartition, dict[bytes, bytes]] = {tp: {} for tp in todo}
    if not todo:
        return 0
    consumer.assign(list(todo))
    await consumer.seek_to_beginning(*todo)
    records, left = 0, sum(owned.changelog_end for owned in todo.values())
    logged = heard = time.monotonic()
    while todo:
        for tp, chunk in (await consumer.getmany(timeout_ms=200)).items():
            latest, heard = raw[tp], time.monotonic()
            for record in chunk:
                if record.value is None:
                    latest.pop(record.key, None)
                else:
                    latest[record.key] = record.value
            records += len(chunk)
        for tp, owned in list(todo.items()):
            # By position: the last offsets of a changelog are markers of transactions, no record reaches them.
            if await consumer.position(tp) >= owned.changelog_end:
                del todo[tp]
                await _decode(work, owned, raw.pop(tp))
                heard = time.monotonic()
        now = time.monotonic()
        if now - heard > SILENCE_SECONDS:
            stuck = ", ".join(f"{tp.topic}[{tp.partition}] before @{todo[tp].changelog_end}" for tp in todo)
            raise EngineError(f"changelog silent for {SILENCE_SECONDS:.0f} s: {stuck}; check the broker")
        if now - logged > PROGRESS_SECONDS:
            logged = now
            logger.info(
                "recovering: %d changelog records read of at most %d, %d partitions to go", records, left, len(todo)
            )
    return records


async def _decode(work: Work[S], owned: Owned[S], raw: dict[bytes, bytes]) -> None:
    """Bytes to states, in slices."""
    states = owned.partition.states
    for count, (key, value) in enumerate(raw.items(), 1):
        states[key.decode()] = work.decode(value)
        if count % DECODE_SLICE == 0:
            await asyncio.sleep(0)


async def _resume_offsets(consumer: Any, settings: KafkaSettings, fenced: Sequence[Owned[S]]) -> None:
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
