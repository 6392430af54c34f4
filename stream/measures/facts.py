"""One account and what its product says, whatever the moment: what is looked up once for all that is asked about it."""

from msgspec import Struct

from stream import surveys
from stream.account import AccountState, zone_of
from stream.journey import Journey
from stream.measures.tally import People
from stream.surveys import Dated
from stream.topics import Source
from stream.workdays import Calendar


class Told(Struct, frozen=True, gc=False):
    """What there is to measure by: of what is not told, every measure is what it is of an account that nobody knows."""

    use: bool
    seats: bool
    core_features: bool
    tickets: bool
    answers: bool
    sessions: bool
    touchpoints: bool
    follow_up: bool
    goals: bool
    renewal: bool
    stages: bool
    value: bool
    launches: bool


class Facts:
    """One account, for all the moments that are asked about.

    Args:
        state: its facts.
        newest_ms: the newest of the moments, epoch milliseconds.
        core_features: the product's catalogue.
        journey: its key actions and milestones, and when its customers work.

    Attributes:
        zone: the account's time zone.
        day: its calendar day of `newest_ms`, as days since 1970-01-01.
        first_day: the day of its first usage; None before it.
        seats: its licensed seats; None when unknown.
        calendar: its working days.
        people: its users, by their days up to `day`.
        told: what there is to measure by.
        sources: which sources ever told anything of it.
    """

    def __init__(self, state: AccountState, newest_ms: int, core_features: frozenset[str], journey: Journey) -> None:
        self.state = state
        self.core_features = core_features
        self.journey = journey
        self.zone = zone_of(state)
        self.day = self.zone.day_of(newest_ms)
        activity, profile = state.activity, state.profile
        first_ms = activity.first_ms
        self.first_day = None if first_ms is None else self.zone.day_of(first_ms)
        self.seats: int | None = profile["licensed_seats"][0] if "licensed_seats" in profile else None
        self.calendar: Calendar = journey.calendars.of(profile["segment"][0] if "segment" in profile else None)
        self.people = People(activity, self.day)
        self.told = Told(
            use=first_ms is not None,
            seats=self.seats is not None,
            core_features=bool(core_features),
            tickets=bool(state.support.tickets),
            answers=bool(state.sentiment.answers),
            sessions=bool(activity.sessions),
            touchpoints=bool(state.contacts.touchpoints),
            follow_up=journey.follow_up_ms is not None,
            goals="goals" in profile,
            renewal="renewal_at" in profile or bool(state.subscriptions.changes),
            stages="lifecycle_stage" in profile or "started_at" in profile,
            value=bool(journey.key_actions or journey.milestones),
            launches=bool(journey.launches),
        )
        self.sources = _sources(state)
        self._answers: tuple[list[Dated], ...] | None = None

    @property
    def answers(self) -> tuple[list[Dated], ...]:
        """Its answers, by survey and the oldest first."""
        if self._answers is None:
            self._answers = surveys.dated(self.state.sentiment, self.zone)
        return self._answers


def _sources(state: AccountState) -> frozenset[Source]:
    """Which sources ever told anything of an account."""
    found: list[Source] = []
    if state.activity.newest_ms is not None:
        found.append("usage")
    if state.support.newest_ms > 0:
        found.append("tickets")
    if state.sentiment.newest_ms > 0:
        found.append("surveys")
    if state.contacts.newest_ms > 0:
        found.append("touchpoints")
    if state.outcomes.newest_ms > 0 or "goals" in state.profile:
        found.append("outcomes")
    if state.subscriptions.newest_ms > 0 or "renewal_at" in state.profile:
        found.append("subscriptions")
    return frozenset(found)
