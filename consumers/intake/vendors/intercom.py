"""Intercom's webhooks: conversations and tickets as tickets, companies as accounts.

A conversation names no company; its account is the custom attribute `account_id`, which a workflow can set.
"""

from collections.abc import Mapping
from typing import Any, Final

from consumers.intake.mapping import Outcome, Row, Value, always, at, or_ignored, seconds, text, translate, words
from consumers.intake.signatures import hex_hmac
from consumers.intake.vendors.vendor import Vendor

ITEM: Final = "data.item"


def _priority(value: Any) -> Any:
    """Intercom knows two: `priority` and `not_priority`."""
    if isinstance(value, bool):
        return "high" if value else "normal"
    return words({"priority": "high", "not_priority": "normal"})(value)


def _ticket(status: str) -> dict[str, Value]:
    return {
        "event_id": at("id", read=text),
        "account_id": or_ignored(
            at(
                f"{ITEM}.custom_attributes.account_id",
                f"{ITEM}.ticket_attributes.account_id",
                f"{ITEM}.company.company_id",
                f"{ITEM}.company_id",
                read=text,
            ),
            "neither the attribute account_id nor a company is named, so it is nobody's ticket",
        ),
        "ticket_id": at(f"{ITEM}.id", read=text),
        "status": always(status),
        "priority": at(f"{ITEM}.priority", read=_priority),
        "category": at(f"{ITEM}.ticket_type.name"),
        "user_id": at(f"{ITEM}.contacts.contacts.0.external_id", f"{ITEM}.contacts.contacts.0.id", read=text),
        "timestamp": at("created_at", read=seconds),
    }


ROWS: Final = (
    Row(("conversation.user.created", "ticket.created"), "ticket", _ticket("opened")),
    Row(("conversation.admin.closed", "ticket.closed"), "ticket", _ticket("solved")),
    Row(("conversation.admin.opened",), "ticket", _ticket("reopened")),
    Row(
        ("conversation.user.replied", "conversation.admin.replied", "conversation.admin.assigned", "ticket.*"),
        "ticket",
        _ticket("updated"),
    ),
    Row(
        ("company.created", "company.updated"),
        "account",
        {
            "event_id": at("id", read=text),
            "account_id": at(f"{ITEM}.company_id", read=text),
            "name": at(f"{ITEM}.name"),
            "segment": at(f"{ITEM}.plan.name"),
            "mrr": at(f"{ITEM}.monthly_spend"),
            "timestamp": at("created_at", read=seconds),
        },
    ),
    Row(
        ("ping", "contact.*", "user.*", "company.*", "conversation.*", "conversation_part.*", "event.*"),
        reason="it says nothing about an account's health",
    ),
)


def _translate(body: Any, headers: Mapping[str, str]) -> list[Outcome]:
    payload = body if isinstance(body, dict) else {}
    return [translate(ROWS, "topic", payload.get("topic"), payload)]


INTERCOM: Final = Vendor(
    "intercom",
    "the app's client secret",
    hex_hmac("x-hub-signature", "sha1", "sha1="),
    _translate,
    "Intercom, webhook topics and notification objects",
    "a conversation without the custom attribute account_id belongs to nobody",
)
