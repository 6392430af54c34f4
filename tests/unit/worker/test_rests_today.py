"""Scans pass over accounts that rest until their day ends: whatever moves a measure before is declared beside it."""

import random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.day import DAY_MS
from stream.kinds.state import AccountState, newest_ms, zone_of
from stream.measures.account_view import AccountView
from stream.measures.context import MeasureContext
from stream.measures.product_config import ProductConfig
from stream.measures.registry import GROUPS, MeasureGroup, Measures, MovedBy
from stream.measures.support import HOUR_MS
from stream.scoring.evaluation import build_report
from stream.scoring.facts import facts_of
from stream.scoring.publish_policy import MOVES_TODAY, rests_today
from stream.scoring.shipped import DEFAULT
from tests.examples import examples
from tests.streams import CORE, fold, make_stream
from tests.unit.stream.lives import DAY

PRODUCT = ProductConfig(follow_up_ms=30 * HOUR_MS)
KINDS = ("usage", "ticket", "survey", "touchpoint", "outcome", "account", "subscription")
HOURS = (0, 1, 6, 13, 23)  # of a day, as scans come


def found_by(group: MeasureGroup, state: AccountState, now_ms: int) -> Measures:
    return group.formula(MeasureContext(AccountView(state, now_ms, CORE, PRODUCT), now_ms))


def moments_of(day: int, state: AccountState) -> list[int]:
    """Those hours of a day of the account's own."""
    zone = zone_of(state)
    begins_ms = zone.end_of_day_ms(day - 1) + 1
    return [ms for ms in (begins_ms + hour * HOUR_MS for hour in HOURS) if zone.day_of(ms) == day]


def check(state: AccountState, day: int) -> None:
    """On a day after its newest event."""
    first_ms, *later_ms = moments_of(day, state)
    for group in GROUPS:
        first = found_by(group, state, first_ms)
        later = [found_by(group, state, ms) for ms in later_ms]
        moved = {name for each in later for name, value in each.items() if value != first[name]}
        declared = any(MOVES_TODAY[cause](state, first_ms, PRODUCT) for cause in group.moved_by)
        assert not moved or declared, f"{sorted(moved)} moved within a day by more than moved_by={group.moved_by}"
    resting = [ms for ms in later_ms if rests_today(state, ms, PRODUCT)]
    assert {told(state, ms) for ms in resting} <= {told(state, first_ms)}


def told(state: AccountState, now_ms: int) -> tuple[object, ...]:
    """What a report is published for."""
    report = build_report("acme", state, now_ms, DEFAULT, CORE, product=PRODUCT)
    return (
        *facts_of(report.measures, report.score),
        report.score,
        report.band,
        report.coverage_ratio,
        report.score_7d_ago,
    )


@examples(30)
@given(st.integers(0, 1 << 32))
def test_what_time_alone_moves_within_a_day_is_declared_and_who_rests_is_the_same_at_every_hour(seed: int) -> None:
    """Lives with some kinds of events."""
    chance = random.Random(seed)
    kinds = chance.sample(KINDS, chance.randint(1, 4))
    _, partition = fold([event for event in make_stream(seed, 300, 12) if event["type"] in kinds][-60:])
    for state in partition.states.values():
        newest = newest_ms(state)
        if newest is not None:
            check(state, zone_of(state).day_of(newest) + chance.choice((1, 1, 2, chance.randint(80, 91))))


@pytest.mark.parametrize(
    ("days", "rests"),
    [
        pytest.param(3, True, id="a subscription moves by days"),
        pytest.param(90, False, id="what it was worth before leaves the quarter at the hour of the change"),
        pytest.param(120, True, id="long since"),
    ],
)
def test_an_account_with_a_subscription_rests_but_where_a_change_leaves_the_quarter(days: int, rests: bool) -> None:
    of_it = {"type": "subscription", "account_id": "acme", "subscription_id": "s"}
    bought = of_it | {"event_id": "1", "status": "started", "mrr": 900, "timestamp": (DAY - 50) * DAY_MS}
    shrunk = of_it | {"event_id": "2", "status": "downgraded", "mrr": 100, "timestamp": DAY * DAY_MS + 13 * HOUR_MS}
    _, partition = fold([bought, shrunk])
    state = partition.states["acme"]
    check(state, DAY + days)
    assert {rests_today(state, ms, PRODUCT) for ms in moments_of(DAY + days, state)} == {rests}


def test_each_cause_is_looked_for_and_is_declared_by_some_measure() -> None:
    declared = {cause for group in GROUPS for cause in group.moved_by}
    assert set(get_args(MovedBy)) == MOVES_TODAY.keys() == declared
