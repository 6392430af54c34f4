"""Each rule as a table: given these numbers on these days, expect these signals and no other. A reason for every row.

The rules about the score have their tables in test_score_rules.py.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.account_facts import AccountFacts
from alerts.evaluation import evaluate_rules
from alerts.model import AccountRecord, Signal
from alerts.rules import Firing, Indeterminate, Resolved, Rule, RuleBook, RuleSettings
from alerts.signals import step_signal
from stream.calendar.workdays import EPOCH_ORDINAL, Calendar
from stream.contracts.report import HealthReport, Profile
from tests.reports import MONDAY, make_report
from tests.scenarios import RULES_ALONE

RULES = {rule.name: rule for rule in RuleBook(RuleSettings().all()).choose(Profile())}


class Day(NamedTuple):
    """One day: the measures, what else the report says, and the step that comes of it, with its severity."""

    measures: dict[str, Any]
    step: str = ""
    fields: Mapping[str, Any] = MappingProxyType({})


def quiet(days: int | None, step: str = "", limit: float | None = 3) -> Day:
    """Nobody for so many whole working days: on a Monday to Friday of usual weeks."""
    return Day({"quiet": days, "silence_limit_days": limit}, step)


def champions(gone: float | None, step: str = "", of: float | None = 2, back: str = "") -> Day:
    names = ["ann", "bob"][: int(gone or 0)]
    measures = {"champions_gone": gone, "champions": of, "champions_gone_users": names}
    return Day(measures | ({"key_users_active": back.split()} if back else {}), step)


def users(now: float | None, before: float | None, step: str = "") -> Day:
    return Day({"mau": now, "mau_previous": before}, step, {"profile": Profile(mrr=500)})


def seats(used: int | None, step: str = "", days_known: int = 90, licensed: int | None = 20) -> Day:
    return Day({"mau": used, "days_known": days_known}, step, {"profile": Profile(licensed_seats=licensed)})


def escalated(for_hours: float | None, step: str = "") -> Day:
    return Day({"escalation_running_hours": for_hours}, step)


def tickets(high: int, step: str = "", usual: int = 2) -> Day:
    now, usually = {"high": high, "urgent": 0, "low": 40}, {"high": usual, "urgent": 0, "low": 90}
    return Day({"open_tickets_by_priority": now, "tickets_opened_90_by_priority": usually}, step)


def detractors(waiting: float | None, step: str = "", days: float = 3) -> Day:
    return Day({"open_detractors": waiting, "open_detractor_days": days}, step)


def promoters(waiting: float | None, step: str = "") -> Day:
    return Day({"open_promoters": waiting}, step)


def nps(value: float | None, step: str = "", answers: int = 8) -> Day:
    return Day({"nps": value, "nps_responses": answers, "nps_previous": 40}, step)


def csat(value: float | None, step: str = "", answers: int = 10) -> Day:
    return Day({"csat": value, "csat_responses": answers}, step)


def first_value(waiting: float | None, step: str = "", reached: float | None = None) -> Day:
    return Day({"first_value_waiting_days": waiting, "time_to_first_value_days": reached}, step)


def never(days_after_start: int, step: str = "", mrr: float | None = 500, active: int | None = None) -> Day:
    started = MONDAY - timedelta(days=days_after_start)
    return Day({"days_since_active": active}, step, {"profile": Profile(started_at=started, mrr=mrr)})


def stuck(days: float | None, step: str = "", reached: int = 1) -> Day:
    return Day({"milestone_stuck_days": days, "milestones_reached": reached, "milestone_next": "x"}, step)


def goals(behind: float | None, pace: float | None, step: str = "") -> Day:
    return Day({"goals_off_track": behind, "outcome_pace_min": pace}, step)


def renewal(days: float | None, score: float | None, step: str = "") -> Day:
    return Day({"days_to_renewal": days}, step, {"score": score})


def cancelling(requests: float | None, step: str = "", running: int = 1) -> Day:
    return Day({"cancellation_requested": requests, "subscriptions_active": running}, step)


def money(now: float | None, step: str = "", before: float | None = 1000) -> Day:
    return Day({"mrr_active": now, "mrr_90d_max": before}, step)


def best(ratio: float | None, step: str = "") -> Day:
    return Day({"use_vs_best": ratio}, step)


def regulars(lost: float | None, step: str = "", of: float | None = 8) -> Day:
    return Day({"established_users_lost": lost, "established_users": of}, step)


def features(lapsed: int, step: str = "", used: int = 2) -> Day:
    status = {f"l{n}": "lapsed" for n in range(lapsed)} | {f"u{n}": "used" for n in range(used)}
    return Day({"feature_status": status, "depth": 0.5}, step)


def half(users: float | None, step: str = "", licensed: int | None = 20) -> Day:
    return Day({"users_for_half": users}, step, {"profile": Profile(licensed_seats=licensed)})


OPENED, WORSE, GOOD_NEWS, OVER, ENDED = (
    *("firing warning", "worse critical", "firing info", "resolved well", "resolved otherwise"),
)
AT_ONCE = "firing critical"

ROWS = [
    ("silence", "used every day: nothing", [quiet(0), quiet(1), quiet(0)]),
    ("silence", "as long as its habit allows is no silence; beyond it is", [quiet(3), quiet(4, OPENED), quiet(5)]),
    ("silence", "twice as long: it is an answer", [quiet(4, OPENED), quiet(6), quiet(7, WORSE), quiet(9)]),
    ("silence", "somebody came back", [quiet(4, OPENED), quiet(0, OVER), quiet(1)]),
    ("silence", "a month of quiet is nothing where people come monthly", [quiet(20, limit=42), quiet(42, limit=42)]),
    ("silence", "unknown is not silent", [quiet(None), quiet(9, limit=None), quiet(9, limit=0)]),
    ("silence", "unknown later is not the end", [quiet(4, OPENED), quiet(None), quiet(5)]),
    ("silence", "it came and went: quiet again before the end was said", [quiet(4, OPENED), quiet(2), quiet(3)]),
    ("champion_gone", "all there", [champions(0), champions(0, of=5)]),
    ("champion_gone", "one of two", [champions(0), champions(1, OPENED), champions(1)]),
    ("champion_gone", "one of three is a holiday", [champions(1, of=3), champions(2, OPENED, of=3)]),
    ("champion_gone", "the only one: the account hangs on it", [champions(1, AT_ONCE, of=1)]),
    ("champion_gone", "both, one after the other", [champions(1, OPENED), champions(2, WORSE)]),
    ("champion_gone", "out of the window is not back", [champions(1, OPENED), champions(0), champions(0, of=1)]),
    ("champion_gone", "back by name", [champions(1, OPENED), champions(0, OVER, back="ann cas")]),
    ("champion_gone", "somebody else came: not back", [champions(1, OPENED), champions(0, back="cas")]),
    ("champion_gone", "one of two back: not over", [champions(2, AT_ONCE), champions(1, of=3)]),
    (
        "champion_gone",
        "others carry it for a month: replaced",
        [champions(1, OPENED), *[champions(0)] * 29, champions(0, ENDED)],
    ),
    ("champion_gone", "nobody stands out any more: not replaced", [champions(1, OPENED), *[champions(0, of=0)] * 40]),
    ("champion_gone", "too young to have any", [champions(None, of=None), champions(1, of=None)]),
    ("breadth_collapsed", "as ever", [users(20, 20), users(12, 20)]),
    ("breadth_collapsed", "half of them gone", [users(20, 20), users(10, 20, OPENED), users(9, 20)]),
    ("breadth_collapsed", "three quarters", [users(10, 20, OPENED), users(5, 18, WORSE), users(4, 16)]),
    ("breadth_collapsed", "most are back", [users(10, 20, OPENED), users(14, 20), users(15, 20, OVER)]),
    (
        "breadth_collapsed",
        "a month at the new level mends nothing",
        [users(10, 20, OPENED), users(10, 12), users(10, 10)],
    ),
    ("breadth_collapsed", "two of four: one person decides", [users(2, 4), users(1, 4)]),
    ("breadth_collapsed", "measured from where it fell", [users(10, 20, OPENED), users(9, 14), users(9, 11)]),
    ("breadth_collapsed", "nothing to compare with", [users(10, None), users(None, 20)]),
    ("breadth_collapsed", "all gone", [users(0, 20, AT_ONCE), users(0, None)]),
    ("users_lost", "few are lost", [regulars(0), regulars(3)]),
    ("users_lost", "half of the regulars", [regulars(4, OPENED), regulars(5), regulars(2, OVER)]),
    ("users_lost", "two of three: people", [regulars(2, of=3), regulars(None), regulars(3, of=None)]),
    ("use_declined", "as ever, a little less, unknown", [best(1.0), best(0.6), best(None)]),
    (
        "use_declined",
        "far below for a week, and back",
        [best(0.3)] * 7 + [best(0.3, OPENED), best(0.5), best(0.7, OVER)],
    ),
    ("use_declined", "a bad day", [best(0.3), best(0.8), *[best(0.3)] * 7, best(0.3, OPENED)]),
    ("features_abandoned", "one of many", [features(0), features(1), features(1, used=9)]),
    ("features_abandoned", "half of them, and one back", [features(2, OPENED), features(3), features(1, OVER)]),
    ("features_abandoned", "all of them: that is silence", [features(4, used=0)]),
    ("few_users", "one person, for two weeks", [half(1)] * 14 + [half(1, GOOD_NEWS), half(4, OVER)]),
    ("few_users", "a small account is one person", [half(1, licensed=3), half(None), half(0)]),
    ("licences_low", "well used", [seats(18), seats(11)]),
    ("licences_low", "under the line", [seats(10), seats(7, OPENED), seats(6)]),
    ("licences_low", "between the lines nothing changes", [seats(9), seats(7, OPENED), seats(9), seats(7)]),
    ("licences_low", "over the upper line", [seats(7, OPENED), seats(9), seats(10, OVER)]),
    ("licences_low", "a newcomer may take its time", [seats(2, days_known=59), seats(2, OPENED, days_known=60)]),
    ("licences_low", "four seats are no talk", [seats(1, licensed=4)]),
    ("licences_low", "seats unknown", [seats(None), seats(2, licensed=None)]),
    ("licences_high", "room is left", [seats(18), seats(18)]),
    ("licences_high", "full: good news, once", [seats(19, GOOD_NEWS), seats(24), seats(18), seats(20)]),
    ("licences_high", "room again, for a week", [seats(19, GOOD_NEWS), *[seats(16)] * 7, seats(16, ENDED)]),
    ("licences_high", "three seats are full at once", [seats(3, licensed=3)]),
    ("escalation_open", "a quick one", [escalated(0), escalated(5), escalated(0)]),
    ("escalation_open", "a day", [escalated(23), escalated(24, OPENED), escalated(48)]),
    ("escalation_open", "three days", [escalated(24, OPENED), escalated(72, WORSE), escalated(96)]),
    ("escalation_open", "closed", [escalated(30, OPENED), escalated(0, OVER)]),
    ("escalation_open", "closed, and a new one is young", [escalated(30, OPENED), escalated(2, OVER), escalated(8)]),
    ("escalation_open", "no support feed", [escalated(None)]),
    ("ticket_load", "a few", [tickets(0), tickets(4)]),
    ("ticket_load", "a pile, and worked off", [tickets(5, OPENED), tickets(15, WORSE), tickets(4, OVER)]),
    (
        "ticket_load",
        "a pile for others is a week here",
        [tickets(30, usual=180), tickets(42, "firing critical", usual=180)],
    ),
    ("ticket_load", "no support feed", [Day({"open_tickets_by_priority": None})]),
    ("answers_turned", "good, or too few to say", [nps(40), nps(-90, answers=4), csat(0.1, answers=4)]),
    ("answers_turned", "bad, worse and better", [nps(-30, OPENED), nps(-60, WORSE), nps(0, OVER)]),
    ("answers_turned", "few are satisfied", [csat(0.5), csat(0.3, OPENED), csat(0.8, OVER)]),
    ("answers_turned", "nobody answered", [nps(None), csat(None)]),
    ("detractor_follow_up", "nobody is unhappy", [detractors(0)]),
    ("detractor_follow_up", "one waits", [detractors(1, OPENED), detractors(2)]),
    ("detractor_follow_up", "for a week", [detractors(1, OPENED), detractors(1, WORSE, days=7)]),
    ("detractor_follow_up", "answered", [detractors(1, OPENED), detractors(0, OVER)]),
    ("detractor_follow_up", "follow-ups are not recorded here", [detractors(None)]),
    (
        "promoter_follow_up",
        "good news, once",
        [promoters(0), promoters(1, GOOD_NEWS), promoters(4), promoters(0, OVER)],
    ),
    ("promoter_follow_up", "follow-ups are not recorded here", [promoters(None)]),
    ("onboarding_stuck", "two weeks", [first_value(13), first_value(14, OPENED), first_value(20)]),
    ("onboarding_stuck", "a month", [first_value(14, OPENED), first_value(30, WORSE)]),
    ("onboarding_stuck", "reached", [first_value(14, OPENED), first_value(None, OVER, reached=15)]),
    ("onboarding_stuck", "reached in time", [first_value(3), first_value(None, reached=4)]),
    ("onboarding_stuck", "years without any: no onboarding", [first_value(121), first_value(900)]),
    ("onboarding_stuck", "given up by time", [first_value(120, AT_ONCE), first_value(121, ENDED)]),
    ("onboarding_stuck", "unknown is not the end", [first_value(14, OPENED), first_value(None), first_value(16)]),
    ("never_used", "paid for, and nobody ever came", [never(200)] * 7 + [never(200, AT_ONCE), *[never(400)] * 3]),
    ("never_used", "somebody came", [never(30)] * 7 + [never(30, OPENED), never(30, OVER, active=0)]),
    ("never_used", "nobody pays, or it is young", [never(200, mrr=None), never(200, mrr=0), never(3)]),
    ("milestone_stuck", "a month", [stuck(29), stuck(30, OPENED), stuck(60)]),
    ("milestone_stuck", "went on", [stuck(30, OPENED), stuck(0, OVER, reached=2)]),
    ("milestone_stuck", "reached the last", [stuck(30, OPENED), stuck(None, OVER, reached=3)]),
    ("milestone_stuck", "that is how it is used", [stuck(120, OPENED), stuck(121, ENDED), stuck(300)]),
    ("milestone_stuck", "none configured", [Day({"milestone_stuck_days": None}), Day({})]),
    ("outcome_off_track", "on track", [goals(0, 1.1), goals(0, 0.92)]),
    ("outcome_off_track", "behind", [goals(1, 0.8, OPENED), goals(2, 0.7)]),
    ("outcome_off_track", "far behind", [goals(1, 0.8, OPENED), goals(1, 0.49, WORSE)]),
    (
        "outcome_off_track",
        "back by a hair",
        [goals(1, 0.89, OPENED), goals(0, 0.91), goals(1, 0.89), goals(0, 0.95, OVER)],
    ),
    ("outcome_off_track", "no goals", [goals(None, None)]),
    ("renewal_near", "healthy", [renewal(60, 80), renewal(10, 76)]),
    ("renewal_near", "far away", [renewal(91, 30), renewal(90, 30, OPENED)]),
    ("renewal_near", "on watch is not healthy", [renewal(60, 60, OPENED), renewal(59, 60)]),
    ("renewal_near", "a month before, in a bad band", [renewal(60, 40, OPENED), renewal(30, 40, WORSE)]),
    ("renewal_near", "a month before, on watch: no worse", [renewal(31, 60, OPENED), renewal(10, 60)]),
    (
        "renewal_near",
        "healthy by a hair",
        [renewal(60, 74, OPENED), renewal(59, 76), renewal(58, 74), renewal(57, 79, OVER)],
    ),
    ("renewal_near", "renewed: the next one is a year away", [renewal(5, 60, OPENED), renewal(365, 60, OVER)]),
    ("renewal_near", "the day has passed", [renewal(0, 60, OPENED), renewal(-1, 60, ENDED)]),
    ("renewal_near", "no date, or no score", [renewal(None, 20), renewal(20, None)]),
    (
        "renewal_overdue",
        "a week late, a month late",
        [renewal(-6, 80), renewal(-7, 80, OPENED), renewal(-30, 80, WORSE)],
    ),
    ("renewal_overdue", "renewed after all", [renewal(-7, 80, OPENED), renewal(358, 80, OVER)]),
    ("renewal_overdue", "a date that everybody forgot", [renewal(-180, 80, AT_ONCE), renewal(-181, 80, ENDED)]),
    ("renewal_overdue", "nothing runs any more", [renewal(-7, 80, OPENED), renewal(None, 80, ENDED)]),
    ("revenue_contracted", "as before, or a little less", [money(1000), money(900), money(1200)]),
    ("revenue_contracted", "a fifth, nine tenths", [money(800, OPENED), money(100, WORSE)]),
    ("revenue_contracted", "back", [money(800, OPENED), money(1000, OVER)]),
    ("revenue_contracted", "three months later", [money(800, OPENED), money(800, OVER, before=800)]),
    ("revenue_contracted", "nobody tells money", [money(None), money(800, before=None), money(0, before=0)]),
    ("cancellation_requested", "asked for", [cancelling(0), cancelling(1, AT_ONCE), cancelling(1)]),
    ("cancellation_requested", "turned around", [cancelling(1, AT_ONCE), cancelling(0, OVER)]),
    ("cancellation_requested", "gone", [cancelling(1, AT_ONCE), cancelling(0, ENDED, running=0)]),
    ("cancellation_requested", "no subscriptions feed", [cancelling(None)]),
]


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
    told = []
    for at, day in enumerate(days):
        as_of = MONDAY + timedelta(days=at)
        evaluation = evaluate_rules(record, report_of(day, as_of), [rule], as_of, RULES_ALONE)
        record = evaluation.record
        step = next(iter(evaluation.signals), None)
        if step is None or step.signal is None:
            told.append("")
        elif step.change == "resolved":
            told.append("resolved well" if step.signal.recovered else "resolved otherwise")
        else:
            told.append(f"{step.change} {step.signal.severity}")
    return told


@pytest.mark.parametrize(("name", "why", "days"), ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS])
def test_the_rules(name: str, why: str, days: list[Day]) -> None:
    """Each row is a life under one rule."""
    assert steps_of(RULES[name], days) == [day.step for day in days], why


def test_every_rule_has_a_table() -> None:
    assert {row[0] for row in ROWS} == RULES.keys() - {"score_low", "score_dropped"}


@pytest.mark.parametrize(
    ("name", "just_in", "just_out"),
    [
        ("breadth_collapsed", users(10, 20), users(11, 20)),
        ("licences_low", seats(7), seats(9)),
        ("licences_high", seats(20), seats(18)),
        ("champion_gone", champions(2, of=4), champions(1, of=4)),
        ("outcome_off_track", goals(1, 0.89), goals(0, 0.91)),
        ("renewal_near", renewal(60, 74), renewal(60, 76)),
        ("silence", quiet(4), quiet(3)),
    ],
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


@pytest.mark.parametrize("name", RULES)
def test_what_is_no_number_is_unknown(name: str) -> None:
    """Whoever writes to the topic: one odd report must not stop all others."""
    odd = dict.fromkeys(healthy_report().measures, "many")
    assert not isinstance(RULES[name].evaluate(AccountFacts(make_report(measures=odd), MONDAY), None, None), Firing)


anything = st.one_of(st.none(), st.integers(-5, 400), st.floats(-5, 400), st.text(max_size=3))


@given(st.data())
def test_whatever_the_numbers_each_rule_answers_with_a_reason(data: st.DataObject) -> None:
    """And its evidence is numbers, so that a message can show it; with a signal of its own, and without."""
    measures = {name: data.draw(anything, name) for name in healthy_report().measures}
    for rule in RULES.values():
        report = make_report(measures=measures, profile=Profile(licensed_seats=9))
        facts = AccountFacts(report, MONDAY)
        result = rule.evaluate(facts, None, None)
        assert result.reason
        due = rule.due(facts)
        assert due is None or due > facts.now
        if isinstance(result, Firing):
            assert all(isinstance(value, (int, float)) for value in result.evidence.values())
            again = rule.evaluate(facts, fired(rule, facts), None)
            assert not isinstance(again, Resolved) or again.reason


def fired(rule: Rule, facts: AccountFacts) -> Signal:
    """The signal that a firing rule makes."""
    signal = step_signal(rule, None, rule.evaluate(facts, None, None), facts).signal
    assert signal is not None
    return signal


def test_every_rule_is_declared_whole() -> None:
    """Name, what it finds, why it matters and what to try: a rule without one of them is an error at import."""
    with pytest.raises(TypeError, match=r"rule Half: expected why, plays"):

        class Half(Rule):
            name = "half"
            about = "half a rule"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_plays_of_a_rule_are_each_named_once(rule: Rule) -> None:
    ids = [play.id for play in rule.plays]
    assert len(ids) == len(set(ids)) >= 3


def healthy_report() -> HealthReport:
    """A report with every measure that any rule reads, and nothing wrong."""
    measures: dict[str, Any] = {
        "days_since_active": 0,
        "silence_limit_days": 3,
        **champions(0).measures,
        **users(20, 20).measures,
        **seats(16).measures,
        **escalated(0).measures,
        **tickets(0).measures,
        **detractors(0, days=0).measures,
        **promoters(0).measures,
        **nps(40).measures,
        **csat(0.9).measures,
        **first_value(None, reached=4).measures,
        **stuck(3).measures,
        **goals(0, 1.0).measures,
        **renewal(200, 80).measures,
        **cancelling(0).measures,
        **money(1000).measures,
        **best(1.0).measures,
        **regulars(0).measures,
        **features(0).measures,
        **half(4).measures,
    }
    return make_report(measures=measures, profile=Profile(licensed_seats=20))
