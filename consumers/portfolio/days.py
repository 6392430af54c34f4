"""The company's days and periods: day numbers (days since 1970-01-01 in its time zone), months, quarters, years."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, Literal

from stream.contracts.errors import ConfigError

Unit = Literal["day", "month", "quarter", "year"]

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
FOREVER: Final = date(9999, 12, 31).toordinal() - _EPOCH_ORDINAL
_MONTHS: Final[dict[Unit, int]] = {"month": 1, "quarter": 3, "year": 12}
_FORMS: Final = {
    "day": re.compile(r"(\d{4})-(\d{2})-(\d{2})"),
    "month": re.compile(r"(\d{4})-(0[1-9]|1[0-2])"),
    "quarter": re.compile(r"(\d{4})-?[Qq]([1-4])"),
    "year": re.compile(r"(\d{4})"),
}


class PeriodError(ConfigError):
    """What was given as a period is none."""


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH_ORDINAL


def day_of(number: int) -> date:
    """The date of a day number."""
    return date.fromordinal(number + _EPOCH_ORDINAL)


def day_at(epoch_ms: int, zone: tzinfo) -> int:
    """The company's day in which a moment lies."""
    return day_number(datetime.fromtimestamp(epoch_ms / 1000, zone).date())


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Some days in a row: from `first_day` up to but without `next_day`, both day numbers.

    Attributes:
        unit: what it is.
        name: 2026-07-31, 2026-07, 2026-Q3 or 2026.
    """

    first_day: int
    next_day: int
    unit: Unit
    name: str

    @property
    def days(self) -> int:
        """How many days it has."""
        return self.next_day - self.first_day

    @property
    def months(self) -> float:
        """How many months it has; a day is a 30.4375th (365.25 / 12) of one."""
        return _MONTHS[self.unit] if self.unit in _MONTHS else self.days / 30.4375

    def until(self, last_day: int) -> "Period":
        """As much of it as has been by the end of a day, which lies in it or after it."""
        return self if last_day + 1 >= self.next_day else Period(self.first_day, last_day + 1, "day", self.name)

    def previous(self) -> "Period":
        """The period before it."""
        return period_of(day_of(self.first_day - 1), self.unit)

    def following(self) -> "Period":
        """The period after it."""
        return period_of(day_of(self.next_day), self.unit)


def period_of(day: date, unit: Unit) -> Period:
    """The period of a unit in which a day lies."""
    if unit == "day":
        number = day_number(day)
        return Period(number, number + 1, unit, day.isoformat())
    months = _MONTHS[unit]
    index = (day.month - 1) // months
    first = date(day.year, index * months + 1, 1)
    after = date(day.year + (index + 1) * months // 12, (index + 1) * months % 12 + 1, 1)
    name = {"month": f"{first:%Y-%m}", "quarter": f"{first.year}-Q{index + 1}", "year": str(first.year)}[unit]
    return Period(day_number(first), day_number(after), unit, name)


def parse_period(text: str) -> Period:
    """One period by its name.

    Raises:
        PeriodError: it is none; the message names the forms.

    >>> parse_period("2026-Q3").name, parse_period("2026-07").days
    ('2026-Q3', 31)
    """
    for unit, form in _FORMS.items():
        if match := form.fullmatch(text.strip()):
            numbers = [int(part) for part in match.groups()]
            if unit == "quarter":
                numbers[1] = numbers[1] * 3 - 2
            try:
                return period_of(date(*[*numbers, 1, 1][:3]), unit)  # type: ignore[arg-type]
            except ValueError:
                break
    raise PeriodError(
        f"period {text!r}: expected a day (2026-07-31), month (2026-07), quarter (2026-Q3) or year (2026)"
    )


def parse_periods(text: str) -> list[Period]:
    """One period, or all of one unit from the first to the last: 2025-Q1..2026-Q3.

    Raises:
        PeriodError: it is neither, the units differ, or the last is before the first.
    """
    first_name, dots, last_name = text.partition("..")
    first = parse_period(first_name)
    if not dots:
        return [first]
    last = parse_period(last_name)
    if first.unit != last.unit or last < first:
        raise PeriodError(f"periods {text!r}: expected two of one unit, the earlier first, as 2025-Q1..2026-Q3")
    return list(between(first, last))


def between(first: Period, last: Period) -> Iterator[Period]:
    """Every period from the first to the last, both included."""
    period = first
    while period <= last:
        yield period
        period = period.following()


def trailing(today: date, unit: Unit, count: int) -> list[Period]:
    """The period of today and those before it, the oldest first."""
    periods = [period_of(today, unit)]
    while len(periods) < count:
        periods.insert(0, periods[0].previous())
    return periods


def add_days(day: date, days: int) -> date:
    """A date some days later; negative: earlier."""
    return day + timedelta(days=days)
