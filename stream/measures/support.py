"""The weight of support: tickets, escalations and resolution."""

from statistics import mean, median
from typing import Final

from msgspec import Struct, field

from stream import tickets
from stream.measures.asked import Asked
from stream.measures.tally import Measures
from stream.tickets import PRIORITIES, URGENT, Support
from stream.zones import Zone

HOUR_MS: Final = 3_600_000


class _Cases(Struct, gc=False):
    """One pass over an account's tickets."""

    opened_7: int = 0
    opened_30: int = 0
    opened_90: int = 0
    by_priority: list[int] = field(default_factory=lambda: [0] * len(PRIORITIES))
    by_category: dict[str, int] = {}
    open_by_priority: list[int] = field(default_factory=lambda: [0] * len(PRIORITIES))
    escalation_hours: list[float] = []
    running_hours: list[float] = []
    urgent_hours: list[float] = []
    resolution_hours: list[float] = []


def _cases(support: Support, as_of_ms: int, zone: Zone) -> _Cases:
    """Count tickets in every window at once."""
    found = _Cases()
    day = zone.day_of(as_of_ms)
    for ticket in support.tickets.values():
        first_ms = ticket.transitions[0][0] if ticket.transitions else ticket.described[0]
        if first_ms > as_of_ms:
            continue
        at = tickets.phase(ticket, as_of_ms)
        if at.is_open:
            found.open_by_priority[ticket.priority] += 1
            if ticket.priority == URGENT:
                found.urgent_hours.append(
                    (as_of_ms - (at.opened_ms if at.opened_ms is not None else first_ms)) / HOUR_MS
                )
        if at.is_escalated:
            found.running_hours.append(at.escalated_for_ms / HOUR_MS)
        if at.escalated_ms is not None and day - zone.day_of(at.escalated_ms) < 90:
            found.escalation_hours.append(at.escalated_for_ms / HOUR_MS)
        if at.opened_ms is None:
            continue
        if at.resolved_ms is not None and day - zone.day_of(at.resolved_ms) < 90:
            found.resolution_hours.append(max(at.resolved_ms - at.opened_ms, 0) / HOUR_MS)
        age_days = day - zone.day_of(at.opened_ms)
        found.opened_7 += age_days < 7
        found.opened_30 += age_days < 30
        if age_days < 90:
            found.opened_90 += 1
            found.by_priority[ticket.priority] += 1
            if ticket.category is not None:
                found.by_category[ticket.category] = found.by_category.get(ticket.category, 0) + 1
    return found


def support_load(asked: Asked) -> Measures:
    """The weight of support. Source: docs/metrics.md, tickets, escalations and resolution."""
    support, mau = asked.state.support, asked.mau
    if not support.tickets:
        return _NO_TICKETS if mau > 0 else _NO_TICKETS | {"support_incident_rate": None}
    return _load(_cases(support, asked.as_of_ms, asked.zone), mau)


def _load(cases: _Cases, mau: int) -> Measures:
    """What the tickets come to."""
    escalated = len(cases.escalation_hours)
    return {
        "tickets_opened_7": cases.opened_7,
        "tickets_opened_30": cases.opened_30,
        "tickets_opened_90": cases.opened_90,
        "tickets_opened_90_by_priority": dict(zip(PRIORITIES, cases.by_priority, strict=True)),
        "tickets_opened_90_by_category": cases.by_category,
        "open_tickets": sum(cases.open_by_priority),
        "open_tickets_by_priority": dict(zip(PRIORITIES, cases.open_by_priority, strict=True)),
        "open_urgent_tickets": cases.open_by_priority[URGENT],
        "open_urgent_hours": max(cases.urgent_hours, default=0.0),
        "support_incident_rate": cases.opened_30 / mau if mau > 0 else None,
        "escalated_tickets": escalated,
        "escalation_rate": escalated / cases.opened_90 if cases.opened_90 > 0 else None,
        "escalation_hours": mean(cases.escalation_hours) if escalated > 0 else None,
        "escalation_running_hours": max(cases.running_hours, default=0.0),
        "resolution_hours": median(cases.resolution_hours) if cases.resolution_hours else None,
    }


_NO_TICKETS: Final[Measures] = _load(_Cases(), 1)
