"""One pass over an account's users: who was active in each window, and on how many days.

"Day" is a calendar day in the account's time zone; a trailing N-day window is the N days that end with as_of's day.
"""

from functools import cache
from typing import Any, Final

from msgspec import Struct

from stream import rolling
from stream.account import Activity
from stream.rolling import BITS, LAST_DAY

DAILY_USER_DAYS: Final = 16  # active days in 30 that make a daily, a weekly user. Source: docs/metrics.md
WEEKLY_USER_DAYS: Final = 4

_MONTH_MASK: Final = (1 << 30) - 1

Measures = dict[str, Any]


class Month(Struct, gc=False):
    """The trailing 30 days.

    Attributes:
        mau: people active.
        known: people active in the trailing 90 days, as far as their bitmaps reach.
        active_days: active days of each person, added up.
    """

    mau: int
    known: int
    active_days: int


class Tally(Struct, gc=False):
    """One pass over an account's users: all windows."""

    dau: int = 0
    wau: int = 0
    wau_previous: int = 0
    mau_previous: int | None = 0
    weekday_days: int = 0
    daily: int = 0
    weekly: int = 0


@cache
def weekday_mask(day_mod_7: int) -> int:
    """Bits of the weekdays (Monday to Friday) among the 30 days that end with a day, bit 0 for that day.

    >>> bin(weekday_mask(3) & 0x7F)  # 1970-01-04 was a Sunday
    '0b1111100'
    """
    mask = 0
    for back in range(30):
        if (day_mod_7 - back + 3) % 7 < 5:
            mask |= 1 << back
    return mask


def month_of(activity: Activity, day: int) -> Month:
    """Count the trailing month: what every account is asked for on every tick, and nothing else."""
    mau = known = active_days = 0
    for user in activity.users.values():
        ahead = day - user[LAST_DAY]
        if ahead >= 30:
            known += ahead < 90
            continue
        bits = user[BITS]
        if ahead < 0:
            bits >>= -ahead
            if not bits:
                continue  # first active after the day asked about
        known += 1
        month = bits & _MONTH_MASK >> ahead if ahead > 0 else bits & _MONTH_MASK
        if month:
            mau += 1
            active_days += month.bit_count()
    return Month(mau, known, active_days)


def tally_of(activity: Activity, day: int) -> Tally:
    """Count users and their active days in every window at once."""
    t = Tally()
    mau_previous = 0
    weekdays = weekday_mask(day % 7)
    for user in activity.users.values():
        ahead = day - user[LAST_DAY]
        if ahead >= 90:
            continue
        bits = user[BITS] << ahead if ahead >= 0 else user[BITS] >> -ahead
        if not bits:
            continue  # first active after the day asked about
        month = bits & _MONTH_MASK
        mau_previous += (bits >> 30) & _MONTH_MASK != 0
        t.wau_previous += (bits >> 7) & 0x7F != 0
        if month:
            active_days = month.bit_count()
            t.dau += bits & 1
            t.wau += bits & 0x7F != 0
            t.weekday_days += (month & weekdays).bit_count()
            t.daily += active_days >= DAILY_USER_DAYS
            t.weekly += WEEKLY_USER_DAYS <= active_days < DAILY_USER_DAYS
    t.mau_previous = mau_previous if day >= activity.newest_day - (rolling.DAYS_KEPT - 60) else None
    return t
