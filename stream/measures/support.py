"""The weight of support: tickets, escalations and resolution."""

import math
from typing import Final

from msgspec import Struct

from stream.calendar.day import DAY_MS
from stream.contracts.events import iso
from stream.contracts.report import Number
from stream.kinds.ticket import PRIORITIES, URGENT, is_ended, phase
from stream.measures.context import MeasureContext
from stream.measures.registry import Measure, Measures, measures
from stream.measures.trend import median
from stream.measures.wording import counted, duration, shown

HOUR_MS: Final = 3_600_000
NEVER_MS: Final = 1 << 62
LONG_AGO_MS: Final = 92 * DAY_MS  # what ended before is in no window of 90 days, whatever the clocks of the zone did
_PRESSING: Final = (PRIORITIES.index("high"), URGENT)
_NONE_BY_PRIORITY: Final[dict[str, int]] = dict.fromkeys(PRIORITIES, 0)


class _Cases(Struct, gc=False):
    """One pass over an account's tickets; priorities are those of the tickets counted, one each."""

    opened_7: int = 0
    opened_30: int = 0
    opened_90: list[int] = []
    open: list[int] = []
    by_category: dict[str, int] = {}
    escalation_hours: list[float] = []
    running_hours: list[float] = []
    escalated_ms: int | None = None
    urgent_hours: list[float] = []
    pressing_ms: int | None = None
    resolution_hours: list[float] = []


def _cases(context: MeasureContext) -> _Cases:
    """Count tickets in every window at once."""
    found = _Cases()
    as_of_ms, settled = context.as_of_ms, context.account.settled_tickets
    long_ago_ms = as_of_ms - LONG_AGO_MS
    week_ms, month_ms, quarter_ms = [context.zone.end_of_day_ms(context.day - days) for days in (7, 30, 90)]
    for ticket_id, ticket in context.state.ticket.tickets.items():
        transitions = ticket.transitions
        first_ms, last_ms = (transitions[0][0], transitions[-1][0]) if transitions else (ticket.first_ms, NEVER_MS)
        if first_ms > as_of_ms or (last_ms < long_ago_ms and is_ended(ticket)):
            continue
        at = settled.get(ticket_id) if last_ms <= as_of_ms else None
        if at is None:
            at = phase(ticket, as_of_ms)
            if last_ms <= as_of_ms and at.escalated_since_ms is None:
                settled[ticket_id] = at
        if at.is_open:
            found.open.append(ticket.priority)
            since_ms = at.opened_ms if at.opened_ms is not None else first_ms
            if ticket.priority == URGENT:
                found.urgent_hours.append((as_of_ms - since_ms) / HOUR_MS)
            if ticket.priority in _PRESSING:
                found.pressing_ms = min(since_ms, found.pressing_ms or since_ms)
        if at.escalated_since_ms is not None:
            found.running_hours.append((as_of_ms - at.escalated_since_ms) / HOUR_MS)
            found.escalated_ms = min(at.escalated_since_ms, found.escalated_ms or at.escalated_since_ms)
        if at.escalated_ms is not None and at.escalated_ms > quarter_ms:
            found.escalation_hours.append(at.escalated_for_ms / HOUR_MS)
        opened_ms = at.opened_ms
        if opened_ms is None:
            continue
        if at.resolved_ms is not None and at.resolved_ms > quarter_ms:
            found.resolution_hours.append(max(at.resolved_ms - opened_ms, 0) / HOUR_MS)
        if opened_ms > quarter_ms:
            found.opened_7 += opened_ms > week_ms
            found.opened_30 += opened_ms > month_ms
            found.opened_90.append(ticket.priority)
            if ticket.category is not None:
                found.by_category[ticket.category] = found.by_category.get(ticket.category, 0) + 1
    return found


def _urgent(before: Number | None, now: Number, measures: Measures) -> str | None:
    """How many urgent tickets are open, and for how long."""
    if now == 0:
        return "no urgent ticket open any more" if before else "no urgent ticket open"
    hours = measures.get("open_urgent_hours")
    since = f" for {duration(hours)}" if hours is not None else ""
    return f"{counted(now, 'urgent ticket')} open{since}"


def _escalated(before: Number | None, now: Number, measures: Measures) -> str | None:
    """For how long a ticket has been escalated."""
    if now == 0:
        return "no escalation running any more" if before else "no escalation running"
    return f"a ticket escalated for {duration(now)}"


