"""The contracts of the input events, one pydantic model a kind, and the words of their errors.

The models are the authority on what is accepted: they make the JSON Schemas under docs/schemas, they word every
refusal, and whatever the fast path of `decode` will not take is judged by them. Unknown fields are ignored, so that
feeds may grow. Values are strict: the string "9" is not the number 9.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from stream.calendar.zones import near_name, zone_names
from stream.contracts.errors import BadEvent
from stream.contracts.health_override import DAYS_MAX as OVERRIDE_DAYS_MAX
from stream.contracts.topics import Kind

# Why a record can be refused: a closed set, safe as a metric label.
REASONS: Final = (
    "empty",
    "too_large",
    "not_json",
    "missing_field",
    "wrong_type",
    "unknown_value",
    "out_of_range",
    "future",
    "too_old",
    "misrouted",
)

VALUE_BYTES_MAX: Final = 1 << 20
FUTURE_SLACK_MS: Final = 86_400_000
EARLIEST_MS: Final = 946_684_800_000  # 2000-01-01: anything before is a broken clock, and would poison the windows

Status = Literal["opened", "updated", "escalated", "deescalated", "solved", "closed", "reopened"]
Priority = Literal["low", "normal", "high", "urgent"]
Survey = Literal["nps", "csat", "ces"]
Touch = Literal["call", "email", "qbr", "training", "onsite", "play"]
Change = Literal[
    "trial_started",
    "started",
    "renewed",
    "upgraded",
    "downgraded",
    "cancellation_requested",
    "cancellation_withdrawn",
    "cancelled",
]

# Highest and lowest answer of each kind of survey. Source: NPS 0-10 (Bain), CSAT 1-5, CES 1-7 (CEB's CES 2.0).
SCORE_RANGE: Final[dict[Survey, tuple[int, int]]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}

# What common help desks call the same things.
PRIORITY_ALIASES: Final[dict[str, Priority]] = {
    "low": "low",
    "minor": "low",
    "normal": "normal",
    "medium": "normal",
    "moderate": "normal",
    "high": "high",
    "major": "high",
    "urgent": "urgent",
    "critical": "urgent",
    "blocker": "urgent",
}
STATUS_ALIASES: Final[dict[str, Status]] = {
    "opened": "opened",
    "open": "opened",
    "created": "opened",
    "new": "opened",
    "updated": "updated",
    "pending": "updated",
    "escalated": "escalated",
    "deescalated": "deescalated",
    "de-escalated": "deescalated",
    "solved": "solved",
    "resolved": "solved",
    "closed": "closed",
    "reopened": "reopened",
}
TOUCH_ALIASES: Final[dict[str, Touch]] = {
    "call": "call",
    "phone": "call",
    "email": "email",
    "mail": "email",
    "qbr": "qbr",
    "ebr": "qbr",
    "training": "training",
    "onsite": "onsite",
    "visit": "onsite",
    "play": "play",
}
CHANGE_ALIASES: Final[dict[str, Change]] = {
    "trial_started": "trial_started",
    "started": "started",
    "renewed": "renewed",
    "upgraded": "upgraded",
    "downgraded": "downgraded",
    "cancellation_requested": "cancellation_requested",
    "cancellation_withdrawn": "cancellation_withdrawn",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EXPECTED_MOMENT: Final = "expected ISO-8601 with a zone, as 2026-01-31T09:30:00Z, or epoch milliseconds as an integer"


def _moment(value: object) -> datetime:
    """ISO-8601 with a zone, or epoch milliseconds, to aware UTC."""
    if isinstance(value, str):
        moment = _parse(value)
        if moment.tzinfo is None:
            raise PydanticCustomError("moment_type", "the zone is missing: add Z or an offset, as +02:00")
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            raise PydanticCustomError("moment_range", "the moment is outside of any plausible time") from None
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < 1 << 47:
            raise PydanticCustomError("moment_range", "as epoch milliseconds it is outside of any plausible time")
        return _EPOCH + timedelta(milliseconds=value)
    raise PydanticCustomError("moment_type", _EXPECTED_MOMENT)


def _parse(text: str) -> datetime:
    """ISO-8601 as the fast path reads it (fractions are rounded to the microsecond), or in one of its rarer forms."""
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        pass
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("moment_type", _EXPECTED_MOMENT) from None


def _zone_name(value: object) -> object:
    """A name of the tz database; anything but a word is left for the model to refuse."""
    if not isinstance(value, str) or value in zone_names():
        return value
    near = near_name(value)
    hint = (
        f"did you mean {near}?" if near is not None else "expected a name of the tz database, as Europe/Berlin or UTC"
    )
    raise PydanticCustomError("zone_unknown", "there is no such time zone; {hint}", {"hint": hint})


def _alias(table: dict[str, Any]) -> BeforeValidator:
    """Look a word up in a table of aliases, whatever its case; unknown words are left for the model to refuse."""
    return BeforeValidator(lambda value: table.get(value.lower(), value) if isinstance(value, str) else value)


def _words(table: dict[str, Any]) -> WithJsonSchema:
    """The words and their aliases, as the schema tells them; their case does not matter."""
    return WithJsonSchema({"type": "string", "enum": list(table)})


Id = Annotated[str, Field(min_length=1, max_length=256)]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": 0}]}),
]
ZoneName = Annotated[
    str,
    BeforeValidator(_zone_name),
    Field(max_length=64, description="a name of IANA's tz database; the account's days are calendar days there"),
]
Finite = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seats = Annotated[int, Field(ge=0, le=10_000_000)]


class _Contract(BaseModel):
    """What all contracts share."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class UsageEvent(_Contract):
    """Someone of the account used a feature."""

    event_id: Id = Field(description="unique; a repeat among the account's last 64 events is applied once")
    account_id: Id
    user_id: Id
    feature: Id
    timestamp: Moment
    session_id: Id | None = Field(None, description="what was done in one sitting; counted within one UTC day")
    duration_seconds: NotNegative | None = Field(
        None, description="how long this use took; those of a session's events add up"
    )
    value: Finite | None = None


