"""Falls of use that came back, and what became of them; against a walk over the same weeks in plain Python."""

import random
from collections.abc import Sequence
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from consumers.portfolio.days import day_number
from consumers.portfolio.usage_drops import HORIZONS_DAYS, UsageDrop, drop_fates, usage_drops
from tests.examples import examples
from tests.unit.consumers.portfolio.books import Books

TODAY = date(2026, 6, 30)
WEEKS = 120


def books_of(weekly: Sequence[int | None], until: int | None = None, account: str = "acme") -> Books:
    """A customer whose use is looked at once a week, the last one today."""
    books = Books()
    first = TODAY - timedelta(days=7 * (len(weekly) - 1))
    books.subscription(first.isoformat(), "started", 100, account=account)
    if until is not None:
        books.subscription((first + timedelta(days=7 * until)).isoformat(), "cancelled", account=account)
    for week, mau in enumerate(weekly):
        day = (first + timedelta(days=7 * week)).isoformat()
        if mau is not None:
            books.add("account_day", day, account, day=day, mau=mau)
    return books


def found_in(books: Books) -> list[UsageDrop]:
    return usage_drops(books.store().cursor(), day_number(TODAY))


def test_a_spike_that_does_not_last_is_told_from_use_that_stays() -> None:
    fell_again = [10] * 10 + [4] * 6 + [10] * 4 + [5] * 60
    kept = [10] * 10 + [4] * 6 + [10] * 64
    (drop,) = found_in(books_of(fell_again))
    assert (drop.peak_mau, drop.low_mau, drop.fates) == (10, 4, ["fell", "fell", "fell"])
    (drop,) = found_in(books_of(kept))
    assert drop.fates == ["kept", "kept", "kept"]
    assert (drop.back_day - drop.fell_day) == 6 * 7


def test_who_left_is_gone_and_what_has_not_come_is_not_known() -> None:
    (drop,) = found_in(books_of([10] * 10 + [4] * 6 + [10] * 30, until=25))
    assert drop.fates == ["gone", "gone", None]


def test_what_did_not_come_back_or_was_small_is_none_of_them() -> None:
    assert found_in(books_of([10] * 10 + [4] * 60)) == []
    assert found_in(books_of([4] * 10 + [1] * 6 + [4] * 60)) == [], "four people: a holiday is a fall"
    assert found_in(books_of([10] * 10 + [8] * 6 + [10] * 60)) == [], "a fifth is no fall"


def test_a_play_in_between_is_named_and_counted_apart() -> None:
    books = books_of([10] * 10 + [4] * 6 + [10] * 64)
    ran = (TODAY - timedelta(days=7 * 67)).isoformat()
    books.add("touchpoint", ran, kind="play", play="re-onboard")
    drops = found_in(books)
    assert [each.play for each in drops] == ["re-onboard"]
    counted = {(each.days, each.with_play): (each.n, each.kept) for each in drop_fates(drops)}
    assert counted[91, True] == (1, 1)
    assert counted[91, False] == (0, 0)


@given(st.integers(0, 100_000))
@examples(25)
def test_every_fall_is_what_a_walk_over_the_weeks_gives(seed: int) -> None:
    rng = random.Random(seed)
    level, weekly = 20.0, list[int | None]()
    for _ in range(WEEKS):
        level = min(40.0, max(0.0, level * rng.uniform(0.6, 1.55)))
        weekly.append(round(level))
    first = day_number(TODAY) - 7 * (WEEKS - 1)
    expected: list[tuple[int, int, int]] = []
    was_fallen = False
    for week, mau in enumerate(weekly):
        before = [each or 0 for each in weekly[max(week - 13, 0) : week]]
        fallen = bool(before) and (mau or 0) <= 0.7 * max(before)
        if fallen and not was_fallen and max(before) >= 5:
            back = [
                at for at in range(week + 1, min(week + 26, WEEKS - 1) + 1) if (weekly[at] or 0) >= 0.9 * max(before)
            ]
            if back and all(at != back[0] for _, at, _ in expected):
                expected.append((week, back[0], max(before)))
        was_fallen = fallen
    drops = found_in(books_of(weekly))
    found = [((each.fell_day - first) // 7, (each.back_day - first) // 7, each.peak_mau) for each in drops]
    assert sorted(found) == sorted(expected)
    for each in drops:
        for days, fate in zip(HORIZONS_DAYS, each.fates, strict=True):
            at = (each.back_day + days - first) // 7
            mau = weekly[at] if at < WEEKS else None
            if mau is None:
                assert fate is None
            else:
                word = "fell" if mau <= 0.7 * each.peak_mau else "kept" if mau >= 0.9 * each.peak_mau else "lower"
                assert fate == word
