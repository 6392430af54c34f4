"""Episodes as tables: given these scores on these days, expect these steps and no other."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.evaluation import delete_account, evaluate_rules
from alerts.lifecycle import Transition
from alerts.model import AccountRecord
from alerts.rules import BandEntered, Rule, ScoreDropped, default_rules
from stream.contracts.report import SEVERITY
from tests.reports import MONDAY, band_of, make_report
from tests.scenarios import RULES_ALONE


class Day(NamedTuple):
    """One day's score, and what it should bring about: (rule, kind) of every step."""

    score: float | None
    steps: tuple[tuple[str, str], ...] = ()


BAND, DROP = "band_entered", "score_dropped"
OPENED, WORSE, RESOLVED = (BAND, "opened"), (BAND, "updated"), (BAND, "resolved")
FELL, FELL_FURTHER, SETTLED = (DROP, "opened"), (DROP, "updated"), (DROP, "resolved")


def walk(scores: Sequence[float | None], rules: Sequence[Rule]) -> list[list[Transition]]:
    """Judge one report a day, with the history that the days before it make."""
    record: AccountRecord | None = None
    steps = []
    past: list[float] = []
    for day, score in enumerate(scores):
        as_of = MONDAY + timedelta(days=day)
        evaluation = evaluate_rules(
            record, make_report(score=score, as_of=as_of, past=past[-27:]), rules, as_of, RULES_ALONE
        )
        record = evaluation.record
        steps.append(list(evaluation.changes))
        if score is not None:
            past.append(score)
    return steps


def names(steps: Sequence[Transition]) -> tuple[tuple[str, str], ...]:
    """(rule, kind) of each step."""
    return tuple((step.alert.rule, step.kind) for step in steps if step.alert is not None)


BAND_ROWS = [
    ("steady and well: silence", [Day(80), Day(78), Day(81)]),
    ("the first report is already bad: told, since nobody was told before", [Day(40, (OPENED,)), Day(41)]),
    ("bad for long: told once", [Day(80), Day(40, (OPENED,)), Day(42), Day(38), Day(40)]),
    ("worse: told again, once", [Day(40, (OPENED,)), Day(20, (WORSE,)), Day(18), Day(20)]),
    ("from the worst to the less bad and back: nothing new", [Day(20, (OPENED,)), Day(30), Day(20), Day(35)]),
    ("out of the band by a hair: not yet over", [Day(49, (OPENED,)), Day(51), Day(53), Day(54, (RESOLVED,))]),
    ("dancing on the line: one alert", [Day(49, (OPENED,)), Day(51), Day(49), Day(52), Day(48), Day(53)]),
    ("the line is learned on the way up", [Day(30, (OPENED,)), Day(49), Day(52), Day(53), Day(54, (RESOLVED,))]),
    ("a second episode is told anew", [Day(40, (OPENED,)), Day(60, (RESOLVED,)), Day(40, (OPENED,))]),
    ("unknown decides nothing", [Day(None), Day(40, (OPENED,)), Day(None), Day(None), Day(60, (RESOLVED,))]),
    ("unknown, then well: over", [Day(40, (OPENED,)), Day(None), Day(90, (RESOLVED,))]),
]

DROP_ROWS = [
    ("15 points in a day", [Day(95), Day(80, (FELL,)), Day(80)]),
    ("14 points: not yet", [Day(95), Day(81)]),
    ("15 points in small steps within 7 days", [Day(95), Day(92), Day(89), Day(86), Day(83), Day(80, (FELL,))]),
    ("15 points in small steps over 15 days: the window is 7", [Day(95.0 - day) for day in range(16)]),
    ("twice the drop: told again", [Day(95), Day(80, (FELL,)), Day(65, (FELL_FURTHER,)), Day(64)]),
    ("back up, with room to spare", [Day(95), Day(80, (FELL,)), Day(83), Day(84), Day(85, (SETTLED,))]),
    (
        "holds the lower level for 14 days: over",
        [Day(95), Day(80, (FELL,)), *[Day(80)] * 13, Day(80, (SETTLED,)), Day(80)],
    ),
    (
        "a fall in steps, each one held for more than the window: one episode",
        [Day(95), Day(80, (FELL,)), *[Day(80)] * 9, Day(72), *[Day(72)] * 9, Day(64, (FELL_FURTHER,)), Day(64)],
    ),
    (
        "made good in part only: not over, and no news",
        [Day(95), Day(80, (FELL,)), Day(84), Day(80), Day(84), Day(79)],
    ),
    ("what was told and closed is not told again", [Day(95), Day(80, (FELL,)), Day(86, (SETTLED,)), Day(79), Day(78)]),
    ("a new drop from where it settled is", [Day(95), Day(80, (FELL,)), Day(86, (SETTLED,)), Day(71, (FELL,))]),
    ("no earlier score: nothing to compare with", [Day(50), Day(None), Day(None)]),
]

