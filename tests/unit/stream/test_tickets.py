"""Tickets as sets of transitions: where each stood at any moment, whatever order its events came in."""

import random
from itertools import permutations
from typing import cast
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import json

from stream.kinds.state import AccountState, decode_state, encode_state, zone_of
from stream.kinds.ticket import (
    CODE,
    TRANSITIONS,
    TRANSITIONS_MAX,
    CountedTickets,
    Phase,
    Status,
    Ticket,
    TicketEvent,
    TicketState,
    fold,
    merge,
    phase,
)
from stream.measures import measure
from stream.measures import support as measures_support
from stream.measures.account_view import AccountView
from stream.measures.context import MeasureContext
from stream.measures.product_config import NO_PRODUCT_CONFIG
from stream.measures.support import support_load
from tests.events import event_of
from tests.examples import examples
from tests.streams import DAY_MS, Raw
from tests.streams import fold as fold_events

HOUR = 3_600_000
T0 = 20_000 * DAY_MS


def fold_ticket(
    support: TicketState,
    ms: int,
    status: str,
    priority: str | None = "normal",
    category: str | None = None,
    ticket_id: str = "t",
) -> bool:
    event = event_of(TicketEvent, ms, ticket_id=ticket_id, status=status, priority=priority, category=category)
    return fold(support, event)


def support_of(*steps: tuple[float, str], priority: str = "normal") -> TicketState:
    """One ticket with transitions at hours since T0."""
    support = TicketState()
    for hours, status in steps:
        fold_ticket(support, T0 + round(hours * HOUR), status, priority)
    return support


def phase_of(*steps: tuple[float, str], at_hours: float = 1000) -> Phase:
    return phase(support_of(*steps).tickets["t"], T0 + round(at_hours * HOUR))


@pytest.mark.parametrize(
    ("steps", "is_open", "resolved_hours", "is_escalated", "escalated_hours"),
    [
        ([(0, "opened")], True, None, False, 0),
        ([(0, "opened"), (5, "solved")], False, 5, False, 0),
        ([(0, "opened"), (5, "solved"), (9, "closed")], False, 5, False, 0),  # it ended when it was solved
        ([(0, "opened"), (9, "closed")], False, 9, False, 0),  # closed without being solved
        ([(0, "opened"), (5, "solved"), (6, "reopened")], True, None, False, 0),
        ([(0, "opened"), (5, "solved"), (6, "reopened"), (8, "solved")], False, 8, False, 0),  # the last end counts
        ([(0, "opened"), (5, "solved"), (6, "opened")], True, None, False, 0),  # a feed that says how it stands
        ([(0, "opened"), (5, "closed"), (6, "pending")], True, None, False, 0),  # it waits for somebody: so it is open
        ([(0, "opened"), (5, "solved"), (6, "opened"), (8, "closed")], False, 8, False, 0),
        ([(0, "opened"), (5, "removed")], False, None, False, 0),  # deleted, spam, moved: over, and nothing was solved
        ([(0, "opened"), (5, "removed"), (6, "reopened")], True, None, False, 0),  # and taken back
        ([(0, "opened"), (3, "solved"), (5, "removed")], False, 3, False, 0),  # what was solved stays so
        ([(0, "opened"), (2, "escalated"), (5, "removed")], False, None, False, 3),
        ([(0, "opened"), (5, "solved"), (6, "updated")], False, 5, False, 0),  # a remark after the end changes nothing
        ([(0, "opened"), (2, "escalated")], True, None, True, 998),  # runs until now
        ([(0, "opened"), (2, "escalated"), (5, "deescalated")], True, None, False, 3),
        ([(0, "opened"), (2, "escalated"), (5, "solved")], False, 5, False, 3),  # the end ends it
        (
            [(0, "opened"), (2, "escalated"), (4, "escalated"), (5, "deescalated")],
            True,
            None,
            False,
            3,
        ),  # once is enough
        ([(0, "opened"), (1, "escalated"), (2, "deescalated"), (4, "escalated"), (7, "solved")], False, 7, False, 4),
        ([(0, "opened"), (5, "solved"), (6, "escalated")], True, None, True, 994),  # only an open one is escalated
        ([(0, "opened"), (5, "solved"), (6, "escalated"), (7, "reopened")], True, None, True, 994),
        ([(3, "escalated")], True, None, True, 997),  # the opening was never told
        ([(5, "solved")], False, 5, False, 0),
        ([(5, "opened"), (5, "solved")], False, 5, False, 0),  # at one moment opening comes before ending
        ([(5, "reopened"), (5, "solved"), (0, "opened")], False, 5, False, 0),
    ],
)
def test_where_a_ticket_stands(
    steps: list[tuple[float, str]],
    is_open: bool,
    resolved_hours: float | None,
    is_escalated: bool,
    escalated_hours: float,
) -> None:
    for order in permutations(steps):
        found = phase_of(*order)
        assert (found.is_open, found.is_escalated) == (is_open, is_escalated)
        assert found.resolved_ms == (None if resolved_hours is None else T0 + resolved_hours * HOUR)
        assert found.escalated_for_ms == escalated_hours * HOUR


