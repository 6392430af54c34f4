"""The alerting process's side of the loop: judges batches, and keeps the projection and the metrics in step."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from alerts.commands import AddSilence, ExpireSilence
from alerts.config import AlertingConfig
from alerts.followup import action_of
from alerts.lifecycle import Transition
from alerts.policy import Surroundings
from alerts.silences import Silence
from alerts.wording import duration, tidy
from consumers.alerting.batch import Batch, Incoming, Judged, decode_batch, decode_commands, judge_batch
from consumers.alerting.loop import Record
from consumers.alerting.metrics import Metrics
from consumers.alerting.pipeline_health import Data, Doubt
from consumers.alerting.projection import Projection
from consumers.alerting.rebuild import Rebuilt
from consumers.alerting.recipients import Telling
from consumers.alerting.state import Changes, Known, StateStore
from stream.config.logs import get_logger
from stream.contracts.topics import Topics

TICK_MS: Final = 500
DUE_ACCOUNTS_MAX: Final = 500
DUE_ROUNDS_MAX: Final = 20

log = get_logger(__name__)


def now_ms() -> int:
    """The wall clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass
class _Place:
    """One partition that is ours.

    Args:
        next_offset: of account-health, as we last read or wrote it.
        commands_offset: of alert-commands, the same; None: nothing applied yet.
        seen_below: by topic, records before it were handled.
        watermark: on the event clock, the latest moment that a report spoke of.
    """

    next_offset: int
    commands_offset: int | None
    seen_below: dict[str, int]
    watermark: datetime | None = None


