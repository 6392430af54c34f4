"""Users and features that the account could count on, and which of them are gone; the week against its own level."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState
from stream.kinds.usage import UsageEvent
from stream.measures import Measures, measure
from tests.examples import examples

DAY = 20_000
NAMES = frozenset({"established_users"})


def measured(visits: list[tuple[int, str]], day: int) -> Measures:
    state = AccountState()
    for number, (at, user) in enumerate(visits):
        event = UsageEvent(
            account_id="acme", user_id=user, feature="f", timestamp=at * DAY_MS, event_id=f"{number}", session_id=None
        )
        fold_event(state, event)
    return measure(state, end_of_day_ms(day), wanted=NAMES)


@examples(60)
@given(st.integers(0, 1 << 32), st.sampled_from([60, 150, 400]), st.sampled_from([0, 1, 30, 100]))
def test_they_are_those_of_the_users_days(seed: int, days: int, days_after: int) -> None:
    chance = random.Random(seed)
    rhythms = {f"u{number}": (chance.random() * 0.4, chance.randrange(1, days)) for number in range(9)}
    visits = [(DAY, "u0")]
    for day in range(days):
        for user, (often, until) in rhythms.items():
            if day < until and chance.random() < often:
                visits.append((DAY + day, user))
    visits = sorted(set(visits))
    now = max(day for day, _ in visits) + days_after
    found = measured(visits, now)
    if now - DAY + 1 < 56:
        assert found["established_users"] is None
        return
    established, lost = 0, []
    for user in {user for _, user in visits}:
        own = {day for day, who in visits if who == user}
        own = {day for day in own if max(own) - day < 64}  # as far back as is remembered of a user
        weeks = {(now - 28 - day) // 7 for day in own if 0 <= now - 28 - day < 84}
        if len(weeks) >= 4:
            established += 1
            if not any(now - day < 28 for day in own):
                lost.append((-len(weeks), user))
    assert (found["established_users"], found["established_users_lost"]) == (established, len(lost))
    assert found["established_users_lost_users"] == [user for _, user in sorted(lost)[:5]]


@pytest.mark.parametrize(
    ("last", "lost", "why"),
    [
        (27, 0, "there four weeks ago, less a day"),
        (28, 1, "gone for four weeks"),
        (28 + 62, 1, "nine weeks before that are remembered"),
        (28 + 84, 0, "gone for so long that it is no loss of these months any more"),
    ],
)
def test_who_is_gone_for_four_weeks_is_lost(last: int, lost: int, why: str) -> None:
    visits = [(DAY - last - 7 * week, "ann") for week in range(8, -1, -1)]
    visits = [(DAY - 200, "ben"), *visits, (DAY, "ben")]
    assert measured(sorted(visits), DAY)["established_users_lost"] == lost, why


@pytest.mark.parametrize(
    ("days", "after", "gone", "why"),
    [
        ([0, 7, 14, 21], 50, 0, "in use within a month"),
        ([0, 7, 14, 21], 51, 1, "once a week, and not for 30 days"),
        ([0, 7, 21], 90, 0, "tried, and no habit"),
        ([0, 30, 60, 90], 120, 0, "of these days three are within the 64 that are remembered"),
    ],
)
def test_a_core_feature_that_was_a_habit_is_abandoned_after_a_month(
    days: list[int], after: int, gone: int, why: str
) -> None:
    state = AccountState()
    for number, day in enumerate([*days, after]):
        event = UsageEvent(
            account_id="acme",
            user_id="ann",
            feature="login" if day == after else "export",
            timestamp=(DAY + day) * DAY_MS,
            event_id=f"{number}",
        )
        fold_event(state, event)
    found = measure(state, end_of_day_ms(DAY + after), frozenset({"export", "never"}))
    assert found["core_features_abandoned"] == gone, why
    assert found["core_features_abandoned_names"] == ["export"] * gone
    assert measure(state, end_of_day_ms(DAY + after))["core_features_abandoned"] is None, "no catalogue"


def test_a_week_stands_beside_the_level_of_the_weeks_before() -> None:
    """Four people on every working day: twenty user-days a week; then two of them."""
    days = [DAY + day for day in range(91) if (DAY + day + 3) % 7 < 5]
    last = max(days)
    visits = [(day, f"u{user}") for day in days for user in range(4 if day <= last - 7 else 2)]
    state = AccountState()
    for number, (day, user) in enumerate(visits):
        fold_event(
            state,
            UsageEvent(account_id="acme", user_id=user, feature="f", timestamp=day * DAY_MS, event_id=f"{number}"),
        )
    found = measure(state, end_of_day_ms(last))
    assert (found["week_user_days"], found["week_expected"], found["week_vs_expected"]) == (10, 20, 0.5)
    assert found["week_deviation"] == pytest.approx(-10 / 20**0.5)
