"""Live alerting, `alert replay` and a plain look at every hour find the same, signal by signal, moment by moment.

Live: the worker publishes what is worth publishing, and alerting rests on that and on its own clock. Plainly: each hour
every measure is computed anew, whatever was published. Lives, overrides and scorecards are random.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import Phase, example, given
from hypothesis import strategies as st

from alerts.account_facts import AccountFacts
from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.evaluation import AccountEvaluation, evaluate_rules
from alerts.model import AccountRecord
from heartline.alert_replay.history import AccountReplay, replay_alerts
from heartline.snapshot import Summary, read_events
from stream.calendar.clock import ManualClock
from stream.calendar.zones import zone
from stream.config.settings import Settings
from stream.contracts.report import FACT_DIGITS, Freshness, HealthReport, decode_report
from stream.kinds.state import AccountState, zone_of
from stream.measures import measure
from stream.measures.catalogue import SCAN_FACTS
from stream.measures.product import product_config_from
from stream.scoring.band_history import history, moment
from stream.scoring.evaluation import evaluate, profile_of
from stream.scoring.scorecard import Scorecards
from stream.scoring.scorecard_selection import scorecard_for
from stream.scoring.scorecard_yaml import read_scorecards
from stream.scoring.shipped import SHIPPED
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor, make_processor
from tests.examples import examples
from tests.streams import TOPICS, Raw, record
from tests.true_words import check_evaluation

HOUR_MS: Final = 3_600_000
FIRST_DAY: Final = 20_500  # a Friday
DAYS: Final = 66  # enough for champions (44 days) and two months of users
SCORECARD: Final = """
- name: own
  version: 1
  bands: {healthy: {enter: 70, exit: 65}, watch: 45, at_risk: {enter: 20, exit: 15}}
  groups:
    use:
      measures:
        wau: {weight: 2, curve: {0: 0, 6: 100}}
        days_since_active: {weight: 1, curve: {0: 100, 10: 0}}
    support: {measures: {open_urgent_hours: {weight: 1, curve: {0: 100, 72: 0}}}}
