"""From records to changes: one batch of the health topic, decoded and evaluated. Pure; `now_ms` is passed in.

A record that is not a report (poison) is counted, named with its topic, partition and offset, and stops no other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec

from alerts.alert_events import AlertEvent, AlertEventKind
from alerts.apply_command import apply_command
from alerts.commands import AddNote, AddSilence, AlertCommand, Command, SilenceCommand, decode_command
from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.evaluation import AccountEvaluation, account_facts, delete_account, evaluate_rules, next_due
from alerts.model import AccountRecord
from alerts.red_flag import Transition
from alerts.signals import SignalStep
from alerts.silences import Silence
from consumers.alerting.audit_log import ErasedAt
from consumers.alerting.loop import Record
from consumers.alerting.outbox import OutboxEntry
from consumers.alerting.recipients import Recipients
from consumers.alerting.state import Changes, LoadedState
from stream.config.logs import get_logger
from stream.contracts.errors import BadEvent
from stream.contracts.report import AlertReportView, Freshness, HealthReport, decode_alert_report_view, decode_report

log = get_logger(__name__)


class DecodedRecord(msgspec.Struct, frozen=True):
    """One record of the topic.

    Args:
        account_id: its key.
        view: the part of its value that decides; None when the account was deleted.
        value: the value as it was.
        written_ms: Kafka's timestamp.
    """

    account_id: str
    view: AlertReportView | None
    value: bytes | None
    written_ms: int


@dataclass(frozen=True)
class SourceTimestamps:
    """When what brought a step was written to Kafka.

    Args:
        report_ms: the report.
        ingested_ms: the oldest event behind the report; None where time alone brought it.
    """

    report_ms: int
    ingested_ms: int | None


class ObservedReport(msgspec.Struct, frozen=True):
    """What a report of a batch says of the pipeline, and not of the account.

    Args:
        as_of: the moment that it speaks of.
        freshness: by source, as in the report.
        reached_at_seconds: when the newest fact behind it reached Kafka, seconds since 1970.
    """

    as_of: datetime
    freshness: Mapping[str, Freshness]
    reached_at_seconds: float


@dataclass
class BatchResult:
    """What a batch comes to.

    Args:
        changes: for the store.
        steps: every red flag that changed, with the moments of the new report behind it; None without one.
        signals: every signal that changed.
        outcomes: one of metrics.RECORD_OUTCOMES per record.
        observed: every report, in order.
    """

    changes: Changes
    steps: list[tuple[Transition, SourceTimestamps | None]] = field(default_factory=list)
    signals: list[tuple[str, SignalStep]] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    observed: list[ObservedReport] = field(default_factory=list)


def _timestamps(item: DecodedRecord | None) -> SourceTimestamps | None:
    """The moments behind a step; None for a step that no record of the topic brought."""
    if item is None:
        return None
    ingested_at = item.view.ingested_at if item.view is not None else None
    return SourceTimestamps(item.written_ms, round(ingested_at.timestamp() * 1000) if ingested_at is not None else None)


def decode(record: Record) -> DecodedRecord:
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
        return DecodedRecord(account_id, None, None, record.timestamp)
    view = decode_alert_report_view(record.value)
    if view.account_id != account_id:
        raise BadEvent("misrouted", f"the key is {account_id!r:.80} and the report is of {view.account_id!r:.80}")
    if view.as_of.tzinfo is None:
        raise BadEvent("wrong_type", "expected as_of with a time zone")
    return DecodedRecord(account_id, view, record.value, record.timestamp)


def accounts_of(records: Iterable[Record]) -> list[str]:
    """The accounts that the keys of records name, before any is decoded; a key that names none is left out."""
    return [record.key.decode(errors="replace") for record in records if record.key]


def decode_batch(records: Iterable[Record]) -> Iterator[DecodedRecord | None]:
    """The records in order; None for one that can't be read.

    Each is decoded when it is asked for: it is some hundred objects, and those of a whole batch are more than the
    processor's cache holds.
    """
    for record in records:
        try:
            yield decode(record)
        except BadEvent as error:
            log.error(
                "record passed over",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                error=str(error),
            )
            yield None


def decode_commands(records: Sequence[Record]) -> tuple[list[Command], int]:
    """The commands that can be read, in order, and how many can't."""
    commands: list[Command] = []
    for record in records:
        try:
            command = decode_command(record.value or b"")
            if record.key != command.key.encode():
                raise BadEvent("misrouted", f"the key is {record.key!r:.80} and the command is of {command.key!r:.80}")
            commands.append(command)
        except BadEvent as error:
            log.error(
                "record passed over",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                error=str(error),
            )
    return commands, len(records) - len(commands)


