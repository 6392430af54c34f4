"""What is asked of an account, and what several measures need to answer."""

from functools import cached_property

from stream import surveys
from stream.account import AccountState, Activity, zone_of
from stream.journey import Journey
from stream.measures.sittings import sittings_of
from stream.measures.tally import Measures, Month, Tally, month_of, tally_of
from stream.surveys import Answer
from stream.workdays import Calendar


class Asked:
    """One account as of one moment.

    Args:
        state: its facts.
        as_of_ms: the moment, epoch milliseconds.
        core_features: the product's catalogue.
        journey: its key actions and milestones, and when its customers work.

    Attributes:
        day: the account's calendar day of the moment, as days since 1970-01-01.
        seats: its licensed seats; None when unknown.
        calendar: its working days.
        first_day: the day of its first usage; None before it.
    """

    def __init__(self, state: AccountState, as_of_ms: int, core_features: frozenset[str], journey: Journey) -> None:
        self.state = state
        self.activity: Activity = state.activity
        self.as_of_ms = as_of_ms
        self.core_features = core_features
        self.journey = journey
        self.zone = zone_of(state)
        self.day = self.zone.day_of(as_of_ms)
        self.seats: int | None = state.profile["licensed_seats"][0] if "licensed_seats" in state.profile else None
        segment = state.profile["segment"][0] if "segment" in state.profile else None
        self.calendar: Calendar = journey.calendars.of(segment)
        first_ms = self.activity.first_ms
        self.first_day = None if first_ms is None else self.zone.day_of(first_ms)
        self.month: Month = month_of(self.activity, self.day)

    @property
    def mau(self) -> int:
        """People active in the trailing 30 days."""
        return self.month.mau

    @property
    def days_known(self) -> int | None:
        """For how many days the account has been used, the first and today's included; None before the first."""
        return self.day - self.first_day + 1 if self.first_day is not None and self.first_day <= self.day else None

    @cached_property
    def tally(self) -> Tally:
        """All windows."""
        return tally_of(self.activity, self.day)

    @cached_property
    def sittings(self) -> Measures:
        """What the sessions come to."""
        return sittings_of(self.activity, self.day)

    @cached_property
    def nps_answers(self) -> dict[str, tuple[str, Answer]]:
        """By user the latest NPS answer of the trailing 90 days, with its response_id."""
        return surveys.latest(self.state.sentiment, "nps", self.day - 89, self.day, self.zone)

    @cached_property
    def touched(self) -> list[tuple[int, int]]:
        """Code of the kind, and age in days, of each touchpoint that was by then."""
        touchpoints = self.state.contacts.touchpoints.values()
        return [(one.kind, self.day - self.zone.day_of(one.ms)) for one in touchpoints if one.ms <= self.as_of_ms]
