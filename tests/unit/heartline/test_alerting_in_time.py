"""Time-driven alerting is exact: what is evaluated when it is due equals what a plain loop over every hour finds."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alerts.account_facts import AccountFacts
from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.evaluation import evaluate_rules
from alerts.model import AccountRecord
from heartline.alert_replay.history import AccountReplay
from stream.contracts.report import HealthReport, Profile
from tests.examples import examples
from tests.reports import MONDAY, make_report

CONFIG = AlertingConfig()
CONTEXT = AlertContext(CONFIG.lifecycle)
HOUR = timedelta(hours=1)

Found = list[tuple[str, str, str, str]]


def known(**measures: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=measures)


reports = st.lists(
    st.tuples(
        st.integers(1, 12),  # days since the report before
        st.sampled_from([10.0, 30.0, 40.0, 60.0, 90.0, None]),
        known(
            days_since_active=st.integers(0, 9),
            silence_limit_days=st.just(3),
            escalation_running_hours=st.sampled_from([0, 10, 30, 80]),
            open_detractors=st.integers(0, 2),
            open_detractor_days=st.integers(0, 9),
            first_value_waiting_days=st.integers(0, 130),
            milestone_stuck_days=st.integers(0, 130),
            cancellation_requested=st.integers(0, 1),
            mau=st.sampled_from([0, 4, 10, 20]),
            mau_previous=st.just(20),
            use_vs_best=st.sampled_from([0.2, 0.9]),
            days_to_renewal=st.integers(-40, 120),
            lifecycle_stage=st.sampled_from(["mature", "churned"]),
        ),
    ),
    min_size=1,
    max_size=8,
)


def history_of(drawn: list[tuple[int, float | None, dict[str, Any]]], timezone: str | None) -> list[HealthReport]:
    found, day = [], 0
    profile = Profile(name="Acme", owner="Dana", mrr=900, timezone=timezone)
    for gap, score, measures in drawn:
        day += gap
        as_of = MONDAY + timedelta(days=day)
        found.append(make_report(score=score, as_of=as_of, measures=measures, profile=profile))
    return found


def plainly(history: list[HealthReport]) -> Found:
    """Every hour from the first report on, by the latest report of that hour."""
    record: AccountRecord | None = None
    found: Found = []
    now, at = history[0].as_of, 0
    while now <= history[-1].as_of + timedelta(days=20):
        while at + 1 < len(history) and history[at + 1].as_of <= now:
            at += 1
        report = history[at]
        rules = CONFIG.book.of(AccountFacts(report, now))
        evaluation = evaluate_rules(record, report, rules, now, CONTEXT)
        record = evaluation.record
        stamp = f"{now:%m-%d %H}"
        found += [(stamp, str(s.change), s.signal.rule, s.signal.severity) for s in evaluation.signals if s.signal]
        now += HOUR
    return found


def when_due(history: list[HealthReport]) -> Found:
    """As live alerting and `alert replay`: at each report, and whenever time makes something due."""
    life = AccountReplay(CONFIG, CONTEXT)
    for report in history:
        life.take(report)
    life.pass_time(history[-1].as_of + timedelta(days=20, hours=1))
    events = [row for row in life.rows if row.event in ("firing", "worse", "resolved")]
    return [(f"{row.at:%m-%d %H}", row.event, row.signals, row.severity) for row in events]


@given(reports, st.sampled_from([None, "America/New_York", "Asia/Tokyo"]))
@examples(6)
def test_what_is_due_happens_at_its_moment_and_nothing_else_does(
    drawn: list[tuple[int, float | None, dict[str, Any]]], timezone: str | None
) -> None:
    """Signal by signal, moment by moment."""
    history = history_of(drawn, timezone)
    assert when_due(history) == plainly(history)
