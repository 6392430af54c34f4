"""The simulated fleet keeps the rules that a group of workers has."""

import random

import pytest

from bench.fleet import FAILURES, Fleet, Load, Outcome, Parts, one_killed, one_lost, rolling, simulate

PARTS = Parts()
LOAD = Load(events_per_second=40_000, reports_per_second=1_000, accounts=1_000_000)


def fleet(is_static: bool = False, load: Load = LOAD) -> Fleet:
    return Fleet(PARTS, load, workers=5, partitions=10, is_static=is_static, chance=random.Random(1))


def come_to(outcome: Outcome) -> tuple[int, int]:
    """Partitions that stopped, of ten, and for how many seconds."""
    return round(outcome.stopped_share * 10), round(outcome.stopped_seconds)


def test_without_failures_nothing_stops_and_nobody_is_behind() -> None:
    found = simulate(fleet(), lambda _: None)
    assert come_to(found) == (0, 0)
    assert found.behind_seconds < PARTS.checkpoint_seconds


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("is_static", [False, True], ids=["dynamic", "static"])
def test_every_event_is_folded_or_waits_and_all_catch_up(name: str, is_static: bool) -> None:
    found = simulate(fleet(is_static), FAILURES[name])
    assert found.folded + found.waiting == pytest.approx(found.arrived)
    assert found.caught_up_seconds is not None
    assert found.behind_seconds < PARTS.session_seconds + 15


def test_a_static_member_that_comes_back_in_time_stops_its_own_partitions_alone() -> None:
    stopped, seconds = come_to(simulate(fleet(is_static=True), one_killed))
    assert stopped == 2
    assert seconds < PARTS.session_seconds
    assert come_to(simulate(fleet(is_static=True), rolling))[0] == 2


def test_a_killed_dynamic_member_stops_all_until_its_session_is_over() -> None:
    stopped, seconds = come_to(simulate(fleet(), one_killed))
    assert stopped == 10
    assert PARTS.session_seconds - 10 < seconds < PARTS.session_seconds + 10


def test_a_lost_worker_s_partitions_wait_for_its_session_and_a_recovery() -> None:
    found = simulate(fleet(), one_lost)
    recovery = LOAD.accounts / 10 * PARTS.changelog_us / 1e6
    assert PARTS.session_seconds < found.stopped_seconds < PARTS.session_seconds + recovery * 2 + 10
    assert found.recovery_mb_per_second > 0


def test_more_than_the_cores_can_do_is_never_caught_up() -> None:
    load = Load(events_per_second=200_000, reports_per_second=1_000, accounts=1_000_000)
    assert fleet(load=load).utilisation() > 1
    assert simulate(fleet(load=load), one_killed, seconds_max=100).caught_up_seconds is None
