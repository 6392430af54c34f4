"""An account's support tickets: every ticket as the sorted set of its transitions.

A set of (moment, transition) pairs is the same in whatever order and however often its members arrive, so a retried
or late ticket event changes nothing that it should not. All numbers are derived from it as of a moment.
"""

from bisect import bisect_left
from collections.abc import Hashable
from typing import Annotated, Any, Final, Literal, get_args

from msgspec import Struct
from pydantic import Field

from stream.calendar.day import DAY_MS, day_of
from stream.contracts.events import DatedEvent, Id, Text256, Words
from stream.kinds.kind import EventKind

# Two transitions at one moment are taken in this order. A `pending` ticket waits for somebody. A `removed` one is not
# the account's any more, or never should have been: deleted, spam, merged into another, moved to another account.
Status = Literal["opened", "updated", "pending", "escalated", "deescalated", "reopened", "solved", "closed", "removed"]
Priority = Literal["low", "normal", "high", "urgent"]

# What common help desks call the same things.
STATUS_WORDS: Final[dict[str, Status]] = {
    "opened": "opened",
    "open": "opened",
    "created": "opened",
    "new": "opened",
    "updated": "updated",
    "pending": "pending",
    "hold": "pending",
    "on-hold": "pending",
    "on_hold": "pending",
    "waiting": "pending",
    "escalated": "escalated",
    "deescalated": "deescalated",
    "de-escalated": "deescalated",
    "solved": "solved",
    "resolved": "solved",
    "closed": "closed",
    "reopened": "reopened",
    "removed": "removed",
    "deleted": "removed",
    "spam": "removed",
    "merged": "removed",
    "moved": "removed",
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
OPENED, UPDATED, PENDING, ESCALATED, DEESCALATED, REOPENED, SOLVED, CLOSED, REMOVED = range(len(TRANSITIONS))
_ENDS: Final = frozenset({SOLVED, CLOSED, REMOVED})
_IS_OPEN: Final = frozenset({OPENED, PENDING, ESCALATED, REOPENED})  # what only an open ticket can be, or become
PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)
PRIORITY_CODE: Final = {name: code for code, name in enumerate(PRIORITIES)}
NORMAL: Final = PRIORITY_CODE["normal"]
URGENT: Final = PRIORITY_CODE["urgent"]

KEPT_DAYS: Final = 120  # the longest window is 90 days, looked at from up to 28 days later
SKEW_MS: Final = 3_600_000  # the clocks of two systems, and what a help desk takes to tell
TICKETS_MAX: Final = 10_000
TRANSITIONS_MAX: Final = 32


class TicketEvent(DatedEvent):
    """A support ticket of the account changed, or a feed says how it stands; applied once per ticket and transition."""

    ticket_id: Id
    status: Annotated[Status, Words(STATUS_WORDS)]
    priority: Annotated[Priority, Words(PRIORITY_WORDS)] | None = Field(
        None, description="left out: as before; normal while none was given"
    )
    category: Text256 = Field(None, description="left out: as before")
    user_id: Id | None = None


class Ticket(Struct, array_like=True, gc=False):
    """One ticket.

    Attributes:
        priority: index into PRIORITIES, as the newest event with one says; of two at one moment the later to arrive.
        category: the same; None while no event gave one.
        priority_ms, category_ms: when they were given; 0: never.
        transitions: sorted (ms, code), without `updated`, each once.
        first_ms: when the earliest event known of it happened.
    """

    priority: int
    category: str | None
    priority_ms: int
    category_ms: int
    transitions: list[tuple[int, int]]
    first_ms: int


class Phase(Struct, gc=False):
    """A ticket as of one moment; moments in epoch ms, durations in ms, None: has not happened or is not known."""

    opened_ms: int | None = None
    is_open: bool = True
    resolved_ms: int | None = None
    escalated_ms: int | None = None  # the start of the first escalation
    escalated_for_ms: int = 0  # all escalations together, a running one up to the moment
    is_escalated: bool = False
    escalated_since_ms: int | None = None  # the start of the escalation that runs


