"""What an operator may say of working days: weekends, public holidays and other days off, by segment."""

from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stream.calendar.names import DAY_NAMES, Weekday
from stream.calendar.workdays import EPOCH_ORDINAL, Calendar, Calendars


class CalendarSettings(BaseModel):
    """When customers work."""

    model_config = ConfigDict(extra="forbid")

    country: str | None = Field(None, description="ISO 3166 code, as DE: its public holidays and its weekend")
    subdivision: str | None = Field(None, description="of the country, as BY")
    weekend: list[Weekday] | None = Field(None, description="the country's own, else Saturday and Sunday")
    extra_days: list[date] = Field([], description="further days off, as 2026-12-24")

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
        return Calendar(self.country, self.subdivision, weekend, extra)


class CalendarsSettings(CalendarSettings):
    """When customers work, and who of them works by another calendar."""

    segments: dict[str, CalendarSettings] = Field(
        {}, description="segment to the calendar of its accounts, which stands for itself"
    )

    def calendars(self) -> Calendars:
        """The calendar of each segment."""
        return Calendars(self.calendar(), {name: item.calendar() for name, item in self.segments.items()})
