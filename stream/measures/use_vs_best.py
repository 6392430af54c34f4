"""The account's use against its own best half-year: what a fall is measured by, however long ago it was."""

from itertools import accumulate
from operator import sub
from typing import Final

from stream.calendar.day import iso_date
from stream.contracts.report import Number
from stream.history import daily, dips
from stream.measures.context import MeasureContext
from stream.measures.registry import Measure, Measures, measures
from stream.measures.wording import day_of_month

# Days, and user-days that are added on both sides, so that a few more or less of few make no difference. The shortest
# makes it quick, the longest tells a lasting fall. Source: docs/health.md, use against the best half-year.
WINDOWS: Final = (dips.SHORT, dips.LONG, (182, 10.0))
AGE_MIN_DAYS: Final = 14
BEST_MIN_USER_DAYS: Final = 10.0
FALL_RATIO: Final = 0.75  # where the score's curve begins to fall
FALL_SOUGHT_DAYS: Final = 400
LEVEL_WEEKS: Final = 12
LEVEL_WEEKS_MIN: Final = 4
_AS_BEST: Final = 0.95
_NAMED: Final = 2
PER_DAY_MIN_DAYS: Final = 56  # the best of a younger account is its mean over no less
_SHORTER: Final = WINDOWS[-2::-1]
_SHORT_DAYS: Final = WINDOWS[0][0]
_LONG_DAYS: Final = WINDOWS[1][0]
_SHORT_MIN_DAYS: Final = dips.known_days(_SHORT_DAYS)
_LONG_MIN_DAYS: Final = dips.known_days(_LONG_DAYS)
_NO_SEASONS: Final = {_SHORT_DAYS: 1.0, _LONG_DAYS: 1.0}  # a season of half a year is none


def _against_best(before: Number | None, now: Number, measures: Measures) -> str | None:
    """Which window is how low, in user-days that the chart has, since when, and who is missing."""
    days = measures.get("use_vs_best_window_days")
    seen, expected = measures.get(f"user_days_{days}"), measures.get(f"expected_{days}")
    if days is None or seen is None or expected is None:
        return None
    if now >= _AS_BEST:
        return "use as in its best half-year"
    back = " back" if before is not None and now > before else ""
    since = measures.get("best_since")
    best = "its best half-year" if since is None else f"the level accepted since {day_of_month(since)}"
    text = f"use of the last {days // 7} weeks{back} at {now:.0%} of {best} ({seen:,} of {expected:,.0f} user-days)"
    since, gone = measures.get("fall_since"), measures.get("established_users_lost_users") or []
    if back:
        return text
    if since is not None:
        text += f" since {day_of_month(since)}"
    if gone:
        more = (measures.get("established_users_lost") or 0) - _NAMED
        text += f", without {', '.join(gone[:_NAMED])}" + (f" and {more} more" if more > 0 else "")
    return text


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
        phrase=_against_best,
        stands_alone=True,
        published="scan",
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
    age = _age(context)
    found = _reference(context, age)
    if age is None or found is None:
        return {"use_vs_best": None, "use_vs_best_window_days": None}
    best_per_day, half_year = found
    window, floor = WINDOWS[-1]
    lowest = min(1.0, (half_year + floor) / (best_per_day * min(window, age) + floor))
    seasons: dict[int, float] | None = None
    for window_days, floor in _SHORTER:
        expected_days = window_days if age > window_days else age
        seen = daily.user_days(context.activity.days, context.day, expected_days)
        expected = best_per_day * expected_days
        if seen + floor < lowest * (expected + floor):  # else no season makes a difference
            seasons = seasons or _seasons(context, age)
            ratio = (seen + floor) / (expected * seasons[window_days] + floor)
            if ratio < lowest:
                lowest, window = ratio, window_days
    return {"use_vs_best": lowest, "use_vs_best_window_days": window}


def reference(context: MeasureContext) -> tuple[float, int] | None:
    """User-days a day in the best half-year, and user-days of the trailing half-year; None while too little is known.

    While the account is younger than a half-year, a day in the best one is its mean so far, over no less than 56 days.
    """
    return _reference(context, _age(context))


def _reference(context: MeasureContext, age: int | None) -> tuple[float, int] | None:
    """The same of an account of an age."""
    if age is None or age < AGE_MIN_DAYS:
        return None
    best = daily.best_at(context.activity.days, context.day)
    if best.user_days < BEST_MIN_USER_DAYS:
        return None
    return best.user_days / min(max(age, PER_DAY_MIN_DAYS), WINDOWS[-1][0]), best.half_year


def _age(context: MeasureContext) -> int | None:
    """For how many days its use is compared: since the first, or since the weeks that were accepted as a new normal."""
    accepted_day = context.activity.days.accepted_day
    if accepted_day < 0 or context.days_known is None:
        return context.days_known
    return min(context.days_known, max(context.day - accepted_day + 1, 0))


def seasons_of(context: MeasureContext) -> dict[int, float]:
    """By window, the lower of what its holidays leave and of how far last year's same days dipped, 0..1.

    The dip is against the lower of the quarter before it and of the quarter after it: so a fall that lasted, or growth,
    excuses nothing; it excuses 0.2 at most, and 1 while the account is too young to tell.
    """
    return _seasons(context, _age(context) or 0)


def _seasons(context: MeasureContext, age: int) -> dict[int, float]:
    """The same of an account of an age."""
    calendar, end = context.account.calendar, context.day + 1
    found = _NO_SEASONS
    if not calendar.is_plain:
        found = {days: calendar.expected_share(end - days, end) for days in _NO_SEASONS}
    if age <= _SHORT_MIN_DAYS:
        return found
    dipped = daily.dips_at(context.activity.days, context.day)
    share, long_share = found[_SHORT_DAYS], found[_LONG_DAYS]
    return {
        _SHORT_DAYS: min(dipped.short, share),
        _LONG_DAYS: min(dipped.long, long_share) if age > _LONG_MIN_DAYS else long_share,
    }