class TicketEvent(_Contract):
    """A support ticket of the account changed; applied once per ticket and transition."""

    event_id: Id
    account_id: Id
    ticket_id: Id
    status: Annotated[Status, _alias(STATUS_ALIASES), _words(STATUS_ALIASES)]
    priority: Annotated[Priority, _alias(PRIORITY_ALIASES), _words(PRIORITY_ALIASES)] = "normal"
    category: Annotated[str, Field(max_length=256)] | None = None
    user_id: Id | None = None
    timestamp: Moment


class SurveyEvent(_Contract):
    """Someone answered a survey; a later event with the same response_id replaces the answer."""

    event_id: Id
    response_id: Id | None = Field(None, description="the answer's own id; the event_id when the feed has none")
    account_id: Id
    user_id: Id
    survey: Survey
    score: int = Field(description="nps 0..10, csat 1..5, ces 1..7")
    comment: Annotated[str, Field(max_length=10_000)] | None = None
    timestamp: Moment


class Goal(_Contract):
    """A result that the customer wants, to be reached by a day."""

    name: Id
    target: Finite | None = None
    due_at: Moment | None = None


class NewOverride(_Contract):
    """A person's verdict in the place of the scorecard's: a score, or a band, until it expires."""

    score: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    band: Literal["healthy", "watch", "at_risk", "critical"] | None = None
    owner: Annotated[str, Field(min_length=1, max_length=128)] = Field(description="who answers for it")
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    expires_at: Moment = Field(description="when the scorecard's verdict holds again; at most 90 days after timestamp")

    @model_validator(mode="after")
    def _one_of_two(self) -> "NewOverride":
        if (self.score is None) == (self.band is None):
            raise PydanticCustomError("override", "expected either a score (0 to 100) or a band")
        return self


class AccountEvent(_Contract):
    """What the CRM knows of the account; a field left out stays as it is, a null clears it."""

    account_id: Id
    event_id: Id | None = None
    timestamp: Moment | None = Field(None, description="orders updates; without it the last to arrive wins")
    name: Annotated[str, Field(max_length=256)] | None = None
    segment: Annotated[str, Field(max_length=64)] | None = None
    lifecycle_stage: Literal["trial", "onboarding", "adopting", "mature", "renewing", "churned"] | None = None
    licensed_seats: Seats | None = None
    owner: Annotated[str, Field(max_length=128)] | None = None
    started_at: Moment | None = None
    renewal_at: Moment | None = None
    mrr: NotNegative | None = None
    timezone: ZoneName | None = None
    goals: Annotated[list[Goal], Field(max_length=50)] | None = None
    health_override: NewOverride | None = Field(None, description="needs a timestamp; null clears")

    @model_validator(mode="after")
    def _bounded(self) -> "AccountEvent":
        override = self.health_override
        if override is None:
            return self
        if self.timestamp is None:
            raise PydanticCustomError("override", "health_override: expected a timestamp beside it: when it was set")
        if not timedelta(0) < override.expires_at - self.timestamp <= timedelta(days=OVERRIDE_DAYS_MAX):
            raise PydanticCustomError(
                "override",
                "health_override.expires_at = {expires_at}: expected later than timestamp ({set_at}), "
                "and at most {days} days",
                {
                    "expires_at": override.expires_at.isoformat(),
                    "set_at": self.timestamp.isoformat(),
                    "days": OVERRIDE_DAYS_MAX,
                },
            )
        return self


