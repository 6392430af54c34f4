"""What the records of each tool's exports become. Webhook payloads that were kept in files are read as well.

An export tells states where a webhook tells changes: a solved ticket is a row with two moments, and becomes two events.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from consumers.intake import segment
from consumers.intake.mapping import (
    Ignored,
    Outcome,
    Payload,
    Row,
    Translated,
    UnreadableError,
    Value,
    apply,
    at,
    find,
    first_of,
    known_words,
    moment,
    number,
    of_tool,
    paths_of,
    text,
)
from consumers.intake.memberships import Memberships
from consumers.intake.vendors import delighted, money, stripe
from consumers.intake.vendors.registry import VENDORS

Translate = Callable[[Payload], list[Outcome]]


@dataclass(frozen=True)
class Source:
    """One tool whose exports can be imported.

    Args:
        name: as `--from` says it.
        exports: which of its exports, for the help and the documentation.
        translate: one record to its events.
        columns: the fields that are read; others are told as unused.
        learn: what must be known of all records before the first is translated; None: nothing.
    """

    name: str
    exports: str
    translate: Translate
    columns: frozenset[str]
    learn: Callable[[Payload], None] | None = None


def _top(paths: Iterable[str]) -> frozenset[str]:
    return frozenset(path.partition(".")[0] for path in paths)


def _columns(rows: Iterable[Row], more: Iterable[str] = ()) -> frozenset[str]:
    return _top(paths_of(value for row in rows for value in (row.fields or {}).values())) | _top(more)


def _changes(row: Row, by: str, payload: Payload, *changes: tuple[str, Value, bool]) -> list[Outcome]:
    """The events of the changes that a state tells of: each with its word, where its moment is, and whether it was."""
    happened = [(status, when) for status, value_of, was in changes if was and (when := value_of(payload)) is not None]
    if not happened:
        return []
    outcome = apply(row, payload)
    if isinstance(outcome, Ignored):
        return [outcome]
    return _outcomes(outcome, by, happened)


def _outcomes(outcome: Translated, by: str, happened: Iterable[tuple[str, Any]]) -> list[Outcome]:
    """An event for each change, with its word and its moment."""
    return [
        Translated(outcome.kind, {**outcome.event, "status": status, "timestamp": when, "event_id": f"{by}:{status}"})
        for status, when in happened
    ]


# Zendesk: tickets of the API's exports, of a warehouse, or of a CSV view.
_ZENDESK_FIELDS: Final[dict[str, Value]] = {
    "account_id": at("organization_id", "organization.id", read=of_tool("zendesk")),
    "ticket_id": at("id", "ticket_id", read=text),
    "priority": at("priority", read=known_words({word: word for word in ("low", "normal", "high", "urgent")})),
    "category": at("category", "ticket_type"),
    "user_id": at("requester_id", "requester.id", read=text),
}
_ZENDESK: Final = Row(("*",), "ticket", _ZENDESK_FIELDS)
_ZENDESK_OPENED: Final = at("created_at", "created", read=moment)
_ZENDESK_ENDED: Final = at("solved_at", "updated_at", "updated", read=moment)
_ZENDESK_STATUSES: Final = ("new", "open", "pending", "hold", "solved", "closed", "deleted")
_ZENDESK_ENDS: Final = {"solved": "solved", "closed": "solved", "deleted": "removed"}
_ZENDESK_MORE: Final = ("status", "tags", *paths_of((_ZENDESK_OPENED, _ZENDESK_ENDED)))


def _zendesk(record: Payload) -> list[Outcome]:
    if str(record.get("type", "")).startswith("zen:"):
        return VENDORS["zendesk"].translate(record, {})
    ticket = apply(_ZENDESK, record)
    if isinstance(ticket, Ignored) or "account_id" not in ticket.event:
        return [Ignored("the ticket belongs to no organization")]
    status = str(record.get("status") or "").lower()
    if status not in _ZENDESK_STATUSES:
        raise UnreadableError(f"status = {status!r}: expected {', '.join(_ZENDESK_STATUSES[:-1])} or deleted")
    happened = []
    if (opened := _ZENDESK_OPENED(record)) is not None:
        happened.append(("opened", opened))
    ended = status in _ZENDESK_ENDS
    tags = record.get("tags")
    if ended or "escalated" in (tags if isinstance(tags, list) else str(tags or "").split()):
        word = _ZENDESK_ENDS.get(status, "escalated")
        if (when := _ZENDESK_ENDED(record)) is not None:
            happened.append((word, when))
    return _outcomes(ticket, f"zendesk:{ticket.event.get('ticket_id')}", happened)


# Delighted: survey responses of the API, or of its CSV export.
_DELIGHTED: Final = Row(
    ("*",),
    "survey",
    {
        "event_id": at("id", "survey_response_id", "response_id", read=text),
        "response_id": at("id", "survey_response_id", "response_id", read=text),
        "account_id": at(
            "person_properties.account_id", "person_properties.Account ID", "account_id", "company_id", read=text
        ),
        "user_id": at("person.id", "person", "person_id", "email", "person.email", read=text),
        "survey": at("survey_type", read=delighted.survey),
        "scale": at("survey_type", read=delighted.scale),
        "score": at("score", read=number),
        "comment": at("comment"),
        "timestamp": at("updated_at", "responded_at", "response_time", "created_at", read=moment),
    },
)


def _delighted(record: Payload) -> list[Outcome]:
    if "event_type" in record:
        return VENDORS["delighted"].translate(record, {})
    outcome = apply(_DELIGHTED, record)
    if isinstance(outcome, Translated):
        outcome.event.setdefault("survey", "nps")
    return [outcome]


def _typeform(record: Payload) -> list[Outcome]:
    if "event_type" in record:
        return VENDORS["typeform"].translate(record, {})
    token = record.get("token") or record.get("response_id")
    wrapped = {"event_type": "form_response", "event_id": token, "form_response": {**record, "token": token}}
    return VENDORS["typeform"].translate(wrapped, {})


# Stripe: events, or the lists of subscriptions and customers, as JSON or as the dashboard's CSV.
def _stripe_mrr(record: Payload) -> Any:
    if "items" in record:
        return stripe.mrr(record)
    amount, quantity = number(record.get("amount")), number(record.get("quantity"))
    if not isinstance(amount, int | float) or not isinstance(quantity, int):
        return None
    monthly = money.a_month(Decimal(str(amount)) * quantity, record.get("interval"), record.get("interval_count"))
    return float(monthly) if monthly is not None else None


def _stripe_seats(record: Payload) -> Any:
    items = find(record, "items.data")
    if isinstance(items, list):
        return items[0].get("quantity") if len(items) == 1 and isinstance(items[0], dict) else None
    return number(record.get("quantity") or None)


_STRIPE_FIELDS: Final[dict[str, Value]] = {
    "account_id": first_of(
        at("metadata.account_id", "account_id_metadata", read=text),
        at("customer.id", "customer", "customer_id", read=of_tool("stripe")),
    ),
    "subscription_id": at("id", read=text),
    "product": at("items.data.0.price.product", "product", "plan.product", "plan", read=text),
    "mrr": _stripe_mrr,
    "currency": at("currency", "items.data.0.price.currency", "plan.currency", read=money.code),
    "seats": _stripe_seats,
    "renewal_at": at("current_period_end", "items.data.0.current_period_end", "current_period_end_utc", read=moment),
}
_STRIPE: Final = Row(("*",), "subscription", _STRIPE_FIELDS)
_STRIPE_STARTED: Final = at("start_date", "created", "start_utc", "created_utc", read=moment)
_STRIPE_TRIAL_END: Final = at("trial_end", "trial_end_utc", read=moment)
_STRIPE_REQUESTED: Final = at("canceled_at", "canceled_at_utc", read=moment)
_STRIPE_ENDED: Final = at("ended_at", "ended_at_utc", read=moment)
_STRIPE_MORE: Final = (
    *(
        "status",
        "items",
        "amount",
        "quantity",
        "interval",
        "interval_count",
        "object",
        "name",
        "description",
        "metadata",
    ),
    *paths_of((_STRIPE_STARTED, _STRIPE_TRIAL_END, _STRIPE_REQUESTED, _STRIPE_ENDED)),
)
_STRIPE_CUSTOMER: Final = Row(
    ("*",),
    "account",
    {
        "account_id": first_of(
            at("metadata.account_id", "account_id_metadata", read=text), at("id", read=of_tool("stripe"))
        ),
        "name": at("name", "description"),
        "segment": at("metadata.segment", "segment_metadata"),
        "timestamp": at("created", "created_utc", read=moment),
    },
)


def _stripe(record: Payload) -> list[Outcome]:
    if record.get("object") == "event" or str(record.get("type", "")).startswith("customer."):
        return VENDORS["stripe"].translate(record, {})
    identity = str(record.get("id") or "")
    if identity.startswith("cus_") or record.get("object") == "customer":
        return [apply(_STRIPE_CUSTOMER, record)]
    if not identity.startswith("sub_") and record.get("object") != "subscription":
        raise UnreadableError(
            f"id = {identity[:40]!r}: expected an event, or the id of a subscription (sub_) or customer (cus_)"
        )
    tried = _STRIPE_TRIAL_END(record) is not None
    converted = tried and str(record.get("status")).lower() != "trialing"
    return _changes(
        _STRIPE,
        f"stripe:{identity}",
        record,
        ("trial_started" if tried else "started", _STRIPE_STARTED, True),
        ("started", _STRIPE_TRIAL_END, converted),
        ("cancellation_requested", _STRIPE_REQUESTED, True),
        ("cancelled", _STRIPE_ENDED, True),
    )


# HubSpot: the CSV exports of companies and of tickets.
_HUBSPOT_COMPANY: Final = Row(
    ("*",),
    "account",
    {
        "account_id": at("record_id", "company_id", "hs_object_id", read=of_tool("hubspot")),
        "name": at("company_name", "name"),
        "owner": at("company_owner", "hubspot_owner_id", "owner", read=text),
        "segment": at("segment", "tier", "target_account_tier", "industry"),
        "licensed_seats": at("licensed_seats", "seats", read=number),
        "mrr": at("mrr", "monthly_recurring_revenue", read=number),
        "currency": at("currency", read=money.code),
        "timezone": at("time_zone", "timezone"),
        "started_at": at("start_date", "customer_since", "became_a_customer_date", read=moment),
        "renewal_at": at("renewal_date", "contract_end_date", read=moment),
    },
)


def _first_company(value: Any) -> Any:
    return of_tool("hubspot")(_first_id(value))


def _first_id(value: Any) -> str:
    return str(value).partition(";")[0].strip()


_HUBSPOT_TICKET_FIELDS: Final[dict[str, Value]] = {
    "account_id": at("associated_company_ids", "associated_company_id", read=_first_company),
    "ticket_id": at("ticket_id", "record_id", read=text),
    "priority": at("priority", read=known_words({word: word for word in ("low", "medium", "high", "urgent")})),
    "category": at("category"),
}
_HUBSPOT_TICKET: Final = Row(("*",), "ticket", _HUBSPOT_TICKET_FIELDS)
_HUBSPOT_OPENED: Final = at("create_date", "createdate", read=moment)
_HUBSPOT_CLOSED: Final = at("close_date", "closed_date", read=moment)


def _hubspot(record: Payload) -> list[Outcome]:
    if "ticket_id" not in record and "ticket_name" not in record:
        return [apply(_HUBSPOT_COMPANY, record)]
    if _HUBSPOT_TICKET_FIELDS["account_id"](record) is None:
        return [Ignored("the ticket is associated with no company")]
    by = f"hubspot:{_HUBSPOT_TICKET_FIELDS['ticket_id'](record)}"
    changes = (("opened", _HUBSPOT_OPENED, True), ("solved", _HUBSPOT_CLOSED, True))
    return _changes(_HUBSPOT_TICKET, by, record, *changes)


def _segment(now: datetime) -> tuple[Translate, Callable[[Payload], None]]:
    """Segment's calls; who belongs to which account must be known of all files first."""
    known = Memberships()

    def learn(call: Payload) -> None:
        if (pair := segment.membership_of(call)) is not None:
            known.learn([pair])

    def translate_one(call: Payload) -> list[Outcome]:
        outcome = segment.translate_call({**call, "sentAt": None}, known.account_of, now)
        if isinstance(outcome, Translated) and "account_id" not in outcome.event:
            raise UnreadableError(segment.NO_ACCOUNT)
        return [outcome]

    return translate_one, learn


