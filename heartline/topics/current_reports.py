"""Current reports, read from the `account-health` topic as any consumer would."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consumers.errors import TopicUnreadableError
from consumers.kafka_client import latest_values, partition_count, read_to_end
from stream.config.settings import KafkaSettings
from stream.contracts.errors import BadEvent
from stream.contracts.partitioner import partition_of
from stream.contracts.report import HealthReport, decode_report

_ALIKE_MAX: Final = 5


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


def find_report(kafka: KafkaSettings, account_id: str) -> Found:
    """The current report of one account, from its own partition; all others are read only to find names alike.

    Raises:
        TopicUnreadableError: Kafka can't be reached, the topic is missing, or the report can't be read.
    """
    topic = kafka.topics.health
    count = partition_count(kafka, topic)
    own = partition_of(account_id, count)
    values = {record.key: record.value for record in read_to_end(kafka, topic, [own])}
    if value := values.get(account_id.encode()):
        try:
            return Found(decode_report(value), [], len(values))
        except BadEvent as error:
            raise TopicUnreadableError(f"{topic}[{own}], account {account_id!r}: {error.detail}") from None
    others = [number for number in range(count) if number != own]
    keys = {*values, *(record.key for record in read_to_end(kafka, topic, others))}
    return Found(None, alike(account_id, [key.decode("utf-8", "replace") for key in keys]), len(keys))


def all_reports(kafka: KafkaSettings) -> list[HealthReport]:
    """The current report of every account, in no particular order.

    Raises:
        TopicUnreadableError: Kafka can't be reached, the topic is missing, or a report can't be read.
    """
    topic = kafka.topics.health
    try:
        return [decode_report(value) for value in latest_values(kafka, topic).values()]
    except BadEvent as error:
        raise TopicUnreadableError(f"{topic}: {error.detail}") from None


def alike(wanted: str, known: Sequence[str]) -> list[str]:
    """The known names that look most like the one wanted, the most alike first.

    >>> alike("ridge robotics", ["ridge-robotics", "onyx-foods"])
    ['ridge-robotics']
    """
    by_lower = {name.lower(): name for name in sorted(known)}
    close = difflib.get_close_matches(wanted.lower(), by_lower, n=_ALIKE_MAX, cutoff=0.6)
    within = [name for name in by_lower if wanted.lower() in name and name not in close]
    return [by_lower[name] for name in [*close, *within][:_ALIKE_MAX]]
