"""HubSpot's webhooks: properties of companies. Its events of tickets name no company, so they can't be used."""

from collections.abc import Mapping
from typing import Any, Final

from consumers.intake.mapping import (
    Ignored,
    Outcome,
    Payload,
    Row,
    Unreadable,
    UnreadableError,
    at,
    find,
    joined,
    of_tool,
    translate,
)
from consumers.intake.signatures import hubspot
from consumers.intake.vendors.vendor import Vendor

# Property of a company to the field of ours; HubSpot sends every value as text.
_PROPERTIES: Final = {
    "name": "name",
    "hubspot_owner_id": "owner",
    "segment": "segment",
    "tier": "segment",
    "licensed_seats": "licensed_seats",
    "timezone": "timezone",
    "mrr": "mrr",
}


def _property(name: str) -> Any:
    def value_of(payload: Payload) -> Any:
        if _PROPERTIES.get(str(payload.get("propertyName"))) != name:
            return None
        value = payload.get("propertyValue")
        if name not in ("licensed_seats", "mrr") or not isinstance(value, str):
            return value
        try:
            number = float(value)
        except ValueError:
            return value
        return int(number) if name == "licensed_seats" and number.is_integer() else number

    return value_of


def _known_property(payload: Payload) -> Any:
    if str(find(payload, "propertyName")) in _PROPERTIES:
        return of_tool("hubspot")(payload.get("objectId"))
    return Ignored("a property that no account of ours has")


ROWS: Final = (
    Row(
        ("company.propertyChange",),
        "account",
        {
            "event_id": joined(at("objectId"), at("propertyName"), at("occurredAt")),  # its eventId is not unique
            "account_id": _known_property,
            **{name: _property(name) for name in sorted(set(_PROPERTIES.values()))},
            "timestamp": at("occurredAt"),
        },
    ),
    Row(
        ("company.*", "contact.*", "deal.*", "ticket.*", "conversation.*", "product.*", "line_item.*"),
        reason="HubSpot does not say which company it is about",
    ),
)


def _translate(body: Any, headers: Mapping[str, str]) -> list[Outcome]:
    if not isinstance(body, list) or not all(isinstance(each, dict) for each in body):
        raise UnreadableError("expected a JSON array of objects, as HubSpot sends them")
    return [_one(each) for each in body]


def _one(notification: Payload) -> Outcome:
    """One of a request's notifications: an unknown one takes nothing from those beside it."""
    try:
        return translate(ROWS, "subscriptionType", notification.get("subscriptionType"), notification)
    except UnreadableError as error:
        return Unreadable(str(error), notification)


HUBSPOT: Final = Vendor(
    "hubspot",
    "the app's client secret",
    hubspot,
    _translate,
    "HubSpot, webhooks API",
    "tickets and deals: the notification does not name the company; send them by a workflow to /v1/events/ticket",
)
