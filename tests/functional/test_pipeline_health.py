"""Trouble of the pipeline on a real Redis: told once, held through a restart, and afterwards what is still true."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
import redis
from prometheus_client import CollectorRegistry

from alerts.alert_events import decode_alert_event
from alerts.routing import everything_to
from consumers.alerting.alerting_handler import Alerting
from consumers.alerting.audit_log import AuditLog
from consumers.alerting.metrics import Metrics
from consumers.alerting.outbox import Outbox
from consumers.alerting.pipeline_health import PipelineHealthMonitor
from consumers.alerting.projection import Projection
from consumers.alerting.rebuild_state import Rebuilt
from consumers.alerting.recipients import Recipients
from consumers.alerting.state import StateStore
from stream.contracts.report import Freshness, encode_report
from stream.topics import Topics
from tests.paged import PAGED
from tests.reports import MONDAY, make_report

CONFIG = PAGED
TOPICS = Topics("", "heartline")
ACCOUNTS = 60


class Item(NamedTuple):
    """A record."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes


class Installation:
    """Processes over one Redis, under one clock."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self.now = MONDAY
        self.outbox = Outbox(client, prefix)
        self.audit = AuditLog(client, prefix)
        self.registry = CollectorRegistry()
        self._client, self._prefix = client, prefix
        self._offsets = {0: 0, 1: 0}
        self.absent_since: datetime | None = None

    def process(self, *partitions: int) -> Alerting:
        """A process that has just taken over some partitions."""
        self.registry = CollectorRegistry()
        recipients = Recipients(everything_to("slack"), {"slack": lambda kind: True})
        metrics = Metrics(self.registry, TOPICS.health, CONFIG.book.names, ["slack"])
        alerting = Alerting(
            StateStore(self._client, self._prefix, self.outbox, self.audit),
            CONFIG,
            Projection(),
            metrics,
            topics=TOPICS,
            event_clock=False,
            recipients=recipients,
            rebuild=lambda partition: Rebuilt(),
            pipeline_health=PipelineHealthMonitor(
                self._client,
                self._prefix,
                self.outbox,
                self.audit,
                CONFIG.lifecycle.pipeline_incident,
                recipients,
                metrics,
                lambda: self.absent_since,
            ),
            clock_ms=lambda: int(self.now.timestamp() * 1000),
        )
        for partition in partitions:
            alerting.on_assigned(TOPICS.health, partition)
        return alerting

    def report(
        self,
        alerting: Alerting,
        partition: int,
        score: float,
        count: int = ACCOUNTS,
        first: int = 0,
        *,
        is_stale: bool | None = None,
    ) -> None:
        """One batch: some accounts of a partition, all at one score; whether usage is silent for everybody, if told."""
        freshness = {} if is_stale is None else {"usage": Freshness(is_stale=is_stale)}
        records: list[Any] = []
        for number in range(first, first + count):
            report = make_report(f"p{partition}-{number}", score, as_of=self.now, freshness=freshness)
            offset, self._offsets[partition] = self._offsets[partition], self._offsets[partition] + 1
            key, at_ms = report.account_id.encode(), int(self.now.timestamp() * 1000)
            records.append(Item(TOPICS.health, partition, offset, at_ms, key, encode_report(report)))
        alerting.handle(TOPICS.health, partition, records)

    def later(self, minutes: float, *processes: Alerting) -> None:
        """Time passes, minute by minute."""
        until = self.now + timedelta(minutes=minutes)
        while self.now < until:
            self.now = min(self.now + timedelta(minutes=1), until)
            for alerting in processes:
                alerting.tick()

    def told(self) -> list[tuple[str, str]]:
        """(rule, kind) of everything that was written for people."""
        return [(each.notification.rule, each.notification.kind) for each in self.outbox.waiting("slack")]

    def gauge(self, kind: str) -> float | None:
        """The kind's gauge, of the process that was started last."""
        return self.registry.get_sample_value("heartline_pipeline_incident", {"kind": kind})


