"""Zendesk's event webhooks: tickets. The customer is the ticket's organization; `account_id` is the Zendesk tenant."""

from collections.abc import Mapping
from typing import Any, Final

from consumers.intake import signatures
from consumers.intake.mapping import (
    Outcome,
    Payload,
    Row,
    Translated,
    at,
    find,
    listed,
    named,
    of_tool,
    or_ignored,
    text,
    translate,
    words,
)
from consumers.intake.vendors.vendor import Vendor

_STATUS: Final = {
    "new": "updated",
    "open": "updated",
    "pending": "updated",
    "hold": "updated",
    "solved": "solved",
    "closed": "closed",
    "deleted": "closed",
}
_ENDED: Final = ("solved", "closed")

_account: Final = or_ignored(
    at("detail.organization_id", read=of_tool("zendesk")), "the ticket's requester belongs to no organization"
)


def _status(payload: Payload) -> Any:
    """What happened; a step back from solved is a reopening, which the status alone does not tell."""
    what = str(payload.get("type", "")).removeprefix("zen:event-type:ticket.")
    now = find(payload, "detail.status")
    before = find(payload, "event.previous")
    if what == "created":
        return "opened"
    if what in ("soft_deleted", "permanently_deleted", "marked_as_spam", "merged"):
        return "removed"
    was_ended = isinstance(before, str) and before.lower() in _ENDED
    if isinstance(now, str) and now.lower() not in (*_ENDED, "deleted"):
        if what == "undeleted" or (what == "status_changed" and was_ended):
            return "reopened"
        if what == "organization_changed":
            return "opened"  # for the organization that it reaches, which may have had it before
    if what == "tags_changed":
        if "escalated" in listed(payload, "event.tags_added"):
            return "escalated"
        if "escalated" in listed(payload, "event.tags_removed"):
            return "deescalated"
    return words(_STATUS)(now)


ROWS: Final = (
    Row(
        ("zen:event-type:ticket.*",),
        "ticket",
        {
            "event_id": at("id", read=text),
            "account_id": _account,
            "ticket_id": at("detail.id", read=text),
            "status": _status,
            "priority": at("detail.priority"),
            "category": at("detail.type"),
            "user_id": at("detail.requester_id", read=text),
            "timestamp": at("time"),
        },
    ),
    Row(("zen:event-type:*",), reason="only events of tickets say something about an account's health"),
)


def _translate(body: Any, headers: Mapping[str, str]) -> list[Outcome]:
    payload = body if isinstance(body, dict) else {}
    outcome = translate(ROWS, "type", payload.get("type"), payload)
    left = _left(payload) if payload.get("type") == "zen:event-type:ticket.organization_changed" else None
    return [outcome] if left is None else [left, outcome]


def _left(payload: Payload) -> Outcome | None:
    """Of a ticket that went to another organization: it is over for the one that it belonged to, and not solved."""
    event = named(payload, "event")
    if event.get("previous") in (None, ""):
        return None
    before = {**payload, "detail": {**named(payload, "detail"), "organization_id": event["previous"]}}
    outcome = translate(ROWS, "type", payload.get("type"), before)
    if isinstance(outcome, Translated):
        outcome.event.update(status="moved", event_id=f"{outcome.event.get('event_id')}:moved")
    return outcome


ZENDESK: Final = Vendor(
    "zendesk", "the webhook's signing secret", signatures.zendesk, _translate, "Zendesk, event types of webhooks"
)