class TouchpointEvent(_Contract):
    """Someone of ours was in contact with the account; applied once per event_id, in its newest version."""

    event_id: Id
    account_id: Id
    kind: Annotated[Touch, _alias(TOUCH_ALIASES), _words(TOUCH_ALIASES)]
    user_id: Id | None = Field(None, description="with whom; closes the feedback loop of that user's answers")
    response_id: Id | None = Field(None, description="the survey answer that it followed up; closes that one's loop")
    owner: Annotated[str, Field(max_length=128)] | None = None
    play: Annotated[str, Field(max_length=128)] | None = Field(None, description="the playbook it was part of")
    alert_id: Id | None = Field(None, description="the alert that it answered")
    note: Annotated[str, Field(max_length=10_000)] | None = None
    timestamp: Moment


class OutcomeEvent(_Contract):
    """How far the account has come towards one of its goals; the newest value of a goal holds."""

    event_id: Id
    account_id: Id
    goal: Id = Field(description="the name of a goal of the account feed")
    value: Finite = Field(
        description="the level reached at that moment, in the unit of the goal's target; not an increment"
    )
    timestamp: Moment


class SubscriptionEvent(_Contract):
    """One of the account's subscriptions changed; applied once per subscription and change."""

    event_id: Id
    account_id: Id
    subscription_id: Id
    status: Annotated[Change, _alias(CHANGE_ALIASES), _words(CHANGE_ALIASES)]
    product: Annotated[str, Field(max_length=256)] | None = None
    mrr: NotNegative | None = Field(None, description="monthly recurring revenue from then on; left out: as before")
    seats: Seats | None = Field(None, description="licensed seats from then on; left out: as before")
    renewal_at: Moment | None = Field(
        None, description="when it is next up for renewal; left out: as before, and unknown once it started or renewed"
    )
    timestamp: Moment


Event = UsageEvent | TicketEvent | SurveyEvent | AccountEvent | TouchpointEvent | OutcomeEvent | SubscriptionEvent

CONTRACTS: Final[dict[Kind, type[_Contract]]] = {
    "usage": UsageEvent,
    "ticket": TicketEvent,
    "survey": SurveyEvent,
    "account": AccountEvent,
    "touchpoint": TouchpointEvent,
    "outcome": OutcomeEvent,
    "subscription": SubscriptionEvent,
}


def validate(kind: Kind, data: object) -> Any:
    """Judge already parsed JSON by the contract of its kind.

    Returns:
        The model instance of `CONTRACTS[kind]`.

    Raises:
        BadEvent: the first thing that is wrong, named by field and value.
    """
    if not isinstance(data, dict):
        raise BadEvent("wrong_type", f"{kind} event: expected a JSON object, found {type(data).__name__}")
    try:
        event = CONTRACTS[kind].model_validate(data)
    except ValidationError as error:
        raise _refusal(kind, error) from None
    if isinstance(event, SurveyEvent):
        low, high = SCORE_RANGE[event.survey]
        if not low <= event.score <= high:
            raise BadEvent(
                "out_of_range", f"survey event: score = {event.score}: a {event.survey} answer is {low} to {high}"
            )
    return event


_REASON_BY_TYPE: Final = {
    "missing": "missing_field",
    "literal_error": "unknown_value",
    "zone_unknown": "unknown_value",
}


def _refusal(kind: Kind, error: ValidationError) -> BadEvent:
    """The first error as a BadEvent: reason by pydantic's error type, detail with field, value and expectation."""
    errors = error.errors(include_url=False)
    first = errors[0]
    name = ".".join(str(part) for part in first["loc"])
    code = first["type"]
    reason = _REASON_BY_TYPE.get(code) or ("wrong_type" if code.endswith("_type") else "out_of_range")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    shown = "" if code in ("missing", "override") else f" = {repr(first['input'])[:80]}"
    where = f"{name}{shown}: " if name else ""
    return BadEvent(reason, f"{kind} event: {where}{first['msg']}{more}")