class Batch:
    """What one transaction does to one partition: reports, commands or time, applied account by account.

    Args:
        known: what is remembered of the accounts.
        config: rules, playbooks and lifecycle.
        context: silences, an incident of the pipeline.
        recipients: whom to tell.
        partition: of the health topic.
        next_offset: of the health topic, after the batch.
        now_ms: the wall clock, epoch milliseconds.
    """

    def __init__(
        self,
        known: LoadedState,
        config: AlertingConfig,
        context: AlertContext,
        recipients: Recipients,
        *,
        partition: int | None,
        next_offset: int,
        now_ms: int,
    ) -> None:
        self.result = BatchResult(Changes(next_offset))
        self._changes = self.result.changes
        self._known = known
        self._config = config
        self._context = context
        self._recipients = recipients
        self._partition = partition
        self._now_ms = now_ms

    def report(self, item: DecodedRecord, now: datetime) -> None:
        """Evaluate a new report, or the account's end."""
        record, view = self._record(item.account_id), item.view
        if view is None and record is not None and _is_of_an_earlier_life(item, record):
            self.result.outcomes.append("older")
            return
        if view is None:
            evaluation = delete_account(record, now, self._context)
        else:
            evaluation = self._evaluated(record, view, now)
        if not evaluation.is_current:
            self.result.outcomes.append("older")  # than what was evaluated before
            return
        try:
            whole = decode_report(item.value) if item.value is not None and evaluation.notifies else None
        except BadEvent as error:
            log.error("report passed over", account_id=item.account_id[:80], error=str(error))
            self.result.outcomes.append("poison")
            return
        self.result.outcomes.append("deleted" if view is None else "evaluated")
        self._changes.reports[item.account_id] = item.value
        self._write_down(item.account_id, evaluation, view, whole, now, item)
        if view is None:
            self._changes.steps.append((item.account_id, ErasedAt(item.written_ms)))

    def _evaluated(self, record: AccountRecord | None, report: AlertReportView, now: datetime) -> AccountEvaluation:
        facts = account_facts(record, report, now, self._context)
        return evaluate_rules(record, report, self._config.book.of(facts), now, self._context, facts)

    def time(self, account_id: str, now: datetime) -> None:
        """Evaluate the latest report again, because its time has come."""
        record, report = self._record(account_id), self._report(account_id)
        if record is None or report is None:
            self._changes.due[account_id] = None
            return
        evaluation = self._evaluated(record, report, now)
        if not evaluation.is_current:
            self._changes.due[account_id] = None  # a newer report is on its way
            return
        self._write_down(account_id, evaluation, report, report, now, None)

    def command(self, command: AlertCommand, now: datetime) -> None:
        """Apply a command about an alert."""
        evaluation = apply_command(self._record(command.account_id), command, now, self._context)
        report = self._report(command.account_id)
        self._write_down(command.account_id, evaluation, report, report, now, None)

    def note(self, command: AddNote, now: datetime) -> None:
        """Keep a note about an account, in the log alone; of an account that is not known it is refused."""
        account_id, record = command.account_id, self._record(command.account_id)
        seq = max(self._seq(account_id) + 1, self._now_ms)
        step = AlertEvent(
            seq=seq,
            kind="noted" if record is not None else "refused",
            at=now,
            reason=command.note if record is not None else f"there is no account {account_id!r:.80}",
            by=command.by,
            account_id=account_id,
            command_id=command.command_id,
        )
        self._changes.steps.append((account_id, step))
        if record is not None:
            self._changes.records[account_id] = msgspec.structs.replace(record, seq=seq)

    def silence(self, command: SilenceCommand, silences: Mapping[str, Silence], now: datetime) -> None:
        """Add a silence, or end one."""
        if isinstance(command, AddSilence):
            silence, kind = command.silence, "silence_added"
            reason = f"{command.by}: {silence.why}"
        else:
            found = self._changes.silences.get(command.silence_id) or silences.get(command.silence_id)
            if found is None or found.ends_at <= now:
                return
            ends_at = max(now, found.starts_at + timedelta(seconds=1))
            silence, kind = msgspec.structs.replace(found, ends_at=ends_at), "silence_expired"
            reason = f"{command.by} ended it"
        self._changes.silences[silence.silence_id] = silence
        step = AlertEvent(
            seq=self._now_ms,
            kind=cast(AlertEventKind, kind),
            at=now,
            reason=reason,
            by=command.by,
            silence=silence,
            command_id=command.command_id,
        )
        self._changes.steps.append((silence.silence_id, step))

    def commands_until(self, offset: int) -> None:
        """The batch was of commands: where their topic goes on, also in the audit log."""
        self._changes.commands_offset = offset
        self._changes.steps[:] = [
            (key, msgspec.structs.replace(step, commands_offset=offset) if isinstance(step, AlertEvent) else step)
            for key, step in self._changes.steps
        ]

    def _record(self, account_id: str) -> AccountRecord | None:
        return self._changes.records.get(account_id, self._known.records.get(account_id))

    def _report(self, account_id: str) -> HealthReport | None:
        """The latest report of an account, of this batch where it has one."""
        if account_id not in self._changes.reports:
            return self._known.reports.get(account_id)
        value = self._changes.reports[account_id]
        try:
            return decode_report(value) if value is not None else None
        except BadEvent:
            return None

    def _write_down(
        self,
        account_id: str,
        evaluation: AccountEvaluation,
        view: AlertReportView | None,
        whole: HealthReport | None,
        now: datetime,
        item: DecodedRecord | None,
    ) -> None:
        """Write down what one account's turn came to.

        Args:
            account_id: the account.
            evaluation: its turn.
            view: of its report; None when it was deleted.
            whole: its report, where somebody is told of it.
            now: the moment of the decision.
            item: the record that brought the report; None: time or a command brought the turn.
        """
        written: SourceTimestamps | None = None
        entries: list[OutboxEntry] = []
        if evaluation.transitions:  # nearly never
            written = _timestamps(item)
            evaluation, entries = self._recipients.entries_of(
                evaluation,
                whole,
                now,
                now_ms=self._now_ms,
                ingested_ms=written.ingested_ms if written is not None else None,
                report_ms=written.report_ms if written is not None else None,
                partition=self._partition if item is None or item.view is not None else None,  # its end is not logged
                context=self._context,
            )
        record, changes = evaluation.record, evaluation.changes if evaluation.transitions else ()
        if evaluation.digest:
            told = [msgspec.structs.replace(each, partition=self._partition) for each in evaluation.digest]
            self._changes.digest += told
        if evaluation.signals:
            self.result.signals += [(account_id, each) for each in evaluation.signals]
        if changes:
            seq = self._seq(account_id)
            for transition in changes:
                seq = max(seq + 1, self._now_ms)
                self._changes.steps.append((account_id, _event(transition, account_id, seq, now)))
                self.result.steps.append((transition, written))
            if record is not None:
                record = msgspec.structs.replace(record, seq=seq)
        self._changes.records[account_id] = record
        self._changes.entries += entries
        self._changes.due[account_id] = self._due_ms(record, view, now, evaluation)

    def _seq(self, account_id: str) -> int:
        record = self._record(account_id)
        return record.seq if record is not None else 0

    def _due_ms(
        self, record: AccountRecord | None, view: AlertReportView | None, now: datetime, evaluation: AccountEvaluation
    ) -> int | None:
        if record is None or view is None:
            return None
        book, facts, rules = self._config.book, evaluation.facts, evaluation.rules
        if facts is None or rules is None:  # a command brought it
            facts = account_facts(record, view, now, self._context)
            rules = book.of(facts)
        due = next_due(record, view, rules, self._context, now, book.changes_at(facts), facts)
        return int(due.timestamp() * 1000) if due is not None else None


