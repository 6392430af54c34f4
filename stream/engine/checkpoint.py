"""One transaction per partition group: the states that changed, the outputs they justify, the offsets behind both.

Invariant: what a committed checkpoint holds is one moment of the partition. The snapshot is taken without an await
between its last state and its offsets, and all of it becomes visible together or not at all.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from aiokafka import TopicPartition

from stream.engine.partition import Output, Partition, S
from stream.engine.work import Work

ENCODE_SLICE: Final = 500
ENCODE_ROUNDS_MAX: Final = 1000
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
        oldest_ms: Kafka timestamp of the oldest record that was judged for the first time here; None: no new one.
        oversized: accounts whose state no longer fits into a record; their last smaller state stays in the changelog.
    """

    states: dict[str, bytes | None]
    outputs: list[Output]
    offsets: dict[str, int]
    oldest_ms: int | None
    oversized: list[str]

    def is_news(self, committed: dict[str, int]) -> bool:
        """Whether there is anything that the last checkpoint did not hold."""
        return bool(self.states) or bool(self.outputs) or self.offsets != committed


async def take(work: Work[S], partition: Partition[S]) -> Snapshot:
    """Judge and encode in slices that leave the loop free, then close the snapshot in one go.

    Events may be folded between the slices: what they touch is judged and encoded again at the end, so that the
    snapshot never holds a state without the health that it justifies.
    """
    oldest_ms = partition.oldest_unjudged_ms
    judged = dict(partition.next_offsets)
    for _ in work.judge(partition):
        await asyncio.sleep(0)
    states: dict[str, bytes | None] = {}
    for _ in range(ENCODE_ROUNDS_MAX):
        if len(partition.dirty) <= ENCODE_SLICE:
            break
        _encode(work, partition, islice(partition.dirty, ENCODE_SLICE), states)
        await asyncio.sleep(0)
    # No await from here on.
    if partition.next_offsets != judged:
        oldest_ms = partition.oldest_unjudged_ms if oldest_ms is None else oldest_ms
        for _ in work.judge(partition):
            pass
    _encode(work, partition, partition.dirty, states)
    oversized = [key for key, value in states.items() if value is not None and len(value) > STATE_BYTES_MAX]
    for key in oversized:
        del states[key]
    outputs, partition.outputs = partition.outputs, []
    return Snapshot(states, outputs, dict(partition.next_offsets), oldest_ms, oversized)


def _encode(work: Work[S], partition: Partition[S], keys: Iterable[str], into: dict[str, bytes | None]) -> None:
    """Encode these accounts as they are now; whoever is folded later becomes dirty again and is encoded again."""
    chosen = list(keys)
    for key in chosen:
        state = partition.states.get(key)
        into[key] = None if state is None else work.encode(state)
    partition.dirty.difference_update(chosen)


async def publish(producer: Any, changelog: str, number: int, group: str, snapshot: Snapshot) -> None:
    """Write a snapshot in one transaction; returns when the broker has accepted its commit.

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
    await asyncio.gather(*deliveries)
    offsets = {TopicPartition(topic, number): offset for topic, offset in snapshot.offsets.items()}
    await producer.send_offsets_to_transaction(offsets, group)
    await producer.commit_transaction()


async def _send(producer: Any, topic: str, partition: int, entries: list[Entry]) -> None:
    """Send the entries in batches and wait until each is acknowledged."""
    acknowledgements = []
    batch = producer.create_batch()
    for key, value in entries:
        if batch.append(key=key, value=value, timestamp=None) is None:
            acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*acknowledgements)
