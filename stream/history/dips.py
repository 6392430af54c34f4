"""How far the use of the same days a year ago dipped: what a season of today may excuse.

Of so many days that end a year before the day, user-days stand against the lower of the quarter before and the quarter
after them: so a fall that lasted, or growth, is no dip. The newest of these days is 273 days back, so that a look may
keep what it finds for the rest of its day, unless usage of long ago comes meanwhile, as in a replay.
Source: docs/health.md, use against the best half-year.
"""

from typing import Final

from msgspec import Struct

# Days, and user-days that are added on both sides, so that a few more or less of few make no difference.
SHORT: Final = (14, 6.0)
LONG: Final = (42, 8.0)
DIP_MIN: Final = 0.2  # a season excuses at most this much
YEAR_DAYS: Final = 364  # of whole weeks, so that weekdays meet weekdays
QUARTER_DAYS: Final = 91

_FIRST_BACK_DAYS: Final = LONG[0] + QUARTER_DAYS
# Where the five stretches of days begin that both dips are made of, in days before the end; the last is where they end.
_STARTS: Final = (_FIRST_BACK_DAYS, SHORT[0] + QUARTER_DAYS, LONG[0], SHORT[0], 0, -QUARTER_DAYS)


class Dips(Struct, array_like=True, frozen=True, gc=False):
    """What was left of use a year ago, DIP_MIN..1 and more.

    Attributes:
        day: the day a year after them; -1: none was looked at.
        short, long: of its 14 and of its 42 days.
    """

    day: int = -1
    short: float = 1.0
    long: float = 1.0


def known_days(window_days: int) -> int:
    """For longer than how many days an account must be used for its dip of so many days to be known."""
    return YEAR_DAYS + window_days + QUARTER_DAYS


def dips_of(users: list[int], first_day: int, day: int) -> Dips:
    """Both dips of the days a year before the ones that end with a day.

    Args:
        users: active users of each day from `first_day` on; nobody was active before, and behind the last one.
        first_day: the day of `users[0]`.
        day: the last of the days.

    >>> dips_of([4] * 200 + [1] * 14 + [4] * 200, 0, 213 + 364)
    Dips(day=577, short=0.3225806451612903, long=0.7613636363636364)
    """
    end = day + 1 - YEAR_DAYS - first_day  # the index behind both
    at = [end - back if end > back else 0 for back in _STARTS]
    first, both, between, newest, after = [sum(users[at[index] : at[index + 1]]) for index in range(5)]
    return Dips(day, _dip(newest, both + between, after, *SHORT), _dip(between + newest, first + both, after, *LONG))


def _dip(seen: int, before: int, after: int, days: int, floor: float) -> float:
    """How far the user-days of so many days lay under the lower of the quarters round them."""
    around = days / QUARTER_DAYS * (before if before < after else after)
    dip = (seen + floor) / (around + floor)
    return dip if dip > DIP_MIN else DIP_MIN
