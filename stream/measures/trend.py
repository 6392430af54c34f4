"""Whether an account's use goes its usual way: the trailing 28 days against what the 84 days before let expect.

User-days by week: each week has the same weekdays, so weekends make no difference, and a median of weeks is not moved
by one odd week. Holidays are left out and made up for by the account's own weekdays. Formula and thresholds are argued
in docs/health.md, "The trend".
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from stream.calendar.workdays import MONDAY_TO_FRIDAY, Calendar
from stream.contracts.report import Number
from stream.history.daily import Days, active_users, weeks
from stream.measures.registry import Measure, Measures, measures

if TYPE_CHECKING:
    from stream.measures.context import MeasureContext

Status = Literal["seasonal", "declining", "collapsing", "growing", "steady"]

NOW_WEEKS: Final = 4
BASE_WEEKS: Final = 12
BASE_WEEKS_MIN: Final = 6
NOW_WEEKS_MIN: Final = 2
# So much of a week's usual use must fall on days that were no holidays, or the week is left out; a half is enough.
WEEK_SHARE_MIN: Final = 0.5 - 1e-9
SHIFT_WEEKS: Final = 3  # a new level is one once it has lasted so long
YEAR_DAYS: Final = 364  # of whole weeks, so that weekdays meet weekdays

# A fall of 20 % is poor and of 60 % caps health. Source: PostHog's handbook; tenzo's customer health (docs/health.md).
DECLINING_RATIO: Final = 0.8
COLLAPSING_RATIO: Final = 0.4
GROWING_RATIO: Final = 1.25
NOTABLE_DEVIATIONS: Final = 2.0
SHIFT_DEVIATIONS: Final = 3.0
_SURELY: Final = 1 - 1e-9  # whatever the rounding of weeks that holidays were made up for
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


@measures(
    Measure(
        "usage_trend_ratio",
        "usage against what was to be expected",
        "percent",
        "ratio, may exceed 1",
        "user-days of the trailing 28 days / 4 x the level of a week in the 84 days before: the "
        "median of its weeks, since the last shift of level",
        none_when="fewer than 6 whole weeks are known before the trailing 4; the level is 0",
        deserted=0,
        reference="Festival",
    ),
    Measure(
        "usage_trend_deviation",
        "usage, in deviations from what was to be expected",
        "score",
        "standard deviations",
        "(user-days of the 28 days − expected) / what four of the account's own weeks vary by",
        none_when="fewer than 6 whole weeks are known before the trailing 4; the level is 0",
        deserted=0,
    ),
    Measure(
        "usage_trend_status",
        "usage trend status",
        "word",
        "word",
        "`growing`, `steady`, `declining`, `collapsing`, `seasonal`: [health.md](health.md#the-trend)"
        " has the thresholds",
        none_when="fewer than 6 whole weeks are known before the trailing 4; the level is 0",
        reference="Festival",
    ),
    source="usage",
    available=lambda known: known.month_before,
)
def usage_trend(context: MeasureContext) -> Measures:
    """Whether use goes its usual way. Source: docs/metrics.md, trend; docs/health.md, the trend."""
    found = _trend(context.weeks, context.activity.days, context.day, context.account.calendar)
    return {
        "usage_trend_ratio": found.ratio if found is not None else None,
        "usage_trend_deviation": found.deviation if found is not None else None,
        "usage_trend_status": found.status if found is not None else None,
    }


def _week(before: Number | None, now: Number, measures: Measures) -> str | None:
    """A week beside what it should have brought, in user-days that the chart has."""
    seen, expected = measures.get("week_user_days"), measures.get("week_expected")
    if seen is None or expected is None:
        return None
    return f"{seen:,.0f} user-days in 7 days, of {expected:,.0f} to be expected"


@measures(
    Measure(
        "week_vs_expected",
        "a week's use against what was to be expected",
        "percent",
        "ratio, may exceed 1",
        "user-days of the trailing 7 days, holidays made up for / the level of a week in the 84 days before",
        none_when="fewer than 6 whole weeks are known before; the level is 0; less than half of the week's usual use is"
        " left by holidays",
        deserted=0,
        phrase=_week,
        stands_alone=True,
    ),
    Measure(
        "week_expected",
        "user-days to be expected in a week",
        "count",
        "user-days",
        "the level of a week in the 84 days before: the median of its weeks, since the last shift of level",
        none_when="as week_vs_expected",
        deserted=None,
    ),
    Measure(
        "week_user_days",
        "user-days of a week",
        "count",
        "user-days",
        "people active, summed over the trailing 7 days, holidays made up for",
        none_when="as week_vs_expected",
        deserted=None,
    ),
    Measure(
        "week_deviation",
        "a week's use, in deviations from what was to be expected",
        "score",
        "standard deviations",
        "(week_user_days − week_expected) / what a week of the account varies by",
        none_when="as week_vs_expected",
        deserted=None,
    ),
    source="usage",
    available=lambda known: known.month_before,
)
def week_against_expectation(context: MeasureContext) -> Measures:
    """The newest week beside those before it. Source: docs/metrics.md, trend."""
    names = ("week_vs_expected", "week_expected", "week_user_days", "week_deviation")
    found = context.weeks
    base = [week for week in found[1 : 1 + BASE_WEEKS] if week is not None]
    if len(base) < BASE_WEEKS_MIN or found[0] is None:
        return dict.fromkeys(names)
    level, sigma, _ = expectation(base)
    if level == 0:
        return dict.fromkeys(names)
    return dict(zip(names, (found[0] / level, level, found[0], (found[0] - level) / sigma), strict=True))


def trend(days: Days, day: int, calendar: Calendar = MONDAY_TO_FRIDAY) -> Trend | None:
    """The trend as of a day.

    Args:
        days: the account's days.
        day: the last day of the trailing weeks.
        calendar: whose holidays are left out.

    Returns:
        None while fewer than six weeks are known before the trailing four, or two of these, or when no use is to be
        expected. A week with few usual working days left is not known.
    """
    return _trend(comparable_weeks(days, day, calendar), days, day, calendar)


def _trend(found: Sequence[float | None], days: Days, day: int, calendar: Calendar) -> Trend | None:
    """The same of the weeks that end with the day."""
    against = _against(found)
    if against is None:
        return None
    ratio, deviation = against
    return Trend(ratio, deviation, _status(days, day, calendar, ratio, deviation))


def _against(found: Sequence[float | None]) -> tuple[float, float] | None:
    """Seen over expected, and the gap in standard deviations."""
    now = [week for week in found[:NOW_WEEKS] if week is not None]
    base = [week for week in found[NOW_WEEKS:] if week is not None]
    if len(base) < BASE_WEEKS_MIN or len(now) < NOW_WEEKS_MIN:
        return None
    level, sigma, count = expectation(base)
    if level == 0:
        return None
    size = len(now)
    gap = sum(now) - size * level
    # The weeks vary, and so does the median of `count` of them (its variance is pi/2 times the mean's).
    return 1 + gap / (size * level), gap / (sigma * math.sqrt(size + size**2 * math.pi / 2 / count))


def _status(days: Days, day: int, calendar: Calendar, ratio: float, deviation: float) -> Status:
    """The word for a ratio that stands out from the account's own noise."""
    if ratio >= GROWING_RATIO and deviation >= NOTABLE_DEVIATIONS:
        return "growing"
    if ratio > DECLINING_RATIO or deviation > -NOTABLE_DEVIATIONS:
        return "steady"
    last_year = _against(comparable_weeks(days, day - YEAR_DAYS, calendar))
    if last_year is not None and last_year[0] <= DECLINING_RATIO and ratio >= DECLINING_RATIO * last_year[0]:
        return "seasonal"
    return "collapsing" if ratio <= COLLAPSING_RATIO else "declining"


