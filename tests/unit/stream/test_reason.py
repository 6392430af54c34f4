"""The sentence for people: which days it tells of, which moves it names, and in which words."""

from typing import Any

import pytest

from stream.contracts.health_override import HealthOverride
from stream.contracts.report import Change, Contribution
from stream.measures.wording import shown
from stream.scoring.changes import Compared, Verdict
from stream.scoring.reason import choose_comparison, phrase, reason
from stream.scoring.result import ScoreBreakdown, ScoreResult
from stream.scoring.shipped import PREVIOUS

DAY_MS = 86_400_000
NO_CHANGES: list[Change] = []
SILENT: dict[str, Any] = {"days_since_active": 9, "silence_working_days": 6, "silence_limit_days": 3}
FALLEN: dict[str, Any] = {
    "use_vs_best_window_days": 14,
    "user_days_14": 12,
    "expected_14": 52.3,
    "fall_since": "2026-03-02",
}
NOTHING = ScoreResult([], 0.0, 0.0, None, [], None)


def item(measure: str, value: float, lost: float) -> Contribution:
    return Contribution(measure, "g", value, 0.0, lost / 100, 0.0)


def now(score: float | None, found: list[Contribution] | None = None, setting: HealthOverride | None = None) -> Verdict:
    return Verdict(NOTHING, ScoreBreakdown(found or [], 1.0, [], score), setting, score, {})


def said(verdict: Verdict, comparison: Compared | None, week: Compared | None = None, **measures: Any) -> str:
    return reason(verdict, comparison, week, measures, PREVIOUS, "at_risk")


@pytest.mark.parametrize(
    ("score", "found", "sentence"),
    [
        (80.0, [], "steady; nothing holds it back"),
        (99.5, [item("nps", 60, 0.5)], "steady; nothing holds it back"),  # half a point is nothing
        (
            70.0,
            [item("depth", 0.4, 6.4), item("nps", 0, 2)],
            "steady; held back by core features in use 40% (−6), NPS 0 (−2)",
        ),
        (
            0.0,
            [item("activity_change_ratio", 0, 31), item("silence_ratio", 9, 23)],
            "steady; held back by no use in 4 weeks (−31), nobody active for 28 working days (40 calendar days) (−23)",
        ),
        (None, [item("nps", 0, 1)], "too little is known for a score (known: g)"),
    ],
)
def test_where_nothing_moved_it_says_what_holds_the_score_back(
    score: float | None, found: list[Contribution], sentence: str
) -> None:
    silent: dict[str, Any] = {"days_since_active": 40, "silence_working_days": 28, "silence_limit_days": 3}
    assert said(now(score, found), None, **silent) == sentence


@pytest.mark.parametrize(
    ("score", "before", "days", "changes", "sentence"),
    [
        (
            *(60.0, 71.0, 7),
            [Change("silence_ratio", 1.0, 4.0, -9.6), Change("nps", 30, 10, -1.4), Change("csat", 0.6, 0.7, 1.0)],
            "down 11 in 7 days: nobody active for six working days (nine calendar days) (−10), NPS 30 → 10 (−1)",
        ),
        (
            *(71.0, 60.0, 28),
            [Change("csat", 0.7, 0.6, -1.0), Change("nps", None, 40, 12.0)],
            "up 11 in 28 days: NPS unknown → 40 (+12)",
        ),
        (
            *(60.0, 61.2, 7),
            [Change("nps", 31, 30, -0.4), Change("csat", 0.7, 0.69, -0.4), Change("depth", 0.5, 0.4, -0.4)],
            "down 1 in 7 days: a little of everything",
        ),
    ],
)
def test_a_move_names_what_moved_most(
    score: float, before: float, days: int, changes: list[Change], sentence: str
) -> None:
    assert said(now(score), Compared(days, before, changes), **SILENT) == sentence


