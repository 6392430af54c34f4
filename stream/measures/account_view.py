"""One account and what its product says, whatever the moment: what is looked up once for all that is asked about it."""

from functools import cache
from typing import Final

from msgspec import Struct

from stream.calendar.workdays import Calendar
from stream.kinds import survey
from stream.kinds.state import AccountState, zone_of
from stream.kinds.subscription import seats_of, terms
from stream.kinds.survey import Dated
from stream.kinds.ticket import Phase
from stream.measures.active_users import UserBitmaps
from stream.measures.product_config import ProductConfig
from stream.topics import Source

# No measure that compares with earlier weeks is known before this age: champions are the first, after 44 days.
MONTH_BEFORE_DAYS: Final = 43


class Availability(Struct, frozen=True, gc=False):
    """What there is to measure by: of what is not told, every measure is what it is of an account that nobody knows."""

    use: bool
    month_before: bool  # the account was used long enough to compare its weeks with earlier ones
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


class AccountView:
    """One account, for all the moments that are asked about.

    Args:
        state: its facts.
        newest_ms: the newest of the moments, epoch milliseconds.
        core_features: the product's catalogue.
        product: its key actions and milestones, and when its customers work.

    Attributes:
        newest_ms: as given.
        zone: the account's time zone.
        day: its calendar day of `newest_ms`, as days since 1970-01-01.
        first_day: the day of its first usage; None before it.
        seats: its licensed seats, of the subscriptions that run, else of the account feed; None when unknown.
        licensed: the same, None also where there are none.
        calendar: its working days.
        sources: which sources ever told anything of it.
        settled_tickets: by place among the tickets, where those stand that stand alike as of any moment after their
            last transition; filled as they are asked about.
    """

    def __init__(
        self, state: AccountState, newest_ms: int, core_features: frozenset[str], product: ProductConfig
    ) -> None:
        self.state = state
        self.core_features = core_features
        self.product = product
        self.newest_ms = newest_ms
        self.zone = zone_of(state)
        self.day = self.zone.day_of(newest_ms)
        activity, profile = state.usage, state.profile
        first_ms = activity.first_ms
        self.first_day = None if first_ms is None else self.zone.day_of(first_ms)
        told = profile["licensed_seats"][0] if "licensed_seats" in profile else None
        sold = seats_of(terms(state.subscription, newest_ms)) if state.subscription.changes else None
        self.seats: int | None = told if sold is None else sold
        self.calendar: Calendar = product.calendars.of(profile["segment"][0] if "segment" in profile else None)
        self.licensed = self.seats if self.seats is not None and self.seats > 0 else None
        self.sources = _sources(
            first_ms is not None,
            state.ticket.newest_ms > 0,
            state.survey.newest_ms > 0,
            state.touchpoint.newest_ms > 0,
            state.outcome.newest_ms > 0 or "goals" in profile,
            state.subscription.newest_ms > 0 or "renewal_at" in profile,
        )
        self.settled_tickets: dict[int, Phase] = {}
        self._people: UserBitmaps | None = None
        self._answers: tuple[list[Dated], ...] | None = None

    @property
    def people(self) -> UserBitmaps:
        """Its users, by their days up to `day`."""
        if self._people is None:
            self._people = UserBitmaps(self.state.usage, self.day)
        return self._people

    @property
    def answers(self) -> tuple[list[Dated], ...]:
        """Its answers, by survey and the oldest first."""
        if self._answers is None:
            self._answers = survey.dated(self.state.survey, self.zone)
        return self._answers

    @property
    def availability(self) -> Availability:
        """What there is to measure by."""
        state, profile, product = self.state, self.state.profile, self.product
        first_day = self.first_day
        return Availability(
            use=first_day is not None,
            month_before=first_day is not None and self.day - first_day >= MONTH_BEFORE_DAYS,
            seats=self.seats is not None,
            core_features=bool(self.core_features),
            tickets=bool(state.ticket.tickets),
            answers=bool(state.survey.answers),
            sessions=bool(state.usage.sessions),
            touchpoints=bool(state.touchpoint.touchpoints),
            follow_up=product.follow_up_ms is not None,
            goals="goals" in profile,
            renewal="renewal_at" in profile or bool(state.subscription.changes),
            stages="lifecycle_stage" in profile or "started_at" in profile,
            value=bool(product.key_actions or product.milestones),
            launches=bool(product.launches),
        )


@cache
def _sources(
    usage: bool, tickets: bool, surveys: bool, touchpoints: bool, outcomes: bool, subscriptions: bool
) -> frozenset[Source]:
    """The sources that ever told anything; each set of them is made once, for it is looked up for every account."""
    found: dict[Source, bool] = {
        "usage": usage,
        "tickets": tickets,
        "surveys": surveys,
        "touchpoints": touchpoints,
        "outcomes": outcomes,
        "subscriptions": subscriptions,
    }
    return frozenset(source for source, availability in found.items() if availability)
