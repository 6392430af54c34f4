"""Use against the best half-year, the chance to be alive and the most active user: exact, whatever the order."""

import random
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.calendar.workdays import Calendar, Calendars
from stream.kinds.account import AccountEvent, NewBaseline
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState, decode_state, encode_state, zone_of
from stream.kinds.usage import UsageEvent, note_look
from stream.measures import measure
from stream.measures.account_view import AccountView
from stream.measures.context import MeasureContext
from stream.measures.p_alive import probability
from stream.measures.product_config import ProductConfig
from stream.measures.use_vs_best import use_vs_best
from tests.examples import examples
from tests.oracle.reference_use import Lives

DAY = 18_000
NAMES = frozenset({"use_vs_best", "best_half_year", "p_alive", "top_user_gap", "top_user_days"})
LATE_DAYS = 63

Visits = list[tuple[int, str]]


def usage(number: int, day: int, user: str, hour: int = 12) -> UsageEvent:
    return UsageEvent(
        account_id="acme",
        user_id=user,
        feature="export",
        timestamp=day * DAY_MS + hour * 3_600_000,
        event_id=f"e{number}",
    )


def state_of(visits: Visits, looks: random.Random | None = None) -> AccountState:
    """The state after all of them; with chances of looks, it is looked at now and then on the days that it passes."""
    state = AccountState()
    for number, (day, user) in enumerate(visits):
        fold_event(state, usage(number, day, user))
        if looks is not None and looks.random() < 0.2:
            note_look(state.usage, state.usage.newest_day + looks.randrange(4))
    return decode_state(encode_state(state))


def found(state: AccountState, day: int) -> dict[str, Any]:
    return measure(state, zone_of(state).end_of_day_ms(day), wanted=NAMES)


def history(seed: int, days: int, users: int, share: float) -> Visits:
    """Who was there on which day: everyone with a rhythm of their own, with gaps, growth and falls of all of them."""
    chance = random.Random(seed)
    rhythm = {f"u{number}": chance.random() * share for number in range(users)}
    level, visits = 1.0, [(DAY, "u0")]
    for day in range(DAY, DAY + days):
        if chance.random() < 0.02:
            level = chance.choice([0.0, 0.1, 0.5, 1.0, 1.5])
        visits += [(day, user) for user, often in rhythm.items() if chance.random() < often * level]
    return visits


def shuffled(visits: Visits, seed: int, late_days: int, repeats: float) -> Visits:
    """The same, each up to so many days late, and some of them twice."""
    chance = random.Random(seed)
    arriving = [(day + chance.random() * late_days, day, user) for day, user in visits]
    arriving += [(at, day, user) for at, day, user in arriving if chance.random() < repeats]
    return [(day, user) for _, day, user in sorted(arriving)]


@examples(60)
@given(
    st.integers(0, 1 << 32),
    st.sampled_from([1, 13, 14, 60, 190, 260, 400, 620, 900]),
    st.integers(1, 6),
    st.sampled_from([0.05, 0.3, 1.0]),
    st.sampled_from([0, 1, 30, LATE_DAYS]),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from([0, 1, 20, 100, 300, 700]),
)
@example(7, 900, 6, 0.3, LATE_DAYS, 0.5, 0)  # every closing is behind it, and both seasons count
@example(3, 620, 3, 1.0, 30, 0.0, 700)  # long silent
@example(1807614571, 190, 6, 1.0, 0, 0.0, 0)  # a look notes sums of a day on which somebody is active later
def test_the_measures_are_those_of_the_whole_history_whatever_the_order(
    seed: int, days: int, users: int, share: float, late_days: int, repeats: float, days_after: int
) -> None:
    visits = history(seed, days, users, share)
    state = state_of(shuffled(visits, seed + 1, late_days, repeats), random.Random(seed) if seed % 2 else None)
    day = max(day for day, _ in visits) + days_after
    expected = Lives(visits).measures(day)
    away = any(longest_gap(visits, user) > 100 for user in {user for _, user in visits})
    assert_same(found(state, day), expected, TOP if away else set())
    if expected["use_vs_best"] is not None:
        assert found(state, day)["fall_days"] == Lives(visits).fall_days(day)


TOP = {"top_user_gap", "top_user_days"}  # who was away for longer than users are kept may begin anew


def longest_gap(visits: Visits, user: str) -> int:
    days = sorted({day for day, who in visits if who == user})
    return max([after - before for before, after in pairwise(days)], default=0)


def assert_same(measures: dict[str, Any], expected: dict[str, Any], without: set[str]) -> None:
    for name in expected.keys() - without:
        value = expected[name]
        assert measures[name] == (value if value is None else pytest.approx(value, abs=1e-9)), name