def make_sources(now: datetime | None = None) -> dict[str, Source]:
    """Every tool by name, for one import.

    Args:
        now: for Segment's calls that say no time; the clock's where it is not given.
    """
    calls, learn = _segment(now or datetime.now(UTC))
    segment_columns = _columns(segment.ROWS.values(), ("type", "traits", "context", "properties", "integrations"))
    stripe_rows = (_STRIPE, _STRIPE_CUSTOMER)
    hubspot_rows = (_HUBSPOT_COMPANY, _HUBSPOT_TICKET)
    hubspot_more = ("ticket_name", *paths_of((_HUBSPOT_OPENED, _HUBSPOT_CLOSED)))
    sources = (
        Source("segment", "calls as JSON lines: raw data, or a warehouse's rows", calls, segment_columns, learn),
        Source("zendesk", "tickets as JSON or CSV", _zendesk, _columns((_ZENDESK,), _ZENDESK_MORE)),
        Source("delighted", "survey responses as JSON or CSV", _delighted, _columns((_DELIGHTED,))),
        Source("typeform", "responses as JSON", _typeform, frozenset({"token", "hidden", "answers", "submitted_at"})),
        Source(
            "stripe",
            "events, subscriptions, customers",
            _stripe,
            _columns(stripe_rows, _STRIPE_MORE),
        ),
        Source("hubspot", "companies and tickets as CSV", _hubspot, _columns(hubspot_rows, hubspot_more)),
    )
    return {source.name: source for source in sources}
