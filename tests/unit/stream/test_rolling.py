"""Day bitmaps: every boundary, and any order of days gives what a set of days gives."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.day import DAY_MS, day_of, end_of_day_ms
from stream.history.rolling import (
    BITS,
    COUNT_DAYS,
    COUNTS,
    DAYS,
    DAYS_KEPT,
    LAST_DAY,
    events_in,
    mark,
    new_user,
    touch,
    window,
)

TODAY = 20_000
days = st.lists(st.integers(TODAY - 150, TODAY), min_size=1, max_size=60)


def user_of(seen: list[int]) -> list[int]:
    user = new_user(0, seen[0])
    for day in seen[1:]:
        touch(user, day)
    return user


@pytest.mark.parametrize(
    ("back", "counts"),
    [
        (0, True),  # the day itself
        (29, True),  # the first day of a trailing month
        (30, False),  # the day before it
        (63, False),  # the last remembered day
        (64, False),  # forgotten
    ],
)
def test_a_trailing_month_holds_its_thirty_days(back: int, counts: bool) -> None:
    user = user_of([TODAY - back, TODAY])
    in_month = window(user[LAST_DAY], user[BITS], TODAY, 30).bit_count()
    assert in_month == (2 if counts and back > 0 else 1)


@pytest.mark.parametrize(
    ("back", "remembered"),
    [
        (0, True),
        (63, True),  # the 64th day, the last bit
        (64, False),  # beyond it
        (1000, False),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_sixty_four_days_are_remembered_whichever_came_first(back: int, remembered: bool, late: bool) -> None:
    seen = [TODAY, TODAY - back] if late else [TODAY - back, TODAY]
    user = user_of(seen)
    assert user[LAST_DAY] == TODAY
    assert user[BITS] == 1 | (1 << back if remembered else 0)


@pytest.mark.parametrize(
    ("back", "counted"),
    [
        (0, 2),  # both on one day
        (29, 2),
        (30, 1),  # outside of the trailing month
        (36, 1),
        (37, 1),  # its count is not even kept
        (64, 1),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_events_are_counted_in_a_trailing_month_whichever_came_first(back: int, counted: int, late: bool) -> None:
    seen = [TODAY, TODAY - back] if late else [TODAY - back, TODAY]
    assert events_in(user_of(seen), TODAY) == counted


@pytest.mark.parametrize(
    ("day", "counted"),
    [
        (TODAY, 3),
        (TODAY + 29, 1),  # only the newest day is left in the window
        (TODAY + 30, 0),  # none is
        (TODAY - 1, 2),  # as of yesterday
        (TODAY - 7, 1),  # as of a week ago: the 29 days before it and itself
    ],
)
def test_events_are_counted_as_of_days_ahead_and_up_to_a_week_back(day: int, counted: int) -> None:
    assert events_in(user_of([TODAY - 36, TODAY - 1, TODAY - 1, TODAY]), day) == counted


@pytest.mark.parametrize(
    ("last_day", "bits", "day", "span", "active"),
    [
        (TODAY, 0b1, TODAY, 1, 1),
        (TODAY, 0b10, TODAY, 1, 0),  # active yesterday
        (TODAY, 0b1, TODAY + 1, 1, 0),  # asked a day later
        (TODAY, 0b1, TODAY + 6, 7, 1),  # the last day that a week sees it
        (TODAY, 0b1, TODAY + 7, 7, 0),
        (TODAY, 0b1, TODAY - 1, 30, 0),  # asked before it happened
        (TODAY, 0b11, TODAY - 1, 30, 1),
        (TODAY, 1 << 63, TODAY, 64, 1),
        (TODAY, 1 << 63, TODAY, 63, 0),
        (TODAY, (1 << 64) - 1, TODAY - 63, 30, 1),  # nothing older is known
        (TODAY, (1 << 64) - 1, TODAY - 64, 30, 0),
        (TODAY, (1 << 64) - 1, TODAY + 1000, 30, 0),
    ],
)
def test_windows_at_their_edges(last_day: int, bits: int, day: int, span: int, active: int) -> None:
    assert window(last_day, bits, day, span).bit_count() == active


@given(days, st.randoms(use_true_random=False))
def test_any_order_of_days_gives_the_same_record(seen: list[int], random: object) -> None:
    shuffled = list(seen)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = user_of(shuffled), user_of(seen)
    if max(seen) - min(seen) < DAYS_KEPT:
        assert one[DAYS] == len(set(seen))
    else:
        one[DAYS] = other[DAYS] = 0  # a day that comes too late for the bitmap is not counted, whether known or not
    assert one == other


@given(days)
def test_a_record_holds_the_days_and_counts_of_a_plain_set(seen: list[int]) -> None:
    newest = max(seen)
    kept = {day for day in seen if newest - day < DAYS_KEPT}
    counts = Counter(day for day in seen if newest - day < COUNT_DAYS)
    user = user_of(seen)
    assert user[LAST_DAY] == newest
    assert user[BITS] == sum(1 << (newest - day) for day in kept)
    assert user[COUNTS:] == [counts[day] for day in sorted(counts, reverse=True)]


@given(days, st.integers(-7, 100), st.integers(1, 57))
def test_windows_count_what_a_plain_set_counts(seen: list[int], ahead: int, span: int) -> None:
    user = user_of(seen)
    day = max(seen) + ahead
    assert window(user[LAST_DAY], user[BITS], day, span).bit_count() == len({d for d in seen if day - span < d <= day})
    assert events_in(user, day) == sum(day - 30 < d <= day for d in seen)


@given(days)
def test_a_day_is_newly_active_once_while_it_is_remembered(seen: list[int]) -> None:
    user = new_user(0, seen[0])
    known = {seen[0]}
    newest = seen[0]
    for day in seen[1:]:
        expected = day not in known and day > newest - DAYS_KEPT
        newest = max(newest, day)
        assert touch(user, day) is expected
        known = {d for d in {*known, day} if d > newest - DAYS_KEPT}


@given(days)
def test_marks_are_the_bits_of_a_record(seen: list[int]) -> None:
    last_day, bits = seen[0], 1
    for day in seen[1:]:
        last_day, bits = mark(last_day, bits, day)
    user = user_of(seen)
    assert (last_day, bits) == (user[LAST_DAY], user[BITS])


@pytest.mark.parametrize(
    ("ms", "day"),
    [(0, 0), (DAY_MS - 1, 0), (DAY_MS, 1), (-1, -1), (-DAY_MS, -1), (-DAY_MS - 1, -2)],
)
def test_a_day_begins_at_midnight_utc(ms: int, day: int) -> None:
    assert day_of(ms) == day
    assert day_of(end_of_day_ms(day)) == day
    assert end_of_day_ms(day) + 1 == (day + 1) * DAY_MS