def test_a_moment_knows_only_what_had_happened() -> None:
    steps = ((0, "opened"), (2, "escalated"), (5, "solved"), (6, "reopened"))
    assert phase_of(*steps, at_hours=1.9).is_escalated is False
    assert phase_of(*steps, at_hours=3).escalated_for_ms == HOUR
    assert phase_of(*steps, at_hours=5).is_open is False  # at the very moment
    assert phase_of(*steps, at_hours=6).is_open is True
    assert phase_of(*steps, at_hours=-1).opened_ms is None


def support_at(state: AccountState, as_of_ms: int) -> bytes:
    """What the tickets come to, in the order in which it is published."""
    view = AccountView(state, as_of_ms, frozenset(), NO_PRODUCT_CONFIG)
    return json.encode(support_load(MeasureContext(view, as_of_ms)))


def fold_some(support: TicketState, rng: random.Random, now_ms: int) -> None:
    """One to four events of one of 40 tickets: most have ended, some are late, and some of the future."""
    name, ms = f"t{rng.randrange(40)}", now_ms - round(rng.choice([0, 0, 1, 2, 9, 60, 130]) * rng.random() * DAY_MS)
    for status in rng.choice((("opened", "solved"), ("opened",), ("escalated",), ("solved",), ("opened", "escalated"))):
        priority, category = rng.choice([None, "high", "urgent"]), rng.choice([None, "bug", "billing"])
        fold_ticket(support, ms, status, priority, category, name)
        ms += round(rng.random() ** 3 * 3 * DAY_MS)


@examples(100)
@given(st.integers(0, 1 << 32))
@example(2)
def test_whatever_moves_tickets_that_were_counted_they_are_told_as_counted_anew(seed: int) -> None:
    rng, state, now_ms = random.Random(seed), AccountState(), T0
    for _ in range(60):
        fold_some(state.ticket, rng, now_ms)
    for _ in range(30):
        now_ms += rng.choice([-HOUR, 0, 1, HOUR, 5 * HOUR, 30 * DAY_MS])
        for _ in range(rng.choice([0, 0, 1, 2])):
            fold_some(state.ticket, rng, now_ms)
        if rng.random() < 0.05:
            fold_some(other := TicketState(), rng, now_ms)
            merge(state.ticket, other)
        state.profile["timezone"] = (rng.choice(["UTC"] * 9 + ["Asia/Tokyo"]), now_ms)
        day = zone_of(state).day_of(now_ms)
        earlier_ms = [zone_of(state).end_of_day_ms(day - days) for days in (1, 7, 28)]
        anew = decode_state(encode_state(state))
        with patch.object(measures_support, "COUNTED_FROM", 1_000):
            expected = [support_at(anew, as_of_ms) for as_of_ms in (now_ms, *earlier_ms)]
        assert [support_at(state, as_of_ms) for as_of_ms in (now_ms, *earlier_ms)] == expected
    assert type(anew.ticket.tickets) is dict
    assert isinstance(state.ticket.tickets, CountedTickets)


