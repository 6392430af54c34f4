"""The trend is what an independent computation makes of them."""

import math
import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.day import DAY_MS
from stream.calendar.workdays import Calendar
from stream.history.daily import Days, index_for, weeks
from stream.kinds.usage import UsageEvent
from stream.measures.trend import Status, trend
from tests.examples import examples
from tests.oracle.facts import alike
from tests.oracle.trend import of_days

FIRST = 20_001
EPIPHANY = (date(2026, 1, 6) - date(1970, 1, 1)).days


def days_of(users: dict[int, int]) -> Days:
    days = Days()
    for day, count in users.items():
        days.users[index_for(days, day)] += count
    return days


def usage(number: int, day: int, user: int) -> UsageEvent:
    return UsageEvent(
        account_id="acme", user_id=f"u{user}", feature="export", timestamp=day * DAY_MS, event_id=f"e{number}"
    )


@examples(150)
@given(
    st.integers(0, 1 << 32),
    st.integers(1, 700),
    st.sampled_from([0.3, 2, 9, 60]),
    st.sampled_from(["none", "shift", "summer", "slope"]),
    st.integers(0, 30),
)
def test_the_trend_is_what_the_days_say(seed: int, span: int, mean: float, shape: str, after: int) -> None:
    users = history(random.Random(seed), span, mean, shape)
    day = max(users) + after
    found, expected = trend(days_of(users), day), of_days(users, day)
    assert (found is None) == (expected["usage_trend_ratio"] is None)
    if found is not None:
        assert alike(found.ratio, expected["usage_trend_ratio"])
        assert math.isclose(found.deviation, expected["usage_trend_deviation"], rel_tol=1e-9, abs_tol=1e-9)
        assert found.status == expected["usage_trend_status"]