class Alerting:
    """Handles the partitions that are ours: reports, commands, and what time makes due.

    Args:
        store: the memory.
        config: rules, playbooks and all that follows.
        projection: the accounts in memory.
        metrics: of the process.
        topics: names.
        event_clock: decide as of each report's own moment; time passes with the reports.
        telling: whom to tell.
        rebuild: what the audit log tells of a partition, asked when the memory has nothing of it.
        doubt: what is known of the pipeline's trouble; None on the event clock, where it is not looked for.
        clock_ms: the wall clock.
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
        telling: Telling,
        rebuild: Callable[[int], Rebuilt],
        doubt: Doubt | None = None,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._config = config
        self._projection = projection
        self._metrics = metrics
        self._topics = topics
        self._event_clock = event_clock
        self._telling = telling
        self._rebuild = rebuild
        self._doubt = doubt
        self._clock_ms = clock_ms
        self._places: dict[int, _Place] = {}
        self._silences: tuple[Silence, ...] = ()
        self._ticked_ms = 0

    @property
    def partitions(self) -> tuple[int, ...]:
        """Those that are ours."""
        return tuple(self._places)

    def take_over(self, topic: str, partition: int) -> int | None:
        """Load a partition, or rebuild it where nothing is stored; the topic's offset to go on from."""
        next_offset, commands_offset, records = self._store.load(partition)
        if next_offset is None:
            rebuilt = self._rebuild(partition)
            if rebuilt.records:
                log.warning("state rebuilt from the log of alerts", partition=partition, topic=self._topics.alerts)
            self._store.restore(partition, rebuilt)
            next_offset, commands_offset, records = self._store.load(partition)
        assert next_offset is not None  # just written, or read
        self._projection.load(partition, records)
        if self._doubt is not None:
            self._doubt.read()
        seen = {self._topics.health: next_offset, self._topics.alert_commands: commands_offset or 0}
        watermark = max((record.judged_as_of for record in records), default=None)
        self._places[partition] = _Place(next_offset, commands_offset, seen, watermark)
        log.info("partition assigned", topic=topic, partition=partition, accounts=len(records), offset=seen[topic])
        return seen[topic] or None

    def start_over(self, topic: str, partition: int) -> None:
        """The topic was made anew: no offset counts as seen."""
        self._places[partition].seen_below[topic] = 0

    def give_up(self, topic: str, partition: int) -> None:
        """Let go of a partition."""
        self._projection.drop(partition)
        self._places.pop(partition, None)

    def handle(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Act on a batch and keep what comes of it; the offset after it."""
        place = self._places[partition]
        seen_below = place.seen_below[topic]
        records = [record for record in records if record.offset >= seen_below]
        if not records:
            return seen_below
        next_offset = records[-1].offset + 1
        if topic == self._topics.health:
            self._judge(partition, place, records, next_offset)
        else:
            self._obey(partition, place, records, next_offset)
        place.seen_below[topic] = next_offset
        return next_offset

    def tick(self) -> None:
        """Let happen what time makes due; see that the memory is as we left it, and learn of silences."""
        now_ms = self._clock_ms()
        if now_ms - self._ticked_ms < TICK_MS:
            return
        self._store.check({partition: place.next_offset for partition, place in self._places.items()})
        self._learn(self._store.silences())
        if self._doubt is not None and self._doubt.look(self.partitions, _utc(now_ms)):
            self._hasten()
        for partition, place in self._places.items():
            self._pass_time(partition, place)
        self._ticked_ms = now_ms

    def _learn(self, silences: tuple[Silence, ...]) -> None:
        """Other silences hold from now on: what one of them holds back may be due earlier."""
        if silences == self._silences:
            return
        self._silences = silences
        self._hasten()

    def _hasten(self) -> None:
        """What is held may be told earlier than was thought."""
        for partition, place in self._places.items():
            self._store.hasten(partition, int(self._now(place).timestamp() * 1000))

    def _judge(self, partition: int, place: _Place, records: Sequence[Record], next_offset: int) -> None:
        incoming, poison = decode_batch(records)

        def decide(known: Known) -> Judged:
            def under(data: Data) -> Judged:
                return judge_batch(
                    incoming,
                    known.records,
                    self._config,
                    next_offset=next_offset,
                    now_ms=self._clock_ms(),
                    event_clock=self._event_clock,
                    telling=self._telling,
                    partition=partition,
                    around=self._around(data),
                )

            return self._weighed(partition, known, under, incoming)

        self._apply(partition, place, [item.account_id for item in incoming], decide)
        place.next_offset = next_offset
        self._metrics.records.labels("poison").inc(poison)
        moments = [item.outline.as_of for item in incoming if item.outline is not None]
        if moments:
            place.watermark = max([*moments, place.watermark] if place.watermark is not None else moments)

    def _obey(self, partition: int, place: _Place, records: Sequence[Record], next_offset: int) -> None:
        commands, poison = decode_commands(records)
        now = self._now(place)

        def decide(known: Known) -> Judged:
            batch = self._batch(known, partition, place, self._data())
            for command in commands:
                if isinstance(command, AddSilence | ExpireSilence):
                    batch.silence(command, {silence.silence_id: silence for silence in self._silences}, now)
                else:
                    batch.command(command, now)
            batch.commands_until(next_offset)
            return batch.judged

        accounts = [command.key for command in commands if not isinstance(command, AddSilence | ExpireSilence)]
        changes = self._apply(partition, place, accounts, decide, with_reports=True, commands=(place.commands_offset,))
        place.commands_offset = next_offset
        if changes.silences:
            self._learn(self._store.silences())
        self._metrics.commands.labels("applied").inc(len(commands))
        self._metrics.commands.labels("poison").inc(poison)

    def _pass_time(self, partition: int, place: _Place) -> None:
        """Judge again whoever's time has come; whoever comes due meanwhile waits for the next tick."""
        now = self._now(place)
        for _ in range(DUE_ROUNDS_MAX):
            accounts = self._store.due(partition, int(now.timestamp() * 1000), DUE_ACCOUNTS_MAX)
            if not accounts:
                return

            def decide(known: Known, accounts: Sequence[str] = accounts) -> Judged:
                def under(data: Data) -> Judged:
                    batch = self._batch(known, partition, place, data)
                    for account_id in accounts:
                        batch.time(account_id, now)
                    return batch.judged

                return self._weighed(partition, known, under)

            self._apply(partition, place, accounts, decide, with_reports=True)

    def _apply(
        self,
        partition: int,
        place: _Place,
        accounts: Sequence[str],
        decide: Callable[[Known], Judged],
        *,
        with_reports: bool = False,
        commands: tuple[int | None] | None = None,
    ) -> Changes:
        """One transaction, and what is counted of it."""
        judged = Judged(Changes(place.next_offset))

        def remembered(known: Known) -> Changes:
            nonlocal judged
            judged = decide(known)
            return judged.changes

        changes = self._store.apply(
            partition, place.next_offset, accounts, remembered, with_reports=with_reports, commands=commands
        )
        self._projection.update(partition, changes.records)
        if self._doubt is not None and changes.sight is not None:
            self._doubt.keep(partition, changes.sight)
        self._count(judged)
        return changes

    def _weighed(
        self,
        partition: int,
        known: Known,
        under: Callable[[Data], Judged],
        incoming: Sequence[Incoming] = (),
    ) -> Judged:
        """What a batch comes to, and what it shows of the pipeline."""
        if self._doubt is None:
            return under(Data())
        accounts, now = self._projection.size(partition), _utc(self._clock_ms())
        return self._doubt.weigh(partition, known, under, incoming=incoming, accounts=accounts, now=now)

    def _batch(self, known: Known, partition: int, place: _Place, data: Data) -> Batch:
        return Batch(
            known,
            self._config,
            self._around(data),
            self._telling,
            partition=partition,
            next_offset=place.next_offset,
            now_ms=self._clock_ms(),
        )

    def _around(self, data: Data) -> Surroundings:
        return Surroundings(self._config.lifecycle, self._silences, data.trouble, data.settling)

    def _data(self) -> Data:
        return self._doubt.data(_utc(self._clock_ms())) if self._doubt is not None else Data()

    def _now(self, place: _Place) -> datetime:
        """The moment for commands and for what is due: on the event clock as far as the reports are."""
        if self._event_clock and place.watermark is not None:
            return place.watermark
        return _utc(self._clock_ms())

    def _count(self, judged: Judged) -> None:
        now = self._clock_ms()
        for outcome, records in Counter(judged.outcomes).items():
            self._metrics.records.labels(outcome).inc(records)
        for transition, written in judged.steps:
            log.info(transition.kind, **_fields(transition))
            if transition.alert is None:
                continue
            self._metrics.transitions.labels(transition.alert.rule, transition.kind).inc()
            if transition.outcome is not None:
                labels = (transition.alert.rule, action_of(transition.alert), transition.outcome)
                self._metrics.follow_ups.labels(*labels).inc()
            if written is not None:
                self._metrics.alerted(written.report_ms, written.ingested_ms, now)


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
