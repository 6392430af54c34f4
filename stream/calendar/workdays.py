"""Working days: which days of a calendar are neither weekend nor holiday, counted for any stretch of days in O(1).

Days are days since 1970-01-01, as everywhere. Holidays come from the `holidays` package, a year at a time and only
when a year is asked about; without a country there are weekends only, and days off that the configuration names.
"""

from bisect import bisect_left
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from itertools import accumulate
from typing import Any, Final

EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
WEEKEND: Final = frozenset({5, 6})  # Monday is 0


class Calendar:
    """The working days of one place.

    Args:
        country: ISO 3166 code, as DE; None: no public holidays.
        subdivision: of the country, as BY; None: the holidays of the whole country only.
        weekend: weekdays that are off, Monday is 0; None: the country's own, else Saturday and Sunday.
        extra_days: further days off.

    Raises:
        ValueError: there is no such country or subdivision; says what there is.
    """

    def __init__(
        self,
        country: str | None = None,
        subdivision: str | None = None,
        weekend: frozenset[int] | None = None,
        extra_days: frozenset[int] = frozenset(),
    ) -> None:
        self._holidays = None if country is None else _public_holidays(country, subdivision)
        self._weekend = weekend
        self._extra = extra_days
        self._recent: tuple[int, list[int]] = 0, []  # of the year asked about last, since most questions are of one
        self._years: dict[int, tuple[int, list[int], list[int]]] = {}

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
        found: list[int] = []
        for year in range(_year_of(day), _year_of(end_day) + 1):
            off = self._year(year)[2]
            found += off[bisect_left(off, day) : bisect_left(off, end_day)]
        return found

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