def test_a_long_fall_whose_last_week_rose_says_both() -> None:
    month = Compared(28, 90.0, [Change("nps", 30, 10, -30.0)])
    week = Compared(7, 52.0, [Change("nps", 5, 10, 8.0)])
    assert said(now(60.0), month, week) == "down 30 in 28 days: NPS 30 → 10 (−30); up 8 in the last 7"


@pytest.mark.parametrize(
    ("week", "fortnight", "month", "days"),
    [
        *((60.0, 60.0, None, None), (60.9, 0.0, 60.5, None)),  # young, or nothing moved
        (75.0, 0.0, None, 7),  # a young account has no month to compare with
        (75.0, 80.0, 78.0, 7),  # most of it in the last week
        (62.0, 80.0, 82.0, 14),  # the week holds little of it, two weeks hold most
        (62.0, 65.0, 82.0, 28),  # a slow fall
        (62.0, 50.0, 82.0, 28),  # two weeks ago it stood lower still
        (40.0, 0.0, 70.0, 7),  # the week rose by more than the month fell
        (55.0, 90.0, 90.0, 14),  # the month fell by more than the week rose
        (60.2, 80.0, 80.0, 14),  # nothing since a week
        (None, 80.0, 80.0, None),  # the week before is not known: nothing to tell
    ],
)
def test_it_tells_of_the_fewest_days_that_hold_most_of_the_move(
    week: float | None, fortnight: float, month: float | None, days: int | None
) -> None:
    """The score is 60 now; the others are what it was."""
    then = {d: None if s is None else Compared(d, s, NO_CHANGES) for d, s in ((7, week), (14, fortnight), (28, month))}
    comparison = choose_comparison(60.0, then[7], then[28], lambda: then[14])
    assert (None if comparison is None else comparison.days) == days


def test_the_two_weeks_between_are_asked_for_only_where_they_may_tell() -> None:
    def never() -> Compared:
        raise AssertionError

    assert choose_comparison(60.0, Compared(7, 75.0, []), Compared(28, 76.0, []), never) is not None
    assert choose_comparison(None, Compared(7, 75.0, []), Compared(28, 76.0, []), never) is None


def test_an_override_comes_first_with_both_values() -> None:
    setting = HealthOverride(0, 20_000 * DAY_MS, "Dana", "merger in progress", 30.0)
    verdict = Verdict(NOTHING, ScoreBreakdown([], 1.0, [], 81.5), setting, 30.0, {})
    comparison = Compared(7, 81.0, [Change("override", None, 30.0, -51.5), Change("nps", 30, 35, 0.5)])
    assert said(verdict, comparison) == (
        "set by Dana until 4 Oct 2024 (merger in progress), the scorecard says 82, at risk; "
        "down 51 in 7 days: set by hand (−52)"
    )


