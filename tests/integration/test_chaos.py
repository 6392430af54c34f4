"""A short run of the chaos: a round undisturbed and one of seeded faults, against one undisturbed pass."""

from pathlib import Path

from tests.chaos.__main__ import run_round
from tests.chaos.verdict import Eyes, differences
from tests.chaos.world import Shape, World

SEED, ROUND = 6, 2  # the disks of the stores and of Redis are full, then all processes are killed together


def test_nothing_is_lost_doubled_or_missed_in_a_few_rounds(tmp_path: Path) -> None:
    with World(tmp_path, Shape(brokers=1, workers=2, alertings=1)) as world:
        rounds = []
        for number in (0, ROUND):
            told, verdict = run_round(world, number, SEED)
            rounds.append(told)
            assert verdict.wrong == [], (verdict.faults, verdict.wrong)
        with Eyes(world) as eyes:
            seen = eyes.look()
        assert [wrong for told in rounds for wrong in differences(told, seen)] == []
