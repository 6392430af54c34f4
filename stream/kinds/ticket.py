"""An account's support tickets: every ticket as the sorted set of its transitions.

A set of (moment, transition) pairs is the same in whatever order and however often its members arrive, so a retried
or late ticket event changes nothing that it should not. All numbers are derived from it as of a moment.
"""

from bisect import bisect_left
from typing import Annotated, Final, Literal, get_args

from msgspec import Struct

from stream.calendar.day import DAY_MS, day_of
from stream.contracts.events import DatedEvent, Id, Text256, Words
from stream.kinds.kind import EventKind

# Two transitions at one moment are taken in this order.
Status = Literal["opened", "updated", "escalated", "deescalated", "reopened", "solved", "closed"]
Priority = Literal["low", "normal", "high", "urgent"]

# What common help desks call the same things.
STATUS_WORDS: Final[dict[str, Status]] = {
    "opened": "opened",
    "open": "opened",
    "created": "opened",
    "new": "opened",
    "updated": "updated",
    "pending": "updated",
    "escalated": "escalated",
    "deescalated": "deescalated",
    "de-escalated": "deescalated",
    "solved": "solved",
    "resolved": "solved",
    "closed": "closed",
    "reopened": "reopened",
}
PRIORITY_WORDS: Final[dict[str, Priority]] = {
    "low": "low",
    "minor": "low",
    "normal": "normal",
    "medium": "normal",
    "moderate": "normal",
    "high": "high",
    "major": "high",
    "urgent": "urgent",
    "critical": "urgent",
    "blocker": "urgent",
}

TRANSITIONS: Final[tuple[Status, ...]] = get_args(Status)
CODE: Final = {name: code for code, name in enumerate(TRANSITIONS)}
OPENED, UPDATED, ESCALATED, DEESCALATED, REOPENED, SOLVED, CLOSED = range(len(TRANSITIONS))
PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)
PRIORITY_CODE: Final = {name: code for code, name in enumerate(PRIORITIES)}
URGENT: Final = PRIORITY_CODE["urgent"]

KEPT_DAYS: Final = 120  # the longest window is 90 days, looked at from up to 28 days later
TICKETS_MAX: Final = 10_000
TRANSITIONS_MAX: Final = 32


class TicketEvent(DatedEvent):
    """A support ticket of the account changed; applied once per ticket and transition."""

    ticket_id: Id
    status: Annotated[Status, Words(STATUS_WORDS)]
    priority: Annotated[Priority, Words(PRIORITY_WORDS)] = "normal"
    category: Text256 | None = None
    user_id: Id | None = None


class Ticket(Struct, array_like=True, gc=False):
    """One ticket.

    Attributes:
        priority: index into PRIORITIES, as the newest event says.
        category: as the newest event says; None where it says none.
        described: (ms, transition code) of the event that gave both.
        transitions: sorted (ms, code), without `updated`, each once.
    """

    priority: int
    category: str | None
    described: tuple[int, int]
    transitions: list[tuple[int, int]]


class Phase(Struct, gc=False):
    """A ticket as of one moment; moments in epoch ms, durations in ms, None: has not happened or is not known."""

    opened_ms: int | None = None
    is_open: bool = True
    resolved_ms: int | None = None
    escalated_ms: int | None = None  # the start of the first escalation
    escalated_for_ms: int = 0  # all escalations together, a running one up to the moment
    is_escalated: bool = False


class TicketState(Struct, array_like=True, gc=False):
    """All tickets of an account.

    Attributes:
        tickets: by ticket_id.
        newest_ms: the newest ticket event seen, which bounds what is kept.
        late: events that came after their ticket's time had passed out of every window.
        overflow: events of new tickets that were not kept because there were TICKETS_MAX already.
    """

    tickets: dict[str, Ticket] = {}
    newest_ms: int = 0
    pruned_day: int = 0
    late: int = 0
    overflow: int = 0


