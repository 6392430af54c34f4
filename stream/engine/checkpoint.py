"""One transaction per partition group: the states that changed, the outputs they justify, the offsets behind both.

Invariant: what a committed checkpoint holds is one moment of the partition. Nothing is folded while it is taken, and
all of it becomes visible together or not at all.
"""

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import TopicPartition

from stream.engine.committed_offsets import CommittedOffsets
from stream.engine.partition import Output, Partition
from stream.engine.processor import Processor
from stream.engine.state_cache import evict, touch

ENCODE_SLICE: Final = 50  # some 3 ms
# One record of the changelog may have 8 MiB with its overhead; see the topic's max.message.bytes.
STATE_BYTES_MAX: Final = (8 << 20) - (64 << 10)

Entry = tuple[bytes | None, bytes | None]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One moment of a partition, encoded.

    Attributes:
        states: changelog records: key to the encoded state, None when the state is gone.
        outputs: records for other topics, in order.
        offsets: the next offset of every input topic.
        oldest_ms: Kafka timestamp of the record that waited longest for the evaluations made here; None: none did.
        oversized: keys whose state no longer fits into a record; their last smaller state stays in the changelog.
        pending: keys among `states` whose states are pending.
        watermark_ms: the partition's.
        erases: whether former bytes of one of these states must leave the state store.
    """

    states: dict[str, bytes | None]
    outputs: list[Output]
    offsets: dict[str, int]
    oldest_ms: int | None
    oversized: list[str]
    pending: list[str] = field(default_factory=list)
    watermark_ms: int | None = None
    erases: bool = False

    def differs_from(self, committed: dict[str, int]) -> bool:
        """Whether there is anything that the last checkpoint, with these offsets, did not hold."""
        return bool(self.states) or bool(self.outputs) or self.offsets != committed


async def take_checkpoint(
    processor: Processor[Any], partition: Partition[Any], evaluation_seconds: float, hot_max: int = sys.maxsize
) -> Checkpoint:
    """Evaluate what the time allows and encode one moment of the partition, in slices that leave the loop free.

    Nothing may be folded into the partition meanwhile: the caller sees to it. So the states, the reports that they
    justify and the offsets belong together.

    Args:
        processor: evaluates.
        partition: the partition.
        evaluation_seconds: after that much evaluation the rest waits for the next checkpoint.
        hot_max: how many states stay hot.
    """
    partition.take_oldest_pending_ms()
    await _evaluate(processor, partition, evaluation_seconds)
    oldest_ms = partition.take_oldest_pending_ms()
    dirty, partition.dirty = list(partition.dirty), set()
    states: dict[str, bytes | None] = {}
    pending: list[str] = []
    unsaved: list[str] = []
    for count, key in enumerate(dirty, 1):
        state = partition.states.get(key)
        if state is None:
            states[key] = None
        else:
            try:
                states[key] = partition.encode(state)
            except Exception as error:
                partition.quarantine(key, "encode", error)
                unsaved.append(key)
                continue
            touch(partition, key, state, hot_max)
            if partition.is_pending(state):
                pending.append(key)
        if count % ENCODE_SLICE == 0:
            await asyncio.sleep(0)
    oversized = [key for key, value in states.items() if value is not None and len(value) > STATE_BYTES_MAX]
    for key in oversized:
        del states[key]
    partition.dirty.update(unsaved)  # so that it stays hot: there are no bytes of it
    await evict(partition, hot_max, states)
    outputs, partition.outputs = partition.outputs, []
    erases, partition.erased = partition.erased, False
    return Checkpoint(
        states, outputs, dict(partition.next_offsets), oldest_ms, oversized, pending, partition.watermark_ms, erases
    )


async def _evaluate(processor: Processor[Any], partition: Partition[Any], seconds: float) -> None:
    """Evaluate for so long, at least one slice."""
    spent = 0.0
    slices = processor.evaluate(partition)
    while spent < seconds:
        started = time.perf_counter()
        finished = next(slices, True)
        spent += time.perf_counter() - started
        if finished:
            break
        await asyncio.sleep(0)


async def commit(
    producer: Any, changelog: str, number: int, group: str, checkpoint: Checkpoint, committed: CommittedOffsets
) -> None:
    """Write a checkpoint in one transaction; returns when the broker has accepted its commit.

    Args:
        producer: the partition's own.
        changelog: the topic of the states.
        number: the partition.
        group: the consumer group.
        checkpoint: what to write.
        committed: what the partition's last checkpoint committed; afterwards, what this one did.

    Raises:
        KafkaError: the outcome is unknown or the worker is fenced. Either way the process must not go on.
    """
    await producer.begin_transaction()
    queues: dict[tuple[str, int], list[Entry]] = {}
    if checkpoint.states:
        queues[changelog, number] = [(key.encode(), value) for key, value in checkpoint.states.items()]
    for output in checkpoint.outputs:
        where = (output.topic, number if output.partition is None else output.partition)
        queues.setdefault(where, []).append((output.key, output.value))
    deliveries = [_send(producer, topic, partition, entries) for (topic, partition), entries in queues.items()]
    ends = dict(zip(queues, await asyncio.gather(*deliveries), strict=True))
    committed.changelog_end = max(committed.changelog_end, ends.get((changelog, number), 0))
    offsets = {
        TopicPartition(topic, number): (offset, committed.metadata(topic, changelog))
        for topic, offset in checkpoint.offsets.items()
    }
    await producer.send_offsets_to_transaction(offsets, group)
    await producer.commit_transaction()
    committed.next_offsets = checkpoint.offsets


async def _send(producer: Any, topic: str, partition: int, entries: list[Entry]) -> int:
    """Send the entries in batches, each acknowledged; returns the offset after the last one."""
    acknowledgements, counts = [], []
    batch = producer.create_batch()
    for key, value in entries:
        if batch.append(key=key, value=value, timestamp=None) is None:
            counts.append(batch.record_count())
            acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    counts.append(batch.record_count())
    acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
    written = await asyncio.gather(*acknowledgements)
    return max(int(first.offset + count) for first, count in zip(written, counts, strict=True))
