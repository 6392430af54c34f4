"""Plays against comparable accounts: who is comparable, and what may be said of how many."""

from datetime import date, timedelta

import pytest

from consumers.portfolio.days import day_number
from consumers.portfolio.play_effects import N_MIN, PlayEffect, play_effects
from tests.unit.consumers.portfolio.books import Books

TODAY = date(2026, 6, 30)
BEGAN = 182  # days ago: a day on which the weeks are looked at


def day(ago: int) -> str:
    return (TODAY - timedelta(days=ago)).isoformat()


def account(
    books: Books, name: str, *, play: bool, left: bool, band: str = "watch", segment: str = "smb", mau: int = 5
) -> None:
    """A customer with ten seats, on a play or not, who has left by 91 days after or not."""
    books.add("account", day(700), name, segment=segment)
    books.subscription(day(700), "started", 100, account=name)
    if left:
        books.subscription(day(BEGAN - 60), "cancelled", account=name)
    for ago in (BEGAN, BEGAN - 28, BEGAN - 91):
        books.add("account_day", day(ago), name, day=day(ago), band=band, mau=mau, seats=10)
    if play:
        books.add("touchpoint", day(BEGAN), name, kind="play", play="re-onboard")


def effect(books: Books, days: int = 91, outcome: str = "stayed") -> PlayEffect:
    found = play_effects(books.store().cursor(), day_number(TODAY))
    return next(each for each in found if (each.days, each.outcome) == (days, outcome))


def test_a_play_is_set_against_those_without_it_and_the_difference_has_an_interval() -> None:
    books = Books()
    for number in range(30):
        account(books, f"with{number}", play=True, left=number < 3)
        account(books, f"without{number}", play=False, left=number < 15)
    found = effect(books)
    assert (found.started, found.n, found.compared) == (30, 30, 900)
    assert (found.with_play, found.without, found.effect) == pytest.approx((0.9, 0.5, 0.4))
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < 0.4 < found.high < 0.6
    assert found.sentence == "more than without it"


def test_few_are_said_to_be_too_few_and_no_effect_is_told() -> None:
    books = Books()
    for number in range(N_MIN - 1):
        account(books, f"with{number}", play=True, left=False)
        account(books, f"without{number}", play=False, left=True)
    found = effect(books)
    assert (found.n, found.effect, found.low, found.high) == (N_MIN - 1, None, None, None)
    assert found.sentence == "too few to say anything: 19 accounts with somebody to compare with, of 20 needed"


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"band": "healthy"}, "of another band"),
        ({"segment": "enterprise"}, "of another segment"),
        ({"mau": 9}, "with much more of its seats in use"),
        ({"play": True}, "on a play itself"),
    ],
)
def test_who_differs_is_not_compared_with(other: dict[str, object], why: str) -> None:
    books = Books()
    account(books, "treated", play=True, left=False)
    account(books, "other", **({"play": False, "left": False} | other))  # type: ignore[arg-type]
    found = effect(books)
    assert found.compared == 0, why
    assert found.with_play is None


def test_what_has_not_come_yet_is_in_no_horizon() -> None:
    books = Books()
    account(books, "treated", play=True, left=False)
    account(books, "other", play=False, left=False)
    found = {(each.days, each.outcome) for each in play_effects(books.store().cursor(), day_number(TODAY))}
    assert found == {(days, outcome) for days in (28, 91, 182) for outcome in ("stayed", "use_is_up")}