@pytest.mark.parametrize(
    ("measure", "before", "after", "measures", "words"),
    [
        (
            *("active_user_rate_monthly", 0.5, 0.25),
            {"mau": 10, "license_utilization": 0.25},
            "people active this month 20 → 10 of 40 seats",
        ),
        ("active_user_rate_monthly", 0.5, 0.25, {"mau": 10}, "people active this month 50% → 25% of those known"),
        ("activity_change_ratio", 1.0, 0.61, {}, "use 39% below the 4 weeks before"),
        ("activity_change_ratio", 1.0, 1.2, {}, "use 20% above the 4 weeks before"),
        ("activity_change_ratio", 0.5, 1.0, {}, "use as in the 4 weeks before"),
        ("activity_change_ratio", 0.5, 0, {}, "no use in 4 weeks"),
        ("activity_change_ratio", 0.4, 0.6, {}, "use 40% below the 4 weeks before (was 60% below)"),  # better, not good
        ("activity_change_ratio", 2.0, 1.5, {}, "use 50% above the 4 weeks before (was 100% above)"),
        ("silence_ratio", 1.0, 6.0, SILENT, "nobody active for six working days (nine calendar days)"),
        (
            *("silence_ratio", 0.0, 1.0),
            {"days_since_active": 2, "silence_working_days": 1, "silence_limit_days": 3},
            "one working day without use, where up to 3 are usual",
        ),
        ("silence_ratio", 9.0, 0.0, {"days_since_active": 0}, "in use again"),
        ("silence_ratio", 9.0, 2.0, {"days_since_active": 3}, "in use again, last 3 days ago"),
        ("open_urgent_tickets", 0, 2, {"open_urgent_hours": 120.0}, "two urgent tickets open for 5 days"),
        ("open_urgent_tickets", 1, 0, {"open_urgent_hours": 0.0}, "no urgent ticket open any more"),
        ("escalation_running_hours", 0.0, 30.0, {}, "a ticket escalated for 30 hours"),
        ("escalation_running_hours", 80.0, 0.0, {}, "no escalation running any more"),
        (
            *("support_incident_rate", 0.5, 1.5),
            {"tickets_opened_30": 6},
            "six tickets in a month, 1.5 a user (was 0.5)",
        ),
        (
            *("use_vs_best", 0.9, 0.31),
            FALLEN | {"established_users_lost": 4, "established_users_lost_users": ["ann", "bob", "cy", "dee"]},
            "use of the last 2 weeks at 31% of its best half-year (12 of 52 user-days) since 2 Mar 2026, "
            "without ann, bob and 2 more",
        ),
        (
            *("use_vs_best", 0.9, 0.31),
            FALLEN | {"established_users_lost": 1, "established_users_lost_users": ["ann"], "fall_since": None},
            "use of the last 2 weeks at 31% of its best half-year (12 of 52 user-days), without ann",
        ),
        (
            *("use_vs_best", 0.2, 0.31),
            FALLEN | {"established_users_lost_users": ["ann"]},
            "use of the last 2 weeks back at 31% of its best half-year (12 of 52 user-days)",
        ),
        ("use_vs_best", 0.7, 0.97, FALLEN, "use as in its best half-year"),
        ("use_vs_best", 0.7, 0.5, {}, None),
        (
            *("p_alive", 0.98, 0.41),
            {"weeks_silent": 4, "active_weeks": 48, "days_known": 700},
            "no use for four weeks, though it was active in 48 of 52: chance that it is still alive 41%",
        ),
        (
            *("p_alive", 0.98, 0.9),
            {"weeks_silent": 1, "active_weeks": 15, "days_known": 120},
            "no use for one week, though it was active in 15 of 18: chance that it is still alive 90%",
        ),
        (
            *("p_alive", 0.9, 0.93),
            {"weeks_silent": 0, "active_weeks": 20},
            "chance that it is still alive 90% → 93%",
        ),
        ("top_user_gap", 3, 40, {"top_user": "ann"}, "its most active user ann away for 40 calendar days"),
        ("top_user_gap", 40, 0, {"top_user": None}, "its most active user is back"),
        ("nps", 45.4, -66.7, {}, "NPS 45 → −67"),  # whole, as messages say it
        ("csat_mean", 4.5, 3.2, {}, None),  # a label and two values say it
        ("silence_ratio", 1.0, None, {"days_since_active": 9}, None),
    ],
)
def test_a_move_is_told_in_words(
    measure: str, before: float | None, after: float | None, measures: dict[str, Any], words: str | None
) -> None:
    assert phrase(measure, before, after, measures) == words


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        *((0.4, "percent", "40%"), (1.25, "percent", "125%"), (0, "percent", "0%")),
        *(
            (3.0, "count", "3"),
            (3.25, "count", "3.2"),
            (0, "count", "0"),
            (10, "count", "10"),
            (1000, "count", "1,000"),
        ),
        *((2.5, "times", "2.5×"), (36, "hours", "36 h"), (4, "days", "4 days"), (-20.0, "score", "−20")),
        (None, "percent", "unknown"),
    ],
)
def test_values_are_shown_as_people_read_them(value: float | None, unit: str, text: str) -> None:
    assert shown(value, unit) == text
