"""The days of an account are counted exactly for more than a year, and the last score of each is kept."""

import random
from collections import defaultdict
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.calendar.clock import ManualClock
from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.history.columns import Column, extend, numbers
from stream.history.daily import (
    CLOSED_MAX,
    DAYS_MAX,
    EVENTS_LISTED_DAYS,
    PACKED_TOGETHER_DAYS,
    TRIMMED_DAYS,
    active_users,
    usage_events,
)
from stream.kinds.folding import fold_event
from stream.kinds.recent_ids import NO_DAY
from stream.kinds.state import AccountState, decode_state, encode_state
from stream.kinds.usage import UsageEvent, UsageState
from stream.measures.daily_series import DayRow, daily_series
from stream.scoring.evaluation import build_report
from stream.scoring.shipped import DEFAULT
from tests.examples import examples
from tests.streams import CORE, fold
from tests.unit.stream.lives import DAY, evaluated, fold_one, month

FIRST = 20_001

Made = list[tuple[int, int]]


def usage(number: int, day: int, user: int) -> UsageEvent:
    return UsageEvent(
        account_id="acme", user_id=f"u{user}", feature="export", timestamp=day * DAY_MS, event_id=f"e{number}"
    )


def folded(made: Made) -> AccountState:
    state = AccountState()
    for number, (day, user) in enumerate(made):
        fold_event(state, usage(number, day, user))
    return decode_state(encode_state(state))