def evaluate_batch(
    incoming: Iterable[DecodedRecord | None],
    known: LoadedState,
    config: AlertingConfig,
    *,
    next_offset: int,
    now_ms: int,
    event_clock: bool,
    recipients: Recipients,
    partition: int | None = None,
    context: AlertContext | None = None,
) -> BatchResult:
    """Evaluate a batch of reports in order.

    Args:
        incoming: the records; None is one that can't be read.
        known: what is remembered of their accounts.
        config: rules, playbooks and lifecycle.
        next_offset: the offset after the batch.
        now_ms: the wall clock, epoch milliseconds.
        event_clock: decide as of each report's own moment, for a replay of history.
        recipients: whom to tell.
        partition: of the health topic, that the records are of.
        context: silences, an incident of the pipeline; None: the settings alone.
    """
    batch = Batch(
        known,
        config,
        context or AlertContext(config.lifecycle),
        recipients,
        partition=partition,
        next_offset=next_offset,
        now_ms=now_ms,
    )
    wall = datetime.fromtimestamp(now_ms / 1000, UTC)
    observed = batch.result.observed
    for item in incoming:
        if item is None:
            batch.result.outcomes.append("poison")
            continue
        if (report := item.view) is not None:
            reached_at = report.ingested_at.timestamp() if report.ingested_at is not None else item.written_ms / 1000
            observed.append(ObservedReport(report.as_of, report.freshness, reached_at))
        record = batch.result.changes.records.get(item.account_id, known.records.get(item.account_id))
        batch.report(item, _now(item, record, wall) if event_clock else wall)
    return batch.result


def _event(transition: Transition, account_id: str, seq: int, now: datetime) -> AlertEvent:
    """A transition as the audit log has it."""
    return AlertEvent(
        seq=seq,
        kind=cast(AlertEventKind, transition.kind),
        at=now,
        reason=transition.reason,
        by=transition.by,
        account_id=account_id,
        alert=transition.alert,
        notification_id=transition.notification_id,
        command_id=transition.command_id,
    )


def _is_of_an_earlier_life(item: DecodedRecord, record: AccountRecord) -> bool:
    """Whether a tombstone, read again after Redis was lost, erased what the account was before it came back."""
    return record.evaluated_at is None and record.evaluated_as_of.timestamp() * 1000 > item.written_ms


def _now(item: DecodedRecord, record: AccountRecord | None, wall: datetime) -> datetime:
    """The moment on the event clock; a tombstone has none of its own, and takes the account's last."""
    if item.view is not None:
        return item.view.as_of
    return record.evaluated_as_of if record is not None else wall
