"""Current reports, read from the `account-health` topic as any consumer would: committed records only."""

import asyncio
import difflib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream.config.settings import KafkaSettings
from stream.contracts.errors import BadEvent, HeartlineError
from stream.contracts.partitioner import partition_of
from stream.contracts.report import HealthReport, decode_report
from stream.engine.connection import client_arguments

_ALIKE_MAX: Final = 5
_POLL_MS: Final = 500
_STALLED_SECONDS: Final = 20.0


class TopicError(HeartlineError):
    """The health topic can't be read."""


@dataclass(frozen=True)
class Found:
    """What a search for one account found.

    Attributes:
        report: its current report; None when it has none.
        alike: ids that look like the one asked for; empty when it was found.
        accounts: how many accounts were seen on the way.
    """

    report: HealthReport | None
    alike: list[str]
    accounts: int


async def find_report(kafka: KafkaSettings, account_id: str) -> Found:
    """The current report of one account, from its own partition; all others are read only to find names alike.

    Raises:
        TopicError: Kafka can't be reached, or the topic is missing.
    """
    topic = kafka.topics.health
    consumer = AIOKafkaConsumer(
        **client_arguments(kafka), isolation_level="read_committed", auto_offset_reset="earliest"
    )
    try:
        count = await partition_count(kafka, topic)
        await consumer.start()
        own = partition_of(account_id, count)
        key, value, keys = account_id.encode(), None, set[bytes]()
        async for record_key, record_value in to_the_end(consumer, topic, [own]):
            keys.add(record_key)
            if record_key == key:
                value = record_value
        if value is not None:
            return Found(decode_report(value), [], len(keys))
        async for record_key, _ in to_the_end(consumer, topic, [number for number in range(count) if number != own]):
            keys.add(record_key)
    except BadEvent as error:
        raise TopicError(f"{topic}[{own}], account {account_id!r}: {error.detail}") from None
    except KafkaError as error:
        raise TopicError(f"Kafka at {kafka.bootstrap_servers} can't be read: {error}") from None
    finally:
        await consumer.stop()
    return Found(None, alike(account_id, [key.decode("utf-8", "replace") for key in keys]), len(keys))


async def all_reports(kafka: KafkaSettings) -> list[HealthReport]:
    """The current report of every account, in no particular order.

    Raises:
        TopicError: Kafka can't be reached, the topic is missing, or a report can't be read.
    """
    topic = kafka.topics.health
    try:
        return [decode_report(value) for value in (await latest_values(kafka, topic)).values()]
    except BadEvent as error:
        raise TopicError(f"{topic}: {error.detail}") from None


async def latest_values(kafka: KafkaSettings, topic: str) -> dict[bytes, bytes]:
    """The last committed value of each key of a compacted topic; without keys that were deleted.

    Raises:
        TopicError: Kafka can't be reached, or the topic is missing.
    """
    consumer = AIOKafkaConsumer(
        **client_arguments(kafka), isolation_level="read_committed", auto_offset_reset="earliest"
    )
    values: dict[bytes, bytes | None] = {}
    try:
        count = await partition_count(kafka, topic)
        await consumer.start()
        async for key, value in to_the_end(consumer, topic, range(count)):
            values[key] = value
    except KafkaError as error:
        raise TopicError(f"Kafka at {kafka.bootstrap_servers} can't be read: {error}") from None
    finally:
        await consumer.stop()
    return {key: value for key, value in values.items() if value is not None}


def alike(wanted: str, known: Sequence[str]) -> list[str]:
    """The known names that look most like the one wanted, the most alike first.

    >>> alike("ridge robotics", ["ridge-robotics", "onyx-foods"])
    ['ridge-robotics']
    """
    by_lower = {name.lower(): name for name in sorted(known)}
    close = difflib.get_close_matches(wanted.lower(), by_lower, n=_ALIKE_MAX, cutoff=0.6)
    within = [name for name in by_lower if wanted.lower() in name and name not in close]
    return [by_lower[name] for name in [*close, *within][:_ALIKE_MAX]]


async def partition_count(kafka: KafkaSettings, topic: str) -> int:
    """How many partitions a topic has.

    Raises:
        TopicError: it is missing.
    """
    admin = AIOKafkaAdminClient(**client_arguments(kafka))
    try:
        await admin.start()
        described = await admin.describe_topics([topic])
    finally:
        await admin.close()
    count = len(described[0]["partitions"]) if described else 0
    if count == 0:
        where = f"Kafka at {kafka.bootstrap_servers}"
        raise TopicError(f"{where} has no topic {topic}; the worker makes it when it first starts")
    return count


async def to_the_end(
    consumer: AIOKafkaConsumer, topic: str, numbers: Sequence[int]
) -> AsyncIterator[tuple[bytes, bytes | None]]:
    """Key and value of every record that is there now, from the beginning.

    Raises:
        TopicError: the broker stops answering, or a transaction has been open for too long to see its end.
    """
    places = [TopicPartition(topic, number) for number in numbers]
    if not places:
        return
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    ends = await consumer.end_offsets(places)
    moved = asyncio.get_running_loop().time()
    while [place for place in places if await consumer.position(place) < ends[place]]:
        batches = await consumer.getmany(timeout_ms=_POLL_MS)
        now = asyncio.get_running_loop().time()
        if batches:
            moved = now
        elif now - moved > _STALLED_SECONDS:
            raise TopicError(f"{topic}: nothing new for {_STALLED_SECONDS:g} s, and its end is not reached")
        for records in batches.values():
            for record in records:
                yield record.key, record.value