def fold(support: TicketState, event: TicketEvent) -> bool:
    """Count one ticket event in, in any order; returns whether it changed anything."""
    ms, code, priority, category = event.timestamp, CODE[event.status], PRIORITY_CODE[event.priority], event.category
    ticket = support.tickets.get(event.ticket_id)
    if ticket is None:
        if ms < support.newest_ms - KEPT_DAYS * DAY_MS:
            support.late += 1
            return False
        if len(support.tickets) >= TICKETS_MAX:
            support.overflow += 1
            return False
        ticket = support.tickets[event.ticket_id] = Ticket(priority, category, (ms, code), [])
        changed = True
    else:
        changed = _describe(ticket, (ms, code), priority, category)
    if code != UPDATED:
        changed = _insert(ticket.transitions, (ms, code)) or changed
    if ms > support.newest_ms:
        support.newest_ms = ms
        if day_of(ms) > support.pruned_day:
            prune(support)
    return changed


def _describe(ticket: Ticket, at: tuple[int, int], priority: int, category: str | None) -> bool:
    """Take priority and category from the newest event; between equals the more urgent one wins."""
    now, then = (*at, priority, category or ""), (*ticket.described, ticket.priority, ticket.category or "")
    if now <= then:
        return False
    changed = (priority, category) != (ticket.priority, ticket.category)
    ticket.priority, ticket.category, ticket.described = priority, category, at
    return changed


def _insert(transitions: list[tuple[int, int]], transition: tuple[int, int]) -> bool:
    """Put a transition in its place unless it is there; beyond the bound the second oldest gives way."""
    at = bisect_left(transitions, transition)
    if at < len(transitions) and transitions[at] == transition:
        return False
    transitions.insert(at, transition)
    if len(transitions) > TRANSITIONS_MAX:
        del transitions[1]
    return True


def prune(support: TicketState) -> None:
    """Forget tickets that ended, and were last heard of, before every window."""
    support.pruned_day = day_of(support.newest_ms)
    horizon = support.newest_ms - KEPT_DAYS * DAY_MS
    gone = [
        ticket_id
        for ticket_id, ticket in support.tickets.items()
        if ticket.transitions and ticket.transitions[-1][0] < horizon and not phase(ticket, support.newest_ms).is_open
    ]
    for ticket_id in gone:
        del support.tickets[ticket_id]


def phase(ticket: Ticket, as_of_ms: int) -> Phase:
    """Where a ticket stood at a moment.

    It ends when solved or closed, at the first of them after the last reopening, and only `reopened` opens it again.
    An escalation runs from `escalated` to the next deescalated, solved or closed. Source: docs/metrics.md.
    """
    opened_ms: int | None = None
    resolved_ms: int | None = None
    escalated_ms: int | None = None
    since: int | None = None
    is_open, escalated_for_ms = True, 0
    for ms, code in ticket.transitions:
        if ms > as_of_ms:
            break
        if code == OPENED:
            opened_ms = ms if opened_ms is None else opened_ms
        elif code == ESCALATED:
            escalated_ms = ms if escalated_ms is None else escalated_ms
            since = ms if since is None and is_open else since
        elif code == REOPENED:
            is_open, resolved_ms = True, None
        else:
            if since is not None:
                escalated_for_ms += ms - since
                since = None
            if code != DEESCALATED and is_open:
                is_open, resolved_ms = False, ms
    if since is not None:
        escalated_for_ms += as_of_ms - since
    return Phase(opened_ms, is_open, resolved_ms, escalated_ms, escalated_for_ms, since is not None)


def is_ended(ticket: Ticket) -> bool:
    """Whether the newest transition of a ticket, which has one, ended it."""
    return ticket.transitions[-1][1] in (SOLVED, CLOSED)


KIND = EventKind(
    name="ticket",
    topic="support-tickets",
    contract=TicketEvent,
    state=TicketState,
    fold=fold,
    source="tickets",
)