def _tickets(before: Number | None, now: Number, measures: Measures) -> str | None:
    """How much support they need, by people and tickets."""
    opened = measures.get("tickets_opened_30")
    if opened is None:
        return None
    return f"{counted(opened, 'ticket')} in a month, {shown(now, 'score')} a user (was {shown(before, 'score')})"


@measures(
    Measure(
        "tickets_opened_7",
        "tickets opened in 7 days",
        "count",
        "tickets",
        "tickets opened in the trailing 7 days",
        reference="Math",
    ),
    Measure(
        "tickets_opened_30",
        "tickets opened in 30 days",
        "count",
        "tickets",
        "tickets opened in the trailing 30 days",
        reference="Math",
    ),
    Measure(
        "tickets_opened_90",
        "tickets opened in 90 days",
        "count",
        "tickets",
        "tickets opened in the trailing 90 days",
        reference="Math",
    ),
    Measure(
        "tickets_opened_90_by_priority",
        "tickets opened 90 by priority",
        "mapping",
        "tickets",
        "tickets opened in the trailing 90 days, by priority",
        reference="Math",
        published="scan",
    ),
    Measure(
        "tickets_opened_90_by_category",
        "tickets opened 90 by category",
        "mapping",
        "tickets",
        "tickets opened in the trailing 90 days, by category where there is one",
        reference="Math",
    ),
    Measure("open_tickets", "open tickets", "count", "tickets", "tickets that are open at as_of, however old"),
    Measure(
        "open_tickets_by_priority",
        "open tickets by priority",
        "mapping",
        "tickets",
        "the same by priority",
        published="scan",
    ),
    Measure(
        "open_urgent_tickets",
        "urgent tickets open",
        "count",
        "tickets",
        "urgent tickets that are open at as_of, however old",
        phrase=_urgent,
        stands_alone=True,
    ),
    Measure(
        "open_urgent_hours",
        "oldest urgent ticket open for",
        "hours",
        "hours",
        "how long the oldest of the open urgent tickets has been open; 0 where none is",
        published="clock",
    ),
    Measure(
        "support_incident_rate",
        "tickets per user in a month",
        "score",
        "tickets a user",
        "tickets opened in 30 days / mau",
        none_when="mau is 0",
        reference="Math",
        phrase=_tickets,
    ),
    Measure(
        "escalated_tickets",
        "tickets escalated in 90 days",
        "count",
        "tickets",
        "tickets whose first escalation lies in the trailing 90 days",
        reference="That matter",
    ),
    Measure(
        "escalation_rate",
        "tickets escalated",
        "percent",
        "ratio, may exceed 1",
        "escalated_tickets / tickets_opened_90",
        none_when="none was opened",
        reference="That matter",
    ),
    Measure(
        "escalation_hours",
        "time in escalation",
        "hours",
        "hours",
        "mean over the escalated tickets of the time they were escalated, all their escalations "
        "together, running ones until as_of",
        none_when="none was escalated",
        reference="That matter",
        published="clock",
    ),
    Measure(
        "escalation_running_hours",
        "longest running escalation",
        "hours",
        "hours",
        "the longest of the escalations that run now, without earlier ones of its ticket; 0 when none does",
        phrase=_escalated,
        stands_alone=True,
        published="clock",
    ),
    Measure(
        "resolution_hours",
        "time to solve a ticket",
        "hours",
        "hours",
        "median time from opened to ended, of tickets that ended in the trailing 90 days; 0 where "
        "skewed clocks put the end first",
        none_when="none ended",
        reference="That matter",
    ),
    Measure(
        "oldest_open_at",
        "oldest high or urgent ticket open since",
        "word",
        "ISO time, UTC",
        "when the oldest of the high and urgent tickets that are open was opened",
        none_when="none is open",
        published="scan",
    ),
    Measure(
        "escalated_at",
        "escalated since",
        "word",
        "ISO time, UTC",
        "when the longest of the escalations that run now began",
        none_when="none runs",
        published="scan",
    ),
    source="tickets",
    available=lambda known: known.use or known.tickets,
    moved_by=("tickets",),
)
def support_load(context: MeasureContext) -> Measures:
    """The weight of support. Source: docs/metrics.md, tickets, escalations and resolution."""
    support, mau = context.state.ticket, context.mau
    if not support.tickets:
        return _NO_TICKETS if mau > 0 else _NO_TICKETS | {"support_incident_rate": None}
    return _load(_cases(context), mau)


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
        "oldest_open_at": iso(cases.pressing_ms) if cases.pressing_ms is not None else None,
        "escalated_at": iso(cases.escalated_ms) if cases.escalated_ms is not None else None,
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
