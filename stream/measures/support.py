"""The weight of support: tickets, escalations and resolution."""

import math
from typing import Final

from msgspec import Struct

from stream.calendar.zones import Zone
from stream.history.rolling import DAY_MS
from stream.kinds.ticket import PRIORITIES, URGENT, TicketState, is_ended, phase
from stream.measures.active_users import Measures
from stream.measures.context import MeasureContext
from stream.measures.trend import median

HOUR_MS: Final = 3_600_000
LONG_AGO_MS: Final = 92 * DAY_MS  # what ended before is in no window of 90 days, whatever the clocks of the zone did
_NONE_BY_PRIORITY: Final = dict.fromkeys(PRIORITIES, 0)


class _Cases(Struct, gc=False):
    """One pass over an account's tickets; priorities are those of the tickets counted, one each."""

    opened_7: int = 0
    opened_30: int = 0
    opened_90: list[int] = []
    open: list[int] = []
    by_category: dict[str, int] = {}
    escalation_hours: list[float] = []
    running_hours: list[float] = []
    urgent_hours: list[float] = []
    resolution_hours: list[float] = []


def _cases(support: TicketState, as_of_ms: int, zone: Zone) -> _Cases:
    """Count tickets in every window at once."""
    found = _Cases()
    day_of, day = zone.day_of, zone.day_of(as_of_ms)
    long_ago_ms = as_of_ms - LONG_AGO_MS
    for ticket in support.tickets.values():
        transitions = ticket.transitions
        first_ms = transitions[0][0] if transitions else ticket.described[0]
        if first_ms > as_of_ms or (transitions and transitions[-1][0] < long_ago_ms and is_ended(ticket)):
            continue
        at = phase(ticket, as_of_ms)
        if at.is_open:
            found.open.append(ticket.priority)
            if ticket.priority == URGENT:
                found.urgent_hours.append(
                    (as_of_ms - (at.opened_ms if at.opened_ms is not None else first_ms)) / HOUR_MS
                )
        if at.is_escalated:
            found.running_hours.append(at.escalated_for_ms / HOUR_MS)
        if at.escalated_ms is not None and day - day_of(at.escalated_ms) < 90:
            found.escalation_hours.append(at.escalated_for_ms / HOUR_MS)
        if at.opened_ms is None:
            continue
        if at.resolved_ms is not None and day - day_of(at.resolved_ms) < 90:
            found.resolution_hours.append(max(at.resolved_ms - at.opened_ms, 0) / HOUR_MS)
        age_days = day - day_of(at.opened_ms)
        found.opened_7 += age_days < 7
        found.opened_30 += age_days < 30
        if age_days < 90:
            found.opened_90.append(ticket.priority)
            if ticket.category is not None:
                found.by_category[ticket.category] = found.by_category.get(ticket.category, 0) + 1
    return found


def support_load(context: MeasureContext) -> Measures:
    """The weight of support. Source: docs/metrics.md, tickets, escalations and resolution."""
    support, mau = context.state.ticket, context.mau
    if not support.tickets:
        return _NO_TICKETS if mau > 0 else _NO_TICKETS | {"support_incident_rate": None}
    return _load(_cases(support, context.as_of_ms, context.zone), mau)


def _load(cases: _Cases, mau: int) -> Measures:
    """What the tickets come to."""
    escalated, opened_90 = len(cases.escalation_hours), len(cases.opened_90)
    return {
        "tickets_opened_7": cases.opened_7,
        "tickets_opened_30": cases.opened_30,
        "tickets_opened_90": opened_90,
        "tickets_opened_90_by_priority": _by_priority(cases.opened_90),
        "tickets_opened_90_by_category": cases.by_category,
        "open_tickets": len(cases.open),
        "open_tickets_by_priority": _by_priority(cases.open),
        "open_urgent_tickets": len(cases.urgent_hours),
        "open_urgent_hours": max(cases.urgent_hours, default=0.0),
        "support_incident_rate": cases.opened_30 / mau if mau > 0 else None,
        "escalated_tickets": escalated,
        "escalation_rate": escalated / opened_90 if opened_90 > 0 else None,
        "escalation_hours": _mean(cases.escalation_hours),
        "escalation_running_hours": max(cases.running_hours, default=0.0),
        "resolution_hours": median(cases.resolution_hours) if cases.resolution_hours else None,
    }


def _by_priority(priorities: list[int]) -> dict[str, int]:
    """How many tickets there are of each priority, every one named."""
    if not priorities:
        return _NONE_BY_PRIORITY
    found = _NONE_BY_PRIORITY.copy()
    for code in priorities:
        found[PRIORITIES[code]] += 1
    return found


def _mean(hours: list[float]) -> float | None:
    """The mean; None without any. The sum is exact, as that of `statistics`, which takes ten times as long."""
    return math.fsum(hours) / len(hours) if hours else None


_NO_TICKETS: Final[Measures] = _load(_Cases(), 1)
