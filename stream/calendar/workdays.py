"""Working days: which days of a calendar are neither weekend nor holiday, counted for any stretch of days in O(1).

Days are days since 1970-01-01, as everywhere. Holidays come from the `holidays` package, a year at a time and only
when a year is asked about; without a country there are weekends only, and days off that the configuration names.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from itertools import accumulate
from typing import Any, Final

EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
WEEKEND: Final = frozenset({5, 6})  # Monday is 0
BRIDGE_DAYS_MAX: Final = 3
BRIDGE_SHARE: Final = 0.25

MonthDay = tuple[int, int]
QuietPeriod = tuple[MonthDay, MonthDay, float]


class Calendar:
    """The working days of one region.

    Args:
        country: ISO 3166 code, as DE; None: no public holidays.
        subdivision: of the country, as BY; None: the holidays of the whole country only.
        weekend: weekdays that are off, Monday is 0; None: the country's own, else Saturday and Sunday.
        extra_days: further days off.
        quiet: periods of every year with less use: (first month and day, last month and day, use that is left, 0..1).

    Raises:
        ValueError: there is no such country or subdivision; says what there is.
    """

    def __init__(
        self,
        country: str | None = None,
        subdivision: str | None = None,
        weekend: frozenset[int] | None = None,
        extra_days: frozenset[int] = frozenset(),
        quiet: Sequence[QuietPeriod] = (),
    ) -> None:
        self.is_plain = country is None and not extra_days and not quiet  # then no day is unlike another of its weekday
        self._holidays = None if country is None else _public_holidays(country, subdivision)
        self._weekend = weekend
        self._extra = extra_days
        self._recent: tuple[int, list[int]] = 0, []  # of the year asked about last, since most questions are of one
        self._quiet = tuple(quiet)
        self._years: dict[int, tuple[int, list[int], list[int]]] = {}
        self._shares: dict[int, tuple[int, list[float], list[int]]] = {}

    def between(self, day: int, end_day: int) -> int:
        """How many working days there are from `day` on and before `end_day`.

        >>> Calendar().between(20_000, 20_007), Calendar("DE").between(20_080, 20_086)  # 2024-12-23 to 28
        (5, 3)
        """
        if day >= end_day:
            return 0
        first, before = self._recent
        if first <= day and end_day - first < len(before):
            return before[end_day - first] - before[day - first]
        year, end_year = _year_of(day), _year_of(end_day)
        first, before, _ = self._year(year)
        count = -before[day - first]
        while year < end_year:
            count += before[-1]
            year += 1
            first, before, _ = self._year(year)
        self._recent = first, before
        return count + before[end_day - first]

    def days_off(self, day: int, end_day: int) -> list[int]:
        """The holidays and other days off that are not weekends, from `day` on and before `end_day`."""
        if self.is_plain:
            return []
        found: list[int] = []
        for year in range(_year_of(day), _year_of(end_day) + 1):
            off = self._year(year)[2]
            found += off[bisect_left(off, day) : bisect_left(off, end_day)]
        return found

    def expected_share(self, day: int, end_day: int) -> float:
        """How much of their usual use the days from `day` on and before `end_day` let expect, 0..1.

        Of the days that are no weekend, one off has none of it, one of a quiet period what that says. A single working
        day between days off, of which one is a holiday, and up to three between two holidays, have a quarter: many take
        them off, too.

        >>> Calendar("DE").expected_share(20_080, 20_087)  # 2024-12-23 to 29: two of five days off, and a bridge
        0.45
        """
        if self.is_plain or day >= end_day:
            return 1.0
        expected, usual = 0.0, 0
        for year in range(_year_of(day), _year_of(end_day - 1) + 1):
            first, shares, weekdays = self._year_shares(year)
            start, end = max(day - first, 0), min(end_day - first, len(shares) - 1)
            expected += shares[end] - shares[start]
            usual += weekdays[end] - weekdays[start]
        return expected / usual if usual > 0 else 1.0

    def _year_shares(self, year: int) -> tuple[int, list[float], list[int]]:
        """A year's first day, and what is expected, and the days that are no weekend, before each day and after all."""
        known = self._shares.get(year)
        if known is None:
            first = date(year, 1, 1).toordinal() - EPOCH_ORDINAL
            days = range(first, date(year, 12, 31).toordinal() - EPOCH_ORDINAL + 1)
            weekdays = [not self._is_weekend(day) for day in days]
            shares = [self._share(day) if is_weekday else 0.0 for day, is_weekday in zip(days, weekdays, strict=True)]
            known = first, [*accumulate(shares, initial=0.0)], [*accumulate(weekdays, initial=0)]
            self._shares[year] = known
        return known

    def _share(self, day: int) -> float:
        """What is expected of a day that is no weekend, as a share of a usual one."""
        if not self._is_working(day):
            return 0.0
        at = date.fromordinal(EPOCH_ORDINAL + day)
        left = [ratio for begins, ends, ratio in self._quiet if _is_within((at.month, at.day), begins, ends)]
        return min([*left, BRIDGE_SHARE if self._is_bridge(day) else 1.0])

    def _is_bridge(self, day: int) -> bool:
        """Whether a working day stands alone beside a holiday, or with two more at most between two holidays."""
        sides = [self._next_off(day, step) for step in (-1, 1)]
        working = sum([distance for distance, _ in sides]) - 1
        holidays = sum([has_holiday for _, has_holiday in sides])
        return holidays >= (1 if working == 1 else 2) if working <= BRIDGE_DAYS_MAX else False

    def _next_off(self, day: int, step: int) -> tuple[int, bool]:
        """How far the next day off is, and whether the days off that begin there hold a holiday."""
        distance = next((far for far in range(1, BRIDGE_DAYS_MAX + 1) if not self._is_working(day + far * step)), 0)
        if distance == 0:
            return BRIDGE_DAYS_MAX + 1, False
        at = day + distance * step
        while not self._is_working(at):
            if not self._is_weekend(at):
                return distance, True
            at += step
        return distance, False

    def _year(self, year: int) -> tuple[int, list[int], list[int]]:
        """A year's first day, the working days before each of its days and after all, and its days off."""
        known = self._years.get(year)
        if known is None:
            first = date(year, 1, 1).toordinal() - EPOCH_ORDINAL
            end = date(year, 12, 31).toordinal() - EPOCH_ORDINAL + 1
            working = [self._is_working(day) for day in range(first, end)]
            off = [day for day in range(first, end) if not working[day - first] and not self._is_weekend(day)]
            known = self._years[year] = first, list(accumulate(working, initial=0)), off
        return known

    def _is_working(self, day: int) -> bool:
        """Whether people work on a day."""
        if day in self._extra:
            return False
        at = date.fromordinal(EPOCH_ORDINAL + day)
        if self._holidays is not None and self._weekend is None:
            return bool(self._holidays.is_working_day(at))  # knows of worked weekends, too
        return not self._is_weekend(day) and (self._holidays is None or at not in self._holidays)

    def _is_weekend(self, day: int) -> bool:
        """Whether a day is off because of its weekday."""
        if self._holidays is not None and self._weekend is None:
            return bool(self._holidays.is_weekend(date.fromordinal(EPOCH_ORDINAL + day)))
        return (day + 3) % 7 in (WEEKEND if self._weekend is None else self._weekend)


