"""Whether an account's use goes its usual way: the trailing 28 days against what the 84 days before let expect.

User-days by week: each week has the same weekdays, so weekends make no difference, and a median of weeks is not moved
by one odd week. Formula and thresholds are argued in docs/health.md, "The trend".
"""

import math
from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from stream.daily import Days, weeks

Status = Literal["seasonal", "declining", "collapsing", "growing", "steady"]

NOW_WEEKS: Final = 4
BASE_WEEKS: Final = 12
BASE_WEEKS_MIN: Final = 6
SHIFT_WEEKS: Final = 3  # a new level is one once it has lasted so long
YEAR_DAYS: Final = 364  # of whole weeks, so that weekdays meet weekdays

# A fall of 20 % is poor and of 60 % caps health. Source: PostHog's handbook; tenzo's customer health (docs/health.md).
DECLINING_RATIO: Final = 0.8
COLLAPSING_RATIO: Final = 0.4
GROWING_RATIO: Final = 1.25
NOTABLE_DEVIATIONS: Final = 2.0
SHIFT_DEVIATIONS: Final = 3.0
MAD_TO_SIGMA: Final = 1.4826  # of normally distributed values. Source: Rousseeuw and Croux 1993


class Trend(Struct, frozen=True, gc=False):
    """The trailing 28 days against the expectation.

    Attributes:
        ratio: user-days seen / expected, may exceed 1.
        deviation: how many standard deviations of the account's own weeks lie between; negative below.
        status: in a word.
    """

    ratio: float
    deviation: float
    status: Status


def trend(days: Days, day: int) -> Trend | None:
    """The trend as of a day.

    Returns:
        None while fewer than six whole weeks are known before the trailing four, or when no use is to be expected.
    """
    found = weeks(days, day, NOW_WEEKS + BASE_WEEKS)
    base = found[NOW_WEEKS:]
    if len(base) < BASE_WEEKS_MIN:
        return None
    level, sigma, count = expectation(base)
    if level == 0:
        return None
    gap = sum(found[:NOW_WEEKS]) - NOW_WEEKS * level
    ratio = 1 + gap / (NOW_WEEKS * level)
    # Four weeks vary, and so does the median of `count` of them (its variance is pi/2 times the mean's).
    deviation = gap / (sigma * math.sqrt(NOW_WEEKS + NOW_WEEKS**2 * math.pi / 2 / count))
    return Trend(ratio, deviation, _status(days, day, ratio, deviation))


def _status(days: Days, day: int, ratio: float, deviation: float) -> Status:
    """The word for a ratio that stands out from the account's own noise."""
    if ratio >= GROWING_RATIO and deviation >= NOTABLE_DEVIATIONS:
        return "growing"
    if ratio > DECLINING_RATIO or deviation > -NOTABLE_DEVIATIONS:
        return "steady"
    last_year = _ratio_alone(days, day - YEAR_DAYS)
    if last_year is not None and last_year <= DECLINING_RATIO and ratio >= DECLINING_RATIO * last_year:
        return "seasonal"
    return "collapsing" if ratio <= COLLAPSING_RATIO else "declining"


def _ratio_alone(days: Days, day: int) -> float | None:
    """The same ratio for an earlier day; None when that is not known."""
    found = weeks(days, day, NOW_WEEKS + BASE_WEEKS)
    base = found[NOW_WEEKS:]
    if len(base) < BASE_WEEKS_MIN:
        return None
    level, _, _ = expectation(base)
    return sum(found[:NOW_WEEKS]) / (NOW_WEEKS * level) if level > 0 else None


def expectation(base: list[int]) -> tuple[float, float, int]:
    """What a week is expected to bring, from the weeks before, the newest first.

    When the level shifted within them, only the weeks since then count. The noise is the median absolute deviation,
    at least that of counting (the root of the level).

    Returns:
        The level, the standard deviation of a week, and how many weeks they rest on.

    >>> expectation([10, 11, 10, 9, 10, 10])[0], expectation([5, 5, 5, 50, 50, 50, 50, 50])[0]
    (10.0, 5.0)
    """
    newer = _since_shift(base)
    level = float(median(newer))
    return level, _noise([abs(week - level) for week in newer], level), len(newer)


def _since_shift(base: list[int]) -> list[int]:
    """The weeks since the clearest shift of level, or all of them when there is none."""
    best, since = SHIFT_DEVIATIONS, base
    if max(base) - min(base) <= best * best:
        return base  # a gap is at most its higher level, whose root the noise is at least: so it needs best squared
    for at in range(SHIFT_WEEKS, len(base) - SHIFT_WEEKS + 1):
        newer, older = base[:at], base[at:]
        new, old = median(newer), median(older)
        gap = abs(new - old)
        if gap * gap < best * best * max(new, old, 1):
            continue  # not even against the noise of counting
        off = [abs(week - new) for week in newer] + [abs(week - old) for week in older]
        deviations = gap / _noise(off, max(new, old))
        if deviations > best:
            best, since = deviations, newer
    return since


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle; quicker on a few numbers than the library's.

    >>> median([3, 1, 2]), median([4, 1, 2, 3])
    (2, 2.5)
    """
    ranked = sorted(values)
    half = len(ranked) // 2
    return ranked[half] if len(ranked) % 2 else (ranked[half - 1] + ranked[half]) / 2


def _noise(off: list[float], level: float) -> float:
    """The standard deviation of a week, from how far weeks lie off their level."""
    return max(MAD_TO_SIGMA * median(off), math.sqrt(level), 1.0)
