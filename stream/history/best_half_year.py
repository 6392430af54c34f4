"""The best half-year that an account ever had, faded slowly: what its use is compared with.

Use is counted in user-days, people active summed over days. The best as of a day t is the largest sum of 182 days that
end with a day s up to t, times 0.9 to the power of (t - s) / 365: of a best that was never reached again a tenth fades
a year. What no late usage can change any more is kept as one number; the newest months are taken from the days
themselves, so that the result is that of the events in order.
Source: docs/health.md, use against the best half-year.
"""

from itertools import accumulate
from operator import mul, sub
from typing import Final

from msgspec import Struct

HALF_YEAR_DAYS: Final = 182
FADE: Final = 0.9  # what is left of a best after a year
YEAR_DAYS: Final = 365
STEPS_MAX: Final = 1024
FEW_DAYS: Final = 4

# What is left after 1023, 1022, ... 1, 0 days.
_LEFT: Final = [FADE ** (days / YEAR_DAYS) for days in range(STEPS_MAX - 1, -1, -1)]
_DAY_LEFT: Final = _LEFT[-2]


class BestHalfYear(Struct, array_like=True, gc=False):
    """The best as of a day that is final.

    Attributes:
        user_days: the best as of `day`.
        day: the last day that it includes; -1: none yet.
        half_year: user-days of the 182 days that end with `day`.
    """

    user_days: float = 0.0
    day: int = -1
    half_year: int = 0


def advanced(kept: BestHalfYear, day: int, users: list[int], first_day: int) -> BestHalfYear:
    """The best as of a day, on from what is kept.

    Args:
        kept: as of an earlier day.
        day: the day asked about; before the kept one it takes the kept one's values.
        users: active users of each day from `first_day` on, at least from 181 days before the first day that is not in
            `kept`; nobody is active behind the last one.
        first_day: the day of `users[0]`.

    >>> advanced(BestHalfYear(), 101, [3, 4], 100)
    BestHalfYear(user_days=7.0, day=101, half_year=7)
    >>> round(advanced(BestHalfYear(70.0, 99, 2), 100 + 364, [3], 100).user_days, 6)
    63.0
    """
    if kept.day >= 0 and 0 < day - kept.day <= FEW_DAYS and day <= first_day + len(users) + HALF_YEAR_DAYS:
        return _a_few_days_later(kept, day, users, kept.day + 1 - first_day)
    first = kept.day + 1 if kept.day >= 0 else first_day
    last = min(day, first_day + len(users) + HALF_YEAR_DAYS, first + STEPS_MAX - 2)  # behind it there is nothing
    size = last + 1 - first
    if size <= 0:
        return BestHalfYear(_faded(kept.user_days, day - kept.day), day, kept.half_year)
    at = first - first_day
    half_year, best = _largest(kept, users, at, size)
    if kept.day >= 0:
        best = max(best, _faded(kept.user_days, last - kept.day))
    return BestHalfYear(_faded(best, day - last), day, half_year)


def _largest(kept: BestHalfYear, users: list[int], at: int, size: int) -> tuple[int, float]:
    """User-days of the half-year that ends with the last of `size` days, and the best that ends with any of them.

    Args:
        kept: as of the day before these.
        users: active users of each day.
        at: the index of the first of them.
        size: how many there are.
    """
    gained = users[at : at + size]
    gained += [0] * (size - len(gained))
    lost_at = at - HALF_YEAR_DAYS
    lost = users[lost_at : lost_at + size] if lost_at >= 0 else [0] * -lost_at + users[: max(lost_at + size, 0)]
    sums = [*accumulate(map(sub, gained, lost), initial=kept.half_year)]
    return sums[-1], float(max(map(mul, sums, _LEFT[STEPS_MAX - 1 - size :])))


def _a_few_days_later(kept: BestHalfYear, day: int, users: list[int], at: int) -> BestHalfYear:
    """The same day by day, which is quicker for a few; `at` is the index of the first of them."""
    best, half_year = kept.user_days, kept.half_year
    size = len(users)
    for index in range(at, at + day - kept.day):
        if index < size:
            half_year += users[index]
        if HALF_YEAR_DAYS <= index < size + HALF_YEAR_DAYS:
            half_year -= users[index - HALF_YEAR_DAYS]
        best *= _DAY_LEFT
        if half_year > best:
            best = half_year
    return BestHalfYear(float(best), day, half_year)


def _faded(user_days: float, days: int) -> float:
    """What is left of a best after so many days."""
    return user_days * FADE ** (days / YEAR_DAYS) if days > 0 else user_days
