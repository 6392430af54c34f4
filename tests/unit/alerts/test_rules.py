"""Each rule as a table: given these numbers on these days, expect these signals and no other. A reason for every row.

The rules about the score have their tables in test_score_rules.py.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.account_facts import AccountFacts
from alerts.evaluation import evaluate_rules
from alerts.model import AccountRecord, Signal
from alerts.rules import AccountRules, Firing, Indeterminate, Resolved, Rule, RuleBook, RuleSettings
from alerts.rules.book import declared_in
from alerts.signals import step_signal
from stream.calendar.workdays import EPOCH_ORDINAL, Calendar
from stream.contracts.report import HealthReport, Profile
from stream.measures.registry import MEASURES
from tests.reports import MONDAY, make_report
from tests.scenarios import RULES_ALONE
from tests.true_words import check_evaluation
from tests.unit.alerts.rule_cases import RULE_CASES, WORSE, Day

RULES = {rule.name: rule for rule in RuleBook(RuleSettings().all()).choose(Profile())}
CHAMPION_GONE = type(RULES["champion_gone"])


def report_of(day: Day, as_of: datetime) -> HealthReport:
    """A day's report; so many quiet working days end with it."""
    measures = dict(day.measures)
    if "quiet" in measures:
        quiet_days, at = measures.pop("quiet"), as_of.date()
        if quiet_days is not None:
            last = as_of.date() - timedelta(days=1)
            while Calendar().between(_number(last) + 1, _number(at)) < quiet_days:
                last -= timedelta(days=1)
            measures["days_since_active"] = (at - last).days if quiet_days else 0
    return make_report(as_of=as_of, measures=measures, **{"score": 80.0, **day.fields})


def _number(day: date) -> int:
    return day.toordinal() - EPOCH_ORDINAL


def steps_of(rule: Rule, days: Sequence[Day]) -> list[str]:
    """What came of each day, as `firing warning` or `resolved well`; empty for nothing."""
    record: AccountRecord | None = None
    rule, told = rule.model_copy(update={"channel": "page"}), []  # so that each has its messages
    for at, day in enumerate(days):
        as_of = MONDAY + timedelta(days=at)
        report = report_of(day, as_of)
        evaluation = evaluate_rules(record, report, [rule], as_of, RULES_ALONE)
        record = evaluation.record
        assert all(check_evaluation(evaluation, report, as_of, [rule]))
        step = next(iter(evaluation.signals), None)
        if step is None or step.signal is None:
            told.append("")
        elif step.change == "resolved":
            told.append("resolved well" if step.signal.recovered else "resolved otherwise")
        else:
            told.append(f"{step.change} {step.signal.severity}")
    return told


MEASURES_READ = sorted(
    {measure for case in RULE_CASES.values() for measure in (*case.breaks, *case.well)}
    | {measure for case in RULE_CASES.values() for _, days in case.lives for day in days for measure in day.measures}
)
ROWS = [(name, why, days) for name, case in RULE_CASES.items() for why, days in case.lives]


@pytest.mark.parametrize(("name", "why", "days"), ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS])
def test_the_rules(name: str, why: str, days: list[Day]) -> None:
    """Each row is a life under one rule."""
    assert steps_of(RULES[name], days) == [day.step for day in days], why


def test_every_rule_has_its_cases() -> None:
    """And what gets worse in a life has a message for it."""
    assert list(RULE_CASES) == list(RULES)
    assert {row[0] for row in ROWS} == RULES.keys() - {"score_low", "score_dropped"}
    gets_worse = {name for name, _, days in ROWS if any(day.step == WORSE for day in days)}
    assert gets_worse == {name for name, case in RULE_CASES.items() if case.worse} - {"score_low", "score_dropped"}


@pytest.mark.parametrize(
    ("name", "just_in", "just_out"), [(name, *case.line) for name, case in RULE_CASES.items() if case.line is not None]
)
def test_what_dances_on_a_line_is_one_signal(name: str, just_in: Day, just_out: Day) -> None:
    """Every rule whose number can go both ways leaves room between firing and resolving."""
    steps = steps_of(RULES[name], [just_in, just_out] * 10)
    assert [step for step in steps if step] == [steps[0]]
    assert steps[0].startswith("firing")


@pytest.mark.parametrize("name", RULES)
def test_a_report_without_a_rule_s_measures_finds_nothing(name: str) -> None:
    """A worker of another version, or a feed that is not there."""
    facts = AccountFacts(make_report(score=None, measures={}, profile=Profile()), MONDAY)
    result = RULES[name].evaluate(facts, None, None)
    assert isinstance(result, Indeterminate)
    assert result.reason