@examples(40)
@given(st.integers(0, 1 << 32), st.sampled_from([60, 400, 900]), st.integers(1, 28), st.sampled_from([0, LATE_DAYS]))
@example(1, 900, 28, LATE_DAYS)
def test_they_are_exact_as_of_up_to_four_weeks_before_the_newest_event(
    seed: int, days: int, days_before: int, late_days: int
) -> None:
    visits = history(seed, days, 5, 0.5)
    state = state_of(shuffled(visits, seed, late_days, 0.1), random.Random(seed) if seed % 2 else None)
    day = state.usage.newest_day - days_before
    if day < DAY:
        return
    away = any(longest_gap(visits, user) > 30 for user in {user for _, user in visits})
    assert_same(found(state, day), Lives(visits).measures(day), TOP if away else set())


def test_history_that_comes_after_a_look_counts_in_last_years_dip() -> None:
    """As in a replay, where the worker's clock may be at today while an account's last year is still on its way."""
    today = DAY + 577
    dip_days = {*range(200, 214), *range(564, 578)}  # the same two weeks of both years, with one user of four
    visits = [(DAY + n, f"u{user}") for n in range(578) for user in range(1 if n in dip_days else 4)]
    state, never = AccountState(), state_of(visits)
    for number, (day, user) in enumerate(visits):
        if day == DAY + 120:
            note_look(state.usage, today)
        fold_event(state, usage(number, day, user))
    assert found(state, today) == found(never, today)
    assert found(never, today)["use_vs_best"] > 0.8


def test_days_are_those_of_the_accounts_zone() -> None:
    """Late in the evening of New York it is the next day in UTC."""
    visits = [(day, "ann") for day in range(DAY, DAY + 60) if day % 7 < 5]
    state = AccountState()
    fold_event(state, AccountEvent(account_id="acme", timezone="America/New_York"))
    for number, (day, user) in enumerate(visits):
        fold_event(state, usage(number, day, user, hour=27))
    assert_same(found(state, DAY + 62), Lives(visits).measures(DAY + 62), set())


@pytest.mark.parametrize(
    ("away_days", "seen", "why"),
    [
        (100, 100, "is kept"),
        (200, 200, "is not kept any more, but remembered, as one of the eight with the most days"),
        (900, 900, "however long ago that was"),
    ],
)
def test_the_most_active_user_is_remembered_however_long_away(away_days: int, seen: int, why: str) -> None:
    visits = [(day, "champion") for day in range(DAY, DAY + 90)]
    visits += [(day, "guest") for day in range(DAY + 90, DAY + 90 + away_days, 15)]
    day = DAY + 89 + away_days
    state = state_of(visits)
    measures = measure(state, end_of_day_ms(day))
    assert (measures["top_user_gap"], measures["top_user"], measures["top_user_days"]) == (seen, "champion", 90), why


def test_a_remembered_user_who_comes_back_goes_on_where_it_left_off() -> None:
    visits = [(day, "champion") for day in range(DAY, DAY + 90)]
    visits += [(day, "guest") for day in range(DAY + 90, DAY + 390)]
    visits += [(DAY + 390, "champion")]
    state = state_of(visits)
    assert state.usage.remembered == {}
    assert state.usage.users["champion"][3] == 91


def test_no_more_than_eight_are_remembered() -> None:
    visits = [(DAY + day, f"u{user:02}") for user in range(30) for day in range(user + 1)]
    state = state_of([*sorted(visits), (DAY + 400, "guest")])
    assert sorted(state.usage.remembered) == [f"u{user:02}" for user in range(22, 30)]


def test_nothing_is_said_of_an_account_in_its_first_two_weeks_nor_of_one_hardly_used() -> None:
    def daily(days: int) -> Visits:
        return [(DAY + day, "ann") for day in range(days)]

    assert found(state_of(daily(13)), DAY + 12)["p_alive"] is None
    assert found(state_of(daily(14)), DAY + 13)["use_vs_best"] == 1.0
    hardly = found(state_of(daily(9)), DAY + 30)
    assert (hardly["use_vs_best"], hardly["top_user_gap"]) == (None, 22)
    assert hardly["p_alive"] == probability(1, 1, 4)


def test_the_window_that_is_lowest_tells_how_the_fall_came() -> None:
    """A sudden one shows in two weeks, a slow one in six, one of long ago in the half-year."""
    everyone = [(DAY + day, f"u{user}") for day in range(364) for user in range(10)]
    stopped = state_of(everyone)
    windows = [found(stopped, DAY + 363 + after)["use_vs_best_window_days"] for after in (0, 7, 100, 400)]
    assert windows == [182, 14, 42, 182]
    assert found(stopped, DAY + 363)["use_vs_best"] == 1.0


