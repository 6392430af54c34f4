"""Current reports, read from the `account-health` topic as any consumer would."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from msgspec import DecodeError, Struct, json

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
        alike: ids, with names, that look like what was asked for; empty when it was found.
        accounts: how many accounts were seen on the way.
    """

    report: HealthReport | None
    alike: list[str]
    accounts: int


class _NamedProfile(Struct):
    name: str | None = None


class _Named(Struct):
    """What a search by name reads of a report."""

    account_id: str
    profile: _NamedProfile

    @property
    def name(self) -> str:
        """What people call the account."""
        return self.profile.name or self.account_id


_NAMED: Final = json.Decoder(_Named)


def find_report(kafka: KafkaSettings, wanted: str) -> Found:
    """The current report of one account, by its id or else by its name.

    By id only the account's own partition is read. A name counts whole, in any case, and else as a part of a name that
    no other account shares.

    Raises:
        TopicUnreadableError: Kafka can't be reached, the topic is missing, or the report can't be read.
    """
    topic = kafka.topics.health
    count = partition_count(kafka, topic)
    own = partition_of(wanted, count)
    values = {record.key: record.value for record in read_to_end(kafka, topic, [own])}
    if value := values.get(wanted.encode("utf-8", "replace")):
        return Found(_decoded(topic, value), [], len(values))
    others = [number for number in range(count) if number != own]
    values |= {record.key: record.value for record in read_to_end(kafka, topic, others)}
    named = {key: name for key, value in values.items() if value and (name := _name_of(value)) is not None}
    if (key := only_named(wanted, named)) is not None:
        return Found(_decoded(topic, values[key]), [], len(named))
    known = {known.account_id: known.name for known in named.values()}
    return Found(None, alike(wanted, known), len(named))


def only_named(wanted: str, named: Mapping[bytes, _Named]) -> bytes | None:
    """The key of the one account of that name, or else of the one whose name or id holds it; None when there are more.

    >>> names = {"a1": "Acme", "a2": "Acme Labs"}
    >>> accounts = {key.encode(): _Named(key, _NamedProfile(name)) for key, name in names.items()}
    >>> only_named("acme", accounts), only_named("labs", accounts), only_named("ac", accounts)
    (b'a1', b'a2', None)
    """
    folded = wanted.casefold()
    for matches in (lambda one: one.name.casefold() == folded, lambda one: folded in _folded(one)):
        found = [key for key, one in named.items() if matches(one)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _folded(one: _Named) -> str:
    return f"{one.account_id}\n{one.name}".casefold()


def _name_of(value: bytes) -> _Named | None:
    try:
        return _NAMED.decode(value)
    except DecodeError:
        return None


def _decoded(topic: str, value: bytes) -> HealthReport:
    try:
        return decode_report(value)
    except BadEvent as error:
        raise TopicUnreadableError(f"{topic}: {error.detail}") from None


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


def alike(wanted: str, known: Mapping[str, str]) -> list[str]:
    """The accounts whose id or name looks most like what is wanted, the most alike first.

    Args:
        wanted: an id or a name.
        known: id to name.

    >>> alike("ridge robotics", {"ridge-robotics": "ridge-robotics"}), alike("onyxfoods", {"a7": "Onyx Foods"})
    (['ridge-robotics'], ['a7 (Onyx Foods)'])
    """
    by_text: dict[str, str] = {}
    for account_id, name in sorted(known.items()):
        shown = account_id if name == account_id else f"{account_id} ({name})"
        by_text.setdefault(account_id.casefold(), shown)
        by_text.setdefault(name.casefold(), shown)
    close = difflib.get_close_matches(wanted.casefold(), by_text, n=_ALIKE_MAX, cutoff=0.6)
    within = [text for text in by_text if wanted.casefold() in text]
    return list(dict.fromkeys(by_text[text] for text in [*within, *close]))[:_ALIKE_MAX]
