"""Ticket measures, each ticket by looking at all of its transitions at once."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import mean, median
from typing import Any
from zoneinfo import ZoneInfo

from stream.contracts.events import iso

ORDER = ("opened", "updated", "pending", "escalated", "deescalated", "reopened", "solved", "closed", "removed")
OPENS = ("opened", "pending", "escalated", "reopened")  # what only an open ticket is, or becomes
ENDS = ("solved", "closed", "removed")
PRIORITY = {"low": "low", "moderate": "normal", "normal": "normal", "high": "high", "critical": "urgent"}
PRIORITIES = ("low", "normal", "high", "urgent")
HOUR = 3_600_000

Step = tuple[int, int]


def measures(events: Iterable[dict[str, Any]], day: int, mau: int, zone: ZoneInfo) -> dict[str, Any]:
    """Every ticket measure of one account, from its ticket events, as of the end of `day`."""
    tickets: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if day_in(zone, event["ms"]) <= day:
            tickets.setdefault(event["ticket_id"], []).append(event)
    now = last_ms(zone, day)
    facts = [_facts(steps, now, zone) for steps in tickets.values()]
    opened = [ticket for ticket in facts if ticket["opened_day"] is not None]
    recent = [ticket for ticket in opened if ticket["opened_day"] > day - 90]
    escalations = [
        t["escalated_hours"] for t in facts if t["escalated_day"] is not None and t["escalated_day"] > day - 90
    ]
    resolutions = [t["hours"] for t in opened if t["hours"] is not None and t["resolved_day"] > day - 90]
    opened_30 = sum(t["opened_day"] > day - 30 for t in opened)
    pressing = [t["since"] for t in facts if t["open"] and t["priority"] in PRIORITIES[2:]]
    return {
        "tickets_opened_7": sum(t["opened_day"] > day - 7 for t in opened),
        "tickets_opened_30": opened_30,
        "tickets_opened_90": len(recent),
        "tickets_opened_90_by_priority": {p: sum(t["priority"] == p for t in recent) for p in PRIORITIES},
        "tickets_opened_90_by_category": _counted(t["category"] for t in recent if t["category"] is not None),
        "open_tickets": sum(t["open"] for t in facts),
        "open_tickets_by_priority": {p: sum(t["open"] for t in facts if t["priority"] == p) for p in PRIORITIES},
        "open_urgent_tickets": sum(t["open"] for t in facts if t["priority"] == "urgent"),
        "open_urgent_hours": max([t["age"] for t in facts if t["open"] and t["priority"] == "urgent"], default=0.0),
        "support_incident_rate": opened_30 / mau if mau else None,
        "escalated_tickets": len(escalations),
        "escalation_rate": len(escalations) / len(recent) if recent else None,
        "escalation_hours": mean(escalations) if escalations else None,
        "oldest_open_at": iso(min(pressing)) if pressing else None,  # as words, one without a fraction sorts last
        "escalation_running_hours": max([t["running_hours"] for t in facts if t["escalated"]], default=0.0),
        "resolution_hours": median(resolutions) if resolutions else None,
    }


def day_in(zone: ZoneInfo, ms: int) -> int:
    """The calendar day of a moment, as days since 1970-01-01."""
    return (datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).date() - date(1970, 1, 1)).days


def last_ms(zone: ZoneInfo, day: int) -> int:
    """The last millisecond of a calendar day whose next one has a midnight."""
    midnight = datetime(1970, 1, 1, tzinfo=zone) + timedelta(days=day + 1)
    return round(midnight.timestamp() * 1000) - 1


def _counted(words: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts


def _facts(events: Sequence[dict[str, Any]], now: int, zone: ZoneInfo) -> dict[str, Any]:
    """One ticket as of `now`."""
    steps = sorted({(event["ms"], ORDER.index(event["status"])) for event in events if event["status"] != "updated"})
    in_time = sorted(events, key=lambda e: e["ms"])
    categories = [e["category"] for e in in_time if e.get("category")]
    openings = [ms for ms, code in steps if ORDER[code] == "opened"]
    escalations = [ms for ms, code in steps if ORDER[code] == "escalated"]
    end = _end_of(steps)
    is_open = end is None
    resolved = end[0] if end is not None and ORDER[end[1]] != "removed" else None
    hours = max(resolved - openings[0], 0) / HOUR if resolved is not None and openings else None
    moments = [*[ms for ms, _ in steps], now]
    running = sum(
        until - since for number, (since, until) in enumerate(pairwise(moments)) if _escalated(steps[: number + 1])
    )
    opened = (openings or [ms for ms, _ in steps] or [in_time[0]["ms"]])[0]
    return {
        "priority": _priority(in_time[-1]),
        "category": categories[-1] if categories else None,
        "opened_day": day_in(zone, openings[0]) if openings else None,
        "open": is_open,
        "age": (now - opened) / HOUR,
        "since": opened,
        "resolved_day": day_in(zone, resolved) if resolved is not None else None,
        "hours": hours,
        "escalated_day": day_in(zone, escalations[0]) if escalations else None,
        "escalated": _escalated(steps),
        "escalated_hours": running / HOUR,
        "running_hours": _runs_for(steps, now) / HOUR,
    }


def _runs_for(steps: Sequence[Step], now: int) -> int:
    """How long the escalation that runs has run: back to the first of the steps after which one ran without a break."""
    since = now
    for number in range(len(steps), 0, -1):
        if not _escalated(steps[:number]):
            break
        since = steps[number - 1][0]
    return now - since


def _priority(event: dict[str, Any]) -> str:
    return PRIORITY.get(event.get("priority", "normal"), "urgent")


def _end_of(steps: Sequence[Step]) -> Step | None:
    """The end that holds: the first one after the ticket was last open; None while it is open."""
    opens = [step for step in steps if ORDER[step[1]] in OPENS]
    ends = [step for step in steps if ORDER[step[1]] in ENDS]
    first_opening = min([step for step in steps if ORDER[step[1]] == "opened"], default=(-1, -1))
    end_before = min(
        [step for step in ends if step > max([o for o in opens if o < first_opening], default=(-1, -1))], default=None
    )
    if end_before is not None and end_before < first_opening and first_opening[0] - end_before[0] <= HOUR:
        opens.remove(first_opening)  # two clocks that differ
    last_open = max(opens, default=(-1, -1))
    return min([step for step in ends if step > last_open], default=None)


def _escalated(steps: Sequence[Step]) -> bool:
    """Whether an escalation runs after these steps: the last one came after every end, and was not taken back."""
    last_end = max([step for step in steps if ORDER[step[1]] in ("deescalated", *ENDS)], default=(-1, -1))
    return any(ORDER[step[1]] == "escalated" and step > last_end for step in steps)
