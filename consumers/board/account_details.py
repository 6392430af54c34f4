"""One account's people, features, tickets, answers, touchpoints and days, from its state; pure."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, get_args

from stream.history import rolling
from stream.history.rolling import BITS, DAYS_KEPT, LAST_DAY
from stream.kinds.state import AccountState, zone_of
from stream.kinds.survey import SURVEYS, SurveyState
from stream.kinds.ticket import PRIORITIES, TicketState, phase
from stream.kinds.touchpoint import CONTACTS, TouchpointState
from stream.kinds.usage import FeatureUse, UsageState
from stream.kinds.user import Person, Role, UserState, person
from stream.measures.daily_series import DayRow, daily_series
from stream.measures.product_config import NO_PRODUCT_CONFIG, ProductConfig
from stream.measures.reach import DAILY_USER_DAYS, WEEKLY_USER_DAYS
from stream.scoring.account_day import REACH_DAYS
from stream.scoring.evaluation import evaluate
from stream.scoring.scorecard import Scorecards
from stream.scoring.scorecard_selection import scorecard_for

PEOPLE_MAX: Final = 100
KEY_PEOPLE_MAX: Final = 4
FEATURES_MAX: Final = 40
TICKETS_MAX: Final = 50
ANSWERS_MAX: Final = 50
TOUCHPOINTS_MAX: Final = 30
STRIP_DAYS: Final = 28
HEAT_WEEKS: Final = 9  # 63 of the 64 days that a bitmap holds
CHART_DAYS: Final = 182
HOUR_MS: Final = 3_600_000
EPOCH: Final = date(1970, 1, 1)

ROLES: Final[tuple[Role, ...]] = get_args(Role)  # who decides most comes first

Cadence = Literal["daily", "weekly", "occasional", "gone quiet"]
TicketStatus = Literal["open", "escalated", "solved"]


@dataclass(frozen=True)
class UserView:
    """One user.

    Attributes:
        who: as far as anybody told.
        cadence: by active days in 30: 16 or more daily, 4 to 15 weekly, 1 to 3 occasional, else gone quiet.
        active_days_30: of the trailing 30 days.
        events_30d: in the trailing 30 days.
        strip: for each of the trailing 28 days, oldest first, whether active.
    """

    user_id: str
    who: Person
    cadence: Cadence
    active_days_30: int
    events_30d: int
    last_active: date
    strip: tuple[bool, ...]


@dataclass(frozen=True)
class KeyPerson:
    """Somebody who decides there; `name` is the id of whom nobody named, `last_active` None of who never came."""

    name: str
    role: Role
    last_active: date | None


@dataclass(frozen=True)
class FeatureView:
    """One feature.

    Attributes:
        weeks: active days, 0..7, of each of the trailing nine weeks, oldest first.
        users_30d: who used it in the trailing 30 days.
        last_used: None for a core feature that was never used.
    """

    name: str
    is_core: bool
    weeks: tuple[int, ...]
    users_30d: int
    last_used: date | None


@dataclass(frozen=True)
class TicketView:
    """One ticket; hours are its age while open, and what it took once solved; None when its opening is not known."""

    ticket_id: str
    priority: str
    category: str | None
    state: TicketStatus
    opened_at: datetime | None
    hours: float | None


@dataclass(frozen=True)
class SurveyView:
    """One survey answer; `user` is a name, or the id of whom nobody named; None: it is anonymous."""

    survey: str
    score: int
    user: str | None
    at: datetime
    mood: Literal["good", "neutral", "bad"]


@dataclass(frozen=True)
class TouchpointView:
    """One touchpoint; `user` as an answer's."""

    kind: str
    at: datetime
    user: str | None


@dataclass(frozen=True)
class DayView:
    """One day where the account is; None is not known.

    Attributes:
        is_afterwards: nobody was there to evaluate it then: its score is what the facts that are known now give.
    """

    date: date
    users: int | None
    events: int | None
    score: float | None
    is_afterwards: bool = False


@dataclass(frozen=True)
class AccountDetails:
    """What the account page shows beside the report; every list is cut, `*_total` says of how many.

    Attributes:
        key_people: sponsors, champions, then administrators, those who came last first; without the deactivated.
        days: up to 182, oldest first, from the first that is known to the report's.
    """

    key_people: list[KeyPerson]
    people: list[UserView]
    people_total: int
    features: list[FeatureView]
    features_total: int
    tickets: list[TicketView]
    tickets_total: int
    answers: list[SurveyView]
    answers_total: int
    touchpoints: list[TouchpointView]
    days: list[DayView]

    @property
    def user_days(self) -> list[tuple[date, int]]:
        """Active users by day, where known."""
        return [(day.date, day.users) for day in self.days if day.users is not None]

    @property
    def afterwards_until(self) -> date | None:
        """The last day whose score is what is known now gives; None where somebody evaluated each."""
        return max((day.date for day in self.days if day.is_afterwards), default=None)

    @property
    def scores(self) -> list[tuple[str, float]]:
        """(ISO date, score) of each evaluated day, as a report's history has them."""
        return [(day.date.isoformat(), day.score) for day in self.days if day.score is not None]