class Calendars:
    """The calendar of each segment.

    Args:
        default: of accounts whose segment has none of its own.
        by_segment: the others, each standing for itself.
    """

    def __init__(self, default: Calendar, by_segment: Mapping[str, Calendar] | None = None) -> None:
        self._default = default
        self._by_segment = dict(by_segment or {})

    def of(self, segment: str | None) -> Calendar:
        """The calendar of an account of a segment."""
        return self._default if segment is None else self._by_segment.get(segment, self._default)


MONDAY_TO_FRIDAY: Final = Calendar()
NO_CALENDARS: Final = Calendars(MONDAY_TO_FRIDAY)


def _is_within(at: MonthDay, begins: MonthDay, ends: MonthDay) -> bool:
    """Whether a day of the year lies in a period, which may go over the end of the year."""
    return begins <= at <= ends if begins <= ends else at >= begins or at <= ends


def _year_of(day: int) -> int:
    """The year that a day lies in."""
    return date.fromordinal(EPOCH_ORDINAL + day).year


def _public_holidays(country: str, subdivision: str | None) -> Any:
    """The package's own object, which computes a year when it is asked about it.

    Raises:
        ValueError: there is no such country or subdivision.
    """
    import holidays  # here, since it takes a fifth of a second, and few processes have a calendar

    known = holidays.list_supported_countries(include_aliases=True)
    if country not in known:
        near = get_close_matches(country.upper(), known, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else "expected a code of ISO 3166, as DE or USA"
        raise ValueError(f"country {country!r} is not known; {hint}")
    if subdivision is not None and subdivision not in known[country]:
        there = ", ".join(sorted(known[country])) or "none"
        raise ValueError(f"subdivision {subdivision!r} of {country} is not known; there are {there}")
    return holidays.country_holidays(country, subdiv=subdivision)