class CountedTickets(dict[str, Ticket]):
    """An account's tickets, and what was counted of them: to who encodes, compares or reads it the plain mapping.

    The cache lives as long as the mapping, and is never encoded. It holds until an event moves a ticket that was
    counted. Those that are new, likely to be moved, or moved by the hour are apart, to be counted each time.

    Attributes:
        as_of_ms: no ticket but those apart has a transition after it.
        apart: by id, with their place among all tickets.
        cases: what was counted of all others, by the windows it was counted in; empty: nothing holds.
    """

    __slots__ = ("_apart_max", "apart", "as_of_ms", "cases")

    def __init__(self, tickets: dict[str, Ticket]) -> None:
        super().__init__(tickets)
        self.as_of_ms = self._apart_max = 0
        self.apart: dict[str, int] = {}
        self.cases: dict[Hashable, Any] = {}

    def start(self, as_of_ms: int) -> None:
        """Forget what was counted, and choose anew what is apart."""
        self.as_of_ms, self.cases, self.apart = as_of_ms, {}, {}
        for place, (ticket_id, ticket) in enumerate(self.items()):
            last_ms = ticket.transitions[-1][0] if ticket.transitions else ticket.first_ms
            lives = last_ms > as_of_ms - DAY_MS and not is_ended(ticket)
            if lives or last_ms > as_of_ms or counts_by_hours(ticket):
                self.apart[ticket_id] = place
        self._apart_max = len(self.apart) + len(self) // 8

    def moved(self, ticket_id: str) -> None:
        """Note that an event moved a ticket."""
        if ticket_id not in self.apart:
            self.cases = {}

    def __setitem__(self, ticket_id: str, ticket: Ticket) -> None:
        if ticket_id in self or len(self.apart) >= self._apart_max:
            self.cases = {}
        self.apart[ticket_id] = len(self)
        super().__setitem__(ticket_id, ticket)

    def __delitem__(self, ticket_id: str) -> None:
        self.cases = {}
        super().__delitem__(ticket_id)


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
    ms, code = event.timestamp, CODE[event.status]
    ticket = support.tickets.get(event.ticket_id)
    changed = False
    if ticket is None:
        if ms < support.newest_ms - KEPT_DAYS * DAY_MS:
            support.late += 1
            return False
        if len(support.tickets) >= TICKETS_MAX:
            support.overflow += 1
            return False
        ticket = support.tickets[event.ticket_id] = Ticket(NORMAL, None, 0, 0, [], ms)
        changed = True
    if event.priority is not None and ms >= ticket.priority_ms:
        priority = PRIORITY_CODE[event.priority]
        changed = changed or priority != ticket.priority
        ticket.priority, ticket.priority_ms = priority, ms
    if event.category is not None and ms >= ticket.category_ms:
        changed = changed or event.category != ticket.category
        ticket.category, ticket.category_ms = event.category, ms
    if ms < ticket.first_ms:
        ticket.first_ms = ms
        changed = True
    if code != UPDATED:
        changed = _insert(ticket.transitions, (ms, code)) or changed
    if changed and isinstance(support.tickets, CountedTickets):
        support.tickets.moved(event.ticket_id)
    if ms > support.newest_ms:
        support.newest_ms = ms
        if day_of(ms) > support.pruned_day:
            prune(support)
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


def merge(kept: TicketState, other: TicketState) -> None:
    """Take another account's tickets in, as if one account had had all of them."""
    kept.tickets = dict(kept.tickets)  # nothing that was counted of them holds
    for ticket_id, theirs in other.tickets.items():
        mine = kept.tickets.get(ticket_id)
        if mine is None:
            if len(kept.tickets) < TICKETS_MAX:
                kept.tickets[ticket_id] = theirs
            else:
                kept.overflow += 1
            continue
        if theirs.priority_ms > mine.priority_ms:
            mine.priority, mine.priority_ms = theirs.priority, theirs.priority_ms
        if theirs.category_ms > mine.category_ms:
            mine.category, mine.category_ms = theirs.category, theirs.category_ms
        mine.first_ms = min(mine.first_ms, theirs.first_ms)
        for transition in theirs.transitions:
            _insert(mine.transitions, transition)
    kept.late += other.late
    kept.overflow += other.overflow
    kept.newest_ms = max(kept.newest_ms, other.newest_ms)
    prune(kept)


def phase(ticket: Ticket, as_of_ms: int) -> Phase:
    """Where a ticket stood at a moment.

    It ends at the first end after it was last open: solved or closed, or removed, which is no solution. Whatever only
    an open ticket can be opens it again: feeds that tell how a ticket stands, and not what happened, say `open` once
    more. But an opening that is the first one known, and follows an end by no more than clocks may differ, is the one
    that came before it. An escalation runs from `escalated` to the next deescalated or end. Source: docs/metrics.md.
    """
    opened_ms: int | None = None
    resolved_ms: int | None = None
    escalated_ms: int | None = None
    since: int | None = None
    is_open, ended_ms, escalated_for_ms = True, 0, 0
    for ms, code in ticket.transitions:
        if ms > as_of_ms:
            break
        if code == OPENED and opened_ms is None:
            opened_ms = ms
            if not is_open and ms - ended_ms <= SKEW_MS:
                continue
        if code in _IS_OPEN:
            is_open, resolved_ms = True, None
            if code == ESCALATED:
                escalated_ms = ms if escalated_ms is None else escalated_ms
                since = ms if since is None else since
            continue
        if since is not None:
            escalated_for_ms += ms - since
            since = None
        if code in _ENDS and is_open:
            is_open, ended_ms, resolved_ms = False, ms, ms if code != REMOVED else None
    if since is not None:
        escalated_for_ms += as_of_ms - since
    return Phase(opened_ms, is_open, resolved_ms, escalated_ms, escalated_for_ms, since is not None, since)


def is_ended(ticket: Ticket) -> bool:
    """Whether the newest transition of a ticket ended it."""
    return bool(ticket.transitions) and ticket.transitions[-1][1] in _ENDS


def counts_by_hours(ticket: Ticket) -> bool:
    """Whether something of a ticket moves by the hour: it did not end, and is urgent or was escalated."""
    if is_ended(ticket):
        return False
    return ticket.priority == URGENT or any(code == ESCALATED for _, code in ticket.transitions)


KIND = EventKind(
    name="ticket",
    topic="support-tickets",
    contract=TicketEvent,
    state=TicketState,
    fold=fold,
    merge=merge,
    source="tickets",
)