_NAMES: Final = {
    days: (f"use_{days}", f"expected_{days}", f"user_days_{days}", f"season_{days}") for days, _ in WINDOWS
}
_EVIDENCE: Final = (
    *("best_half_year", "best_since", "fall_since", "fall_days", "level_before_fall", "level_now"),
    *[f"expected_{days}" for days, _ in WINDOWS],
    *[f"use_{days}" for days, _ in WINDOWS],
    *[f"user_days_{days}" for days, _ in WINDOWS],
    *[f"season_{days}" for days in _NO_SEASONS],
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
    Measure(
        "best_since",
        "day since which its use is compared",
        "word",
        "ISO date",
        "the first of the 56 days that end with the day on which somebody accepted a new normal",
        none_when="as use_vs_best; nobody did",
    ),
    Measure(
        "fall_since",
        "day since which its use is low",
        "word",
        "ISO date",
        "the first day after the last one on which the user-days of 14 days had reached 75 % of the best half-year's",
        none_when="as use_vs_best; they reach it; they did not for 400 days",
    ),
    Measure(
        "fall_days",
        "days since which its use is low",
        "days",
        "days",
        "days since fall_since, that day included",
        none_when="as fall_since",
        deserted=None,
        published="clock",
    ),
    Measure(
        "level_before_fall",
        "user-days a week before the fall",
        "count",
        "user-days a week",
        "mean of the 12 weeks before fall_since",
        none_when="as fall_since; fewer than 4 weeks are known before",
        deserted=None,
    ),
    Measure(
        "level_now",
        "user-days a week now",
        "count",
        "user-days a week",
        "user-days of the trailing 14 days / 2",
        none_when="as use_vs_best",
        deserted=None,
    ),
    *[
        Measure(
            f"expected_{days}",
            f"user-days of {days} days in its best half-year",
            "count",
            "user-days",
            f"what {days} days of the best half-year would have, a season of last year taken off",
            none_when="as use_vs_best",
            deserted=None,
        )
        for days, _ in WINDOWS
    ],
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
            f"what season and holidays leave of {days} days",
            "percent",
            "ratio 0..1",
            f"the lower of what the calendar lets expect of {days} days, and of how far the same days of last year lay"
            " under the lower of the quarters before and after them (0.2 at least)",
            none_when="as use_vs_best",
            deserted=None,
        )
        for days in _NO_SEASONS
    ],
    source="usage",
    available=lambda known: known.use,
)
def evidence(context: MeasureContext) -> Measures:
    """What use_vs_best rests on, for who wants to see it on the chart."""
    age = _age(context)
    found = _reference(context, age)
    if age is None or found is None:
        return dict.fromkeys(_EVIDENCE)
    best_per_day, half_year = found
    days = context.activity.days
    seen = [daily.user_days(days, context.day, min(window, age)) for window in _NO_SEASONS] + [half_year]
    measures: Measures = _fall(context, best_per_day, seen[0], age)
    measures["best_since"] = iso_date(days.accepted_day) if days.accepted_day >= 0 else None
    measures["best_half_year"] = best_per_day * min(max(age, PER_DAY_MIN_DAYS), WINDOWS[-1][0])
    seasons = _seasons(context, age)
    for (window, floor), user_days in zip(WINDOWS, seen, strict=True):
        share = seasons.get(window, 1.0)
        expected = best_per_day * (window if window < age else age) * share
        use_name, expected_name, user_days_name, season_name = _NAMES[window]
        ratio = (user_days + floor) / (expected + floor)
        measures[use_name] = ratio if ratio < 1 else 1.0
        measures[expected_name] = expected
        measures[user_days_name] = user_days
        if window in _NO_SEASONS:
            measures[season_name] = share
    return measures


def _fall(context: MeasureContext, best_per_day: float, seen: int, age: int) -> Measures:
    """Since when its use of two weeks, of which `seen` are the last, is low, and the level before and now."""
    days, (window, floor) = context.activity.days, WINDOWS[0]
    found: Measures = {"fall_since": None, "fall_days": None, "level_before_fall": None, "level_now": seen / 2}
    enough = FALL_RATIO * (best_per_day * window + floor) - floor
    if seen >= enough:
        return found
    reached_day = _reached_day(context, window, enough, min(FALL_SOUGHT_DAYS, age))
    if reached_day is None:
        return found
    since = reached_day + 1
    weeks = daily.weeks(days, since - 1, LEVEL_WEEKS)
    found["fall_since"] = iso_date(since)
    found["fall_days"] = context.day + 1 - since
    found["level_before_fall"] = sum(weeks) / len(weeks) if len(weeks) >= LEVEL_WEEKS_MIN else None
    return found


def _reached_day(context: MeasureContext, window: int, enough: float, sought_days: int) -> int | None:
    """The newest day, at most so many before the day, that ended a window with enough user-days; None without one."""
    days = context.activity.days
    end = context.day + 1 - days.first_day  # the index behind the window
    seen = daily.user_days(days, context.day, window)
    first, size = end - window - sought_days, window + sought_days
    users = [0] * min(max(-first, 0), size) + days.users[max(first, 0) : max(end, 0)]
    users += [0] * (size - len(users))
    # From a window to the one that ends a day earlier: its oldest day comes in, the newest one goes out.
    coming, going = users[sought_days - 1 :: -1], users[: window - 1 : -1]
    for back, earlier in enumerate(accumulate(map(sub, coming, going), initial=seen)):
        if earlier >= enough:
            return context.day - back
    return None
