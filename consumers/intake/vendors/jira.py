"""Webhooks of Jira Service Management: requests as tickets. The customer is the request's first organization."""

from collections.abc import Mapping
from typing import Any, Final

from consumers.intake.mapping import (
    Outcome,
    Payload,
    Row,
    at,
    find,
    joined,
    known_words,
    of_tool,
    or_ignored,
    text,
    translate,
)
from consumers.intake.signatures import hex_hmac
from consumers.intake.vendors.vendor import Vendor

FIELDS: Final = "issue.fields"
ORGANIZATIONS: Final = f"{FIELDS}.customfield_10002"  # Jira's own field, with this number in every new site

_PRIORITY: Final = {
    "highest": "urgent",
    "critical": "urgent",
    "blocker": "urgent",
    "high": "high",
    "major": "high",
    "medium": "normal",
    "low": "low",
    "minor": "low",
    "lowest": "low",
    "trivial": "low",
}


_account: Final = or_ignored(
    at(f"{ORGANIZATIONS}.0.id", read=of_tool("jira")), "the request belongs to no organization"
)


def _changed_status(payload: Payload) -> Mapping[str, Any] | None:
    items = find(payload, "changelog.items")
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and item.get("field") in ("status", "resolution"):
            return item
    return None


def _status(payload: Payload) -> Any:
    """By the category of the status, which is one of three whatever the workflow calls its steps."""
    if payload.get("webhookEvent") == "jira:issue_created":
        return "opened"
    if payload.get("webhookEvent") == "jira:issue_deleted":
        return "removed"
    done = find(payload, f"{FIELDS}.status.statusCategory.key") == "done"
    item = _changed_status(payload)
    if item is None:
        return "updated"
    if done:
        return "solved"
    was_done = item.get("field") == "resolution" and bool(item.get("from")) and not item.get("to")
    return "reopened" if was_done else "updated"


ROWS: Final = (
    Row(
        ("jira:issue_created", "jira:issue_updated", "jira:issue_deleted"),
        "ticket",
        {
            "event_id": joined(at("issue.id"), at("webhookEvent"), at("changelog.id", "timestamp")),
            "account_id": _account,
            "ticket_id": at("issue.key", "issue.id", read=text),
            "status": _status,
            "priority": at(f"{FIELDS}.priority.name", read=known_words(_PRIORITY)),
            "category": at(f"{FIELDS}.issuetype.name"),
            "user_id": at(f"{FIELDS}.reporter.accountId", read=text),
            "timestamp": at("timestamp"),
        },
    ),
    Row(
        ("comment_*", "issuelink_*", "worklog_*", "project_*", "user_*", "jira:version_*", "attachment_*"),
        reason="only issues say something about an account's health",
    ),
)


def _translate(body: Any, headers: Mapping[str, str]) -> list[Outcome]:
    payload = body if isinstance(body, dict) else {}
    return [translate(ROWS, "webhookEvent", payload.get("webhookEvent"), payload)]


JIRA: Final = Vendor(
    "jira",
    "the webhook's secret",
    hex_hmac("x-hub-signature", "sha256", "sha256="),
    _translate,
    "Jira Cloud, webhooks",
    "a request without an organization belongs to nobody",
)