def test_only_the_tickets_that_moved_are_counted_again() -> None:
    state = AccountState()
    for number in range(100):
        for status in ("opened", "solved"):
            fold_ticket(state.ticket, T0 + number, status, ticket_id=f"t{number}")
    tickets_counted: list[int] = []
    for move, ticket_id, status in (
        ("none", "", ""),
        ("none", "", ""),
        ("a new one", "new", "opened"),
        ("the same", "new", "escalated"),
        ("one that had ended", "t7", "reopened"),
        ("it is closed again", "t7", "solved"),
        ("a remark", "t8", "updated"),
    ):
        now_ms = T0 + HOUR + len(tickets_counted)
        if move != "none":
            fold_ticket(state.ticket, now_ms, status, ticket_id=ticket_id)
        with patch.object(measures_support, "phase", wraps=phase) as counted:
            support_at(state, now_ms)
        tickets_counted.append(counted.call_count)
    assert tickets_counted == [100, 0, 1, 1, 101, 2, 2]
    state.ticket.tickets["t9"] = Ticket(3, None, 0, 0, [(T0, CODE["opened"])], T0)
    found = json.decode(support_at(state, now_ms))
    assert (found["tickets_opened_90"], found["open_urgent_tickets"]) == (101, 1)
    for days in range(20):
        support_at(state, T0 + days * DAY_MS)
    assert len(cast(CountedTickets, state.ticket.tickets).cases) <= 5  # of the last days alone


def test_a_repeated_transition_changes_nothing() -> None:
    support = support_of((0, "opened"), (1, "escalated"))
    assert fold_ticket(support, T0, "opened") is False
    assert fold_ticket(support, T0 + HOUR, "escalated") is False
    assert support.tickets["t"].transitions == [(T0, CODE["opened"]), (T0 + HOUR, CODE["escalated"])]


@pytest.mark.parametrize(
    ("events", "priority", "category"),
    [
        ([(1, "low", "a"), (2, "urgent", "b")], 3, "b"),  # as the newest event says
        ([(2, "urgent", "b"), (1, "low", "a")], 3, "b"),  # whichever came first
        ([(1, "low", "a"), (2, "urgent", None)], 3, "a"),  # left out is as before
        ([(1, "urgent", "a"), (2, None, None)], 3, "a"),  # a remark does not make it less urgent
        ([(2, None, None), (1, "urgent", "a")], 3, "a"),
        ([(1, None, None)], 1, None),  # nobody said anything
        ([(1, "low", "a"), (1, "high", "a")], 2, "a"),  # at one moment the one that arrived later, a correction
        ([(1, "high", "a"), (1, "low", "z")], 0, "z"),
    ],
)
def test_priority_and_category_are_those_of_the_newest_event(
    events: list[tuple[int, str | None, str | None]], priority: int, category: str | None
) -> None:
    support = TicketState()
    for hours, word, kind in events:
        fold_ticket(support, T0 + hours * HOUR, "updated", word, kind)
    ticket = support.tickets["t"]
    assert (ticket.priority, ticket.category) == (priority, category)


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(TRANSITIONS)), min_size=1, max_size=80), st.randoms())
def test_the_oldest_and_the_newest_transitions_are_kept_in_any_order(
    steps: list[tuple[int, Status]], random: object
) -> None:
    shuffled = list(steps)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = support_of(*shuffled).tickets["t"].transitions
    told = sorted({(T0 + hours * HOUR, CODE[status]) for hours, status in steps if status != "updated"})
    assert found == (told if len(told) <= TRANSITIONS_MAX else [told[0], *told[-TRANSITIONS_MAX + 1 :]])


def ticket(ticket_id: str, day: float, status: str, **fields: str | None) -> Raw:
    event: Raw = {"type": "ticket", "account_id": "acme", "event_id": f"{ticket_id}{day}{status}", "status": status}
    return event | {"ticket_id": ticket_id, "timestamp": round((20_000 + day) * DAY_MS)} | fields