@dataclass(frozen=True)
class PastScores:
    """What days that nobody evaluated are evaluated by."""

    scorecards: Scorecards
    core_features: frozenset[str] = frozenset()
    product: ProductConfig = NO_PRODUCT_CONFIG

    def at(self, state: AccountState, end_ms: int) -> float | None:
        """The score at the end of a day, at most `REACH_DAYS` ago; None when unknown."""
        scorecard = scorecard_for(self.scorecards, state, end_ms, self.core_features, self.product)
        return evaluate(state, end_ms, scorecard, self.core_features, self.product).score


def account_details(
    state: AccountState, as_of: datetime, core_features: Sequence[str] = (), past: PastScores | None = None
) -> AccountDetails:
    """What the state knows as of a moment; the moment of its report, so that both speak of the same day.

    Args:
        state: the account's facts.
        as_of: the moment.
        core_features: the product's, in the order of its catalogue.
        past: evaluates the last `REACH_DAYS` where nobody did, as after a first load; None: they stay unknown.
    """
    as_of_ms = round(as_of.timestamp() * 1000)
    day = zone_of(state).day_of(as_of_ms)
    return AccountDetails(
        key_people=_key_people(state.usage, state.user),
        people=_people(state.usage, state.user, day),
        people_total=len(state.usage.users),
        features=_features(state.usage, day, core_features),
        features_total=len(state.usage.features.keys() | set(core_features)),
        tickets=_tickets(state.ticket, as_of_ms),
        tickets_total=len(state.ticket.tickets),
        answers=_answers(state.survey, state.user, as_of_ms),
        answers_total=len(state.survey.answers),
        touchpoints=_touchpoints(state.touchpoint, state.user, as_of_ms),
        days=_days(state, day, past),
    )


def _people(activity: UsageState, users: UserState, day: int) -> list[UserView]:
    """Those who make most of the usage first, then those who left last."""
    found = ((rolling.events_in(user, day), user[LAST_DAY], user_id) for user_id, user in activity.users.items())
    top = heapq.nlargest(PEOPLE_MAX, found)
    return [
        _person(user_id, person(users, user_id) or Person(), activity.users[user_id], events, day)
        for events, _, user_id in top
    ]


def _key_people(activity: UsageState, users: UserState) -> list[KeyPerson]:
    """Whoever has a role, also who uses the product rarely or never."""
    found = []
    for user_id in users.people:
        who, use = person(users, user_id) or Person(), activity.users.get(user_id)
        if who.role is not None and not who.deactivated:
            last_day = use[LAST_DAY] if use is not None else -1
            found.append((ROLES.index(who.role), -last_day, who.name or user_id, who.role))
    return [
        KeyPerson(name, role, _date(-back) if back <= 0 else None)
        for _, back, name, role in heapq.nsmallest(KEY_PEOPLE_MAX, found)
    ]


def _person(user_id: str, who: Person, user: list[int], events: int, day: int) -> UserView:
    active = rolling.window(user[LAST_DAY], user[BITS], day, 30).bit_count()
    cadence: Cadence = "gone quiet"
    if active >= DAILY_USER_DAYS:
        cadence = "daily"
    elif active >= WEEKLY_USER_DAYS:
        cadence = "weekly"
    elif active > 0:
        cadence = "occasional"
    strip = tuple(_was_active(user[LAST_DAY], user[BITS], day - back) for back in range(STRIP_DAYS - 1, -1, -1))
    return UserView(user_id, who, cadence, active, events, _date(user[LAST_DAY]), strip)


def _called(users: UserState, user_id: str) -> str:
    """A user's name; the id of one whom nobody named."""
    who = person(users, user_id)
    return who.name if who is not None and who.name is not None else user_id


