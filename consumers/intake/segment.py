"""Segment's tracking calls as Heartline's events: `track` and `page` are use, `group` an account, `identify` a person.

Source: Segment's specification of common fields, and of the HTTP tracking API. RudderStack and other compatible SDKs
send the same.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from consumers.intake.mapping import (
    Ignored,
    Outcome,
    Payload,
    Row,
    UnreadableError,
    always,
    apply,
    at,
    find,
    known_words,
    text,
)
from stream.kinds.user import ROLE_WORDS

TYPES: Final = ("track", "page", "screen", "identify", "group", "alias")

# Segment's browser library shortens the paths.
SHORT_PATHS: Final[Mapping[str, str]] = {"t": "track", "p": "page", "i": "identify", "g": "group", "a": "alias"}

SKEW_SECONDS_MIN: Final = 60

NO_ACCOUNT: Final = (
    "whose event it is is not known: expected context.groupId, or a group call of the same user before it"
)

_COMMON: Final = {
    "event_id": at("messageId", read=text),
    "account_id": at("context.groupId", "context.group_id", "properties.groupId", "groupId", read=text),
    "user_id": at("userId", "anonymousId", read=text),
    "session_id": at("context.sessionId", "properties.session_id", read=text),
    "timestamp": at("timestamp", "originalTimestamp", "receivedAt"),
}


def _full_name(call: Payload) -> Any:
    """A person's name, whole or of its parts."""
    name = find(call, "traits.name")
    if name is None or name == "":
        parts = (find(call, f"traits.{part}") for part in ("firstName", "first_name", "lastName", "last_name"))
        name = " ".join(part for part in parts if isinstance(part, str) and part)
    return name


ROWS: Final[Mapping[str, Row]] = {
    "track": Row(("track",), "usage", {**_COMMON, "feature": at("event", read=text)}),
    # One feature, however many pages there are: a page's title is no part of the product.
    "page": Row(("page",), "usage", {**_COMMON, "feature": always("page viewed")}),
    "screen": Row(("screen",), "usage", {**_COMMON, "feature": always("screen viewed")}),
    "group": Row(
        ("group",),
        "account",
        {
            "event_id": at("messageId", read=text),
            "account_id": at("groupId", read=text),
            "name": at("traits.name", "traits.company"),
            "segment": at("traits.segment", "traits.plan", "traits.tier"),
            "licensed_seats": at("traits.licensed_seats", "traits.seats"),
            "owner": at("traits.owner", "traits.csm"),
            "started_at": at("traits.created_at", "traits.createdAt", "traits.started_at"),
            "renewal_at": at("traits.renewal_at", "traits.renewalDate"),
            "mrr": at("traits.mrr"),
            "currency": at("traits.currency"),
            "timezone": at("traits.timezone", "context.timezone"),
            "timestamp": at("timestamp", "originalTimestamp", "receivedAt"),
        },
    ),
    # A person, where it is known which account they are of.
    "identify": Row(
        ("identify",),
        "user",
        {
            "event_id": at("messageId", read=text),
            "account_id": at(
                "context.groupId", "context.group_id", "traits.account_id", "traits.accountId", "groupId", read=text
            ),
            "user_id": at("userId", read=text),
            "name": _full_name,
            "email": at("traits.email"),
            "role": at("traits.role", read=known_words(ROLE_WORDS)),
            "deactivated": at("traits.deactivated"),
            "timestamp": at("timestamp", "originalTimestamp", "receivedAt"),
        },
    ),
}

_PERSONAL: Final = frozenset({"name", "email", "role", "deactivated"})

_IGNORED: Final[Mapping[str, str]] = {
    "alias": "an alias call joins two ids of a person; Heartline counts the newer one",
}


def calls_of(body: Any, path_type: str | None) -> list[Payload]:
    """The calls of one request: of a batch each, with what the batch says once for all.

    Args:
        body: the parsed body.
        path_type: the type that the path named (`/v1/track`); None for a batch.

    Raises:
        UnreadableError: it is no object, or its batch is no list of objects.
    """
    if not isinstance(body, dict):
        raise UnreadableError(f"expected a JSON object, found {type(body).__name__}")
    if path_type is not None:
        return [{**body, "type": path_type}]
    batch = body.get("batch")
    if not isinstance(batch, list) or not all(isinstance(call, dict) for call in batch):
        raise UnreadableError("batch: expected a list of objects")
    shared = {name: body[name] for name in ("sentAt", "context") if body.get(name) is not None}
    return [_with_shared(call, shared) for call in batch]


def _with_shared(call: dict[str, Any], shared: Mapping[str, Any]) -> Payload:
    if not shared:
        return call
    context, own = shared.get("context"), call.get("context")
    both = {"context": {**context, **own}} if isinstance(context, dict) and isinstance(own, dict) else {}
    return {**shared, **{name: value for name, value in call.items() if value is not None}, **both}


def translate_call(call: Payload, account_of: Callable[[str], str | None], now: datetime) -> Outcome:
    """One call as an event.

    Args:
        call: it, with its type.
        account_of: the account that a user was last grouped into; None: not known.
        now: when it arrived, aware; it corrects the sender's clock by `sentAt`, as Segment does.

    Raises:
        UnreadableError: an unknown type.
    """
    kind = call.get("type")
    if isinstance(kind, str) and kind in _IGNORED:
        return Ignored(_IGNORED[kind])
    row = ROWS.get(kind) if isinstance(kind, str) else None
    if row is None:
        raise UnreadableError(f"type = {repr(kind)[:80]}: expected one of {', '.join(TYPES)}")
    outcome = apply(row, call)
    if isinstance(outcome, Ignored):
        return outcome
    event = outcome.event
    if "account_id" not in event and isinstance(user := event.get("user_id"), str):
        found = account_of(user)
        if found is not None:
            event["account_id"] = found
    if kind == "identify":
        if not _PERSONAL & event.keys() or "user_id" not in event:
            return Ignored("an identify call without a userId, or without a name, e-mail or role, says nothing")
        if "account_id" not in event:
            return Ignored("an identify call of a person who is in no account yet")
    event["timestamp"] = corrected(event.get("timestamp"), call.get("sentAt"), now)
    return outcome


def membership_of(call: Payload) -> tuple[str, str] | None:
    """Which user a `group` call puts into which account; None where it says neither."""
    if call.get("type") != "group":
        return None
    user, account = text(call.get("userId") or call.get("anonymousId")), text(call.get("groupId"))
    return (user, account) if isinstance(user, str) and isinstance(account, str) and user and account else None


def corrected(timestamp: Any, sent_at: Any, now: datetime) -> Any:
    """When a call was made by our clock: the sender's clock is off by what its `sentAt` is.

    Less than a minute is the way here and stays. Without a timestamp the call was made now.
    """
    if timestamp is None:
        return now.isoformat()
    made, sent = _moment(timestamp), _moment(sent_at)
    if made is None or sent is None:
        return timestamp
    skew = now - sent
    if abs(skew) < timedelta(seconds=SKEW_SECONDS_MIN):
        return timestamp
    try:
        return (made + skew).isoformat()
    except OverflowError:
        return timestamp


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
