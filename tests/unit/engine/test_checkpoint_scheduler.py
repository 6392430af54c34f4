"""When a partition is checkpointed, and for how long it may evaluate then."""

import asyncio
import time

import pytest

from stream.config.settings import Settings
from stream.engine.checkpoint_scheduler import CheckpointScheduler
from tests.tally import TallyPartition


def scheduler_of(partitions: int, **worker: float) -> CheckpointScheduler:
    """A scheduler with so many partitions assigned."""
    scheduler = CheckpointScheduler(Settings.model_validate({"worker": worker}))
    for number in range(partitions):
        scheduler.add(number)
    return scheduler


@pytest.mark.parametrize(
    ("changed", "expected", "reason"),
    [
        ({}, 0.2, "little to do: reports come soon"),
        ({"assigned": 12}, 0.36, "transactions of many partitions may take a twentieth of the time"),
        ({"snapshot_seconds": 0.05}, 0.35, "four partitions may take half of the time: each 0.05 s of 0.4"),
        ({"snapshot_seconds": 1.0}, 3.0, "and are never rarer than three intervals"),
        (
            {"snapshot_seconds": 0.09, "pending": 1},
            0.31,
            "evaluation may take nearly all of the time: each 0.09 s of 0.4",
        ),
        ({"snapshot_seconds": 0.09, "pending": 1, "folding": 0.3}, 0.51, "or what folding leaves of it"),
        ({"snapshot_seconds": 0.09, "pending": 1, "folding": 0.9}, 0.63, "but half of it at least"),
        ({"snapshot_seconds": 1.0, "pending": 1}, 1.0, "who waits to be evaluated waits one interval at most"),
        ({"catching_up": True}, 5.0, "in a backlog nothing is published"),
        (
            {"catching_up": True, "dirty": 10_000},
            12.0,
            "and saving much is worth a wait: it may take a tenth of the time",
        ),
        ({"catching_up": True, "dirty": 50_000}, 30.0, "but a crash repeats thirty intervals at most"),
    ],
)
def test_checkpoints_come_as_often_as_they_are_cheap(changed: dict[str, float], expected: float, reason: str) -> None:
    scheduler = scheduler_of(int(changed.get("assigned", 4)))
    times = scheduler.times(0)
    times.snapshot_seconds = changed.get("snapshot_seconds", 0.0)
    times.fold_ratio = changed.get("folding", 0.0)
    partition = TallyPartition(0, catching_up=bool(changed.get("catching_up", False)))
    partition.dirty = {str(number) for number in range(int(changed.get("dirty", 0)))}
    if "pending" in changed:
        partition.pending.append(("a", None))
    assert scheduler.pause_seconds(partition) == pytest.approx(expected), reason


@pytest.mark.parametrize(
    ("catching_up", "hot_max", "most", "reason"),
    [
        (False, 800_000, 20_000, "live, a transaction is bounded"),
        (True, 800_000, 50_000, "in a backlog an account that moves again is saved once"),
        (True, 120_000, 30_000, "as far as so many may be hot, of four partitions"),
        (False, 40_000, 10_000, "what is dirty stays in memory, so it is no more than may be hot"),
        (True, 4, 1_000, "and never so few that a transaction costs more than it holds"),
    ],
)
def test_a_checkpoint_is_early_when_many_accounts_are_dirty(
    catching_up: bool, hot_max: int, most: int, reason: str
) -> None:
    scheduler = scheduler_of(4, hot_accounts_max=hot_max)
    scheduler.end_transaction(0, states=2_000, seconds=0.1)
    partition = TallyPartition(0, catching_up=catching_up)
    partition.dirty = {str(number) for number in range(most - 1)}
    assert not scheduler.is_full(partition), reason
    partition.dirty.add("one more")
    assert scheduler.is_full(partition), reason


@pytest.mark.parametrize(
    ("transactions", "most", "reason"),
    [
        ([], 2_000, "before the first nobody knows what the brokers take"),
        ([(2_000, 1.0)], 20_000, "two thousand a second, for ten seconds"),
        ([(2_000, 0.01)], 50_000, "however quick, so many at most"),
        ([(2_000, 20.0)], 1_000, "a hundred a second: as few as a transaction is worth"),
        ([(2_000, 20.0), (1_000, 2.0)], 5_000, "the brokers recovered, and so does it"),
        ([(2_000, 1.0), (3, 9.0)], 20_000, "three states that waited say nothing about twenty thousand"),
        ([(0, 0.2)], 2_000, "nor does none"),
    ],
)
def test_a_transaction_holds_what_the_brokers_take_in_ten_seconds(
    transactions: list[tuple[int, float]], most: int, reason: str
) -> None:
    scheduler = scheduler_of(4, hot_accounts_max=800_000)
    for states, seconds in transactions:
        scheduler.end_transaction(0, states, seconds)
    partition = TallyPartition(0, catching_up=True)
    partition.dirty = {str(number) for number in range(most - 1)}
    assert not scheduler.is_full(partition), reason
    partition.dirty.add("one more")
    assert scheduler.is_full(partition), reason


@pytest.mark.parametrize("catching_up", [False, True])
async def test_a_request_ends_the_pause_however_long_it_would_be(catching_up: bool) -> None:
    scheduler = scheduler_of(1, checkpoint_interval_seconds=60.0)
    partition, requested = TallyPartition(0, catching_up=catching_up), asyncio.Event()
    pausing = asyncio.create_task(scheduler.pause(partition, requested))
    await asyncio.sleep(0)
    assert not pausing.done()
    requested.set()
    await pausing


async def test_without_a_request_the_pause_ends_when_its_time_is_up() -> None:
    scheduler = scheduler_of(1, checkpoint_interval_seconds=0.01)
    partition = TallyPartition(0)
    before = time.monotonic()
    await scheduler.pause(partition, asyncio.Event())
    assert time.monotonic() - before >= scheduler.pause_seconds(partition) - (
        before - scheduler.times(0).snapshot_ended_at
    )


@pytest.mark.parametrize(
    ("elapsed", "folding_seconds", "expected", "reason"),
    [
        (0.1, 0.0, 0.045, "where nothing is folded: nine tenths of the time, for two partitions"),
        (0.1, 0.03, 0.03, "what folding leaves, less a tenth"),
        (0.1, 0.09, 0.025, "half of the time at least"),
        (1.0, 0.0, 0.2, "never longer than the partition may be held up"),
        (1.0, 0.1, 0.1, "which is shorter where something is folded"),
    ],
)
def test_evaluation_takes_what_folding_leaves_of_the_time(
    elapsed: float, folding_seconds: float, expected: float, reason: str
) -> None:
    scheduler = scheduler_of(2)
    scheduler.fold_seconds = 40.0  # before the last checkpoint
    scheduler.begin_snapshot(0, 100.0)
    scheduler.fold_seconds += folding_seconds
    assert scheduler.begin_snapshot(0, 100.0 + elapsed) == pytest.approx(expected), reason


def test_what_is_folded_into_other_partitions_meanwhile_is_not_the_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted twice, it would keep the worker waiting while accounts do."""
    scheduler, now = scheduler_of(2), 100.0
    monkeypatch.setattr("stream.engine.checkpoint_scheduler.time.monotonic", lambda: now)
    with scheduler.snapshot_measured(0):
        scheduler.fold_seconds += 0.15
        now += 0.2
    assert scheduler.times(0).snapshot_seconds == pytest.approx(0.05)
    assert scheduler.times(0).snapshot_ended_at == now