@pytest.fixture
def assigned(client: redis.Redis, prefix: str) -> Installation:
    """An installation of which nothing is known yet."""
    return Installation(client, prefix)


OPERATORS = ("pipeline_incident", "opened")
OVER = ("pipeline_incident", "resolved")


def test_a_mass_drop_is_one_message_and_what_is_still_true_is_told_afterwards(assigned: Installation) -> None:
    """All fall in one batch; half of them are well again before the incident ends, and of those nobody hears."""
    alerting = assigned.process(0)
    assigned.report(alerting, 0, 80)
    assigned.later(1, alerting)
    assigned.report(alerting, 0, 40)
    assigned.later(2, alerting)
    assert assigned.told() == [OPERATORS]
    assert assigned.gauge("mass_drop") == 1
    assigned.report(alerting, 0, 85, ACCOUNTS // 2)
    assigned.later(30, alerting)
    assert Counter(assigned.told()) == {OPERATORS: 1, OVER: 1, ("breadth_collapsed", "opened"): ACCOUNTS // 2}
    assert assigned.gauge("mass_drop") == 0
    kinds = [decode_alert_event(value).kind for _, _, value in assigned.audit.waiting(0)]
    assert (kinds.count("pipeline_incident_opened"), kinds.count("pipeline_incident_resolved")) == (1, 1)


def test_while_no_worker_runs_operators_are_told_and_nobody_hears_of_accounts(assigned: Installation) -> None:
    """What a dead worker had still written is held like all else; once one is back, what is still true is told."""
    alerting = assigned.process(0)
    assigned.report(alerting, 0, 80, 1)
    assigned.absent_since = assigned.now
    assigned.later(6, alerting)
    assert assigned.told() == [OPERATORS]
    assert assigned.gauge("worker_absent") == 1
    assigned.report(alerting, 0, 40, 1)
    assigned.later(2, alerting)
    assert assigned.told() == [OPERATORS]
    assigned.absent_since = None
    assigned.later(10, alerting)
    assert Counter(assigned.told()) == {OPERATORS: 1, OVER: 1, ("breadth_collapsed", "opened"): 1}
    assert assigned.gauge("worker_absent") == 0


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_a_mass_drop_over_many_batches_is_held_but_for_its_first_few(assigned: Installation, batch: int) -> None:
    """A feed breaks: within three minutes all accounts fall, a few at a time. People hear of the cause."""
    alerting = assigned.process(0)
    assigned.report(alerting, 0, 80)
    assigned.later(1, alerting)
    for first in range(0, ACCOUNTS, batch):
        assigned.report(alerting, 0, 40, batch, first)
        assigned.now += timedelta(seconds=3 * batch)
        alerting.tick()
    assigned.later(3, alerting)
    told = Counter(assigned.told())
    assert told[OPERATORS] == 1
    assert told["breadth_collapsed", "opened"] <= CONFIG.lifecycle.pipeline_incident.suspect_accounts_min
    assigned.later(60, alerting)
    assert Counter(assigned.told()) == {OPERATORS: 1, OVER: 1, ("breadth_collapsed", "opened"): ACCOUNTS}


def test_some_that_fall_together_are_told_when_no_more_follow(assigned: Installation) -> None:
    """Eight of sixty at once is a bad morning: within three minutes people know, and no operator is called."""
    alerting = assigned.process(0)
    assigned.report(alerting, 0, 80)
    assigned.later(1, alerting)
    assigned.report(alerting, 0, 40, 8)
    assigned.later(1, alerting)
    assert assigned.told() == []
    assigned.report(alerting, 0, 85, 2)  # well again before anybody heard of it
    assigned.later(2, alerting)
    assert Counter(assigned.told()) == {("breadth_collapsed", "opened"): 6}


def test_one_that_falls_alone_is_told_at_once(assigned: Installation) -> None:
    alerting = assigned.process(0)
    assigned.report(alerting, 0, 80)
    assigned.report(alerting, 0, 40, 1)
    assert assigned.told() == [("breadth_collapsed", "opened")]


def test_while_a_history_is_loaded_nothing_is_told_and_then_each_account_once(assigned: Installation) -> None:
    """Into a running installation: halfway everybody seems to be away for weeks; at its end three are in trouble."""
    alerting = assigned.process(0)
    for score in (60, 40, 20, 40):
        assigned.report(alerting, 0, score, is_stale=True)
        assigned.now += timedelta(seconds=2)
        alerting.tick()
    assigned.report(alerting, 0, 80, ACCOUNTS - 3, is_stale=False)
    assigned.report(alerting, 0, 20, 3, first=ACCOUNTS - 3, is_stale=False)
    assigned.later(0.5, alerting)
    assert assigned.told() == []
    assigned.later(3, alerting)
    assert assigned.told() == [("breadth_collapsed", "opened")] * 3


def test_a_first_load_of_accounts_that_are_low_already_is_no_drop(assigned: Installation) -> None:
    """Nobody knows when they fell."""
    alerting = assigned.process(0)
    assigned.report(alerting, 0, 40)
    assigned.later(5, alerting)
    assert Counter(assigned.told()) == {("breadth_collapsed", "opened"): ACCOUNTS}


@pytest.mark.parametrize("ticks", [0, 1], ids=["before operators were told", "after operators were told"])
def test_a_restart_forgets_nothing_of_it(assigned: Installation, ticks: int) -> None:
    """Killed right after the batch, or after what came of it: told once, held as before."""
    first = assigned.process(0)
    assigned.report(first, 0, 80)
    assigned.later(1, first)
    assigned.report(first, 0, 40)
    assigned.later(ticks, first)
    second = assigned.process(0)
    assigned.later(2, second)
    assert assigned.told() == [OPERATORS]
    assigned.later(30, second)
    assert Counter(assigned.told()) == {OPERATORS: 1, OVER: 1, ("breadth_collapsed", "opened"): ACCOUNTS}


def test_two_processes_tell_it_once_and_both_hold(assigned: Installation) -> None:
    """Half the drop is in each one's partition: neither is many by itself."""
    processes = assigned.process(0), assigned.process(1)
    for partition, alerting in enumerate(processes):
        assigned.report(alerting, partition, 80)
    assigned.later(1, *processes)
    for partition, alerting in enumerate(processes):
        assigned.report(alerting, partition, 40, 12)
        assigned.later(1, *processes)
    assert assigned.told()[-1] == OPERATORS
    early = len(assigned.told()) - 1
    for partition, alerting in enumerate(processes):
        assigned.report(alerting, partition, 40, 20)
    assigned.later(1, *processes)
    assert len(assigned.told()) == early + 1, "both hold"
    assigned.later(40, *processes)
    told = assigned.told()
    assert (told.count(OPERATORS), told.count(OVER)) == (1, 1)
    assert told.count(("breadth_collapsed", "opened")) == 40


def test_a_process_that_was_slower_tells_nothing(
    assigned: Installation, monkeypatch: pytest.MonkeyPatch, client: redis.Redis
) -> None:
    """Another one writes between its reading and its writing."""
    slow, fast = assigned.process(0), assigned.process(1)
    assigned.report(slow, 0, 80)
    assigned.report(fast, 1, 80)
    assigned.report(slow, 0, 40)
    assigned.now += timedelta(minutes=1)
    original: Callable[..., Any] = PipelineHealthMonitor._tell

    def told_meanwhile(self: PipelineHealthMonitor, *args: Any) -> Any:
        monkeypatch.setattr(PipelineHealthMonitor, "_tell", original)
        fast.tick()
        return original(self, *args)

    monkeypatch.setattr(PipelineHealthMonitor, "_tell", told_meanwhile)
    slow.tick()
    assigned.later(2, slow, fast)
    assert assigned.told() == [OPERATORS]
