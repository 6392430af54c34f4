"""The weight of support: tickets, escalations and resolution."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, MutableSequence
from operator import itemgetter
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from stream.contracts.events import iso
from stream.contracts.report import Number
from stream.kinds.ticket import PRIORITIES, URGENT, CountedTickets, Ticket, is_ended, phase
from stream.measures.context import MOMENTS_MAX, MeasureContext
from stream.measures.registry import Measure, Measures, measures
from stream.measures.trend import median
from stream.measures.wording import counted, duration, shown

HOUR_MS: Final = 3_600_000
NEVER_MS: Final = 1 << 62
COUNTED_FROM: Final = 16  # tickets of which counting again costs more than remembering
_PRESSING: Final = (PRIORITIES.index("high"), URGENT)
_NONE_BY_PRIORITY: Final[dict[str, int]] = dict.fromkeys(PRIORITIES, 0)

Windows = tuple[int, int, int]  # the last milliseconds of the days 7, 30 and 90 days before


class _Cases(Struct, gc=False):
    """What some of an account's tickets come to.

    Attributes:
        opened_90, open: how many there are of each priority.
        by_category: of those opened in 90 days how many there are, after the place of the first among all tickets.
        urgent_ms, pressing_ms, escalated_ms: since when the oldest urgent one, the oldest high or urgent one, and the
            longest escalation have been open; None without one.
        escalation_hours, resolution_hours: of each that was first escalated, or that ended, in 90 days.
    """

    opened_7: int
    opened_30: int
    opened_90: list[int]
    by_category: dict[str, tuple[int, int]]
    open: list[int]
    urgent_ms: int | None
    pressing_ms: int | None
    escalated_ms: int | None
    escalation_hours: MutableSequence[float]
    resolution_hours: MutableSequence[float]

    def copy(self) -> _Cases:
        """The same, to count more tickets in."""
        return replace(
            self,
            opened_90=self.opened_90[:],
            by_category=self.by_category.copy(),
            open=self.open[:],
            escalation_hours=self.escalation_hours[:],
            resolution_hours=self.resolution_hours[:],
        )


def _none() -> _Cases:
    by_priority = [0] * len(PRIORITIES)
    return _Cases(0, 0, by_priority, {}, by_priority.copy(), None, None, None, [], [])


def _cases(context: MeasureContext) -> _Cases:
    """Count the tickets in every window at once; of an account with many those that did not move since, only once."""
    support, day = context.state.ticket, context.day
    end_of_day_ms = context.zone.end_of_day_ms
    windows = (end_of_day_ms(day - 7), end_of_day_ms(day - 30), end_of_day_ms(day - 90))
    tickets = support.tickets
    if len(tickets) < COUNTED_FROM:
        return _count(_none(), enumerate(tickets.values()), context, windows)
    if not isinstance(tickets, CountedTickets):
        tickets = support.tickets = CountedTickets(tickets)
    found = _counted(tickets, context, windows).copy()
    return _count(found, ((place, tickets[each]) for each, place in tickets.apart.items()), context, windows)


def _counted(tickets: CountedTickets, context: MeasureContext, windows: Windows) -> _Cases:
    """What the tickets come to that are not apart: remembered within a day, as no hour and no event moves them."""
    as_of_ms = context.as_of_ms
    if not tickets.cases or len(tickets.cases) > MOMENTS_MAX:
        tickets.start(as_of_ms)
    known: tuple[int, _Cases] | None = tickets.cases.get(windows)
    if known is not None and (known[0] == as_of_ms or min(known[0], as_of_ms) >= tickets.as_of_ms):
        return known[1]
    apart = tickets.apart
    others = ((place, ticket) for place, (each, ticket) in enumerate(tickets.items()) if each not in apart)
    found = _count(_none(), others, context, windows)
    found.escalation_hours = array("d", found.escalation_hours)  # a quarter of a list's memory
    found.resolution_hours = array("d", sorted(found.resolution_hours))  # which a median then finds in order
    tickets.cases[windows] = as_of_ms, found
    return found


def _count(found: _Cases, tickets: Iterable[tuple[int, Ticket]], context: MeasureContext, windows: Windows) -> _Cases:
    """Add tickets, each with its place among all, to what was found."""
    as_of_ms, settled = context.as_of_ms, context.account.settled_tickets
    week_ms, month_ms, quarter_ms = windows
    opened_90, by_category, now_open = found.opened_90, found.by_category, found.open
    for place, ticket in tickets:
        transitions, priority = ticket.transitions, ticket.priority
        first_ms, last_ms = (transitions[0][0], transitions[-1][0]) if transitions else (ticket.first_ms, NEVER_MS)
        if first_ms > as_of_ms or (last_ms <= quarter_ms and is_ended(ticket)):
            continue
        at = settled.get(place) if last_ms <= as_of_ms else None
        if at is None:
            at = phase(ticket, as_of_ms)
            if last_ms <= as_of_ms and at.escalated_since_ms is None:
                settled[place] = at
        opened_ms, resolved_ms, escalated_ms = at.opened_ms, at.resolved_ms, at.escalated_ms
        if at.is_open:
            now_open[priority] += 1
            if priority in _PRESSING:
                since_ms = first_ms if opened_ms is None else opened_ms
                found.pressing_ms = _earlier(found.pressing_ms, since_ms)
                if priority == URGENT:
                    found.urgent_ms = _earlier(found.urgent_ms, since_ms)
        if escalated_ms is not None:
            if at.escalated_since_ms is not None:
                found.escalated_ms = _earlier(found.escalated_ms, at.escalated_since_ms)
            if escalated_ms > quarter_ms:
                found.escalation_hours.append(at.escalated_for_ms / HOUR_MS)
        if opened_ms is None:
            continue
        if resolved_ms is not None and resolved_ms > quarter_ms:
            found.resolution_hours.append(max(resolved_ms - opened_ms, 0) / HOUR_MS)
        if opened_ms > quarter_ms:
            opened_90[priority] += 1
            if opened_ms > month_ms:
                found.opened_30 += 1
                found.opened_7 += opened_ms > week_ms
            if ticket.category is not None:
                first, count = by_category.get(ticket.category, (place, 0))
                by_category[ticket.category] = (first if first < place else place), count + 1
    return found


def _earlier(known_ms: int | None, ms: int) -> int:
    return ms if known_ms is None or ms < known_ms else known_ms


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
    mau = context.mau
    if not context.state.ticket.tickets:
        return _NO_TICKETS if mau > 0 else _NO_TICKETS | {"support_incident_rate": None}
    return _load(_cases(context), context.as_of_ms, mau)


def _load(cases: _Cases, as_of_ms: int, mau: int) -> Measures:
    """What the tickets come to."""
    opened_90, urgent_ms, running_ms = sum(cases.opened_90), cases.urgent_ms, cases.escalated_ms
    escalation_hours, resolution_hours = cases.escalation_hours, cases.resolution_hours
    escalated = len(escalation_hours)
    return {
        "tickets_opened_7": cases.opened_7,
        "tickets_opened_30": cases.opened_30,
        "tickets_opened_90": opened_90,
        "tickets_opened_90_by_priority": _by_priority(cases.opened_90),
        "tickets_opened_90_by_category": _by_category(cases.by_category),
        "open_tickets": sum(cases.open),
        "open_tickets_by_priority": _by_priority(cases.open),
        "open_urgent_tickets": cases.open[URGENT],
        "open_urgent_hours": (as_of_ms - urgent_ms) / HOUR_MS if urgent_ms is not None else 0.0,
        "support_incident_rate": cases.opened_30 / mau if mau > 0 else None,
        "escalated_tickets": escalated,
        "escalation_rate": escalated / opened_90 if opened_90 > 0 else None,
        # The sum is exact, as that of `statistics`, which takes ten times as long.
        "escalation_hours": math.fsum(escalation_hours) / escalated if escalated else None,
        "escalation_running_hours": (as_of_ms - running_ms) / HOUR_MS if running_ms is not None else 0.0,
        "oldest_open_at": iso(cases.pressing_ms) if cases.pressing_ms is not None else None,
        "escalated_at": iso(running_ms) if running_ms is not None else None,
        "resolution_hours": median(resolution_hours) if resolution_hours else None,
    }


def _by_priority(counts: list[int]) -> dict[str, int]:
    """How many tickets there are of each priority, every one named."""
    return dict(zip(PRIORITIES, counts, strict=True)) if any(counts) else _NONE_BY_PRIORITY


def _by_category(found: dict[str, tuple[int, int]]) -> dict[str, int]:
    """How many tickets there are of each category, in the order in which the first of each came."""
    return {name: count for name, (_, count) in sorted(found.items(), key=itemgetter(1))} if found else {}


_NO_TICKETS: Final[Measures] = _load(_none(), 0, 1)