def life(rng: random.Random, span: int, size: int, late: int) -> tuple[Made, Made]:
    """Days and users in the order of time, with pauses now and then, and in an order of arrival."""
    made: Made = []
    day = FIRST
    while len(made) < size:
        day += rng.choice((0, 0, 1, 1, 2, 9)) if rng.random() < 0.97 else rng.randrange(max(span // 3, 1))
        made += [(day, rng.randrange(9)) for _ in range(rng.randrange(1, 4))]
    return made, sorted(made, key=lambda item: item[0] + rng.random() * late)


@examples(80)
@given(st.integers(0, 1 << 32), st.sampled_from([3, 60, 700, 1500]), st.integers(0, 63), st.integers(1, 400))
def test_users_and_events_of_each_day_are_those_of_the_raw_events(seed: int, span: int, late: int, size: int) -> None:
    """In any order of arrival, with pauses of years, as long as nothing is more than 63 days late."""
    made, arrived = life(random.Random(seed), span, size, late)
    users: dict[int, set[int]] = defaultdict(set)
    for day, user in made:
        users[day].add(user)
    days = folded(arrived).usage.days
    last = made[-1][0]
    assert len(days.events) <= len(days.users) <= DAYS_MAX + TRIMMED_DAYS
    assert len(days.events) <= EVENTS_LISTED_DAYS + PACKED_TOGETHER_DAYS
    assert days.packed_events.count + len(days.events) <= DAYS_MAX + PACKED_TOGETHER_DAYS
    known = range(max(made[0][0], last - CLOSED_MAX), last + 3)
    assert active_users(days, known.start, known.stop) == [len(users.get(day, ())) for day in known]
    assert usage_events(days, known.start, known.stop) == [sum(other == day for other, _ in made) for day in known]


@examples(80)
@given(
    st.integers(0, 1 << 32), st.sampled_from([3, 60, 900]), st.integers(0, 35), st.integers(1, 500), st.integers(0, 50)
)
@example(1, 900, 0, 500, 0)
def test_users_within_a_week_and_a_month_are_those_of_the_raw_events(
    seed: int, span: int, late: int, size: int, after: int
) -> None:
    """Of every day of the last year, for usage of up to 34 days late."""
    made, arrived = life(random.Random(seed), span, size, late)
    state = folded(arrived)
    last = made[-1][0] + after
    rows = daily_series(state, last, CLOSED_MAX - 34)
    assert [row.day for row in rows] == list(range(last - CLOSED_MAX + 35, last + 1))
    for row in rows[:: 1 + seed % 5]:
        if row.day < made[0][0]:
            assert (row.dau, row.events) == (None, None)
            continue
        for found, within in ((row.dau, 1), (row.wau, 7), (row.mau, 30)):
            assert found == len({user for day, user in made if row.day - within < day <= row.day}), (row.day, within)
        assert row.events == sum(day == row.day for day, _ in made)


def test_usage_that_comes_later_than_a_days_windows_are_closed_does_not_change_them() -> None:
    days = [(day, 1) for day in range(FIRST, FIRST + 60)]
    state = folded([*days, (FIRST + 1, 2)])
    rows = {row.day: row for row in daily_series(state, FIRST + 59, 60)}
    assert (rows[FIRST + 1].dau, rows[FIRST + 1].wau, rows[FIRST + 1].mau) == (2, 1, 1)


@pytest.mark.parametrize(
    ("late", "counts"),
    [
        (63, True),
        (64, False),  # the user's own days may be forgotten, so it is not known whether this one is new
    ],
)
def test_usage_counts_in_its_own_day_up_to_63_days_late(late: int, counts: bool) -> None:
    state = AccountState()
    for number, day in enumerate((FIRST, FIRST + 100, FIRST + 100 - late)):
        fold_event(state, usage(number, day, 1))
    assert sum(state.usage.days.users) == sum(state.usage.days.events) == 2 + counts


def test_a_state_of_fifty_users_stays_below_six_kilobytes() -> None:
    """Two years, each user on a fifth of the days, in fifteen features, evaluated every day."""
    rng = random.Random(7)
    clock = ManualClock(0)
    processor, partition = fold([], clock=clock)
    number = 0
    for day in range(FIRST, FIRST + 730):
        state = partition.states.setdefault("acme", AccountState())
        for user in range(50):
            if rng.random() < 0.05 or (day + user) % 7 < 1:
                number += 1
                event = usage(number, day, user)
                event.feature = f"feature-{(user + rng.randrange(3)) % 15}"
                fold_event(state, event)
        clock.current_ms = end_of_day_ms(day)
        evaluated(processor, partition)
    state = partition.states["acme"]
    assert len(state.usage.users) == 50
    assert len(encode_state(state)) < 6 * 1024
    rows = daily_series(state, FIRST + 729, 366)
    assert None not in {value for row in rows for value in (row.dau, row.wau, row.mau, row.events, row.score)}


def test_a_day_closes_with_the_score_that_was_judged_last_on_it() -> None:
    """Also where nobody was told, and over a restart."""
    clock = ManualClock(DAY * DAY_MS + 1)
    processor, partition = fold(month(), clock=clock)
    last: dict[int, float | None] = {}
    for hour in range(0, 24 * 130, 8):
        clock.current_ms = DAY * DAY_MS + hour * 3_600_000
        if hour % 168 == 0:
            ticket = {"account_id": "acme", "ticket_id": f"t{hour}", "timestamp": clock.current_ms}
            ticket |= {"status": "opened", "priority": "urgent", "event_id": f"t{hour}"}
            fold_one(processor, partition, "ticket", ticket)
        evaluated(processor, partition)
        state = partition.states["acme"] = decode_state(encode_state(partition.states["acme"]))
        last[clock.current_ms // DAY_MS] = build_report("acme", state, clock.current_ms, DEFAULT, CORE).score
    rows = daily_series(partition.states["acme"], max(last), len(last))
    assert {row.day: row.score for row in rows} == last
    assert len({score for score in last.values() if score is not None}) > 5


def test_series_of_an_account_without_usage_are_unknown() -> None:
    assert daily_series(AccountState(), 20_000, 2) == [
        DayRow(day, None, None, None, None, None) for day in (19_999, 20_000)
    ]
    assert daily_series(AccountState(), 20_000, 0) == []


def test_states_from_before_the_years_rollups_are_read_with_their_days_and_scores() -> None:
    state = folded([(FIRST + day, user) for day in range(200) for user in range(3)])
    encoded: list[Any] = msgspec.msgpack.decode(encode_state(state))
    activity = encoded[1]
    users, events = (
        active_users(state.usage.days, FIRST, FIRST + 200),
        usage_events(state.usage.days, FIRST, FIRST + 200),
    )
    activity[12:] = [[FIRST, users, events]]
    encoded[5] = [0, 70.5, "watch", 1.0, None, "", [[FIRST + 150, 70.0], [FIRST + 152, 70.5]]]
    old = decode_state(msgspec.msgpack.encode(encoded))
    rows = daily_series(old, FIRST + 199, 200)
    assert [row.dau for row in rows] == users
    assert [row.score for row in rows[149:154]] == [None, 70.0, None, 70.5, None]
    assert rows[199].mau == rows[170].mau == 3
    assert rows[100].mau is None, "its users of then are not known any more"
    for number, day in enumerate(range(FIRST + 200, FIRST + 260)):
        fold_event(old, usage(10_000 + number, day, 0))
    assert [row.dau for row in daily_series(old, FIRST + 259, 260)] == [*users, *[1] * 60]
    assert daily_series(old, FIRST + 259, 80)[0].mau == 3


@examples(100)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.lists(st.integers(0, 1 << 33), min_size=1, max_size=9)), max_size=8),
    st.integers(1, 30),
    st.integers(-5, 90),
    st.integers(0, 90),
)
def test_a_column_is_a_list_of_the_newest_days(
    parts: list[tuple[int, list[int]]], keep: int, first: int, size: int
) -> None:
    column, day = Column(), 0
    kept: list[int] = []
    for gap, values in parts:
        gap = gap if kept else 0
        extend(column, day + gap, values, keep)
        kept += [0] * gap + values
        day += gap + len(values)
    known = dict(list(enumerate(kept))[-keep:])
    found = numbers(column, first, first + size)
    assert [value or 0 for value in found] == [known.get(at, 0) for at in range(first, first + size)]
    assert all(value is not None for at, value in enumerate(found, start=first) if known.get(at, 0) > 0)


