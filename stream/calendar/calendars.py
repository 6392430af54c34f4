"""What an operator may say of working days: weekends, public holidays and other days off, by segment."""

from datetime import UTC, date, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from stream.calendar.names import DAY_NAMES, Weekday
from stream.calendar.workdays import EPOCH_ORDINAL, Calendar, Calendars, MonthDay, QuietPeriod


class QuietPeriodSettings(BaseModel):
    """Days of every year on which customers use the product less, as August, or between the years."""

    model_config = ConfigDict(extra="forbid")

    begins: str = Field(description="month and day, as 12-20")
    ends: str = Field(description="the last day, as 01-06")
    expected_ratio: float = Field(ge=0, le=1, description="what is left of the usual use, as 0.4")

    @field_validator("begins", "ends")
    @classmethod
    def _is_a_day(cls, value: str) -> str:
        _month_day(value)
        return value

    def period(self) -> QuietPeriod:
        """The same, ready to ask."""
        return _month_day(self.begins), _month_day(self.ends), self.expected_ratio


def _month_day(text: str) -> MonthDay:
    """A day of any year.

    Raises:
        ValueError: it is none.
    """
    try:
        at = datetime.strptime(f"2024-{text}", "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{text!r}: expected a month and a day, as 12-20") from None
    return at.month, at.day


class CalendarSettings(BaseModel):
    """When customers work."""

    model_config = ConfigDict(extra="forbid")

    country: str | None = Field(None, description="ISO 3166 code, as DE: its public holidays and its weekend")
    subdivision: str | None = Field(None, description="of the country, as BY")
    weekend: list[Weekday] | None = Field(None, description="the country's own, else Saturday and Sunday")
    extra_days: list[date] = Field([], description="further days off, as 2026-12-24")
    quiet_periods: list[QuietPeriodSettings] = Field([], description="periods of every year with less use")

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.subdivision is not None and self.country is None:
            raise ValueError(f"subdivision {self.subdivision!r} needs its country")
        self.calendar()
        return self

    def calendar(self) -> Calendar:
        """What these settings describe.

        Raises:
            ValueError: there is no such country or subdivision.
        """
        weekend = None if self.weekend is None else frozenset(DAY_NAMES.index(name) for name in self.weekend)
        extra = frozenset(day.toordinal() - EPOCH_ORDINAL for day in self.extra_days)
        quiet = [each.period() for each in self.quiet_periods]
        return Calendar(self.country, self.subdivision, weekend, extra, quiet)


class CalendarsSettings(CalendarSettings):
    """When customers work, and who of them works by another calendar."""

    segments: dict[str, CalendarSettings] = Field(
        {}, description="segment to the calendar of its accounts, which stands for itself"
    )

    def calendars(self) -> Calendars:
        """The calendar of each segment."""
        return Calendars(self.calendar(), {name: item.calendar() for name, item in self.segments.items()})
