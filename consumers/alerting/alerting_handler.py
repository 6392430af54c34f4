"""The alerting process's side of the loop: evaluates batches, and keeps the projection and the metrics in step."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from alerts.commands import AddNote, AddSilence, Command, ExpireSilence
from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.follow_up import action_of
from alerts.red_flag import Transition
from alerts.silences import Silence
from alerts.text import duration, tidy
from consumers.alerting.batch import (
    Batch,
    BatchResult,
    DecodedRecord,
    accounts_of,
    decode_batch,
    decode_commands,
    evaluate_batch,
)
from consumers.alerting.daily_digests import DailyDigests
from consumers.alerting.erasure import account_hash
from consumers.alerting.loop import Record
from consumers.alerting.metrics import Metrics
from consumers.alerting.pipeline_health import DataStatus, PipelineHealthMonitor
from consumers.alerting.projection import Projection
from consumers.alerting.rebuild_state import Rebuilt
from consumers.alerting.recipients import Recipients
from consumers.alerting.state import LoadedState, StateStore
from stream.calendar.workdays import NO_CALENDARS, Calendars
from stream.config.logs import get_logger
from stream.topics import Topics

TICK_MS: Final = 500
DUE_ACCOUNTS_MAX: Final = 500
DUE_ROUNDS_MAX: Final = 20

log = get_logger(__name__)


def now_ms() -> int:
    """The wall clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass
class _AssignedPartition:
    """One partition that is ours.

    Args:
        next_offset: of account-health, as we last read or wrote it.
        commands_offset: of alert-commands, the same; None: nothing applied yet.
        seen_below: by topic, records before it were handled.
        watermark: on the event clock, the latest moment that a report spoke of.
        erased: after Redis was lost, by hash of an account's id up to when its reports are of what was erased.
    """

    next_offset: int
    commands_offset: int | None
    seen_below: dict[str, int]
    watermark: datetime | None = None
    erased: dict[str, int] = field(default_factory=dict)