def _features(activity: UsageState, day: int, core_features: Sequence[str]) -> list[FeatureView]:
    """Core features first, in the order of the catalogue, then the others by users."""
    core = [_feature(name, activity.features.get(name), day, is_core=True) for name in core_features]
    others = [
        _feature(name, use, day, is_core=False) for name, use in activity.features.items() if name not in core_features
    ]
    others.sort(key=lambda feature: (-feature.users_30d, -sum(feature.weeks), feature.name))
    return [*core, *others][:FEATURES_MAX]


def _feature(name: str, use: FeatureUse | None, day: int, *, is_core: bool) -> FeatureView:
    if use is None:
        return FeatureView(name, is_core, (0,) * HEAT_WEEKS, 0, None)
    weeks = tuple(
        sum(_was_active(use.last_day, use.bits, day - 7 * week - back) for back in range(7))
        for week in range(HEAT_WEEKS - 1, -1, -1)
    )
    users = sum(day - 30 < last <= day for last in use.users.values())
    return FeatureView(name, is_core, weeks, users, _date(use.last_day))


def _was_active(last_day: int, bits: int, day: int) -> bool:
    """Whether a bitmap that ends with last_day has the day."""
    return 0 <= last_day - day < DAYS_KEPT and bits >> (last_day - day) & 1 == 1


def _tickets(support: TicketState, as_of_ms: int) -> list[TicketView]:
    """Escalated ones first, then open ones by urgency and age, then the newest of the solved."""
    ranked: list[tuple[tuple[int, int, float, str], TicketView]] = []
    for ticket_id, ticket in support.tickets.items():
        at = phase(ticket, as_of_ms)
        state: TicketStatus = "escalated" if at.is_escalated and at.is_open else "open" if at.is_open else "solved"
        until_ms = as_of_ms if at.is_open or at.resolved_ms is None else at.resolved_ms
        hours = max(until_ms - at.opened_ms, 0) / HOUR_MS if at.opened_ms is not None else None
        opened_at = _moment(at.opened_ms) if at.opened_ms is not None else None
        case = TicketView(ticket_id, PRIORITIES[ticket.priority], ticket.category, state, opened_at, hours)
        order = {"escalated": 0, "open": 1, "solved": 2}[state]
        urgency = -ticket.priority if at.is_open else 0
        time = at.opened_ms if at.is_open else -(at.resolved_ms or 0)
        ranked.append(((order, urgency, time or 0, ticket_id), case))
    return [case for _, case in heapq.nsmallest(TICKETS_MAX, ranked, key=lambda item: item[0])]


def _answers(sentiment: SurveyState, users: UserState, as_of_ms: int) -> list[SurveyView]:
    """The newest first."""
    known = (answer for answer in sentiment.answers.values() if answer.ms <= as_of_ms)
    return [
        SurveyView(
            SURVEYS[a.survey],
            a.score,
            _called(users, a.user_id) or None,
            _moment(a.ms),
            _mood(SURVEYS[a.survey], a.score),
        )
        for a in heapq.nlargest(ANSWERS_MAX, known)
    ]


def _mood(survey: str, score: int) -> Literal["good", "neutral", "bad"]:
    """What a score says. Source: docs/metrics.md: NPS 9-10 and 0-6; CSAT 4-5 and 1-2; effort (CES) 6-7 and 1-3."""
    low, high = {"nps": (6, 9), "csat": (2, 4), "ces": (3, 6)}[survey]
    return "bad" if score <= low else "good" if score >= high else "neutral"


def _touchpoints(contacts: TouchpointState, users: UserState, as_of_ms: int) -> list[TouchpointView]:
    """The newest first."""
    known = (touchpoint for touchpoint in contacts.touchpoints.values() if touchpoint.ms <= as_of_ms)
    return [
        TouchpointView(CONTACTS[t.kind], _moment(t.ms), _called(users, t.user_id) or None)
        for t in heapq.nlargest(TOUCHPOINTS_MAX, known)
    ]


def _days(state: AccountState, day: int, past: PastScores | None) -> list[DayView]:
    """From the first day of which anything is known."""
    rows = daily_series(state, day, CHART_DAYS)
    known = (at for at, row in enumerate(rows) if row.dau is not None or row.score is not None)
    first = next(known, len(rows))
    return [_day(state, row, past if day - REACH_DAYS <= row.day < day else None) for row in rows[first:]]


def _day(state: AccountState, row: DayRow, past: PastScores | None) -> DayView:
    if row.score is None and past is not None:
        score = past.at(state, zone_of(state).end_of_day_ms(row.day))
        return DayView(_date(row.day), row.dau, row.events, score, is_afterwards=score is not None)
    return DayView(_date(row.day), row.dau, row.events, row.score)


def _date(day: int) -> date:
    return EPOCH + timedelta(days=day)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
