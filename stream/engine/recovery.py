"""The changelog back into the partition's states, in bulk and by position, after the fence.

Where there is a local copy, only what came after it is read.

Invariant: when it returns, states and next offsets are those of the last committed checkpoint. The fence came
before, so nobody else can add to the changelog, and no transaction of a predecessor is still open.
"""

import contextlib
import gc
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import aiokafka
from aiokafka import TopicPartition

from stream.config.settings import KafkaSettings, Settings
from stream.contracts.errors import EngineError
from stream.engine import copies
from stream.engine.connection import client_arguments
from stream.engine.offsets import resume_offsets
from stream.engine.owned import Owned
from stream.engine.partition import S
from stream.engine.tail import Tail
from stream.engine.work import Work

logger = logging.getLogger(__name__)

FETCH_BYTES_MAX: Final = 8 << 20
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


async def recover(settings: Settings, work: Work[S], fenced: Sequence[Owned[S]], hot_max: int) -> int:
    """Fill the states and next offsets of these partitions; returns how many changelog records were read.

    Args:
        settings: the worker's.
        work: decodes states.
        fenced: the partitions, each with the end of its changelog.
        hot_max: how many accounts of each may be hot.

    Raises:
        EngineError: the changelog stays silent before its end, or the offsets contradict the topics.
        KafkaError: the broker can't be reached.
    """
    consumer = _reader(settings.kafka)
    await consumer.start()
    try:
        await resume_offsets(consumer, settings.kafka, fenced)
        with gc_paused():
            now_ms = int(time.time() * 1000)
            for owned in fenced:
                await copies.recall(settings, owned, now_ms)
            return await _read(consumer, settings.kafka.topics.changelog, work, fenced, hot_max)
    finally:
        await consumer.stop()


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
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


async def _read(consumer: Any, changelog: str, work: Work[S], fenced: Sequence[Owned[S]], hot_max: int) -> int:
    """Read each changelog from where the local copy ends to its own end; the last value per account counts."""
    todo = {
        TopicPartition(changelog, owned.number): Tail(owned) for owned in fenced if owned.recalled < owned.changelog_end
    }
    if not todo:
        return 0
    consumer.assign(list(todo))
    for tp, tail in todo.items():
        if tail.owned.recalled:
            consumer.seek(tp, tail.owned.recalled)
        else:
            await consumer.seek_to_beginning(tp)
    records, left = 0, sum(tail.owned.changelog_end - tail.owned.recalled for tail in todo.values())
    logged = heard = time.monotonic()
    while todo:
        for tp, chunk in (await consumer.getmany(timeout_ms=200)).items():
            heard = time.monotonic()
            await todo[tp].add(chunk)
            records += len(chunk)
        for tp, tail in list(todo.items()):
            # By position: the last offsets of a changelog are markers of transactions, no record reaches them.
            if await consumer.position(tp) >= tail.owned.changelog_end:
                del todo[tp]
                await tail.finish(work, hot_max)
                heard = time.monotonic()
        now = time.monotonic()
        if now - heard > SILENCE_SECONDS:
            stuck = ", ".join(f"{tp.topic}[{tp.partition}] before @{todo[tp].owned.changelog_end}" for tp in todo)
            raise EngineError(f"changelog silent for {SILENCE_SECONDS:.0f} s: {stuck}; check the broker")
        if now - logged > PROGRESS_SECONDS:
            logged = now
            logger.info(
                "recovering: %d changelog records read of at most %d, %d partitions to go", records, left, len(todo)
            )
    return records
