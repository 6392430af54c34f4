"""The account's use against its own best half-year: what a fall is measured by, however long ago it was."""

from typing import Final

from stream.history import daily
from stream.measures.context import MeasureContext
from stream.measures.registry import Measure, Measures, measures

# Days, and user-days that are added on both sides, so that a few more or less of few make no difference. The shortest
# makes it quick, the longest tells a lasting fall. Source: docs/health.md, use against the best half-year.
WINDOWS: Final = ((14, 6.0), (42, 8.0), (182, 10.0))
SEASONAL: Final = (14, 42)  # a season of half a year is none
AGE_MIN_DAYS: Final = 14
BEST_MIN_USER_DAYS: Final = 10.0
PER_DAY_MIN_DAYS: Final = 56  # the best of a younger account is its mean over no less
SEASON_MIN: Final = 0.2  # a season excuses at most this much
YEAR_DAYS: Final = 364  # of whole weeks, so that weekdays meet weekdays
QUARTER_DAYS: Final = 91


@measures(
    Measure(
        "use_vs_best",
        "use against its best half-year",
        "percent",
        "ratio 0..1",
        "the lowest of the trailing 14, 42 and 182 days' (user-days + 6, 8, 10) / (what as many days of its best"
        " half-year would have, a season of last year taken off, + 6, 8, 10)",
        none_when="the account is younger than 14 days; its best half-year has fewer than 10 user-days",
        deserted=None,
    ),
    Measure(
        "use_vs_best_window_days",
        "days of the window that is lowest",
        "days",
        "14, 42 or 182",
        "the window that use_vs_best is taken from; of equals the longest",
        none_when="as use_vs_best",
        deserted=None,
    ),
    source="usage",
    available=lambda known: known.use,
)
def use_vs_best(context: MeasureContext) -> Measures:
    """The lowest of the windows. Source: docs/metrics.md, use against the best half-year."""
    found = reference(context)
    if found is None:
        return {"use_vs_best": None, "use_vs_best_window_days": None}
    best_per_day, half_year = found
    age = context.days_known or 0
    window, floor = WINDOWS[-1]
    lowest = min(1.0, (half_year + floor) / (best_per_day * min(window, age) + floor))
    for days, floor in WINDOWS[-2::-1]:
        seen, expected = daily.user_days(context.activity.days, context.day, days), best_per_day * min(days, age)
        if seen + floor < lowest * (expected + floor):  # else no season makes a difference
            ratio = (seen + floor) / (expected * season(context, days, floor) + floor)
            if ratio < lowest:
                lowest, window = ratio, days
    return {"use_vs_best": lowest, "use_vs_best_window_days": window}


def reference(context: MeasureContext) -> tuple[float, int] | None:
    """User-days a day in the best half-year, and user-days of the trailing half-year; None while too little is known.

    While the account is younger than a half-year, a day in the best one is its mean so far, over no less than 56 days.
    """
    age = context.days_known
    if age is None or age < AGE_MIN_DAYS:
        return None
    best, half_year = daily.best_at(context.activity.days, context.day)
    if best < BEST_MIN_USER_DAYS:
        return None
    return best / min(max(age, PER_DAY_MIN_DAYS), WINDOWS[-1][0]), half_year


def season(context: MeasureContext, window_days: int, floor: float) -> float:
    """How far the same days of last year dipped under what lay around them, 0.2..1; 1: no dip, or too young to tell.

    The lower of the quarter before the dip and of the quarter after it is what lay around: so a fall that lasted, or
    growth, excuses nothing.
    """
    if (context.days_known or 0) <= YEAR_DAYS + window_days + QUARTER_DAYS:
        return 1.0
    then = context.day - YEAR_DAYS
    spans = (_ending(then, window_days), _ending(then - window_days, QUARTER_DAYS), _ending(then + QUARTER_DAYS, 91))
    dip, before, after = daily.user_days_of(context.activity.days, spans)
    around = window_days / QUARTER_DAYS * min(before, after)
    return min(max((dip + floor) / (around + floor), SEASON_MIN), 1.0)


def _ending(day: int, days: int) -> tuple[int, int]:
    """The span of so many days that ends with a day."""
    return day + 1 - days, day + 1


_EVIDENCE: Final = (
    "best_half_year",
    *[f"use_{days}" for days, _ in WINDOWS],
    *[f"user_days_{days}" for days, _ in WINDOWS],
    *[f"season_{days}" for days in SEASONAL],
)


@measures(
    Measure(
        "best_half_year",
        "user-days in its best half-year",
        "count",
        "user-days",
        "the largest sum of 182 days up to now, times 0.9 for each year since",
        none_when="as use_vs_best",
        deserted=None,
    ),
    *[
        Measure(
            f"use_{days}",
            f"use of {days} days against its best half-year",
            "percent",
            "ratio 0..1",
            f"use_vs_best of the trailing {days} days alone",
            none_when="as use_vs_best",
            deserted=None,
        )
        for days, _ in WINDOWS
    ],
    *[
        Measure(
            f"user_days_{days}",
            f"user-days of {days} days",
            "count",
            "user-days",
            f"people active, summed over the trailing {days} days",
            none_when="as use_vs_best",
            deserted=None,
        )
        for days, _ in WINDOWS
    ],
    *[
        Measure(
            f"season_{days}",
            f"what last year's season leaves of {days} days",
            "percent",
            "ratio 0.2..1",
            f"how far the same {days} days of last year lay under the lower of the quarters before and after them",
            none_when="as use_vs_best",
            deserted=None,
        )
        for days in SEASONAL
    ],
    source="usage",
    available=lambda known: known.use,
)
def evidence(context: MeasureContext) -> Measures:
    """What use_vs_best rests on, for who wants to see it on the chart."""
    found = reference(context)
    if found is None:
        return dict.fromkeys(_EVIDENCE)
    best_per_day, half_year = found
    age = context.days_known or 0
    measures: Measures = {"best_half_year": best_per_day * min(max(age, PER_DAY_MIN_DAYS), WINDOWS[-1][0])}
    for days, floor in WINDOWS:
        seen = half_year if days == WINDOWS[-1][0] else daily.user_days(context.activity.days, context.day, days)
        share = season(context, days, floor) if days in SEASONAL else 1.0
        measures[f"use_{days}"] = min(1.0, (seen + floor) / (best_per_day * min(days, age) * share + floor))
        measures[f"user_days_{days}"] = seen
        if days in SEASONAL:
            measures[f"season_{days}"] = share
    return measures
