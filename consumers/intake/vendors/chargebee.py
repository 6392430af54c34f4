"""Chargebee's webhooks: subscriptions and customers. The account is the customer's id."""

from collections.abc import Mapping
from typing import Any, Final

from consumers.intake import signatures
from consumers.intake.mapping import (
    Outcome,
    Payload,
    Row,
    Value,
    always,
    at,
    find,
    first_of,
    of_tool,
    seconds,
    text,
    translate,
)
from consumers.intake.vendors import money
from consumers.intake.vendors.vendor import Vendor

SUBSCRIPTION: Final = "content.subscription"
CUSTOMER: Final = "content.customer"

_REASON: Final = f"{SUBSCRIPTION}.cancel_reason"

_account: Final = first_of(
    at(f"{CUSTOMER}.cf_account_id", f"{SUBSCRIPTION}.cf_account_id", read=text),
    at(f"{SUBSCRIPTION}.customer_id", f"{CUSTOMER}.id", read=of_tool("chargebee")),
)


def _mrr(payload: Payload) -> Any:
    amount = money.units(find(payload, f"{SUBSCRIPTION}.mrr"), find(payload, f"{SUBSCRIPTION}.currency_code"))
    return float(amount) if amount is not None else None


def _subscription(status: Value) -> dict[str, Value]:
    return {
        "event_id": at("id", read=text),
        "account_id": _account,
        "subscription_id": at(f"{SUBSCRIPTION}.id", read=text),
        "status": status,
        "product": at(f"{SUBSCRIPTION}.subscription_items.0.item_price_id", f"{SUBSCRIPTION}.plan_id", read=text),
        "mrr": _mrr,
        "currency": at(f"{SUBSCRIPTION}.currency_code", read=money.code),
        "seats": at(f"{SUBSCRIPTION}.subscription_items.0.quantity", f"{SUBSCRIPTION}.plan_quantity"),
        "renewal_at": at(f"{SUBSCRIPTION}.current_term_end", f"{SUBSCRIPTION}.next_billing_at", read=seconds),
        "timestamp": at("occurred_at", read=seconds),
    }


def _unpaid(payload: Payload) -> Any:
    """Whether it ended because nobody paid. Source: Chargebee, cancel_reason of a subscription."""
    return True if find(payload, _REASON) in ("not_paid", "no_card") else None


def _created(payload: Payload) -> Any:
    return "trial_started" if find(payload, f"{SUBSCRIPTION}.status") == "in_trial" else "started"


ROWS: Final = (
    Row(("subscription_created",), "subscription", _subscription(_created)),
    Row(
        ("subscription_started", "subscription_activated"),
        "subscription",
        _subscription(always("started")),
    ),
    Row(("subscription_reactivated",), "subscription", _subscription(always("reactivated"))),
    Row(("subscription_changed",), "subscription", _subscription(always("changed"))),
    Row(("subscription_paused",), "subscription", _subscription(always("paused"))),
    Row(("subscription_resumed",), "subscription", _subscription(always("resumed"))),
    Row(("subscription_renewed",), "subscription", _subscription(always("renewed"))),
    Row(("subscription_cancellation_scheduled",), "subscription", _subscription(always("cancellation_requested"))),
    Row(
        ("subscription_scheduled_cancellation_removed",),
        "subscription",
        _subscription(always("cancellation_withdrawn")),
    ),
    Row(
        ("subscription_cancelled",),
        "subscription",
        {**_subscription(always("cancelled")), "reason": at(_REASON), "involuntary": _unpaid},
    ),
    Row(
        ("customer_created", "customer_changed"),
        "account",
        {
            "event_id": at("id", read=text),
            "account_id": _account,
            "name": at(f"{CUSTOMER}.company"),
            "timestamp": at("occurred_at", read=seconds),
        },
    ),
    Row(("*",), reason="it changes neither who the account is nor what it pays for"),
)


def _translate(body: Any, headers: Mapping[str, str]) -> list[Outcome]:
    payload = body if isinstance(body, dict) else {}
    return [translate(ROWS, "event_type", payload.get("event_type"), payload)]


CHARGEBEE: Final = Vendor(
    "chargebee",
    "user:password of the webhook's basic authentication",
    signatures.basic,
    _translate,
    "Chargebee, event types",
    "an event of a kind that is not listed changes neither who the account is nor what it pays for",
)