BOTH_ROWS = [
    ("a fall into a bad band is one red flag", [Day(80), Day(45, (OPENED,)), Day(46)]),
    (
        "a fall within the good bands, then into a bad one: the band speaks from then on",
        [Day(95), Day(76, (FELL,)), Day(45, (SETTLED, OPENED)), Day(44)],
    ),
    (
        "recovered into watch, still far below last week: not called a fall at once",
        [Day(95), Day(45, (OPENED,)), Day(60, (RESOLVED,)), Day(60), Day(61)],
    ),
]


@pytest.mark.parametrize(("why", "days"), BAND_ROWS, ids=[row[0] for row in BAND_ROWS])
def test_the_band_rule(why: str, days: list[Day]) -> None:
    """Each row is a life."""
    assert [names(steps) for steps in walk([day.score for day in days], [BandEntered()])] == [d.steps for d in days], (
        why
    )


@pytest.mark.parametrize(("why", "days"), DROP_ROWS, ids=[row[0] for row in DROP_ROWS])
def test_the_drop_rule(why: str, days: list[Day]) -> None:
    """Each row is a life."""
    steps = walk([day.score for day in days], [ScoreDropped()])
    assert [names(taken) for taken in steps] == [day.steps for day in days], why


@pytest.mark.parametrize(("why", "days"), BOTH_ROWS, ids=[row[0] for row in BOTH_ROWS])
def test_both_rules_together(why: str, days: list[Day]) -> None:
    """Each row is a life; the order of two rules' steps on one day does not matter."""
    steps = walk([day.score for day in days], default_rules())
    assert [sorted(names(taken)) for taken in steps] == [sorted(day.steps) for day in days], why


def test_an_alert_that_another_one_speaks_for_ends_in_silence() -> None:
    """The drop's alert is closed in the books, and no message says that the account is well."""
    *_, last = walk([95, 76, 45], default_rules())
    told = {step.alert.rule: (step, step.alert) for step in last if step.alert is not None}
    (drop, _), (band, flag) = told[DROP], told[BAND]
    assert drop.notification_id is None
    assert band.notification_id is not None
    assert drop.reason == f"the red flag band entered speaks for the account ({flag.alert_id})"


def test_a_replay_of_old_reports_changes_nothing() -> None:
    """Whoever reads the topic again from an earlier place finds every record older than what was judged."""
    rules = default_rules()
    scores = [80.0, 45.0, 60.0, 40.0]
    reports = [make_report(score=score, as_of=MONDAY + timedelta(days=day)) for day, score in enumerate(scores)]
    record: AccountRecord | None = None
    for report in reports:
        record = evaluate_rules(record, report, rules, report.as_of, RULES_ALONE).record
    for report in reports[:-1]:
        evaluation = evaluate_rules(record, report, rules, MONDAY + timedelta(days=30), RULES_ALONE)
        assert evaluation.record is record
        assert not evaluation.is_current
        assert evaluation.transitions == ()
        assert "older" in evaluation.reason
    assert evaluate_rules(record, reports[-1], rules, MONDAY + timedelta(days=30), RULES_ALONE).changes == ()


def test_two_reports_of_one_moment_both_count() -> None:
    """On the event clock a burst of events with one timestamp gives several reports with it."""
    record = evaluate_rules(None, make_report(score=80), default_rules(), MONDAY).record
    assert names(evaluate_rules(record, make_report(score=40), default_rules(), MONDAY).changes) == (OPENED,)


