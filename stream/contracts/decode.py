"""Bytes to events: msgspec for the canonical form, pydantic as the judge of everything that msgspec refuses.

Invariant: of the fields that a contract names, the fast path accepts nothing that the contract refuses, and reads
every value alike (a property test holds it to that). So a record is refused only by pydantic, in pydantic's words, and
feeds with other names merely take the slower way. What a field that no contract names holds is skipped unread.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
import pydantic_core
from msgspec import Meta, Struct

from stream.contracts.errors import BadEvent
from stream.contracts.events import (
    CHANGE_ALIASES,
    EARLIEST_MS,
    FUTURE_SLACK_MS,
    PRIORITY_ALIASES,
    SCORE_RANGE,
    STATUS_ALIASES,
    TOUCH_ALIASES,
    VALUE_BYTES_MAX,
    AccountEvent,
    OutcomeEvent,
    SubscriptionEvent,
    Survey,
    SurveyEvent,
    TicketEvent,
    TouchpointEvent,
    UsageEvent,
    validate,
)
from stream.contracts.feeds import FieldMapping
from stream.contracts.topics import Kind
from stream.history.rolling import DAY_MS

_Id = Annotated[str, Meta(min_length=1, max_length=256)]
_Moment = Annotated[datetime, Meta(tz=True)] | Annotated[int, Meta(ge=0, lt=1 << 47)]


class Usage(Struct, gc=False):
    """A usage event, ready to fold; `value` is checked and not kept."""

    account_id: _Id
    user_id: _Id
    feature: _Id
    timestamp: _Moment
    event_id: _Id
    session_id: _Id | None = None
    duration_seconds: Annotated[float, Meta(ge=0)] | None = None
    value: float | None = None


class Ticket(Struct, gc=False):
    """A ticket event, ready to fold; after `decode` status and priority are the contract's own words."""

    account_id: _Id
    ticket_id: _Id
    status: str
    timestamp: _Moment
    event_id: _Id
    priority: str = "normal"
    category: Annotated[str, Meta(max_length=256)] | None = None
    user_id: _Id | None = None


class Answer(Struct, gc=False):
    """A survey event, ready to fold; after `decode` response_id is set."""

    account_id: _Id
    user_id: _Id
    survey: Survey
    score: int
    timestamp: _Moment
    event_id: _Id
    response_id: _Id | None = None
    comment: Annotated[str, Meta(max_length=10_000)] | None = None


class Touchpoint(Struct, gc=False):
    """A touchpoint, ready to fold; after `decode` the kind is the contract's own word.

    Who of ours it was, the play, the alert and the note are checked and not kept.
    """

    account_id: _Id
    kind: str
    timestamp: _Moment
    event_id: _Id
    user_id: _Id | None = None
    response_id: _Id | None = None
    owner: Annotated[str, Meta(max_length=128)] | None = None
    play: Annotated[str, Meta(max_length=128)] | None = None
    alert_id: _Id | None = None
    note: Annotated[str, Meta(max_length=10_000)] | None = None


class Outcome(Struct, gc=False):
    """A goal's value at a moment, ready to fold."""

    account_id: _Id
    goal: _Id
    value: float
    timestamp: _Moment
    event_id: _Id


class Subscription(Struct, gc=False):
    """A subscription's change, ready to fold; after `decode` the status is the contract's own word."""

    account_id: _Id
    subscription_id: _Id
    status: str
    timestamp: _Moment
    event_id: _Id
    product: Annotated[str, Meta(max_length=256)] | None = None
    mrr: Annotated[float, Meta(ge=0)] | None = None
    seats: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None
    renewal_at: _Moment | None = None


class Update(Struct, gc=False):
    """An account event, ready to fold: the fields that it sets, as JSON-able values; None clears."""

    account_id: str
    timestamp: datetime | int | None
    fields: dict[str, Any]


AnyEvent = Usage | Ticket | Answer | Update | Touchpoint | Outcome | Subscription