@pytest.mark.parametrize("age", [34, 60, 97, 150, 300])
def test_states_whose_windows_were_closed_three_weeks_late_go_on_without_a_gap(age: int) -> None:
    """Older states close all but the newest 20 to 33 days, into columns alone."""
    made = [(FIRST + day, user) for day in range(500) for user in range(7) if (day * day + user) % (user + 3) < 2]
    before = [item for item in made if item[0] < FIRST + age]
    whole, state = folded(made), folded(before)
    days, newest = state.usage.days, before[-1][0]
    rows = daily_series(state, newest - 20 - age % 14, newest - 20 - age % 14 - FIRST + 1)
    days.wau, days.mau = Column(), Column()
    extend(days.wau, FIRST, [row.wau or 0 for row in rows], CLOSED_MAX)
    extend(days.mau, FIRST, [row.mau or 0 for row in rows], CLOSED_MAX)
    encoded: list[Any] = msgspec.msgpack.decode(encode_state(state))
    encoded[1][12] = encoded[1][12][:9]
    old = decode_state(msgspec.msgpack.encode(encoded))
    assert daily_series(old, newest, age) == daily_series(folded(before), newest, age)
    for number, (day, user) in enumerate(made[len(before) :], start=len(before)):
        fold_event(old, usage(number, day, user))
    assert daily_series(old, FIRST + 499, 366) == daily_series(whole, FIRST + 499, 366)


def test_a_state_of_version_2_has_its_packed_users_in_the_list_afterwards() -> None:
    """Version 2 kept users of days long ago in a column before the column of the events."""
    _, arrived = life(random.Random(3), 700, 400, 20)
    state = folded(arrived)
    raw = msgspec.msgpack.decode(encode_state(state))
    fields = UsageState.__struct_fields__
    ids, days = (fields.index(name) for name in ("recent_ids", "days"))
    first_day, users = raw[1][days][:2]
    column = Column()
    extend(column, first_day, users[:300], 400)
    raw[1][days][:2] = [first_day + 300, users[300:]]
    raw[1][days].insert(3, msgspec.to_builtins(column, builtin_types=(bytes,)))
    raw[1][ids] = raw[1][ids][len(NO_DAY) :]
    raw[0] = 2
    assert decode_state(msgspec.msgpack.encode(raw)) == state