class Alerting:
    """Handles the partitions that are ours: reports, commands, and what time makes due.

    Args:
        store: the memory.
        config: rules, playbooks and all that follows.
        projection: the accounts in memory.
        metrics: of the process.
        topics: names.
        event_clock: decide as of each report's own moment; time passes with the reports.
        recipients: whom to tell.
        rebuild: what the audit log tells of a partition, asked when the memory has nothing of it.
        pipeline_health: what is known of the pipeline's trouble; None on the event clock, where it is not looked for.
        digests: writes the owners' daily digests; None: there are none.
        calendars: when accounts work.
        clock_ms: the wall clock.
        topic_id: the id of the health topic now; None: the broker has none.
    """

    def __init__(
        self,
        store: StateStore,
        config: AlertingConfig,
        projection: Projection,
        metrics: Metrics,
        *,
        topics: Topics,
        event_clock: bool,
        recipients: Recipients,
        rebuild: Callable[[int], Rebuilt],
        pipeline_health: PipelineHealthMonitor | None = None,
        digests: DailyDigests | None = None,
        calendars: Calendars = NO_CALENDARS,
        clock_ms: Callable[[], int] = now_ms,
        topic_id: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._store = store
        self._config = config
        self._projection = projection
        self._metrics = metrics
        self._topics = topics
        self._event_clock = event_clock
        self._recipients = recipients
        self._rebuild = rebuild
        self._pipeline_health = pipeline_health
        self._digests = digests
        self._calendars = calendars
        self._clock_ms = clock_ms
        self._topic_id = topic_id
        self._assigned_partitions: dict[int, _AssignedPartition] = {}
        self._silences: tuple[Silence, ...] = ()
        self._ticked_ms = 0
        self._is_catching_up = False

    @property
    def partitions(self) -> tuple[int, ...]:
        """Those that are ours."""
        return tuple(self._assigned_partitions)

    def on_assigned(self, topic: str, partition: int) -> int | None:
        """Load a partition, or rebuild it where nothing is stored; the topic's offset to go on from."""
        next_offset, commands_offset, records = self._store.load(partition)
        if next_offset is None:
            rebuilt = self._rebuild(partition)
            if rebuilt.records:
                log.warning("state rebuilt from the log of alerts", partition=partition, topic=self._topics.alerts)
            self._store.restore(partition, rebuilt)
            next_offset, commands_offset, records = self._store.load(partition)
        assert next_offset is not None  # just written, or read
        next_offset = self._in_this_topic(partition, next_offset)
        self._projection.load(partition, records)
        if self._pipeline_health is not None:
            self._pipeline_health.read()
        seen = {self._topics.health: next_offset, self._topics.alert_commands: commands_offset or 0}
        watermark = max((record.evaluated_as_of for record in records), default=None)
        self._assigned_partitions[partition] = _AssignedPartition(
            next_offset, commands_offset, seen, watermark, self._store.erased(partition)
        )
        log.debug("partition assigned", topic=topic, partition=partition, accounts=len(records), offset=seen[topic])
        return seen[topic] or None

    def _in_this_topic(self, partition: int, next_offset: int) -> int:
        """The offset to go on from, which is the beginning where the topic was deleted and made again meanwhile.

        Its first reports would otherwise be skipped in silence, once it has grown past the offset that we remember.
        """
        topic_id, known = self._topic_id(), self._store.topic_id(partition)
        if topic_id is None or topic_id == known:
            return next_offset
        start = next_offset if known is None else 0
        self._store.bind_topic(partition, topic_id, next_offset, start)
        if known is not None:
            log.warning(
                "the health topic was deleted and made again: its reports are read from the beginning",
                topic=self._topics.health,
                partition=partition,
                offset=next_offset,
                known_id=known,
                topic_id=topic_id,
            )
        return start

    def on_topic_reset(self, topic: str, partition: int) -> None:
        """The topic was made anew: no offset counts as seen."""
        self._assigned_partitions[partition].seen_below[topic] = 0

    def on_revoked(self, topic: str, partition: int) -> None:
        """Let go of a partition."""
        self._projection.drop(partition)
        self._assigned_partitions.pop(partition, None)

    def handle(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Act on a batch and keep what comes of it; the offset after it."""
        assigned = self._assigned_partitions[partition]
        seen_below = assigned.seen_below[topic]
        records = [record for record in records if record.offset >= seen_below]
        if not records:
            return seen_below
        next_offset = records[-1].offset + 1
        if topic == self._topics.health:
            self._evaluate(partition, assigned, records, next_offset)
        else:
            self._apply_commands(partition, assigned, records, next_offset)
        assigned.seen_below[topic] = next_offset
        self._is_catching_up = True
        return next_offset

    def tick(self) -> None:
        """Let happen what time makes due; see that the memory is as we left it, and learn of silences."""
        now_ms = self._clock_ms()
        if now_ms - self._ticked_ms < TICK_MS:
            return
        self._store.check(
            {partition: assigned.next_offset for partition, assigned in self._assigned_partitions.items()}
        )
        self._refresh_silences(self._store.silences())
        if self._pipeline_health is not None and self._pipeline_health.refresh(self.partitions, _utc(now_ms)):
            self._expedite()
        self._ticked_ms = now_ms
        if self._digests is not None and (now := self._digest_clock(now_ms)) is not None:
            self._digests.write_due(now, now_ms, self._context(self._data()))
        if self._event_clock and self._is_catching_up:
            self._is_catching_up = False
            return  # what is still to be read may be of before the watermark, and change what seems due
        for partition, assigned in self._assigned_partitions.items():
            self._process_due(partition, assigned)

    def _digest_clock(self, now_ms: int) -> datetime | None:
        """Up to when every partition has been evaluated: until then digests are written; None: nowhere yet."""
        if not self._event_clock:
            return _utc(now_ms)
        marks = [each.watermark for each in self._assigned_partitions.values() if each.watermark is not None]
        return min(marks, default=None)

    def _refresh_silences(self, silences: tuple[Silence, ...]) -> None:
        """Other silences hold from now on: what one of them holds back may be due earlier."""
        if silences == self._silences:
            return
        self._silences = silences
        self._expedite()

    def _expedite(self) -> None:
        """What is held may be told earlier than was thought."""
        for partition, assigned in self._assigned_partitions.items():
            self._store.expedite(partition, int(self._now(assigned).timestamp() * 1000))

    def _evaluate(
        self, partition: int, assigned: _AssignedPartition, records: Sequence[Record], next_offset: int
    ) -> None:
        """Evaluate new reports."""
        evaluate = partial(self._reports, partition, assigned, records, next_offset)
        result = self._transact(partition, assigned, accounts_of(records), evaluate, with_reports=False)
        assigned.next_offset = next_offset
        moments = [each.as_of for each in result.observed]
        if moments:
            assigned.watermark = max([*moments, assigned.watermark] if assigned.watermark is not None else moments)

    def _reports(
        self,
        partition: int,
        assigned: _AssignedPartition,
        records: Sequence[Record],
        next_offset: int,
        known: LoadedState,
        data: DataStatus,
    ) -> BatchResult:
        incoming = decode_batch(records)
        if assigned.erased:
            incoming = (item for item in incoming if item is None or not _is_of_what_was_erased(assigned, item))
        return evaluate_batch(
            incoming,
            known,
            self._config,
            next_offset=next_offset,
            now_ms=self._clock_ms(),
            event_clock=self._event_clock,
            recipients=self._recipients,
            partition=partition,
            context=self._context(data),
        )

    def _apply_commands(
        self, partition: int, assigned: _AssignedPartition, records: Sequence[Record], next_offset: int
    ) -> None:
        """Apply what people tell alerting."""
        commands, poison = decode_commands(records)
        accounts = [command.key for command in commands if not isinstance(command, AddSilence | ExpireSilence)]
        result = self._store.apply(
            partition,
            assigned.next_offset,
            accounts,
            partial(self._commands, partition, assigned, commands, next_offset),
            with_reports=True,
            commands=(assigned.commands_offset,),
        )
        self._written(partition, result)
        assigned.commands_offset = next_offset
        if result.changes.silences:
            self._refresh_silences(self._store.silences())
        self._metrics.commands.labels("applied").inc(len(commands))
        self._metrics.commands.labels("poison").inc(poison)

    def _commands(
        self,
        partition: int,
        assigned: _AssignedPartition,
        commands: Sequence[Command],
        next_offset: int,
        known: LoadedState,
    ) -> BatchResult:
        batch, now = self._batch(known, partition, assigned, self._data()), self._now(assigned)
        for command in commands:
            if isinstance(command, AddSilence | ExpireSilence):
                batch.silence(command, {silence.silence_id: silence for silence in self._silences}, now)
            elif isinstance(command, AddNote):
                batch.note(command, now)
            else:
                batch.command(command, now)
        batch.commands_until(next_offset)
        return batch.result

    def _process_due(self, partition: int, assigned: _AssignedPartition) -> None:
        """Evaluate again whoever's time has come; whoever comes due meanwhile waits for the next tick."""
        now = self._now(assigned)
        for _ in range(DUE_ROUNDS_MAX):
            accounts = self._store.due(partition, int(now.timestamp() * 1000), DUE_ACCOUNTS_MAX)
            if not accounts:
                return
            evaluate = partial(self._due, partition, assigned, accounts, now)
            self._transact(partition, assigned, accounts, evaluate, with_reports=True)

    def _due(
        self,
        partition: int,
        assigned: _AssignedPartition,
        accounts: Sequence[str],
        now: datetime,
        known: LoadedState,
        data: DataStatus,
    ) -> BatchResult:
        batch = self._batch(known, partition, assigned, data)
        for account_id in accounts:
            batch.time(account_id, now)
        return batch.result

    def _transact(
        self,
        partition: int,
        assigned: _AssignedPartition,
        accounts: Sequence[str],
        evaluate: Callable[[LoadedState, DataStatus], BatchResult],
        *,
        with_reports: bool,
    ) -> BatchResult:
        """One transaction, with what it shows of the pipeline, and what is counted of it."""
        decide = partial(self._assessed, partition, evaluate)
        result = self._store.apply(partition, assigned.next_offset, accounts, decide, with_reports=with_reports)
        self._written(partition, result)
        return result

    def _assessed(
        self,
        partition: int,
        evaluate: Callable[[LoadedState, DataStatus], BatchResult],
        known: LoadedState,
    ) -> BatchResult:
        """What a batch comes to, evaluated with its signals suppressed where the data can not be trusted."""
        if self._pipeline_health is None:
            return evaluate(known, DataStatus())
        accounts, now = self._projection.size(partition), _utc(self._clock_ms())
        return self._pipeline_health.assess_batch(
            partition, known, partial(evaluate, known), accounts=accounts, now=now
        )

    def _written(self, partition: int, result: BatchResult) -> None:
        """A transaction is written: the gauges, the pipeline's health and the counters follow."""
        changes = result.changes
        self._projection.update(partition, changes.records)
        if self._pipeline_health is not None and changes.partition_health is not None:
            self._pipeline_health.keep(partition, changes.partition_health)
        self._count(result)

    def _batch(self, known: LoadedState, partition: int, assigned: _AssignedPartition, data: DataStatus) -> Batch:
        return Batch(
            known,
            self._config,
            self._context(data),
            self._recipients,
            partition=partition,
            next_offset=assigned.next_offset,
            now_ms=self._clock_ms(),
        )

    def _context(self, data: DataStatus) -> AlertContext:
        return AlertContext(
            self._config.lifecycle,
            self._silences,
            data.pipeline_incident,
            data.mass_drop_suspected,
            self._calendars,
        )

    def _data(self) -> DataStatus:
        return self._pipeline_health.data(_utc(self._clock_ms())) if self._pipeline_health is not None else DataStatus()

    def _now(self, assigned: _AssignedPartition) -> datetime:
        """The moment for commands and for what is due: on the event clock as far as the reports are."""
        if self._event_clock and assigned.watermark is not None:
            return assigned.watermark
        return _utc(self._clock_ms())

    def _count(self, result: BatchResult) -> None:
        now = self._clock_ms()
        for outcome, records in Counter(result.outcomes).items():
            self._metrics.records.labels(outcome).inc(records)
        for _, signal_step in result.signals:
            if signal_step.signal is not None and signal_step.change is not None:
                self._metrics.signals.labels(signal_step.signal.rule, signal_step.change).inc()
        for transition, written in result.steps:
            log.info(transition.kind, **_fields(transition))
            if transition.alert is None:
                continue
            self._metrics.transitions.labels(transition.alert.rule, transition.kind).inc()
            if transition.follow_up_result is not None:
                labels = (transition.alert.rule, action_of(transition.alert), transition.follow_up_result)
                self._metrics.follow_ups.labels(*labels).inc()
            if written is not None:
                self._metrics.alerted(written.report_ms, written.ingested_ms, now, transition.alert.alert_id)


def _utc(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


def _fields(transition: Transition) -> dict[str, Any]:
    """One step, as the fields of its log line."""
    alert = transition.alert
    if alert is None:
        return {"by": tidy(transition.by, 80), "reason": transition.reason}
    fields: dict[str, Any] = {
        "alert_id": alert.alert_id,
        "account_id": tidy(alert.account_id, 80),
        "rule": alert.rule,
        "severity": alert.severity,
        "reason": transition.reason,
    }
    if alert.resolved_at is not None:
        fields["open_for"] = duration(max(alert.resolved_at - alert.opened_at, timedelta()))
    return fields


def _is_of_what_was_erased(assigned: _AssignedPartition, item: DecodedRecord) -> bool:
    """Whether a record is not newer than the newest tombstone that is known of its account."""
    return item.written_ms <= assigned.erased.get(account_hash(item.account_id), -1)
