"""The probes of live load: each is worth a report, and what was sent of them is known."""

from collections.abc import Iterable

import pytest

from heartline.bench.latency import quantile
from heartline.bench.probes import (
    NEW_COUNTS,
    first_event,
    history,
    kind_of,
    known_counts,
    known_event,
    known_id,
    new_id,
)
from heartline.bench.verify import counted
from heartline.replay.lines import InputRecord
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor
from tests.streams import TOPICS, record

NOW_MS = 1_780_000_000_000


class Fixed:
    """A clock that stands at NOW_MS."""

    def now_ms(self, watermark_ms: int | None) -> int | None:
        return NOW_MS


class World:
    """A processor and its one partition."""

    def __init__(self) -> None:
        self.processor = HealthProcessor(TOPICS, Fixed())
        self.partition = AccountPartition(0)

    def send(self, records: Iterable[InputRecord]) -> int:
        """Fold and evaluate; how many reports came of it."""
        before = len(self.partition.outputs)
        for event in records:
            self.processor.fold(self.partition, TOPICS.input(event.kind), [record(event.kind, event.value)])
        for _ in self.processor.evaluate(self.partition):
            pass
        return len(self.partition.outputs) - before

    def score(self, account_id: str) -> float:
        published = self.partition.states[account_id].published
        assert published is not None
        assert published.score is not None
        return published.score


@pytest.mark.parametrize("number", [0, 1], ids=["a detractor's answer", "an urgent ticket"])
def test_the_event_of_a_known_account_moves_its_score_by_more_than_a_point(number: int) -> None:
    world, name = World(), known_id(number)
    world.send(history(number, NOW_MS))
    before = world.score(name)
    assert kind_of(number) == "high_priority"
    assert counted(world.partition.states[name]) == known_counts(number, probed=False)
    assert world.send([known_event(number, NOW_MS)]) == 1
    assert before - world.score(name) > 1
    assert counted(world.partition.states[name]) == known_counts(number, probed=True)


def test_the_first_usage_of_a_day_is_reported() -> None:
    world, name = World(), known_id(2)
    world.send(history(2, NOW_MS))
    assert kind_of(2) == "first_daily_usage"
    assert counted(world.partition.states[name]) == known_counts(2, probed=False)
    assert world.send([known_event(2, NOW_MS)]) == 1
    assert counted(world.partition.states[name]) == known_counts(2, probed=True)


def test_further_usage_of_a_day_moves_the_score_by_more_than_a_point() -> None:
    """On a day of which a report has told, so that nothing but the score is news."""
    world, name = World(), known_id(3)
    world.send(history(3, NOW_MS - 1))
    before = world.score(name)
    assert kind_of(3) == "repeat_usage"
    assert counted(world.partition.states[name]) == known_counts(3, probed=False)
    assert world.send([known_event(3, NOW_MS)]) == 1
    assert world.score(name) - before > 1
    assert counted(world.partition.states[name]) == known_counts(3, probed=True)


def test_the_first_event_of_a_new_account_is_reported() -> None:
    world = World()
    assert world.send([first_event(3, NOW_MS)]) == 1
    assert counted(world.partition.states[new_id(3)]) == NEW_COUNTS


@pytest.mark.parametrize(
    ("values", "share", "found", "why"),
    [
        ([5.0, 1.0, 3.0], 0.5, 3.0, "three of four came, the median is among them, in whatever order"),
        ([5.0, 1.0, 3.0], 0.75, 5.0, "the largest that came"),
        ([5.0, 1.0, 3.0], 0.99, None, "the one that did not come took longer than all that did"),
        ([], 0.5, None, "none came"),
    ],
)
def test_probes_without_a_report_count_as_the_slowest(
    values: list[float], share: float, found: float | None, why: str
) -> None:
    assert quantile(values, 4, share) == found, why
