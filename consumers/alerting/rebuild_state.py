"""After Redis was lost: what is remembered of a partition's accounts, made again from the audit log.

The newest step of each alert is its state. Whom a message reached is in the log, too (`delivered`): what was written
and not delivered counts as untold, and is told again with the next report, which the health topic still has, to those
receivers that have not taken it. Reports are read again from the topic's beginning, commands from where the log's last
command was. So nothing is lost, and repeated is only what a receiver took in the moment of the loss.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from alerts.alert_events import AlertEvent, decode_alert_event
from alerts.model import AccountRecord, Alert
from alerts.notify_policy import is_page
from alerts.page_budget import LastPage
from alerts.silences import Silence
from consumers.kafka_client import read_to_end
from stream.config.settings import KafkaSettings
from stream.contracts.errors import BadEvent


@dataclass
class Rebuilt:
    """What the log tells of one partition.

    Args:
        records: every account that ever had an alert.
        silences: by id.
        commands_offset: where alert-commands goes on; None: its beginning.
        erased: by hash of an account's id, the Kafka timestamp of the newest tombstone that erased it.
    """

    records: list[AccountRecord] = field(default_factory=list)
    silences: dict[str, Silence] = field(default_factory=dict)
    commands_offset: int | None = None
    erased: dict[str, int] = field(default_factory=dict)


def rebuild(steps: Iterable[AlertEvent]) -> Rebuilt:
    """Fold the steps of one partition, in the order of the log; repeats change nothing. Pure."""
    newest: dict[str, tuple[int, Alert]] = {}
    delivered: dict[str, set[str]] = {}
    written: dict[str, dict[str, _Message]] = {}
    sequences: dict[str, int] = {}
    found = Rebuilt()
    for step in steps:
        if step.commands_offset is not None:
            found.commands_offset = max(found.commands_offset or 0, step.commands_offset)
        if step.erased_account is not None and step.erased_ms is not None:
            found.erased[step.erased_account] = max(step.erased_ms, found.erased.get(step.erased_account, 0))
        if step.silence is not None:
            found.silences[step.silence.silence_id] = step.silence
        if step.kind == "delivered" and step.notification_id is not None:
            delivered.setdefault(step.notification_id, set()).add(step.receiver or "")
        if step.account_id is None or step.alert is None:
            continue
        sequences[step.account_id] = max(sequences.get(step.account_id, 0), step.seq)
        if step.notification_id is not None:
            message = _Message(step.notification_id, step.seq, step.at, step.alert)
            written.setdefault(step.account_id, {})[step.notification_id] = message
        if step.account_id not in newest or step.seq >= newest[step.account_id][0]:
            newest[step.account_id] = step.seq, step.alert
    for account_id, (_, alert) in newest.items():
        messages = sorted(written.get(account_id, {}).values(), key=lambda each: each.seq)
        untaken = _untaken([each for each in messages if each.alert.alert_id == alert.alert_id], delivered)
        pages = [each.page for each in messages if is_page(each.name) and each not in untaken]
        known = _as_known(alert, messages, untaken, delivered)
        found.records.append(_record(account_id, known, pages[-1] if pages else None, sequences[account_id]))
    return found


@dataclass(frozen=True)
class _Message:
    """A message that was written: its id, its step's `seq` and moment, and the alert after it."""

    name: str
    seq: int
    at: datetime
    alert: Alert

    @property
    def page(self) -> LastPage:
        """As the page that it is."""
        rules = tuple(signal.rule for signal in self.alert.firing if signal.is_page)
        return LastPage(self.at, self.alert.severity, rules)

    def is_taken(self, delivered: Mapping[str, set[str]]) -> bool:
        """Whether everybody took it whom it was written for."""
        meant = self.alert.last_receivers
        return set(self.alert.notified_receivers if meant is None else meant) <= delivered.get(self.name, set())


def _untaken(messages: list[_Message], delivered: Mapping[str, set[str]]) -> list[_Message]:
    """Of an alert's messages those after the last one that everybody took, oldest first."""
    taken = [number for number, each in enumerate(messages) if each.is_taken(delivered)]
    return messages[taken[-1] + 1 :] if taken else messages


def _as_known(
    alert: Alert, messages: list[_Message], untaken: list[_Message], delivered: Mapping[str, set[str]]
) -> Alert:
    """The alert, knowing only what everybody took; whoever took the newest message of it is not told again."""
    if not untaken:
        return alert
    before = [each.alert for each in messages if each.seq < untaken[0].seq and each.alert.alert_id == alert.alert_id]
    took = sorted(delivered.get(untaken[-1].name, ()))
    alert = replace(alert, taken={each.name: took for each in untaken} if took else {})
    if not before:
        # Of an episode that is over its end is told, since somebody may have heard of its opening.
        severity = None if alert.is_open else alert.severity
        return replace(alert, notified_severity=severity, notified_at=None, last_notification=None, reminders=0)
    known = before[-1]
    return replace(
        alert,
        notified_severity=known.notified_severity,
        notified_at=known.notified_at,
        last_notification=known.last_notification,
        reminders=known.reminders,
        escalated_at=known.escalated_at,
    )


def _record(account_id: str, alert: Alert, page: LastPage | None, seq: int) -> AccountRecord:
    """The account until its latest report is evaluated again, which comes next."""
    return AccountRecord(
        account_id=account_id,
        evaluated_as_of=alert.last_as_of,
        score=None,
        band="unknown",
        segment=alert.segment,
        alert=alert,
        signals={signal.rule: signal for signal in alert.signals},
        paged_at=page.at if page is not None else None,
        paged_severity=page.severity if page is not None else None,
        paged_rules=list(page.rules) if page is not None else [],
        seq=seq,
    )


def read_steps(kafka: KafkaSettings, partition: int) -> Iterable[AlertEvent]:
    """Every step of a partition that is on Kafka now; what is no step, and what was erased, is passed over.

    The log is read twice, since the records that erase others come behind them.

    Raises:
        TopicUnreadableError: the broker stops answering before the end; the process ends, and a restart tries again.
    """
    topic, client_id = kafka.topics.alerts, "heartline-alerting"
    records = read_to_end(kafka, topic, [partition], client_id)
    erased = {record.key: record.offset for record in records if record.value is None}
    for record in read_to_end(kafka, topic, [partition], client_id):
        if record.value is None or record.offset < erased.get(record.key, -1):
            continue
        try:
            yield decode_alert_event(record.value)
        except BadEvent:
            continue