def test_what_rules_read_is_published_when_it_changes() -> None:
    """A measure that time alone moves has its moment beside it; every other one is compared with each scan."""
    read: set[str] = set()

    class Traced(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            read.add(key)
            return super().get(key, default)

    for rule, case in RULE_CASES.items():
        for _, days in case.lives:
            record: AccountRecord | None = None
            for at, day in enumerate(days):
                as_of = MONDAY + timedelta(days=at)
                report = report_of(day, as_of)
                report = replace(report, measures=Traced(report.measures))
                record = evaluate_rules(record, report, [RULES[rule]], as_of, RULES_ALONE).record
    unpublished = {name for name in read if MEASURES[name].published == "day"}
    assert unpublished <= {"dau", "wau"}, "gauges of the portfolio, and no rule, read these"
    assert {"mau", "escalated_at", "open_tickets_by_priority"} <= read


@pytest.mark.parametrize("name", RULES)
def test_what_is_no_number_is_unknown(name: str) -> None:
    """Whoever writes to the topic: one odd report must not stop all others."""
    odd = dict.fromkeys(MEASURES_READ, "many")
    assert not isinstance(RULES[name].evaluate(AccountFacts(make_report(measures=odd), MONDAY), None, None), Firing)


anything = st.one_of(st.none(), st.integers(-5, 400), st.floats(-5, 400), st.text(max_size=3))


@given(st.data())
def test_whatever_the_numbers_each_rule_answers_with_a_reason(data: st.DataObject) -> None:
    """And its evidence is numbers, so that a message can show it; with a signal of its own, and without."""
    measures = {name: data.draw(anything, name) for name in MEASURES_READ}
    for rule in RULES.values():
        report = make_report(measures=measures, profile=Profile(licensed_seats=9))
        facts = AccountFacts(report, MONDAY)
        result = rule.evaluate(facts, None, None)
        assert result.reason
        due = rule.due(facts)
        assert due is None or due > facts.now
        assert AccountRules([rule]).living.of(measures) or (due is None and not isinstance(result, Firing))
        if isinstance(result, Firing):
            assert all(isinstance(value, (int, float)) for value in result.evidence.values())
            again = rule.evaluate(facts, fired(rule, facts), None)
            assert not isinstance(again, Resolved) or again.reason


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.preconditions])
def test_a_rule_without_its_precondition_neither_fires_nor_is_due(name: str) -> None:
    """On each of its lines, beside it, where rounding brings a number to it, and without a number."""
    rule, case = RULES[name], RULE_CASES[name]
    own, asked = AccountRules([rule]), set()
    for measure, at_least, at_most in rule.preconditions or ():
        line = at_least if at_least is not None else at_most
        at = getattr(rule, line) if isinstance(line, str) else line
        values = [None] if at is None else [None, *(at + off for off in (-1, -0.01, -0.004, 0, 0.004, 0.01, 1))]
        for value in values:
            report = report_of(Day(case.breaks | {measure: value}, fields=case.fields), MONDAY)
            facts = AccountFacts(replace(report, profile=Profile(**case.profile)), MONDAY)
            is_asked = bool(own.living.of(facts.report.measures))
            asked.add(is_asked)
            assert is_asked or not isinstance(rule.evaluate(facts, None, None), Firing), (measure, value)
            assert own.due.of(facts.report.measures) or rule.due(facts) is None, (measure, value)
    assert False in asked or len(rule.preconditions or ()) > 1, "it spares nothing"


def fired(rule: Rule, facts: AccountFacts) -> Signal:
    """The signal that a firing rule makes."""
    signal = step_signal(rule, None, rule.evaluate(facts, None, None), facts).signal
    assert signal is not None
    return signal


def test_every_rule_is_declared_whole() -> None:
    """Name, what it finds, why it matters and what to try: a rule without one of them is an error at import."""
    with pytest.raises(TypeError, match=r"rule Half: expected why, rank, plays"):

        class Half(Rule):
            name = "half"
            about = "half a rule"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_plays_of_a_rule_are_each_named_once(rule: Rule) -> None:
    ids = [play.id for play in rule.plays]
    assert len(ids) == len(set(ids)) >= 3


def test_two_rules_of_one_rank_or_one_name_are_refused() -> None:
    """Rules are found in the modules of their package: a copied declaration must not win silently."""
    module = ModuleType("alerts.rules.copied")

    class Copied(CHAMPION_GONE):  # type: ignore[misc, valid-type]
        __module__ = module.__name__

    module.Copied = Copied  # type: ignore[attr-defined]
    original = import_module(CHAMPION_GONE.__module__)
    with pytest.raises(TypeError, match="rules ChampionGone and Copied both have rank 50: expected each its own"):
        declared_in([original, module])
