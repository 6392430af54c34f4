"""When a partition is checkpointed, and for how long it may evaluate then."""

import asyncio

import pytest

from stream.config.settings import Settings
from stream.engine.owned import Owned
from stream.engine.pace import Pace
from stream.engine.partition import Partition
from tests.tally import Tally


@pytest.mark.parametrize(
    ("changed", "expected", "reason"),
    [
        ({}, 0.2, "little to do: reports come soon"),
        ({"held": 12}, 0.36, "transactions of many partitions may take a twentieth of the time"),
        ({"taking_seconds": 0.05}, 0.35, "four partitions may take half of the time: each 0.05 s of 0.4"),
        ({"taking_seconds": 1.0}, 3.0, "and are never rarer than three intervals"),
        (
            {"taking_seconds": 0.09, "pending": 1},
            0.31,
            "evaluation may take nearly all of the time: each 0.09 s of 0.4",
        ),
        ({"taking_seconds": 0.09, "pending": 1, "folding": 0.3}, 0.51, "or what folding leaves of it"),
        ({"taking_seconds": 0.09, "pending": 1, "folding": 0.9}, 0.63, "but half of it at least"),
        ({"taking_seconds": 1.0, "pending": 1}, 1.0, "who waits to be evaluated waits one interval at most"),
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
    held: list[Owned[Tally]] = [Owned(Partition(number), None) for number in range(int(changed.get("held", 4)))]
    pace = Pace(Settings(), held)
    owned = held[0]
    owned.taking_seconds = changed.get("taking_seconds", 0.0)
    owned.folding_ratio = changed.get("folding", 0.0)
    owned.partition.catching_up = bool(changed.get("catching_up", False))
    owned.partition.dirty = {str(number) for number in range(int(changed.get("dirty", 0)))}
    if "pending" in changed:
        owned.partition.pending.append(("a", None))
    assert pace.pause_seconds(owned) == pytest.approx(expected), reason


@pytest.mark.parametrize(
    ("catching_up", "hot_max", "most", "reason"),
    [
        (False, 800_000, 20_000, "live, a transaction is bounded"),
        (True, 800_000, 50_000, "in a backlog an account that moves again is saved once"),
        (True, 120_000, 30_000, "as far as so many may be hot, of four partitions"),
        (True, 4, 20_000, "and never less than live"),
    ],
)
def test_a_checkpoint_is_early_when_many_accounts_are_dirty(
    catching_up: bool, hot_max: int, most: int, reason: str
) -> None:
    held: list[Owned[Tally]] = [Owned(Partition(number), None) for number in range(4)]
    settings = Settings.model_validate({"worker": {"hot_accounts_max": hot_max}})
    pace = Pace(settings, held)
    partition = held[0].partition
    partition.catching_up = catching_up
    partition.dirty = {str(number) for number in range(most - 1)}
    assert not pace.is_full(partition), reason
    partition.dirty.add("one more")
    assert pace.is_full(partition), reason


@pytest.mark.parametrize(
    ("more_dirty", "wanted_early", "least", "most", "reason"),
    [
        (0, False, 0.25, 1.4, "little came: five intervals"),
        (100_000, False, 1.5, 60.0, "much came meanwhile: thirty"),
        (100_000, True, 0.0, 1.4, "until it is wanted early"),
    ],
)
async def test_the_pause_in_a_backlog_depends_on_what_comes_meanwhile(
    more_dirty: int, wanted_early: bool, least: float, most: float, reason: str
) -> None:
    owned: Owned[Tally] = Owned(Partition(0, catching_up=True), None)
    settings = Settings.model_validate({"worker": {"checkpoint_interval_seconds": 0.05}})
    pace = Pace(settings, [owned])
    started = asyncio.get_running_loop().time()
    pausing = asyncio.create_task(pace.pause(owned))
    await asyncio.sleep(0)
    owned.partition.dirty = {str(number) for number in range(more_dirty)}
    if wanted_early:
        owned.early.set()
    await pausing
    assert least <= asyncio.get_running_loop().time() - started + 0.01, reason
    assert asyncio.get_running_loop().time() - started < most, reason


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
    held: list[Owned[Tally]] = [Owned(Partition(number), None) for number in range(2)]
    pace = Pace(Settings(), held)
    held[1].folding_seconds = 40.0  # before the last checkpoint
    pace.evaluation_seconds(held[0], 100.0)
    held[1].folding_seconds += folding_seconds
    assert pace.evaluation_seconds(held[0], 100.0 + elapsed) == pytest.approx(expected), reason