def test_the_same_report_gives_the_same_alert_id_whenever_it_is_judged() -> None:
    """After Redis is lost the topic is judged again, much later, and people see the same ids."""
    report = make_report(score=40)
    now, later = (
        evaluate_rules(None, report, default_rules(), at).changes[0]
        for at in (MONDAY, datetime.max.replace(tzinfo=MONDAY.tzinfo))
    )
    assert now.alert is not None
    assert later.alert is not None
    assert now.alert.alert_id == later.alert.alert_id
    assert now.notification_id == later.notification_id


def test_ids_differ_by_account_rule_and_episode_and_show_nothing_of_the_account() -> None:
    """An id is safe in keys, logs and messages."""
    first = walk([40, 60, 40], [BandEntered()])
    ids = {step.alert.alert_id for steps in first for step in steps if step.alert is not None}
    episodes = [step.alert.episode for steps in first for step in steps if step.alert is not None]
    assert len(ids) == 2
    assert episodes == [1, 1, 2]
    assert not any("acme" in name for name in ids)
    assert len({step.alert.fingerprint for steps in first for step in steps if step.alert is not None}) == 1


def test_a_deleted_account_resolves_what_is_open_and_is_forgotten() -> None:
    """A tombstone ends the episode, tells so, and leaves nothing."""
    record = evaluate_rules(None, make_report(score=40), default_rules(), MONDAY).record
    evaluation = delete_account(record, MONDAY + timedelta(hours=2))
    (step,) = evaluation.changes
    assert evaluation.record is None
    assert step.kind == "resolved"
    assert step.notification_id is not None
    assert step.alert is not None
    assert step.alert.resolved_at == MONDAY + timedelta(hours=2)
    assert delete_account(None, MONDAY).changes == ()


def test_every_verdict_and_every_step_says_why() -> None:
    """No decision without its reason."""
    rules = default_rules()
    record: AccountRecord | None = None
    for day, score in enumerate([None, 80, 45, 20, 30, None, 51, 60, 40]):
        evaluation = evaluate_rules(record, make_report(score=score, as_of=MONDAY + timedelta(days=day)), rules, MONDAY)
        record = evaluation.record
        assert evaluation.reason
        assert all(transition.reason for transition in evaluation.transitions)


def test_a_new_scorecard_does_not_keep_an_alert_up_by_the_old_one_s_line() -> None:
    """Scores of two scorecards do not compare."""
    rules = [BandEntered()]
    record = evaluate_rules(None, make_report(score=49, scorecard="default@1"), rules, MONDAY).record
    later = make_report(score=51, as_of=MONDAY + timedelta(days=1), scorecard="default@2")
    assert names(evaluate_rules(record, later, rules, MONDAY).changes) == (RESOLVED,)


def test_messages_of_one_episode_name_the_one_before() -> None:
    """So that the outbox can keep their order."""
    opened, worse, over = (step for steps in walk([40, 20, 70], [BandEntered()]) for step in steps)
    assert opened.after is None
    assert worse.after == opened.notification_id
    assert over.after == worse.notification_id


score = st.one_of(st.none(), st.integers(0, 100).map(float))


@given(st.lists(score, max_size=40))
def test_any_life_is_told_in_whole_episodes(scores: list[float | None]) -> None:
    """Whatever the scores: opened, at most one update, resolved, in turn; nothing is told twice.

    Recomputed without the rules: the account is in trouble on a day exactly when its band is, and on such a day a red
    flag is up, whatever came before.
    """
    days = walk(scores, default_rules())
    told: list[str] = []
    up = {BAND: False, DROP: False}
    for value, steps in zip(scores, days, strict=True):
        for step in steps:
            assert step.alert is not None
            rule = step.alert.rule
            assert up[rule] is (step.kind != "opened")
            up[rule] = step.kind != "resolved"
            if step.notification_id is not None:
                told.append(step.notification_id)
        if value is not None and SEVERITY[band_of(value)] >= 2:
            assert up[BAND]
            assert not up[DROP], "one red flag for one account"
    assert len(told) == len(set(told))