def test_a_fall_is_not_forgotten_after_four_months() -> None:
    """Nine of ten stopped: against the weeks before all would be well again."""
    visits = [(DAY + day, f"u{user}") for day in range(364) for user in range(10)]
    visits += [(DAY + 364 + day, "u0") for day in range(140)]
    measures = found(state_of(visits), DAY + 364 + 139)
    assert measures["use_vs_best"] < 0.2
    assert measures["best_half_year"] > 1700


FIRST_CHRISTMAS = (date(2023, 12, 22) - date(1970, 1, 1)).days
OFF = {date(2023, 12, day) for day in (22, 25, 26, 27, 28, 29)} | {date(2024, 1, day) for day in (1, 2)}


def weekdays_but(off: set[date], left: float = 0.0) -> Visits:
    """Ten people on nearly every working day of 2023, and few of them on the days off."""
    chance = random.Random(4)
    visits = []
    for day in range(FIRST_CHRISTMAS - 350, FIRST_CHRISTMAS + 40):
        at = date(1970, 1, 1) + timedelta(days=day)
        often = 0.9 * (left if at in off else 1.0) if at.weekday() < 5 else 0.0
        visits += [(day, f"u{user}") for user in range(10) if chance.random() < often]
    return visits


@pytest.mark.parametrize(
    ("calendar", "lowest", "why"),
    [
        (Calendar(), 0.26, "nobody knows of Christmas"),
        (Calendar("DE"), 0.51, "three days off, and three between them"),
        (Calendar(extra_days=frozenset((day - date(1970, 1, 1)).days for day in OFF)), 0.95, "the company is closed"),
        (Calendar(quiet=[((12, 20), (1, 6), 0.2)]), 0.9, "hardly anybody is there, and that is said"),
    ],
)
def test_a_first_christmas_is_no_fall_by_a_calendar(calendar: Calendar, lowest: float, why: str) -> None:
    state, product = state_of(weekdays_but(OFF, 0.05)), ProductConfig(calendars=Calendars(calendar))
    values = []
    for day in range(FIRST_CHRISTMAS, FIRST_CHRISTMAS + 30):
        account = AccountView(state, end_of_day_ms(FIRST_CHRISTMAS + 39), frozenset(), product)
        values.append(use_vs_best(MeasureContext(account, end_of_day_ms(day)))["use_vs_best"])
    assert min(values) == pytest.approx(lowest, abs=0.05), why


def accepted(day: int | None) -> AccountEvent:
    given = None if day is None else NewBaseline(accepted_at=end_of_day_ms(day), owner="ann", reason="smaller for good")
    return AccountEvent(account_id="acme", accepted_baseline=given)


@examples(40)
@given(
    st.integers(0, 1 << 32),
    st.sampled_from([60, 200, 420, 900]),
    st.integers(0, 400),
    st.sampled_from([0, 30]),
    st.sampled_from([0, 1, 40, 300]),
)
@example(5, 900, 700, 30, 0)
def test_after_a_new_normal_use_is_compared_with_what_came_since(
    seed: int, days: int, accepted_after: int, late_days: int, days_after: int
) -> None:
    """As that of an account that began eight weeks before, whose earlier days nobody knows."""
    visits = [*history(seed, days, 5, 0.5), (DAY + days, "u0")]
    at = DAY + min(accepted_after, days - 1)
    arriving = shuffled(visits, seed, late_days, 0.1)
    index = next(number for number, (day, _) in enumerate(arriving) if day > at)
    state = AccountState()
    for number, (day, user) in enumerate(arriving):
        if number == index:
            fold_event(state, accepted(at))
        fold_event(state, usage(number, day, user))
    day = max(day for day, _ in visits) + days_after
    expected = Lives(visits, at - 55).measures(day)
    names = {name for name in expected if name.startswith(("use_vs_best", "best_half", "user_days", "season", "use_"))}
    found_now = found(state, day)
    assert {name: found_now[name] for name in names} == {
        name: expected[name] if expected[name] is None else pytest.approx(expected[name], abs=1e-9) for name in names
    }


def test_a_new_normal_is_taken_back_as_if_it_had_never_been() -> None:
    visits = history(3, 700, 5, 0.5)
    state, never = AccountState(), state_of(visits)
    for number, (day, user) in enumerate(visits):
        if number == len(visits) // 2:
            fold_event(state, accepted(day))
        fold_event(state, usage(number, day, user))
    day = state.usage.newest_day
    assert found(state, day)["best_half_year"] < found(never, day)["best_half_year"]
    fold_event(state, accepted(None))
    assert found(state, day) == found(never, day)
