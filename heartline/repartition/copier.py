"""One partition's records into another topic, each to its account's partition, exactly once however often it is killed.

A transaction holds some thousand records and, as the committed offset of the move's own consumer group, how far that
is. The transactional id belongs to the partition that is read, so a run that was thought dead is fenced by the next.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiokafka
import msgspec
from aiokafka import TopicPartition

from alerts.alert_events import owner_of_key
from stream.config.settings import KafkaSettings
from stream.contracts.dead_letters import read_dead_letter
from stream.contracts.errors import BadEvent
from stream.contracts.partitioner import partition_of
from stream.engine.connection import client_arguments
from stream.worker.repartition import decode_repartitioned

RECORDS_A_TRANSACTION: Final = 5_000
FETCH_BYTES: Final = 8 << 20
_envelope: Final = msgspec.msgpack.Encoder()

Progress = Callable[[int], None]


class _Named(msgspec.Struct):
    account_id: str | None = None


@dataclass(frozen=True)
class Rewriter:
    """What becomes of a record on its way.

    Attributes:
        old, new: the installation as it is, and as it will be.
        renamed: by old name of a topic the new one.
        left_out: accounts whose records do not come along.
    """

    old: KafkaSettings
    new: KafkaSettings
    renamed: Mapping[str, str]
    left_out: Collection[str] = ()

    def partition(self, record: Any) -> int:
        """The new partition: its account's, where the key tells; else as near to where it was as can be.

        The worker sends on what lies in another partition than its account's, as it always does.
        """
        if not record.key:
            return int(record.partition % self.new.partitions)
        key = record.key
        if record.topic in (self.old.topics.alerts, self.old.topics.scorecard_reviews):
            key = owner_of_key(key).encode()
        return partition_of(key.decode("utf-8", "surrogateescape"), self.new.partitions)

    def value(self, record: Any) -> bytes | None:
        """Its value, which names topics where a worker has written it."""
        if record.value is None:
            return None
        topics = self.old.topics
        if record.topic == topics.repartition:
            try:
                arrived = decode_repartitioned(record.value)
            except BadEvent:
                return bytes(record.value)
            arrived.topic = self.renamed.get(arrived.topic, arrived.topic)
            return _envelope.encode(arrived)
        if record.topic == topics.dead_letters:
            try:
                letter = read_dead_letter(record.value)
            except msgspec.MsgspecError:
                return bytes(record.value)
            return msgspec.json.encode(
                msgspec.structs.replace(letter, topic=self.renamed.get(letter.topic, letter.topic))
            )
        return bytes(record.value)

    def leaves_out(self, record: Any) -> bool:
        """Whether it is of an account that does not come along."""
        if not self.left_out:
            return False
        key = (record.key or b"").decode(errors="replace")
        if record.topic in (self.old.topics.alerts, self.old.topics.scorecard_reviews):
            key = owner_of_key(record.key or b"")
        if key in self.left_out:
            return True
        try:
            return msgspec.json.decode(record.value or b"{}", type=_Named).account_id in self.left_out
        except (msgspec.DecodeError, RecursionError):
            return False


def move_group(new: KafkaSettings) -> str:
    """The consumer group in whose offsets a move keeps how far it is."""
    return f"{new.installation}-repartition-progress"


async def copy_partition(rewriter: Rewriter, source: TopicPartition, target: str, until: int, moved: Progress) -> None:
    """Copy a partition's records up to an offset, from where the last run was.

    Args:
        rewriter: says what becomes of each.
        source: what is read.
        target: the new topic.
        until: the offset before which to stop.
        moved: called with how many more were copied.

    Raises:
        KafkaError: Kafka can't be reached, or a later run has taken over; nothing is lost by it.
    """
    group = move_group(rewriter.new)
    producer = aiokafka.AIOKafkaProducer(
        **client_arguments(rewriter.new),
        transactional_id=f"{group}-{source.topic}-{source.partition}",
        max_request_size=16 << 20,
        max_batch_size=1 << 20,
        linger_ms=20,
    )
    consumer = aiokafka.AIOKafkaConsumer(
        **client_arguments(rewriter.old),
        group_id=group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    await producer.start()  # the fence: what a run that was killed had begun is settled before its offset is read
    await consumer.start()
    try:
        consumer.assign([source])
        known = await consumer.committed(source)
        if known is None:
            await consumer.seek_to_beginning(source)
        else:
            consumer.seek(source, known)
        while (position := await consumer.position(source)) < until:
            batch = await consumer.getmany(source, timeout_ms=500, max_records=RECORDS_A_TRANSACTION)
            records = [record for record in batch.get(source, ()) if record.offset < until]
            next_offset = min(await consumer.position(source), until)
            if next_offset == position:
                continue
            async with producer.transaction():
                sent = [await _send(producer, rewriter, target, record) for record in records]
                for future in sent:
                    if future is not None:
                        await future
                await producer.send_offsets_to_transaction({source: next_offset}, group)
            moved(next_offset - position)
    finally:
        await consumer.stop()
        await producer.stop()


async def _send(producer: Any, rewriter: Rewriter, target: str, record: Any) -> Any:
    if rewriter.leaves_out(record):
        return None
    return await producer.send(
        target,
        rewriter.value(record),
        key=record.key,
        partition=rewriter.partition(record),
        timestamp_ms=record.timestamp if record.timestamp >= 0 else None,
    )