"""
CONFIG: Final = AlertingConfig.model_validate(
    {
        "custom_rules": [
            {"name": "few", "measure": "mau", "below": 3, "exit": 5, "for_hours": 30, "says": "has {value}"},
            {"name": "loud", "measure": "open_tickets", "at_least": 2, "says": "has {value} tickets"},
        ]
    }
)
ONCE: Final = (Phase.explicit, Phase.generate)  # a smaller seed is no simpler life
CONTEXT: Final = AlertContext(CONFIG.lifecycle)

# (epoch ms, what happened, of which rule or red flag, channel, severity)
Row = tuple[int, str, str, str, str]


def life_of(seed: int, minute: int = 0) -> list[Raw]:
    """A random life; everything happens at this minute of an hour."""
    rng = random.Random(seed)
    events: list[Raw] = []

    def add(what: str, day: int, hour: int, **fields: Any) -> None:
        at_ms = ((FIRST_DAY + day) * 24 + hour) * HOUR_MS + minute * 60_000
        plain = {"type": what, "account_id": "acme", "timestamp": at_ms}
        named = {} if what == "account" else {"event_id": f"{what}{len(events)}"}
        events.append(plain | named | fields)

    profile = {
        "name": "Acme",
        "owner": "Dana",
        "licensed_seats": rng.choice([3, 8, 40]),
        "mrr": rng.choice([None, 900]),
    }
    profile["timezone"] = rng.choice([None, "America/New_York", "Asia/Tokyo"])
    profile["renewal_at"] = moment((FIRST_DAY + rng.randrange(20, 160)) * 24 * HOUR_MS).isoformat()
    add("account", 0, 0, **{name: value for name, value in profile.items() if value is not None})
    for user in range(rng.randrange(1, 9)):
        start, stop, share = rng.choice([0, 0, 20]), rng.choice([30, 45, DAYS]), rng.choice([1.0, 0.6, 0.15])
        for day in range(start, stop):
            if (FIRST_DAY + day) % 7 not in (1, 2) and rng.random() < share:
                for _ in range(rng.randrange(1, 3)):
                    feature = rng.choice(["export", "search", "share"][: 3 if day < 40 else rng.choice([1, 3])])
                    add("usage", day, rng.randrange(7, 21), user_id=f"u{user}", feature=feature)
    for number in range(rng.randrange(0, 7)):
        day, hour = rng.randrange(30, DAYS - 8), rng.randrange(1, 20)
        name, priority = f"t{number}", rng.choice(["urgent", "high", "low"])
        for status, later in (("opened", 0), ("escalated", 1), ("solved", rng.randrange(5, 190))):
            if status != "escalated" or rng.random() < 0.5:
                add("ticket", day, hour + later, ticket_id=name, status=status, priority=priority)
    for number in range(rng.choice([0, 2, 9])):
        day, user_id = rng.randrange(20, DAYS), f"u{rng.randrange(5)}"
        fields: Raw = {"response_id": f"r{number}", "survey": "nps", "score": rng.randrange(0, 11), "user_id": user_id}
        add("survey", day, rng.randrange(24), **fields)
    for _ in range(rng.choice([0, 3])):
        add("touchpoint", rng.randrange(5, DAYS), rng.randrange(24), kind="call", user_id=f"u{rng.randrange(5)}")
    if rng.random() < 0.5:
        steps = ["started", "cancellation_requested", rng.choice(["cancellation_withdrawn", "cancelled", "renewed"])]
        for at, status in enumerate(steps[: rng.randrange(1, 4)]):
            worth = {"mrr": rng.choice([900, 400])} if status in ("started", "renewed") else {}
            add("subscription", 20 + 14 * at, rng.randrange(24), subscription_id="s1", status=status, **worth)
    if rng.random() < 0.5:
        day = rng.randrange(30, 50)
        until = moment((FIRST_DAY + day + rng.randrange(2, 15)) * 24 * HOUR_MS).isoformat()
        override = {"owner": "ann", "reason": "known", "expires_at": until} | rng.choice([{"score": 90}, {"score": 15}])
        add("account", day, 9, health_override=override)
    return sorted(events, key=lambda event: event["timestamp"])


class Worker:
    """The worker and live alerting, without Kafka: what it publishes, and a plain look beside it."""

    def __init__(self, settings: Settings) -> None:
        self.clock = ManualClock(0)
        self.processor: HealthProcessor = make_processor(settings, self.clock)
        self.partition = AccountPartition(0)
        self.freshness: dict[str, Freshness] = {"accounts": Freshness()}  # as long as nobody's usage is told
        self.product = product_config_from(settings)
        self.core = frozenset(settings.product.core_features)
        self.scorecards: Scorecards = SHIPPED if settings.scorecards is None else read_scorecards(settings.scorecards)

    def step(self, events: Sequence[Raw], now_ms: int) -> list[HealthReport]:
        """Fold what came, and evaluate as of now; what is published."""
        self.clock.current_ms = now_ms
        for event in events:
            self.processor.fold(self.partition, TOPICS.input(event["type"]), [record(event["type"], event)])
        for _ in self.processor.evaluate(self.partition):
            pass
        outputs, self.partition.outputs = self.partition.outputs, []
        self.freshness |= {"usage": Freshness()} if any(event["type"] == "usage" for event in events) else {}
        return [decode_report(output.value or b"") for output in outputs if output.topic == TOPICS.health]

    def plainly(self, now_ms: int) -> HealthReport:
        """The account as it is, every measure of it."""
        state: AccountState = self.partition.states["acme"]
        scorecard = scorecard_for(self.scorecards, state, now_ms, self.core, self.product)
        found = evaluate(state, now_ms, scorecard, self.core, self.product)
        return HealthReport(
            account_id="acme",
            as_of=moment(now_ms),
            score=found.score,
            band=found.band,
            coverage_ratio=found.coverage_ratio,
            scorecard=found.scorecard,
            score_7d_ago=found.closings[0],
            history=history(state, found.day, found.score),
            measures=msgspec.json.decode(msgspec.json.encode(measure(state, now_ms, self.core, self.product))),
            profile=profile_of(state, now_ms),
            reason="",
            contributions=[],
            changes_7d=[],
            freshness=self.freshness,
        )


def settings_of(scorecards: Path | None) -> Settings:
    product = {"core_features": ["export", "search"], "key_actions": ["share"], "follow_up_days": 2}
    return Settings.model_validate({"product": product, "scorecards": scorecards})


def read_by_rules(report: HealthReport, now_ms: int) -> dict[str, Any]:
    """All that rules read of an account at a moment."""
    facts = AccountFacts(report, moment(now_ms))
    read: dict[str, Any] = {name: facts.report.measures.get(name) for name in sorted(SCAN_FACTS)}
    read = {name: round(value, FACT_DIGITS) if isinstance(value, float) else value for name, value in read.items()}
    for name in ("first_value_waiting_days", "milestone_stuck_days", "days_known"):
        read[name] = facts.older_days(name)
    for name in ("score", "band", "profile", "stage", "mrr", "seats", "days_to_renewal", "quiet_days"):
        read[name] = getattr(facts, name)
    hours = facts.escalation_hours
    read |= {"quiet_working_days": facts.quiet_working_days, "closes": facts.closes()}
    return read | {"escalation_hours": None if hours is None else round(hours, 6)}


def rows_of(evaluation: AccountEvaluation, now_ms: int) -> Iterator[Row]:
    for step in evaluation.signals:
        if step.signal is not None and step.change is not None:
            yield now_ms, step.change, step.signal.rule, step.signal.channel, step.signal.severity
    for transition in evaluation.changes:
        if transition.alert is not None:
            what = f"{transition.kind} {transition.notification_kind}"
            yield now_ms, what, transition.alert.rule, transition.alert.channel, transition.alert.severity


class Live(AccountReplay):
    """Alerting on published reports, with its own clock; rows as the plain look makes them."""

    def __init__(self) -> None:
        super().__init__(CONFIG, CONTEXT)
        self.found: list[Row] = []

    def _note(self, evaluation: AccountEvaluation, report: HealthReport, now: datetime) -> None:
        self.found += rows_of(evaluation, round(now.timestamp() * 1000))


def take_due(events: list[Raw], now_ms: int) -> list[Raw]:
    due = [event for event in events if event["timestamp"] <= now_ms]
    del events[: len(due)]
    return due


@pytest.fixture(scope="module")
def scorecards(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path | None]:
    path = tmp_path_factory.mktemp("scorecards") / "own.yaml"
    path.write_text(SCORECARD, "utf-8")
    return {False: None, True: path}


@given(seed=st.integers(0, 10**6), own=st.booleans())
@examples(8, phases=ONCE)
def test_what_readers_know_is_what_is_so_at_every_hour(
    scorecards: dict[bool, Path | None], seed: int, own: bool
) -> None:
    """And so alerting on what is published finds what a look at everything finds, at the same moments."""
    worker, live, events = Worker(settings_of(scorecards[own])), Live(), life_of(seed)
    record_: AccountRecord | None = None
    plain: list[Row] = []
    known: HealthReport | None = None
    first_ms, last_ms = events[0]["timestamp"], (FIRST_DAY + DAYS + 4) * 24 * HOUR_MS
    for now_ms in range(first_ms, last_ms, HOUR_MS):
        for known in worker.step(take_due(events, now_ms), now_ms):
            live.take(known)
        live.pass_time(moment(now_ms + 1))
        assert known is not None
        full = worker.plainly(now_ms)
        assert read_by_rules(known, now_ms) == read_by_rules(full, now_ms), moment(now_ms)
        facts = AccountFacts(full, moment(now_ms))
        rules = CONFIG.book.of(facts)
        evaluation = evaluate_rules(record_, full, rules, moment(now_ms), CONTEXT)
        record_ = evaluation.record
        assert all(check_evaluation(evaluation, full, moment(now_ms), rules))
        plain += rows_of(evaluation, now_ms)
    assert live.found == plain


@given(seed=st.integers(0, 10**6), own=st.booleans())
@example(seed=1130, own=True)  # something is due right after a look that publishes nothing
@examples(20, phases=ONCE)
def test_a_replay_finds_what_live_alerting_found(
    scorecards: dict[bool, Path | None], tmp_path_factory: pytest.TempPathFactory, seed: int, own: bool
) -> None:
    """At the same moments: at the end of each busy hour and of each day, and when a day begins."""
    settings, events = settings_of(scorecards[own]), life_of(seed, minute=7)
    path = tmp_path_factory.getbasetemp() / "events.jsonl"
    path.write_bytes(b"\n".join(map(msgspec.json.encode, events)))
    replayed = replay_alerts(read_events([path], settings, Summary()), settings, CONFIG, "hour", processes=1)
    worker, live = Worker(settings), AccountReplay(CONFIG, CONTEXT)
    now_ms = events[-1]["timestamp"]
    for now_ms in _moments(events, settings):
        for known in worker.step(take_due(events, now_ms), now_ms):
            live.take(known)
    # To the end of the last day, and with what is due at that instant, as the replay, whether or not it is published.
    live.pass_time(moment(now_ms + 1))
    assert [row[:6] for row in live.rows] == [row[:6] for row in replayed.rows]


def _moments(events: Sequence[Raw], settings: Settings) -> Iterator[int]:
    """The ends of busy hours and of the account's days, and the beginnings of its days."""
    worker = Worker(settings)
    worker.step(list(events[:1]), events[0]["timestamp"])
    at = zone(zone_of(worker.partition.states["acme"]).name)
    last_ms = events[-1]["timestamp"]
    moments = {event["timestamp"] // HOUR_MS * HOUR_MS + HOUR_MS - 1 for event in events}
    for day in range(at.day_of(events[0]["timestamp"]), at.day_of(last_ms) + 1):
        end_ms = at.end_of_day_ms(day)
        moments |= {end_ms} | ({end_ms + 1} if end_ms < last_ms else set())
    return iter(sorted(each for each in moments if each <= at.end_of_day_ms(at.day_of(last_ms))))
