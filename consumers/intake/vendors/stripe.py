"""Stripe's webhooks: subscriptions and customers. The account is `metadata.account_id`, else the customer's id."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from consumers.intake import signatures
from consumers.intake.mapping import (
    Ignored,
    Outcome,
    Payload,
    Row,
    Value,
    always,
    at,
    find,
    first_of,
    listed,
    named,
    of_tool,
    seconds,
    text,
    translate,
)
from consumers.intake.vendors import money
from consumers.intake.vendors.vendor import Vendor

OBJECT: Final = "data.object"
BEFORE: Final = "data.previous_attributes"
_REASON: Final = f"{OBJECT}.cancellation_details.reason"


def _items(subscription: Any) -> list[Mapping[str, Any]]:
    return [item for item in listed(subscription, "items.data") if isinstance(item, dict)]


def mrr(subscription: Any) -> float | None:
    """What the items of a subscription come to in a month; None where one of them says no price."""
    total = Decimal(0)
    for item in _items(subscription):
        price = named(item, "price") or named(item, "plan")
        amount = money.units(
            find(price, "unit_amount") if "unit_amount" in price else find(price, "amount"),
            (price.get("currency") or find(subscription, "currency")),
        )
        interval = find(price, "recurring.interval") or price.get("interval")
        count = find(price, "recurring.interval_count") or price.get("interval_count")
        monthly = money.a_month(amount, interval, count) if amount is not None else None
        if monthly is None:
            return None
        quantity = item.get("quantity")
        total += monthly * (min(quantity, money.AMOUNT_MAX) if isinstance(quantity, int) else 1)
    return float(total) if _items(subscription) else None


def _mrr(payload: Payload) -> Any:
    return mrr(find(payload, OBJECT))


def _seats(payload: Payload) -> Any:
    """The quantity, where there is one item alone; of several it is not known which one counts people."""
    items = _items(find(payload, OBJECT))
    return items[0].get("quantity") if len(items) == 1 else None


def _changed(payload: Payload) -> Any:
    """What an update means: Stripe sends what the changed attributes were before."""
    now, before = named(payload, OBJECT), named(payload, BEFORE)
    if "cancel_at_period_end" in before or "cancel_at" in before:
        ends = bool(now.get("cancel_at_period_end")) or now.get("cancel_at") is not None
        return "cancellation_requested" if ends else "cancellation_withdrawn"
    if before.get("status") == "trialing" and now.get("status") == "active":
        return "started"
    if "items" in before or "quantity" in before or "plan" in before:
        was, is_now = mrr({**now, "items": before.get("items", {})}), mrr(now)
        if was is not None and is_now is not None and was != is_now:
            return "upgraded" if is_now > was else "downgraded"
    if "current_period_end" in before or "current_period_start" in before:
        return "renewed"
    return Ignored("nothing of the subscription changed that says something about the account")


def _subscription(status: Value) -> dict[str, Value]:
    return {
        "event_id": at("id", read=text),
        "account_id": first_of(
            at(f"{OBJECT}.metadata.account_id", read=text),
            at(f"{OBJECT}.customer.id", f"{OBJECT}.customer", read=of_tool("stripe")),
        ),
        "subscription_id": at(f"{OBJECT}.id", read=text),
        "status": status,
        "product": at(f"{OBJECT}.items.data.0.price.product", f"{OBJECT}.plan.product", read=text),
        "mrr": _mrr,
        "currency": at(
            f"{OBJECT}.currency",
            f"{OBJECT}.items.data.0.price.currency",
            f"{OBJECT}.plan.currency",
            read=money.code,
        ),
        "seats": _seats,
        "renewal_at": at(f"{OBJECT}.current_period_end", f"{OBJECT}.items.data.0.current_period_end", read=seconds),
        "timestamp": at("created", read=seconds),
    }


def _unpaid(payload: Payload) -> Any:
    """Whether it ended because a payment failed. Source: Stripe, cancellation_details of a subscription."""
    return True if find(payload, _REASON) == "payment_failed" else None


def _started(payload: Payload) -> Any:
    return "trial_started" if find(payload, f"{OBJECT}.status") == "trialing" else "started"


ROWS: Final = (
    Row(("customer.subscription.created",), "subscription", _subscription(_started)),
    Row(("customer.subscription.updated",), "subscription", _subscription(_changed)),
    Row(
        ("customer.subscription.deleted",),
        "subscription",
        {**_subscription(always("cancelled")), "reason": at(_REASON), "involuntary": _unpaid},
    ),
    Row(("customer.subscription.paused",), "subscription", _subscription(always("paused"))),
    Row(("customer.subscription.resumed",), "subscription", _subscription(always("resumed"))),
    Row(
        ("customer.created", "customer.updated"),
        "account",
        {
            "event_id": at("id", read=text),
            "account_id": first_of(
                at(f"{OBJECT}.metadata.account_id", read=text), at(f"{OBJECT}.id", read=of_tool("stripe"))
            ),
            "name": at(f"{OBJECT}.name"),
            "segment": at(f"{OBJECT}.metadata.segment"),
            "timestamp": at("created", read=seconds),
        },
    ),
    Row(("*",), reason="it changes neither who the account is nor what it pays for"),
)


def _translate(body: Any, headers: Mapping[str, str]) -> list[Outcome]:
    payload = body if isinstance(body, dict) else {}
    return [translate(ROWS, "type", payload.get("type"), payload)]


STRIPE: Final = Vendor(
    "stripe",
    "the endpoint's signing secret",
    signatures.stripe,
    _translate,
    "Stripe, types of events",
    "a subscription without metadata.account_id belongs to Stripe's customer id",
)