def comparable_weeks(days: Days, day: int, calendar: Calendar) -> Sequence[float | None]:
    """User-days of the weeks that end with `day`, the newest first, holidays left out and made up for.

    A week is scaled by the share of its use that usually falls on the days that were no holiday, by the account's own
    weekdays; None where that is less than half.
    """
    found = weeks(days, day, NOW_WEEKS + BASE_WEEKS)
    first = day + 1 - 7 * len(found)
    off = [at - first for at in calendar.days_off(first, day + 1)]
    if not off:
        return found
    users = [count for count in active_users(days, first, day + 1) if count is not None]
    usual = _usual_weekdays(users, off)
    made: list[float | None] = [*found]
    for week in {at // 7 for at in off}:
        lost = [at for at in off if at // 7 == week]
        share = 1 - sum([usual[at % 7] for at in lost]) / sum(usual) if sum(usual) > 0 else 1.0
        seen = sum(users[7 * week : 7 * week + 7]) - sum([users[at] for at in lost])
        made[-1 - week] = None if share < WEEK_SHARE_MIN else seen / share
    return made


def _usual_weekdays(users: Sequence[int], off: Sequence[int]) -> list[float]:
    """The mean of each weekday of whole weeks without the days at `off`; 0 where none is left."""
    usual = []
    for weekday in range(7):
        lost = [users[at] for at in off if at % 7 == weekday]
        count = len(users) // 7 - len(lost)
        usual.append((sum(users[weekday::7]) - sum(lost)) / count if count > 0 else 0.0)
    return usual


def expectation(base: Sequence[float]) -> tuple[float, float, int]:
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


def _since_shift(base: Sequence[float]) -> Sequence[float]:
    """The weeks since the clearest shift of level, or all of them when there is none."""
    best, since = SHIFT_DEVIATIONS, base
    highest = max(base)
    spread = highest - min(base)
    # A gap is at most the spread, and its noise at least the root of its higher level: so it needs best squared. It
    # needs its root over the highest week, too, as both grow together.
    if spread <= best * best or spread * spread < best * best * highest * _SURELY:
        return base
    news, olds = _running_medians(base), _running_medians(base[::-1])
    for at in range(SHIFT_WEEKS, len(base) - SHIFT_WEEKS + 1):
        new, old = news[at - SHIFT_WEEKS], olds[len(base) - at - SHIFT_WEEKS]
        gap = abs(new - old)
        if gap * gap < best * best * max(new, old, 1):
            continue  # not even against the noise of counting
        newer, older = base[:at], base[at:]
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
    return _middle(sorted(values))


def _running_medians(values: Sequence[float]) -> list[float]:
    """The median of the first SHIFT_WEEKS values, of these and the next one, and so on to SHIFT_WEEKS before the end.

    >>> _running_medians([3, 1, 2, 1, 1, 9, 9, 9])
    [2, 1.5, 1]
    """
    ranked = sorted(values[:SHIFT_WEEKS])
    found = [_middle(ranked)]
    for value in values[SHIFT_WEEKS:-SHIFT_WEEKS]:
        insort(ranked, value)
        found.append(_middle(ranked))
    return found


def _middle(ranked: Sequence[float]) -> float:
    """The median of values in their order."""
    half = len(ranked) // 2
    return ranked[half] if len(ranked) % 2 else (ranked[half - 1] + ranked[half]) / 2


def _noise(off: list[float], level: float) -> float:
    """The standard deviation of a week, from how far weeks lie off their level."""
    return max(MAD_TO_SIGMA * median(off), math.sqrt(level), 1.0)
