"""A worker is evaluated by what should be: all partitions in the group's hands, and an event loop that moves."""

import pytest
from aiokafka import TopicPartition

from stream.engine.group import lags_of, unassigned
from stream.engine.liveness import GROUP_LOOK_SECONDS, Liveness


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def liveness(clock: Clock) -> Liveness:
    return Liveness(patience_seconds=60, clock=clock)


@pytest.mark.parametrize(
    ("assigned", "expected", "reason"),
    [
        ([], {0, 1}, "nobody has anything: the leader knew of no topics"),
        ([("usage", 0), ("tickets", 0)], {1}, "one partition is left out"),
        ([("usage", 0), ("tickets", 0), ("usage", 1)], {1}, "of one topic it is: its accounts would have half a state"),
        ([("usage", 0), ("tickets", 0), ("usage", 1), ("tickets", 1), ("changelog", 1)], set(), "all are in hands"),
    ],
)
def test_a_partition_without_a_worker_is_found(
    assigned: list[tuple[str, int]], expected: set[int], reason: str
) -> None:
    assert unassigned(assigned, ["usage", "tickets"], 2) == expected, reason


def test_lag_counts_partitions_that_nobody_has_and_those_without_an_offset() -> None:
    ends = {TopicPartition("usage", 0): 10, TopicPartition("usage", 1): 7, TopicPartition("tickets", 0): 3}
    committed = {TopicPartition("usage", 0): 4, TopicPartition("tickets", 0): 5}
    assert lags_of(ends, committed) == {"usage": 6 + 7, "tickets": 0}


def test_a_worker_that_has_not_joined_is_alive_and_not_ready(liveness: Liveness) -> None:
    assert liveness.livez() is None
    assert liveness.readyz() == "the worker has not joined its group yet"
    liveness.beat(None)
    assert liveness.readyz() == "its group has not been looked at yet"
    liveness.observe_group(frozenset(), {})
    assert liveness.readyz() is None
    liveness.beat("partitions [3] are being recovered")
    assert liveness.readyz() == "partitions [3] are being recovered"


def test_an_event_loop_that_hangs_is_told_from_outside(liveness: Liveness, clock: Clock) -> None:
    liveness.observe_group(frozenset(), {})
    liveness.beat(None)
    clock.now += 60
    assert liveness.livez() is None
    clock.now += 1
    assert liveness.livez() == liveness.readyz() == "the event loop has not moved for 61 s"
    liveness.beat(None)
    assert liveness.readyz() is None


def test_unassigned_partitions_make_a_worker_not_ready_at_once_and_leave_in_the_end(
    liveness: Liveness, clock: Clock
) -> None:
    liveness.beat(None)
    assert liveness.observe_group(frozenset({2, 0}), {"usage": 9}) is None
    assert liveness.readyz() == "partitions [0, 2] are assigned to no worker of the group"
    assert liveness.livez() is None, "a restart is not asked for yet: the metadata is being refreshed"
    assert liveness.group_lags == {"usage": 9}
    clock.now += 61
    problem = liveness.observe_group(frozenset({2}), {})
    assert problem is not None
    assert problem.startswith("partitions [2] have been assigned to no worker of the group for 61 s")


def test_patience_starts_anew_once_all_partitions_were_assigned(liveness: Liveness, clock: Clock) -> None:
    liveness.observe_group(frozenset({1}), {})
    clock.now += 50
    assert liveness.observe_group(None, {}) is None, "a rebalance runs: it has a watch of its own"
    assert liveness.unassigned == {1}
    assert liveness.observe_group(frozenset(), {}) is None
    clock.now += 50
    assert liveness.observe_group(frozenset({1}), {}) is None
    clock.now += 50
    assert liveness.observe_group(frozenset({1}), {}) is None


def test_the_group_is_looked_at_often_only_while_something_is_missing(liveness: Liveness, clock: Clock) -> None:
    wants = [liveness.wants_look]
    liveness.observe_group(frozenset(), {})
    wants.append(liveness.wants_look)
    clock.now += GROUP_LOOK_SECONDS
    wants.append(liveness.wants_look)
    liveness.observe_group(frozenset({1}), {})
    wants.append(liveness.wants_look)
    assert wants == [True, False, True, True]
