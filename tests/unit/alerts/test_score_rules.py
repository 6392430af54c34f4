"""The rules about the score as tables: closing scores day by day, and the signals that come of them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.account_facts import AccountFacts
from alerts.evaluation import evaluate_rules, next_due
from alerts.model import AccountRecord
from alerts.rules import RULES, RuleBook, RuleSettings
from stream.contracts.report import Profile
from tests.reports import MONDAY, make_report
from tests.scenarios import RULES_ALONE

SHIPPED = {rule.name: rule for rule in RuleBook(RuleSettings().all()).choose(Profile())}
ONLY_LOW = [SHIPPED["score_low"]]
ONLY_DROP = [SHIPPED["score_dropped"]]


def live(rules: Sequence[Any], scores: Sequence[float | None]) -> list[str]:
    """One report a day at 9 o'clock with the day's score; `day 8 firing warning page` for each change."""
    record: AccountRecord | None = None
    past: list[float | None] = []
    told = []
    for day, score in enumerate(scores):
        as_of = MONDAY + timedelta(days=day)
        report = make_report(score=score, as_of=as_of, past=[value or 0 for value in past[-27:]])
        unknown = {
            (as_of - timedelta(days=back)).date().isoformat() for back in range(1, day + 1) if past[-back] is None
        }
        report = replace(report, history=[each for each in report.history if each[0] not in unknown])
        evaluation = evaluate_rules(record, report, rules, as_of, RULES_ALONE)
        record = evaluation.record
        for step in evaluation.signals:
            assert step.signal is not None
            told.append(f"day {day} {step.change} {step.signal.severity} {step.signal.channel}")
        past.append(score)
    return told


LOW = [
    ("healthy", [80.0] * 20, []),
    ("below 50 for nine closes is a dip", [45.0] * 9 + [60.0] * 5, []),
    ("below 50 for ten closes: in the digest", [45.0] * 12, ["day 10 firing info digest"]),
    ("below 35 for seven closes: a page", [30.0] * 9, ["day 7 firing warning page"]),
    ("below 25 for seven closes: critical", [20.0] * 9, ["day 7 firing critical page"]),
    (
        "step by step: each line once",
        [45.0] * 10 + [30.0] * 7 + [20.0] * 7 + [20.0] * 5,
        ["day 10 firing info digest", "day 17 worse warning page", "day 24 worse critical page"],
    ),
    ("one close above begins the count anew", [30.0] * 6 + [40.0] + [30.0] * 7, ["day 10 firing info digest"]),
    (
        "over well above the first line only",
        [30.0] * 8 + [52.0] * 3 + [55.0],
        ["day 7 firing warning page", "day 11 resolved warning page"],
    ),
    ("an unknown score decides nothing", [30.0] * 8 + [None] * 4 + [30.0], ["day 7 firing warning page"]),
    (
        "days of an unknown score neither count nor begin the count anew",
        [30.0] * 4 + [None] * 3 + [30.0] * 4,
        ["day 10 firing warning page"],
    ),
    ("today is no close", [30.0] * 7, []),
]


@pytest.mark.parametrize(("why", "scores", "told"), LOW, ids=[row[0] for row in LOW])
def test_a_score_that_stays_low(why: str, scores: list[float | None], told: list[str]) -> None:
    assert live(ONLY_LOW, scores) == told, why


DROPS = [
    ("steady", [80.0] * 10, []),
    ("14 points are no drop", [80.0, 66.0, 66.0], []),
    ("15 in a day", [80.0, 65.0], ["day 1 firing warning digest"]),
    ("30: critical", [80.0, 50.0], ["day 1 firing critical digest"]),
    ("in steps within a week", [80.0, 76.0, 72.0, 68.0, 64.0], ["day 4 firing warning digest"]),
    (
        "most of it made good",
        [80.0, 60.0, 66.0, 70.0],
        ["day 1 firing warning digest", "day 3 resolved warning digest"],
    ),
    (
        "a new level for two weeks is no fall any more, and is not told again",
        [80.0] + [60.0] * 30,
        ["day 1 firing warning digest", "day 15 resolved warning digest"],
    ),
    (
        "falls on: one fall, worse",
        [80.0, 64.0, 60.0, 55.0, 49.0],
        ["day 1 firing warning digest", "day 4 worse critical digest"],
    ),
]


@pytest.mark.parametrize(("why", "scores", "told"), DROPS, ids=[row[0] for row in DROPS])
def test_a_score_that_fell(why: str, scores: list[float | None], told: list[str]) -> None:
    assert live(ONLY_DROP, scores) == told, why


def test_days_without_a_report_close_with_the_last_score() -> None:
    """Nothing came because nothing changed: time alone makes it a page, at the midnight after the seventh close."""
    report = make_report(score=30, as_of=MONDAY)
    first = evaluate_rules(None, report, ONLY_LOW, MONDAY, RULES_ALONE)
    record, now = first.record, MONDAY
    fired = []
    for _ in range(12):
        assert record is not None
        due = next_due(record, report, ONLY_LOW, RULES_ALONE, now)
        if due is None:
            break
        evaluation = evaluate_rules(record, report, ONLY_LOW, due, RULES_ALONE)
        record, now = evaluation.record, due
        fired += [(due, step.signal.severity) for step in evaluation.signals if step.signal is not None]
    assert fired == [((MONDAY + timedelta(days=7)).replace(hour=0), "warning")]


@given(st.lists(st.integers(0, 1000).map(lambda tenths: tenths / 10), min_size=1, max_size=27), st.floats(1, 99))
def test_closes_below_a_line_are_counted_as_a_plain_loop_does(past: list[float], line: float) -> None:
    facts = AccountFacts(make_report(score=80, as_of=MONDAY, past=past), MONDAY)
    count = 0
    while count < len(past) and past[-1 - count] < line:
        count += 1
    assert facts.closes_below(line) == count


def test_as_many_days_count_of_an_older_report_as_of_one_of_today() -> None:
    """Also where a day had no score: a list of 27 of them would reach back one day further."""
    past = [float(score) for score in range(28)]
    older = make_report(score=80, as_of=MONDAY, past=past[1:])
    gone = (MONDAY - timedelta(days=9)).date().isoformat()
    history = [day for day in older.history if day[0] != gone]
    tomorrow = MONDAY + timedelta(days=1)
    newer = replace(older, as_of=tomorrow, history=[*history[1:], (tomorrow.date().isoformat(), 80.0)])
    known = AccountFacts(replace(older, history=history), tomorrow).closes()
    assert known == AccountFacts(newer, tomorrow).closes()
    assert len(known) == 26


def test_the_order_of_rules_names_each_once() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
