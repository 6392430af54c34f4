"""Users active within 7 and within 30 days of each day, for more than a year.

The days of the last month are told from the users' own days whenever asked. A user's days reach back 64 (`rolling`), so
the 30 days that end 34 days before the newest one are the oldest that they tell: before that passes, the days up to now
are closed, 35 and more at a time, into lists of numbers. Usage that comes later still counts in them, up to 34 days
behind the account's newest; what is older stays as it is and is packed.
"""

from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from stream.history import columns
from stream.history.columns import Column
from stream.history.daily import CLOSED_MAX, Days
from stream.history.rolling import BITS, LAST_DAY

HISTORY_DAYS: Final = 34
LISTED_DAYS: Final = HISTORY_DAYS + 1
PACKED_AT_DAYS: Final = LISTED_DAYS + 128
WEEK_DAYS: Final = 7
MONTH_DAYS: Final = 30


def open_day(days: Days) -> int:
    """The first day whose windows are not closed; -1 while no day is known."""
    if days.open_day >= 0:
        return days.open_day
    return days.wau.next_day if days.wau.count > 0 else days.first_day


def close(days: Days, users: Iterable[list[int]], day: int) -> None:
    """Close the days before `day`, if it is so far ahead that the oldest open one could not be told any more.

    Args:
        days: what is kept.
        users: the records of `rolling`, as they are before the account's newest day becomes `day`.
        day: the coming newest day.
    """
    first = open_day(days)
    if first < 0 or day - first <= HISTORY_DAYS:
        return
    newest = days.first_day + len(days.users) - 1
    known_day = max(first, newest - HISTORY_DAYS, day - CLOSED_MAX)
    if known_day > first:
        _pack(days, 0)  # the lists have no gaps
    wau, mau = active_within(users, known_day, day - 1)
    days.open_day = day
    days.listed_wau += wau
    days.listed_mau += mau
    if len(days.listed_wau) > PACKED_AT_DAYS:
        _pack(days, LISTED_DAYS)


def _pack(days: Days, left: int) -> None:
    """Move the closed days but for the newest `left` into the columns."""
    old = len(days.listed_wau) - left
    if old > 0:
        first = days.open_day - len(days.listed_wau)
        columns.extend(days.wau, first, days.listed_wau[:old], CLOSED_MAX)
        columns.extend(days.mau, first, days.listed_mau[:old], CLOSED_MAX)
        del days.listed_wau[:old], days.listed_mau[:old]


def count_late(days: Days, user: list[int], day: int) -> None:
    """Count a user's newly known active day into the closed days around it.

    Args:
        days: what is kept.
        user: the user's record, the day included.
        day: before `open_day`, and at most HISTORY_DAYS before the account's newest.
    """
    back = user[LAST_DAY] - day
    older, newer = user[BITS] >> back + 1, user[BITS] & (1 << back) - 1
    end = user[LAST_DAY] + 1 - newer.bit_length() if newer else day + MONTH_DAYS
    since = (older & -older).bit_length()  # days from the active day before it; 0: none is known
    first_listed = days.open_day - len(days.listed_wau)
    for listed, within in ((days.listed_wau, WEEK_DAYS), (days.listed_mau, MONTH_DAYS)):
        first = day + max(within - since, 0) if since else day
        for at in range(max(first, first_listed), min(day + within, end, days.open_day)):
            listed[at - first_listed] += 1


def active_users_within(
    days: Days, users: Iterable[list[int]], newest_day: int, first_day: int, end_day: int
) -> tuple[list[int | None], list[int | None]]:
    """Users active in the 7 and in the 30 days that end with each of the days from `first_day` to before `end_day`.

    Args:
        days: what is kept.
        users: the records of `rolling`.
        newest_day: the account's newest day; -1 while there is none.
        first_day, end_day: as days since 1970-01-01.

    Returns:
        For each day a number, or None before what is known.
    """
    closed_day = open_day(days)
    now_day = max(closed_day, newest_day - HISTORY_DAYS, days.first_day, first_day)
    if newest_day < 0 or now_day > end_day:
        now_day = end_day
    wau: list[int | None] = _closed(days.wau, days.listed_wau, closed_day, first_day, now_day)
    mau: list[int | None] = _closed(days.mau, days.listed_mau, closed_day, first_day, now_day)
    if now_day < end_day:
        now_wau, now_mau = active_within(users, now_day, end_day - 1)
        wau += now_wau
        mau += now_mau
    return wau, mau


def _closed(column: Column, listed: list[int], closed_day: int, first_day: int, end_day: int) -> list[int | None]:
    """What is closed of the days from `first_day` to before `end_day`; None for the others."""
    listed_day = closed_day - len(listed)
    between = min(max(listed_day, first_day), end_day)
    found: list[int | None] = columns.numbers(column, first_day, between)
    found += listed[between - listed_day : max(end_day - listed_day, 0)]
    return found + [None] * (end_day - first_day - len(found))


def active_within(users: Iterable[list[int]], first_day: int, last_day: int) -> tuple[list[int], list[int]]:
    """Users active in the 7 and in the 30 days that end with each of the days.

    Exact for days from 34 before any user's newest day on.

    >>> active_within([[0, 100, 0b1], [1, 101, 0b1]], 99, 108)
    ([0, 1, 2, 2, 2, 2, 2, 2, 1, 0], [0, 1, 2, 2, 2, 2, 2, 2, 2, 2])
    """
    size = last_day - first_day + 1
    mask = (1 << size) - 1
    weeks: dict[int, int] = {}
    months: dict[int, int] = {}
    for user in users:
        ahead = last_day - user[LAST_DAY]
        if ahead >= size + MONTH_DAYS:
            continue
        two = user[BITS] << ahead if ahead >= 0 else user[BITS] >> -ahead
        two |= two >> 1  # bit i: active on last_day - i or the day before; and so on
        four = two | two >> 2
        seven = (four | four >> 3) & mask
        eight = four | four >> 4
        sixteen = eight | eight >> 8
        thirty = (sixteen | sixteen >> 14) & mask
        weeks[seven] = weeks.get(seven, 0) + 1
        months[thirty] = months.get(thirty, 0) + 1
    return _by_day(weeks, size), _by_day(months, size)


def _by_day(counts: dict[int, int], size: int) -> list[int]:
    """How many have each day's bit, the oldest day (the highest bit) first.

    Many users share their bits, and these come in a few runs: only where a run begins or ends, the number changes.
    """
    steps = [0] * (size + 1)
    for bits, count in counts.items():
        edges = bits ^ bits << 1
        while edges:
            lowest = edges & -edges
            steps[lowest.bit_length() - 1] += count
            count = -count
            edges ^= lowest
    return [*accumulate(steps[:size])][::-1]
