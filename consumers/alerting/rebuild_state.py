"""After Redis was lost: what is remembered of a partition's accounts, made again from the audit log.

The newest step of each alert is its state. Whom a message reached is in the log, too (`delivered`): what was written
and not delivered counts as untold, and is told again with the next report, which the health topic still has. Reports
are read again from the topic's beginning, commands from where the log's last command was. So nothing is lost, and
repeated is only what a receiver took in the moment of the loss.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

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
    pages: dict[str, LastPage] = {}
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
        if step.notification_id is not None and is_page(step.notification_id):
            rules = tuple(signal.rule for signal in step.alert.firing if signal.is_page)
            pages[step.account_id] = LastPage(step.at, step.alert.severity, rules)
        if step.account_id not in newest or step.seq >= newest[step.account_id][0]:
            newest[step.account_id] = step.seq, step.alert
    found.records = [
        _record(account_id, _as_notified(alert, delivered), pages.get(account_id), sequences[account_id])
        for account_id, (_, alert) in newest.items()
    ]
    return found


def _as_notified(alert: Alert, delivered: dict[str, set[str]]) -> Alert:
    """The alert, knowing only what all its receivers took."""
    name = alert.last_notification
    if name is None or set(alert.notified_receivers) <= delivered.get(name, set()):
        return alert
    if alert.is_open:
        return replace(alert, notified_severity=None)
    return replace(alert, notified_severity=alert.severity)


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
