"""Notices for tests: only what a test speaks of is given, the rest is plain."""

from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.notification import AlertNotification
from consumers.alerting.outbox import OutboxEntry

OPENED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def make_notification(name: str = "hl-1:opened", **fields: Any) -> AlertNotification:
    """One notice; its alert is the part of the name before the colon, its kind the part after it."""
    alert_id, _, kind = name.partition(":")
    plain: dict[str, Any] = {
        "kind": kind or "opened",
        "alert_id": alert_id,
        "fingerprint": "0123456789",
        "rule": "breadth_collapsed",
        "severity": "warning",
        "episode": 1,
        "at": OPENED,
        "opened_at": OPENED,
        "reason": "at risk at 45",
        "evidence": {"score": 45.0},
        "message": {"text": name, "blocks": []},
        "account_id": "acme",
        "account_name": "Acme Corp",
        "score": 45.0,
        "band": "at_risk",
        "segment": "mid-market",
        "owner": "Dana Fields",
    }
    if kind == "resolved":
        plain |= {"resolved_at": OPENED + timedelta(days=2), "at": OPENED + timedelta(days=2), "recovered": True}
    return AlertNotification(id=name, **(plain | fields))


def make_entry(name: str, created_ms: int, receiver: str = "slack", **fields: Any) -> OutboxEntry:
    """One notification of a plain notice."""
    notification = fields.pop("notification", None) or make_notification(name)
    after = fields.pop("after", None)
    return OutboxEntry(
        id=name, receiver=receiver, notification=notification, after=after, created_ms=created_ms, **fields
    )
