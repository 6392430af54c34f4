"""One transaction per partition group: the states that changed, the outputs they justify, the offsets behind both.

Invariant: what a committed checkpoint holds is one moment of the partition. Nothing is folded while the snapshot is
taken, and all of it becomes visible together or not at all.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import TopicPartition

from stream.engine.mark import Mark
from stream.engine.partition import Output, Partition, S
from stream.engine.warmth import cool, saved
from stream.engine.work import Work

ENCODE_SLICE: Final = 50  # some 3 ms
# One record of the changelog may have 8 MiB with its overhead; see the topic's max.message.bytes.
STATE_BYTES_MAX: Final = (8 << 20) - (64 << 10)

Entry = tuple[bytes | None, bytes | None]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of a partition, encoded.

    Attributes:
        states: changelog records: account id to the encoded state, None when the account is gone.
        outputs: records for other topics, in order.
        offsets: the next offset of every input topic.
        oldest_ms: Kafka timestamp of the record that waited longest for the evaluations made here; None: none did.
        oversized: accounts whose state no longer fits into a record; their last smaller state stays in the changelog.
        needs_evaluation: accounts among `states` that wait to be evaluated.
        watermark_ms: the partition's.
    """

    states: dict[str, bytes | None]
    outputs: list[Output]
    offsets: dict[str, int]
    oldest_ms: int | None
    oversized: list[str]
    needs_evaluation: list[str] = field(default_factory=list)
    watermark_ms: int | None = None

    def is_news(self, committed: dict[str, int]) -> bool:
        """Whether there is anything that the last checkpoint did not hold."""
        return bool(self.states) or bool(self.outputs) or self.offsets != committed


async def take(
    work: Work[S], partition: Partition[S], evaluation_seconds: float, hot_max: int = sys.maxsize
) -> Snapshot:
    """Evaluate what the time allows and encode one moment of the partition, in slices that leave the loop free.

    Nothing may be folded into the partition meanwhile: the caller sees to it. So the states, the health that they
    justify and the offsets belong together.

    Args:
        work: evaluates and encodes.
        partition: the partition.
        evaluation_seconds: after that much evaluation the rest waits for the next checkpoint.
        hot_max: how many accounts stay hot.
    """
    oldest_ms = await _evaluate(work, partition, evaluation_seconds)
    dirty, partition.dirty = list(partition.dirty), set()
    states: dict[str, bytes | None] = {}
    needs_evaluation = []
    for count, key in enumerate(dirty, 1):
        state = partition.states.get(key)
        if state is None:
            states[key] = None
        else:
            states[key] = work.encode(state)
            saved(partition, key, state, hot_max)
            if work.needs_evaluation(state):
                needs_evaluation.append(key)
        if count % ENCODE_SLICE == 0:
            await asyncio.sleep(0)
    oversized = [key for key, value in states.items() if value is not None and len(value) > STATE_BYTES_MAX]
    for key in oversized:
        del states[key]
    await cool(work, partition, hot_max, states)
    outputs, partition.outputs = partition.outputs, []
    return Snapshot(
        states, outputs, dict(partition.next_offsets), oldest_ms, oversized, needs_evaluation, partition.watermark_ms
    )


async def _evaluate(work: Work[S], partition: Partition[S], seconds: float) -> int | None:
    """Evaluate for so long, at least one slice; returns `Snapshot.oldest_ms`."""
    partition.pending.oldest_ms = None
    spent = 0.0
    slices = work.evaluate(partition)
    while spent < seconds:
        started = time.perf_counter()
        finished = next(slices, True)
        spent += time.perf_counter() - started
        if finished:
            break
        await asyncio.sleep(0)
    return partition.pending.oldest_ms


async def publish(
    producer: Any,
    changelog: str,
    number: int,
    group: str,
    snapshot: Snapshot,
    topic_ids: Mapping[str, str],
    changelog_saved: int,
) -> int:
    """Write a snapshot in one transaction; returns the changelog's end when the broker has accepted its commit.

    Args:
        producer: the partition's own.
        changelog: the topic of the states.
        number: the partition.
        group: the consumer group.
        snapshot: what to write.
        topic_ids: for the mark beside the offsets.
        changelog_saved: the changelog's end, at least, before this checkpoint.

    Raises:
        KafkaError: the outcome is unknown or the worker is fenced. Either way the process must not go on.
    """
    await producer.begin_transaction()
    queues: dict[tuple[str, int], list[Entry]] = {}
    if snapshot.states:
        queues[changelog, number] = [(key.encode(), value) for key, value in snapshot.states.items()]
    for output in snapshot.outputs:
        where = (output.topic, number if output.partition is None else output.partition)
        queues.setdefault(where, []).append((output.key, output.value))
    deliveries = [_send(producer, topic, partition, entries) for (topic, partition), entries in queues.items()]
    ends = dict(zip(queues, await asyncio.gather(*deliveries), strict=True))
    saved = max(changelog_saved, ends.get((changelog, number), 0))
    offsets = {}
    for topic, offset in snapshot.offsets.items():
        mark = Mark(topic_ids.get(topic), topic_ids.get(changelog), saved)
        offsets[TopicPartition(topic, number)] = (offset, mark.encode())
    await producer.send_offsets_to_transaction(offsets, group)
    await producer.commit_transaction()
    return saved


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