_decode_usage = msgspec.json.Decoder(Usage).decode
_decode_ticket = msgspec.json.Decoder(Ticket).decode
_decode_answer = msgspec.json.Decoder(Answer).decode
_decode_touchpoint = msgspec.json.Decoder(Touchpoint).decode
_decode_outcome = msgspec.json.Decoder(Outcome).decode
_decode_subscription = msgspec.json.Decoder(Subscription).decode
# RecursionError by deep nesting, KeyError by a word that the contract does not know.
_FAST_ERRORS: Final = (msgspec.DecodeError, TypeError, ValueError, RecursionError, KeyError)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_ms(moment: datetime | int) -> int:
    """A decoded timestamp as epoch milliseconds, rounded down."""
    if isinstance(moment, int):
        return moment
    since = moment - _EPOCH  # its seconds and microseconds are never negative, and dividing it takes longer
    return since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000


def check_time(ms: int, now_ms: int) -> None:
    """Refuse events from the far future (they would poison the windows) and from before any product.

    Raises:
        BadEvent: reason `future` or `too_old`.
    """
    if ms > now_ms + FUTURE_SLACK_MS:
        raise BadEvent("future", f"timestamp is {(ms - now_ms) / 3_600_000:.1f} h ahead; at most 24 h are accepted")
    if ms < EARLIEST_MS:
        raise BadEvent("too_old", "timestamp is before 2000-01-01; is it in seconds? epoch milliseconds are expected")


def _fast_ticket(value: bytes) -> Ticket:
    """A ticket event in its canonical form."""
    ticket = _decode_ticket(value)
    ticket.status = STATUS_ALIASES[ticket.status]
    ticket.priority = PRIORITY_ALIASES[ticket.priority]
    return ticket


def _fast_answer(value: bytes) -> Answer:
    """A survey event in its canonical form."""
    answer = _decode_answer(value)
    low, high = SCORE_RANGE[answer.survey]
    if not low <= answer.score <= high:
        raise ValueError("a score outside of the survey's scale")
    if answer.response_id is None:
        answer.response_id = answer.event_id
    return answer


def _fast_touchpoint(value: bytes) -> Touchpoint:
    """A touchpoint in its canonical form."""
    touchpoint = _decode_touchpoint(value)
    touchpoint.kind = TOUCH_ALIASES[touchpoint.kind]
    return touchpoint


def _fast_subscription(value: bytes) -> Subscription:
    """A subscription event in its canonical form."""
    subscription = _decode_subscription(value)
    subscription.status = CHANGE_ALIASES[subscription.status]
    if subscription.renewal_at is not None:
        subscription.renewal_at = epoch_ms(subscription.renewal_at)
        if not 0 <= subscription.renewal_at < 1 << 47:
            raise ValueError("a renewal at no plausible time")
    return subscription


def _never(value: bytes) -> AnyEvent:
    """No canonical form: the feed has names of its own, or the kind is rare."""
    raise ValueError("left to pydantic")


# By kind: the event, or one of _FAST_ERRORS: then pydantic judges.
_FAST: Final[dict[Kind, Callable[[bytes], AnyEvent]]] = {
    "usage": _decode_usage,
    "ticket": _fast_ticket,
    "survey": _fast_answer,
    "touchpoint": _fast_touchpoint,
    "outcome": _decode_outcome,
    "subscription": _fast_subscription,
}