@examples(150)
@given(
    st.integers(0, 1 << 32),
    st.integers(70, 600),
    st.sampled_from([0.3, 2, 9, 60]),
    st.sampled_from(["none", "shift", "summer"]),
    st.sampled_from([0.0, 0.02, 0.1, 0.5, 1.0]),
)
def test_the_trend_without_holidays_is_what_the_other_days_say(
    seed: int, span: int, mean: float, shape: str, off_ratio: float
) -> None:
    rng = random.Random(seed)
    users = history(rng, span, mean, shape)
    day = max(users)
    weekdays = [at for at in range(FIRST - 10, day + 1) if (at + 3) % 7 < 5]
    off = frozenset(at for at in weekdays if rng.random() < off_ratio)
    users = {at: count if at not in off else count // 4 for at, count in users.items()}
    found, expected = trend(days_of(users), day, Calendar(extra_days=off)), of_days(users, day, off)
    assert (found is None) == (expected["usage_trend_ratio"] is None)
    if found is not None:
        assert math.isclose(found.ratio, expected["usage_trend_ratio"], rel_tol=1e-9, abs_tol=1e-9)
        assert math.isclose(found.deviation, expected["usage_trend_deviation"], rel_tol=1e-9, abs_tol=1e-9)
        assert found.status == expected["usage_trend_status"]


def test_public_holidays_make_no_decline() -> None:
    """A German account over Christmas and New Year, quiet on every holiday, against the same without a calendar."""
    germany = Calendar("DE", "BY", extra_days=frozenset({EPIPHANY - 13, EPIPHANY - 6}))  # and the two eves
    first, last = EPIPHANY - 7 * 20, EPIPHANY + 4
    off = set(germany.days_off(first, last + 1))
    assert len(off) == 7  # All Saints', the eves, Christmas twice, New Year and Epiphany
    users = {day: 0 if day in off else WEEK[(day + 3) % 7] for day in range(first, last + 1)}
    plain, found = trend(days_of(users), last), trend(days_of(users), last, germany)
    assert plain is not None
    assert found is not None
    assert plain.ratio < 0.75
    assert math.isclose(found.ratio, 1)
    fell = {day: count // 3 if day > last - 28 else count for day, count in users.items()}
    declined = trend(days_of(fell), last, germany)
    assert declined is not None
    assert declined.status == "collapsing", "a real fall shows over holidays, too"


def history(rng: random.Random, span: int, mean: float, shape: str) -> dict[int, int]:
    """Users by day: weekdays more than weekends, and one of a few shapes."""
    shift_at, factor = rng.randrange(span), rng.choice([0.1, 0.5, 3])
    users = {FIRST: 1}
    for back in range(span):
        level = mean * (0.2 if (FIRST + back + 3) % 7 >= 5 else 1)
        level *= {
            "none": 1,
            "shift": factor if back >= shift_at else 1,
            "summer": 0.3 if back % 364 > 330 else 1,
            "slope": 1 - back / span,
        }[shape]
        users[FIRST + back] = int(level) + (rng.random() < level % 1)
    return users


WEEK = [10, 10, 10, 10, 10, 2, 1]  # from a Monday on


def years(*levels: float) -> dict[int, int]:
    """Users by day of weeks, each the usual week times a level; the last day is the last week's Sunday."""
    monday = FIRST - (FIRST + 3) % 7
    return {
        monday + 7 * week + at: round(users * level)
        for week, level in enumerate(levels)
        for at, users in enumerate(WEEK)
    }


@pytest.mark.parametrize(
    ("levels", "status", "why"),
    [
        ([1] * 9, None, "five weeks are no expectation yet"),
        ([1] * 10, "steady", "six are"),
        ([1] * 12 + [0.7] * 4, "declining", "a third fewer in all four weeks"),
        ([1] * 12 + [0.9] * 4, "steady", "a tenth fewer"),
        ([1] * 12 + [0.2] * 4, "collapsing", "a fifth is left"),
        ([1] * 12 + [1.6] * 4, "growing", "more than half as much again"),
        ([1] * 12 + [0.3, 1, 1, 1], "steady", "one odd week, as of a holiday"),
        ([1, 1, 0.1, 1, 1, 1, 0.1, 1, 1, 1, 1, 1] + [1] * 4, "steady", "odd weeks before do not move the median"),
        ([1] * 10 + [0.3] * 6, "steady", "the lower level has lasted: it is the expectation now"),
        ([1] * 11 + [0.3] * 5, "collapsing", "and not before it lasted most of three weeks beyond the trailing four"),
        ([0] * 12 + [1] * 4, None, "nothing was to be expected"),
        ([1] * 48 + [0.4] * 4 + [1] * 48 + [0.4] * 4, "seasonal", "the same weeks fell alike last year"),
        ([1] * 48 + [0.7] * 4 + [1] * 48 + [0.5] * 4, "declining", "they fell by far less last year"),
        ([1] * 48 + [1.0] * 4 + [1] * 48 + [0.5] * 4, "declining", "they did not fall last year"),
        ([1] * 38 + [0.5] * 4 + [1] * 10 + [0.5] * 4, "declining", "last year is not known"),
    ],
)
def test_the_word_for_a_trend(levels: list[float], status: Status | None, why: str) -> None:
    users = years(*levels)
    found = trend(days_of(users), max(users))
    assert (found.status if found is not None else None) == status, why
    assert of_days(users, max(users))["usage_trend_status"] == status


@pytest.mark.parametrize("weekday", range(7))
def test_weekends_make_no_difference_on_any_day_of_the_week(weekday: int) -> None:
    users = years(*[1] * 20)
    found = trend(days_of(users), max(users) - weekday)
    assert found is not None
    assert (found.ratio, found.deviation, found.status) == (1, 0, "steady")


def test_weeks_count_back_from_any_day() -> None:
    days = days_of({FIRST: 1, FIRST + 6: 2, FIRST + 7: 4, FIRST + 13: 8})
    assert weeks(days, FIRST + 13, 9) == [12, 3]
    assert weeks(days, FIRST + 12, 9) == [6]  # the week before is not whole
    assert weeks(days, FIRST + 20, 2) == [0, 12]
    assert weeks(days, FIRST - 1, 9) == weeks(Days(), FIRST, 9) == []