@pytest.mark.parametrize(
    ("day", "opened_7", "opened_30", "opened_90"),
    [
        (0, 1, 1, 1),
        (6, 1, 1, 1),  # the last of seven days
        (7, 0, 1, 1),
        (29, 0, 1, 1),  # the last of thirty
        (30, 0, 0, 1),
        (89, 0, 0, 1),  # the last of ninety
        (90, 0, 0, 0),
    ],
)
def test_tickets_count_in_the_days_since_they_were_opened(
    day: int, opened_7: int, opened_30: int, opened_90: int
) -> None:
    _, partition = fold_events([ticket("t", 0, "opened")])
    found = measure(partition.states["acme"], (20_000 + day) * DAY_MS + 5)
    assert (found["tickets_opened_7"], found["tickets_opened_30"], found["tickets_opened_90"]) == (
        opened_7,
        opened_30,
        opened_90,
    )
    assert found["open_tickets"] == 1  # it is open however old it is


def test_hours_are_means_and_medians_over_tickets() -> None:
    events = [
        *(ticket("a", 0, "opened"), ticket("a", 0.5, "escalated"), ticket("a", 1, "solved")),  # 12 h, 24 h
        *(ticket("b", 0, "opened"), ticket("b", 0, "escalated"), ticket("b", 2, "closed")),  # 48 h, 48 h
        *(ticket("c", 0, "opened"), ticket("c", 9, "solved")),
        ticket("d", 5, "opened", priority="critical"),
    ]
    _, partition = fold_events(events)
    found = measure(partition.states["acme"], 20_010 * DAY_MS)
    assert found["resolution_hours"] == 48  # the middle one of 24, 48 and 216
    assert found["escalation_hours"] == 30
    assert found["escalation_rate"] == 0.5
    assert found["escalation_running_hours"] == 0.0
    assert (found["open_tickets"], found["open_urgent_tickets"]) == (1, 1)


def test_a_running_escalation_is_as_old_as_itself_and_not_as_one_that_ended() -> None:
    week = [ticket("a", 0, "opened"), ticket("a", 0, "escalated"), ticket("a", 7, "solved")]
    young = [ticket("b", 9, "opened"), ticket("b", 10 - 2 / 24, "escalated")]
    _, partition = fold_events([*week, *young])
    found = measure(partition.states["acme"], 20_010 * DAY_MS)
    assert found["escalation_running_hours"] == pytest.approx(2)


def test_an_end_before_its_opening_by_skewed_clocks_took_no_time() -> None:
    found = phase_of((0.5, "opened"), (0, "solved"))
    assert (found.is_open, found.opened_ms, found.resolved_ms) == (False, T0 + HOUR // 2, T0)
    assert phase_of((2, "opened"), (0, "solved")).is_open  # too long for clocks: its first opening was never told
    assert phase_of((0, "pending"), (1, "solved"), (1.5, "opened")).is_open is False
    _, partition = fold_events([ticket("t", 0.01, "opened"), ticket("t", 0, "solved")])
    assert measure(partition.states["acme"], 20_010 * DAY_MS)["resolution_hours"] == 0


def test_rates_without_a_base_are_unknown() -> None:
    _, partition = fold_events([ticket("t", 0, "updated")])  # its opening was never told
    found = measure(partition.states["acme"], 20_010 * DAY_MS)
    assert (found["escalation_rate"], found["escalation_hours"], found["resolution_hours"]) == (None, None, None)
    assert (found["support_incident_rate"], found["open_tickets"]) == (None, 1)


def test_old_ended_tickets_are_forgotten_and_open_ones_are_not() -> None:
    events = [
        *(ticket("ended", 0, "opened"), ticket("ended", 1, "solved"), ticket("open", 0, "opened")),
        *(ticket("recent", 130, "opened"), ticket("recent", 130, "solved")),
    ]
    _, partition = fold_events(events)
    support = partition.states["acme"].ticket
    assert set(support.tickets) == {"open", "recent"}
    fold_ticket(support, T0, "opened", ticket_id="late")
    assert ("late" in support.tickets, support.late) == (False, 1)
