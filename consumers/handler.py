"""The alerting process's side of the loop: judges batches, and keeps the projection and the metrics in step."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from alerts.config import AlertingConfig
from alerts.lifecycle import Transition
from alerts.model import AccountRecord
from alerts.wording import duration, tidy
from consumers.batch import Judged, decode_batch, judge_batch
from consumers.loop import Record
from consumers.metrics import Metrics
from consumers.projection import Projection
from consumers.state import Changes, StateStore
from consumers.telling import Telling

log = logging.getLogger(__name__)


def now_ms() -> int:
    """The wall clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Alerting:
    """Handles the partitions of the health topic that are ours.

    Args:
        store: the memory.
        config: rules, playbooks and all that follows.
        projection: the accounts in memory.
        metrics: of the process.
        event_clock: decide as of each report's own moment.
        telling: whom to tell.
        clock_ms: the wall clock.
    """

    def __init__(
        self,
        store: StateStore,
        config: AlertingConfig,
        projection: Projection,
        metrics: Metrics,
        *,
        event_clock: bool,
        telling: Telling,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._config = config
        self._projection = projection
        self._metrics = metrics
        self._event_clock = event_clock
        self._telling = telling
        self._clock_ms = clock_ms
        self._next: dict[int, int | None] = {}
        self._seen_below: dict[int, int] = {}

    def take_over(self, partition: int) -> int | None:
        """Load a partition; the offset that it goes on from, None for its beginning."""
        next_offset, records = self._store.load(partition)
        self._projection.load(partition, records)
        self._next[partition] = next_offset
        self._seen_below[partition] = next_offset or 0
        log.info("health partition %d: %d accounts, from offset %s", partition, len(records), next_offset)
        return next_offset

    def start_over(self, partition: int) -> None:
        """The topic was made anew: no offset counts as seen."""
        self._seen_below[partition] = 0

    def give_up(self, partition: int) -> None:
        """Let go of a partition."""
        self._projection.drop(partition)
        self._next.pop(partition, None)

    def handle(self, partition: int, records: Sequence[Record]) -> int:
        """Judge a batch and keep what comes of it; the offset after it."""
        seen_below = self._seen_below[partition]
        records = [record for record in records if record.offset >= seen_below]
        if not records:
            return seen_below
        incoming, poison = decode_batch(records)
        next_offset = records[-1].offset + 1
        judged: Judged | None = None

        def decide(known: Mapping[str, AccountRecord]) -> Changes:
            nonlocal judged
            judged = judge_batch(
                incoming,
                known,
                self._config,
                next_offset=next_offset,
                now_ms=self._clock_ms(),
                event_clock=self._event_clock,
                telling=self._telling,
                partition=partition,
            )
            return judged.changes

        changes = self._store.apply(partition, self._next[partition], (item.account_id for item in incoming), decide)
        self._next[partition] = self._seen_below[partition] = next_offset
        self._projection.update(partition, changes.records)
        self._metrics.records.labels("poison").inc(poison)
        if judged is not None:
            self._count(judged)
        return next_offset

    def _count(self, judged: Judged) -> None:
        now = self._clock_ms()
        for outcome in judged.outcomes:
            self._metrics.records.labels(outcome).inc()
        for transition, written_ms in judged.steps:
            assert transition.alert is not None  # a change is of an alert
            self._metrics.transitions.labels(transition.alert.rule, transition.kind).inc()
            self._metrics.report_to_alert.observe(max(now - written_ms, 0) / 1000)
            log.info("%s", _line(transition))


def _line(transition: Transition) -> str:
    """One step for the log."""
    alert = transition.alert
    assert alert is not None  # a change is of an alert
    lasted = ""
    if alert.resolved_at is not None:
        lasted = f" after {duration(max(alert.resolved_at - alert.opened_at, timedelta()))}"
    who = tidy(alert.account_id, 80)
    return (
        f"{transition.kind} {alert.alert_id} {alert.rule} {alert.severity} account={who}{lasted}: {transition.reason}"
    )
