"""The account's days: how many people were active and how many events there were, for each of the last 512 days.

Two lists of small integers, oldest day first, so that a chart, a report or a comparison with last year needs no replay.
An event counts in its own day whatever the order of arrival, as long as it is at most 63 days behind the account's
newest usage: so far back it is known of each user whether the day is a newly active one (`rolling`).
"""

from typing import Final

from msgspec import Struct

DAYS_MAX: Final = 512  # a year of weeks (364), the 112 days that a trend looks back from there, and some
TRIM_EVERY_DAYS: Final = 32
LATE_DAYS: Final = 64


class Days(Struct, array_like=True, gc=False):
    """Users and events by day.

    Attributes:
        first_day: the day of the first entry; -1 while there is none.
        users, events: active users and usage events of each day, from `first_day` on without a gap.
    """

    first_day: int = -1
    users: list[int] = []
    events: list[int] = []


def place(days: Days, day: int) -> int:
    """The place of a day in the lists, which are extended to it, and cut where they grew too long.

    >>> days = Days()
    >>> for day in (100, 102, 102, 99):
    ...     days.events[place(days, day)] += 1
    >>> days.first_day, days.events
    (99, [1, 1, 0, 2])
    """
    size = len(days.users)
    if size == 0:
        days.first_day = day
        days.users.append(0)
        days.events.append(0)
        return 0
    at = day - days.first_day
    if 0 <= at < size:
        return at
    if at < 0:
        days.users[:0] = days.events[:0] = [0] * -at
        days.first_day = day
        return 0
    if at - size >= DAYS_MAX:
        days.users[:] = days.events[:] = [0] * DAYS_MAX
    else:
        more = [0] * (at - size + 1)
        days.users += more
        days.events += more
    over = len(days.users) - DAYS_MAX
    if over >= TRIM_EVERY_DAYS:
        del days.users[:over], days.events[:over]
    days.first_day = day + 1 - len(days.users)
    return day - days.first_day


def weeks(days: Days, day: int, number: int) -> list[int]:
    """User-days of the weeks that end with `day`, the newest first; only whole weeks since the first known day.

    Each week holds every weekday once, so weekends never make a difference between two of them.

    >>> weeks(Days(100, [1] * 7 + [2] * 7, [1] * 14), 114, 9)  # a day after the last one with usage
    [12, 8]
    """
    known = min((day - days.first_day + 1) // 7, number) if days.first_day >= 0 else 0
    users, end = days.users, day - days.first_day + 1
    return [sum(users[max(end - 7 * n - 7, 0) : end - 7 * n]) for n in range(known)]
