"""What Segment, Zendesk and Delighted post, as Heartline's events. Pure: a payload in, (topic, event) out, or None.

Adapt the three functions to your own account ids: that is all there is to connecting a tool that posts webhooks.
"""

from datetime import UTC, datetime
from typing import Any

Event = dict[str, Any]

ZENDESK_STATUS = {"NEW": "opened", "OPEN": "updated", "PENDING": "updated", "HOLD": "updated"}


def segment(payload: Event) -> tuple[str, Event] | None:
    """A track call is usage, a group call describes the account; the rest says nothing about an account's health."""
    if payload.get("type") == "track" and (account_id := payload.get("context", {}).get("groupId")):
        return "product-usage", {
            "event_id": payload["messageId"],  # Segment repeats it when it retries
            "account_id": account_id,
            "user_id": payload.get("userId") or payload["anonymousId"],
            "feature": payload["event"],
            "timestamp": payload["timestamp"],
        }
    if payload.get("type") == "group":
        traits = payload.get("traits", {})
        known = {"name": traits.get("name"), "segment": traits.get("plan"), "licensed_seats": traits.get("seats")}
        update = {name: value for name, value in known.items() if value is not None}  # a null would clear the field
        return "account-updates", {
            "account_id": payload["groupId"],
            "timestamp": payload["timestamp"],
            **update,
        }
    return None


def zendesk(payload: Event) -> tuple[str, Event] | None:
    """A ticket event; `account_id` in the payload is the Zendesk tenant, the customer is the organization."""
    detail = payload.get("detail", {})
    if not payload.get("type", "").startswith("zen:event-type:ticket.") or not detail.get("organization_id"):
        return None
    return "support-tickets", {
        "event_id": payload["id"],
        "account_id": detail["organization_id"],
        "ticket_id": detail["id"],
        "status": _zendesk_status(payload),
        "priority": (detail.get("priority") or "normal").lower(),
        "timestamp": payload["time"],
    }


def _zendesk_status(payload: Event) -> str:
    """What happened to the ticket; going from solved to open is a reopening, which the status alone doesn't tell."""
    kind = payload["type"].removeprefix("zen:event-type:ticket.")
    now, before = payload["detail"]["status"].upper(), (payload.get("event", {}).get("previous") or "")
    if kind == "created":
        return "opened"
    if kind == "status_changed" and str(before).upper() == "SOLVED" and now in ZENDESK_STATUS:
        return "reopened"
    if kind == "tags_changed" and "escalated" in payload.get("event", {}).get("tags_added", []):
        return "escalated"
    return {"SOLVED": "solved", "CLOSED": "closed"}.get(now, "updated")


def delighted(payload: Event) -> tuple[str, Event] | None:
    """A survey answer; the score comes first and a comment later, so the answer's own id makes both one."""
    data = payload.get("event_data", {})
    account_id = data.get("person_properties", {}).get("account_id")
    if not payload.get("event_type", "").startswith("survey_response.") or not account_id:
        return None
    return "survey-responses", {
        "event_id": str(payload["event_id"]),
        "response_id": str(data["id"]),
        "account_id": account_id,
        "user_id": str(data["person"]["id"]),
        "survey": data["survey_type"],
        "score": data["score"],
        "comment": data.get("comment"),
        "timestamp": datetime.fromtimestamp(data["updated_at"], UTC).isoformat(),  # Delighted counts in seconds
    }
