"""Accounts in quarantine: which there are, and their release together with the events that were held meanwhile."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aiokafka
import msgspec

from consumers.errors import TopicUnreadableError
from consumers.kafka_client import latest_values, partition_count, read_to_end
from stream.config.logs import get_logger
from stream.config.settings import KafkaSettings
from stream.contracts.dead_letters import DeadLetter, read_dead_letter
from stream.contracts.partitioner import partition_of
from stream.contracts.quarantine import QUARANTINED, QuarantineEntry, decode_entry
from stream.engine.connection import client_arguments
from stream.worker.repartition import FORGET, RELEASE, RepartitionedRecord, repartition

log = get_logger(__name__)

# What tells a held event from other dead letters before anything is decoded.
_HELD = re.compile(rb'"reason"\s*:\s*"%s"' % QUARANTINED.encode())


@dataclass(frozen=True)
class Released:
    """What became of one account's release.

    Attributes:
        account_id: whose.
        events: how many held events follow it.
        cut: how many can't: they were too large to be kept whole.
    """

    account_id: str
    events: int
    cut: int


def quarantined(kafka: KafkaSettings) -> list[QuarantineEntry]:
    """The accounts in quarantine, the longest first.

    Raises:
        TopicUnreadableError: Kafka can't be reached, or the topic is missing: no worker has run yet.
    """
    entries = []
    for key, value in latest_values(kafka, kafka.topics.quarantine).items():
        try:
            entries.append(decode_entry(value))
        except msgspec.MsgspecError as error:
            log.warning("left out what is no entry", topic=kafka.topics.quarantine, key=key[:80], error=str(error))
    return sorted(entries, key=lambda entry: entry.since_ms)


def held_events(kafka: KafkaSettings, entries: Sequence[QuarantineEntry]) -> dict[str, list[DeadLetter]]:
    """By account, the events that were held since it came into quarantine, in the order in which they came.

    Raises:
        TopicUnreadableError: Kafka can't be reached.
    """
    since = {entry.account_id: entry.since_ms for entry in entries}
    held: dict[str, list[DeadLetter]] = {account_id: [] for account_id in since}
    for record in read_to_end(kafka, kafka.topics.dead_letters):
        if record.value is None or _HELD.search(record.value) is None:
            continue
        try:
            letter = read_dead_letter(record.value)
        except msgspec.MsgspecError:
            continue
        account_id = letter.account_id
        if letter.reason == QUARANTINED and account_id in since and record.timestamp >= since[account_id]:
            held[account_id].append(letter)
    return held


async def release(kafka: KafkaSettings, entries: Sequence[QuarantineEntry], *, forget: bool) -> list[Released]:
    """Let the worker fold and evaluate these accounts again, each with its held events, in a transaction of its own.

    Args:
        kafka: where.
        entries: the accounts.
        forget: whether the worker forgets their states: they begin anew, with the held events.

    Raises:
        TopicUnreadableError: Kafka can't be reached, or is without the topics.
    """
    topic = kafka.topics.repartition
    count = partition_count(kafka, topic)
    held = held_events(kafka, entries)
    producer = aiokafka.AIOKafkaProducer(
        **client_arguments(kafka), transactional_id=f"{kafka.installation}-quarantine-release", max_request_size=2 << 20
    )
    released = []
    try:
        await producer.start()
        for entry in entries:
            letters = held[entry.account_id]
            whole = [letter for letter in letters if len(letter.value or b"") == letter.value_bytes]
            async with producer.transaction():
                for record in _records(entry.account_id, whole, forget=forget):
                    output = repartition(topic, record, entry.account_id, partition_of(entry.account_id, count))
                    await producer.send_and_wait(topic, output.value, key=output.key, partition=output.partition)
            released.append(Released(entry.account_id, len(whole), len(letters) - len(whole)))
    except aiokafka.errors.KafkaError as error:
        raise TopicUnreadableError(f"{topic}: the release can't be written: {error}; nothing of it counts") from None
    finally:
        await producer.stop()
    return released


def _records(account_id: str, letters: Sequence[DeadLetter], *, forget: bool) -> Iterator[RepartitionedRecord]:
    """The release, then the events as they arrived."""
    yield RepartitionedRecord(FORGET if forget else RELEASE, 0, 0, 0, account_id.encode(), None)
    for letter in letters:
        yield RepartitionedRecord(
            letter.topic, letter.partition, letter.offset, letter.timestamp_ms, letter.key, letter.value, account_id
        )