class Decoder:
    """Decodes the records of one kind of event.

    Args:
        kind: the kind.
        mapping: how the feed names things; None when it speaks the contract's language.
    """

    def __init__(self, kind: Kind, mapping: FieldMapping | None = None) -> None:
        self._kind = kind
        self._mapping = mapping
        self._fast = _FAST.get(kind, _never) if mapping is None else _never

    def decode_all(self, values: Sequence[bytes | None], now_ms: int) -> list[AnyEvent | BadEvent]:
        """The events of a chunk, with an error in the place of each that is refused, for its time (`check_time`), too.

        Nearly as quick as msgspec alone where all are canonical.
        """
        events = self._all_canonical(values)
        if events is not None:
            times = [event.timestamp for event in events]
            if not times or (min(times) >= EARLIEST_MS and max(times) <= now_ms + FUTURE_SLACK_MS):
                return events
        return [self._decode_or_refuse(value, now_ms) for value in values]

    def _all_canonical(self, values: Sequence[bytes | None]) -> list[Any] | None:
        """All events; None if one is not in its canonical form, or too large."""
        try:
            if max(map(len, values), default=0) > VALUE_BYTES_MAX:  # type: ignore[arg-type]  # None is a TypeError
                return None
            events = list(map(self._fast, values))  # type: ignore[arg-type]
        except _FAST_ERRORS:
            return None
        for event in events:
            moment: Any = event.timestamp
            if type(moment) is not int:  # as in `epoch_ms`, whose call would cost a tenth of decoding
                since = moment - _EPOCH
                event.timestamp = since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000
        return events

    def _decode_or_refuse(self, value: bytes | None, now_ms: int) -> AnyEvent | BadEvent:
        try:
            event = self.decode(value)
            if event.timestamp is not None:
                check_time(epoch_ms(event.timestamp), now_ms)
        except BadEvent as error:
            return error
        return event

    def decode(self, value: bytes | None) -> AnyEvent:
        """One record's value as an event, its timestamp in epoch milliseconds (None: an update without one).

        Raises:
            BadEvent: with the reason and a sentence naming field and value.
        """
        event = self._canonical(value)
        if event is None:
            event = self._slow(value)
        if event.timestamp is not None:
            event.timestamp = epoch_ms(event.timestamp)
        return event

    def _canonical(self, value: bytes | None) -> AnyEvent | None:
        """The same by way of msgspec; None for pydantic to judge."""
        if value is None or len(value) > VALUE_BYTES_MAX:
            return None
        try:
            return self._fast(value)
        except _FAST_ERRORS:
            return None

    def _slow(self, value: bytes | None) -> AnyEvent:
        """The same by way of pydantic: tolerant of aliases, mapped names and unusual forms, and precise in refusing."""
        if not value:
            raise BadEvent("empty", f"{self._kind} event: the record has no value")
        if len(value) > VALUE_BYTES_MAX:
            raise BadEvent(
                "too_large", f"{self._kind} event: {len(value)} bytes; at most {VALUE_BYTES_MAX} are accepted"
            )
        try:
            data = pydantic_core.from_json(value, allow_inf_nan=False)
        except ValueError as error:
            raise BadEvent("not_json", f"{self._kind} event: {error}") from None
        if self._mapping is not None and isinstance(data, dict):
            data = self._mapping.apply(data)
        return _READY[self._kind](validate(self._kind, data))


def _usage(event: UsageEvent) -> Usage:
    return Usage(
        event.account_id,
        event.user_id,
        event.feature,
        event.timestamp,
        event.event_id,
        event.session_id,
        event.duration_seconds,
    )


def _ticket(event: TicketEvent) -> Ticket:
    return Ticket(
        event.account_id,
        event.ticket_id,
        event.status,
        event.timestamp,
        event.event_id,
        event.priority,
        event.category,
        event.user_id,
    )


def _answer(event: SurveyEvent) -> Answer:
    return Answer(
        event.account_id,
        event.user_id,
        event.survey,
        event.score,
        event.timestamp,
        event.event_id,
        event.response_id or event.event_id,
        event.comment,
    )


def _touchpoint(event: TouchpointEvent) -> Touchpoint:
    return Touchpoint(event.account_id, event.kind, event.timestamp, event.event_id, event.user_id, event.response_id)


def _outcome(event: OutcomeEvent) -> Outcome:
    return Outcome(event.account_id, event.goal, event.value, event.timestamp, event.event_id)


def _subscription(event: SubscriptionEvent) -> Subscription:
    return Subscription(
        event.account_id,
        event.subscription_id,
        event.status,
        event.timestamp,
        event.event_id,
        event.product,
        event.mrr,
        event.seats,
        epoch_ms(event.renewal_at) if event.renewal_at is not None else None,
    )


def _update(event: AccountEvent) -> Update:
    """The fields that the event really names, in JSON-able form."""
    named = event.model_fields_set - {"account_id", "event_id", "timestamp"}
    fields = event.model_dump(mode="json", include=named)
    return Update(event.account_id, event.timestamp, fields)


# By kind: the contract's model to the event that is folded.
_READY: Final[dict[Kind, Callable[[Any], AnyEvent]]] = {
    "usage": _usage,
    "ticket": _ticket,
    "survey": _answer,
    "account": _update,
    "touchpoint": _touchpoint,
    "outcome": _outcome,
    "subscription": _subscription,
}
