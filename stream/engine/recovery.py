"""The changelog back into the partitions' states, in bulk and by position, after the fence.

Where there is a state store, only what came after it is read.

Invariant: when it returns, states and next offsets are those of the last committed checkpoint. The fence came
before, so no other worker can add to the changelog, and no transaction of a predecessor is still open. However long
the changelog is, memory holds a part of it at once where there is a store.
"""

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import aiokafka
from aiokafka import TopicPartition

from stream.config.logs import get_logger
from stream.config.settings import KafkaSettings, Settings
from stream.contracts.errors import EngineError
from stream.engine.committed_offsets import resume
from stream.engine.connection import client_arguments
from stream.engine.partition_assignment import PartitionAssignment
from stream.engine.state_cache import restore

log = get_logger(__name__)

FETCH_BYTES_MAX: Final = 8 << 20
PROGRESS_SECONDS: Final = 2.0
SILENCE_SECONDS: Final = 60.0
# States that are read from the changelog go to the store and the partition in batches of so many bytes.
BATCH_BYTES: Final = 4 << 20
# What a state costs in a batch, beside its bytes.
STATE_BYTES: Final = 200
RESTORE_SLICE: Final = 1000


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


async def recover(settings: Settings, fenced: Sequence[PartitionAssignment], hot_max: int) -> int:
    """Fill the states and next offsets of these partitions; returns how many changelog records were read.

    Args:
        settings: the worker's.
        fenced: the partitions, each with the end of its changelog.
        hot_max: how many states of each may be hot.

    Raises:
        EngineError: the changelog stays silent before its end, or the offsets contradict the topics.
        KafkaError: the broker can't be reached.
    """
    changelog = settings.kafka.topics.changelog
    consumer = _reader(settings.kafka)
    await consumer.start()
    try:
        ends = {assigned.number: assigned.changelog_end for assigned in fenced}
        resumed = await resume(consumer, settings.kafka, ends)
        with gc_paused():
            now_ms = int(time.time() * 1000)
            for assigned in fenced:
                assigned.committed, assigned.partition.next_offsets = resumed[assigned.number]
                changelog_id = assigned.committed.topic_ids.get(changelog)
                await assigned.store.open(settings, changelog_id, assigned.changelog_end, now_ms)
            return await _replay(consumer, changelog, fenced, hot_max)
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


class ChangelogReplay:
    """The records of one changelog partition from where its state store ends.

    Args:
        assigned: the partition.
    """

    def __init__(self, assigned: PartitionAssignment) -> None:
        self._assigned = assigned
        self._batch: dict[str, bytes | None] = {}
        self._bytes = 0
        self._keys: dict[str, None] = {}

    @property
    def start(self) -> int:
        """The offset from which to read; 0: the beginning."""
        return self._assigned.store.loaded_offset

    @property
    def end(self) -> int:
        """The offset before which to stop."""
        return self._assigned.changelog_end

    async def add(self, records: Iterable[Any]) -> None:
        """Take records in the order of the changelog; of each key the last one counts."""
        batch = [(record.key.decode(), record.value) for record in records]
        self._batch.update(batch)
        self._bytes += sum([len(value or b"") for _, value in batch]) + STATE_BYTES * len(batch)
        if self._bytes >= BATCH_BYTES:
            await self._flush()

    async def _flush(self) -> None:
        """What has been read since the last time, into the store and the cold states."""
        batch, self._batch, self._bytes = self._batch, {}, 0
        if not batch:
            return
        locations = await self._assigned.store.append_replayed(batch)
        cold = self._assigned.partition.cold
        for key, value in batch.items():
            if value is None:
                cold.pop(key, None)
            else:
                cold[key] = locations.get(key, value)
        self._keys.update(dict.fromkeys(batch))

    async def finish(self, hot_max: int) -> None:
        """All of it has been read: restore the states, in slices.

        Args:
            hot_max: how many may be hot.
        """
        await self._flush()
        partition, keys = self._assigned.partition, self._keys
        partition.discard_pending(keys)
        for count, key in enumerate(keys, 1):
            restore(partition, key, hot_max)
            if count % RESTORE_SLICE == 0:
                await asyncio.sleep(0)
        await self._assigned.store.finish_replay(self.end, int(time.time() * 1000))


async def _replay(consumer: Any, changelog: str, fenced: Sequence[PartitionAssignment], hot_max: int) -> int:
    """Read each changelog from where the state store ends to its own end; the last value per key counts."""
    replays = {TopicPartition(changelog, assigned.number): ChangelogReplay(assigned) for assigned in fenced}
    todo = {tp: replay for tp, replay in replays.items() if replay.start < replay.end}
    if not todo:
        return 0
    consumer.assign(list(todo))
    for tp, replay in todo.items():
        if replay.start:
            consumer.seek(tp, replay.start)
        else:
            await consumer.seek_to_beginning(tp)
    records, most = 0, sum(replay.end - replay.start for replay in todo.values())
    logged = heard = time.monotonic()
    while todo:
        for tp, chunk in (await consumer.getmany(timeout_ms=200)).items():
            heard = time.monotonic()
            await todo[tp].add(chunk)
            records += len(chunk)
        for tp, replay in list(todo.items()):
            # By position: the last offsets of a changelog are markers of transactions, no record reaches them.
            if await consumer.position(tp) >= replay.end:
                del todo[tp]
                await replay.finish(hot_max)
                heard = time.monotonic()
        now = time.monotonic()
        if now - heard > SILENCE_SECONDS:
            stuck = ", ".join(f"{tp.topic}[{tp.partition}] before @{replay.end}" for tp, replay in todo.items())
            raise EngineError(f"changelog silent for {SILENCE_SECONDS:.0f} s: {stuck}; check the broker")
        if now - logged > PROGRESS_SECONDS:
            logged = now
            log.info(
                "recovering: %d changelog records read of at most %d, %d partitions to go", records, most, len(todo)
            )
    return records
