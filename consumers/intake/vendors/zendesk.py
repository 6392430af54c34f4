"""Zendesk's event webhooks: tickets. The customer is the ticket's organization; `account_id` is the Zendesk tenant."""

from collections.abc import Mapping
from typing import Any, Final

from consumers.intake import signatures
from consumers.intake.mapping import (
    Outcome,
    Payload,
    Row,
    at,
    find,
    listed,
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
    if what == "status_changed" and was_ended and isinstance(now, str) and now.lower() not in (*_ENDED, "deleted"):
        return "reopened"
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
    return [translate(ROWS, "type", payload.get("type"), payload)]


ZENDESK: Final = Vendor(
    "zendesk", "the webhook's signing secret", signatures.zendesk, _translate, "Zendesk, event types of webhooks"
)
