"""From records to changes: one batch of the health topic, decoded and judged. Pure; `now_ms` is passed in.

A record that is not a report (poison) is counted and named with its place, and does not stop the others.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from alerts.config import AlertingConfig
from alerts.judge import Judgement, forget, judge
from alerts.lifecycle import Transition
from alerts.model import AccountRecord
from consumers.loop import Record
from consumers.state import Changes
from consumers.telling import Telling
from stream.errors import BadEvent
from stream.report import HealthReport, decode_report

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Incoming:
    """One record of the topic.

    Args:
        account_id: its key.
        report: its value; None when the account was deleted.
        value: the value as it was.
        written_ms: Kafka's timestamp.
    """

    account_id: str
    report: HealthReport | None
    value: bytes | None
    written_ms: int


@dataclass
class Judged:
    """What a batch comes to.

    Args:
        changes: for the store.
        steps: every alert that changed, with the Kafka timestamp of the report behind it.
        outcomes: one of metrics.RECORD_OUTCOMES per record that was not poison.
    """

    changes: Changes
    steps: list[tuple[Transition, int]] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)


def decode(record: Record) -> Incoming:
    """One record as what it says.

    Raises:
        BadEvent: it is not a report of the account that its key names.
    """
    if not record.key:
        raise BadEvent("missing_field", "expected the account_id as the key")
    try:
        account_id = record.key.decode()
    except UnicodeDecodeError:
        raise BadEvent("wrong_type", "expected the account_id in UTF-8 as the key") from None
    if record.value is None:
        return Incoming(account_id, None, None, record.timestamp)
    report = decode_report(record.value)
    if report.account_id != account_id:
        raise BadEvent("misrouted", f"the key is {account_id!r:.80} and the report is of {report.account_id!r:.80}")
    if report.as_of.tzinfo is None:
        raise BadEvent("wrong_type", "expected as_of with a time zone")
    return Incoming(account_id, report, record.value, record.timestamp)


def decode_batch(records: Sequence[Record]) -> tuple[list[Incoming], int]:
    """The records that can be read, in order, and how many can't."""
    incoming, poison = [], 0
    for record in records:
        try:
            incoming.append(decode(record))
        except BadEvent as error:
            poison += 1
            log.error("%s[%d]@%d passed over: %s", record.topic, record.partition, record.offset, error)
    return incoming, poison


def judge_batch(
    incoming: Sequence[Incoming],
    known: Mapping[str, AccountRecord],
    config: AlertingConfig,
    *,
    next_offset: int,
    now_ms: int,
    event_clock: bool,
    telling: Telling,
    partition: int | None = None,
) -> Judged:
    """Judge a batch in order.

    Args:
        incoming: the records.
        known: what is remembered of their accounts.
        config: rules and playbooks.
        next_offset: the offset after the batch.
        now_ms: the wall clock, epoch milliseconds.
        event_clock: decide as of each report's own moment, for a replay of history.
        telling: whom to tell.
        partition: of the health topic, that the records are of.
    """
    judged = Judged(Changes(next_offset))
    changes = judged.changes
    wall = datetime.fromtimestamp(now_ms / 1000, UTC)
    for item in incoming:
        record = changes.records.get(item.account_id, known.get(item.account_id))
        now = _now(item, record, wall) if event_clock else wall
        judgement = _judge_one(item, record, config, now)
        judged.outcomes.append(_outcome(item, judgement))
        if not judgement.is_judged:
            continue  # older than what was judged before
        judgement, told = telling.tell(judgement, item.report, now, now_ms=now_ms, partition=partition)
        changes.records[item.account_id] = judgement.record
        changes.reports[item.account_id] = item.value
        changes.notifications += told
        judged.steps += [(transition, item.written_ms) for transition in judgement.changes]
    return judged


def _judge_one(item: Incoming, record: AccountRecord | None, config: AlertingConfig, now: datetime) -> Judgement:
    if item.report is None:
        return forget(record, now)
    return judge(record, item.report, config.book.choose(item.report.profile), now)


def _now(item: Incoming, record: AccountRecord | None, wall: datetime) -> datetime:
    """The moment on the event clock; a tombstone has none of its own, and takes the account's last."""
    if item.report is not None:
        return item.report.as_of
    return record.judged_as_of if record is not None else wall


def _outcome(item: Incoming, judgement: Judgement) -> str:
    if item.report is None:
        return "deleted"
    return "judged" if judgement.is_judged else "older"
