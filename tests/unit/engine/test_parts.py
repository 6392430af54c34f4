"""The engine's pure parts, each on its own."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from stream.config.settings import Settings
from stream.contracts.errors import EngineError
from stream.engine import checkpoint
from stream.engine.chunk import Chunk, FetchPositions
from stream.engine.committed_offsets import (
    CheckpointMetadata,
    CommittedOffsets,
    decode_metadata,
    resume_offset,
    validate,
)
from stream.engine.metrics import EngineMetrics
from stream.engine.partition import Output, Partition
from stream.engine.partition_manager import fold_chunk
from stream.engine.topology import co_assigned, count_mismatch
from stream.engine.watchdog import Watchdog
from stream.topics import TopicSpec
from stream.worker.metrics import OUTCOMES, WorkerCollector
from stream.worker.priority_queue import PriorityQueue
from tests.streams import fold, make_stream
from tests.tally import Tally, TallyPartition, TallyProcessor
from tests.unit.engine.fakes import FakeBroker, FakeRecord

TOPIC = "product-usage"


def records(*offsets: int) -> list[FakeRecord]:
    """Usage records of one account at these offsets, their values their offsets."""
    return [FakeRecord(TOPIC, 0, offset, b"acme", b"%d" % offset) for offset in offsets]


def partition(next_offset: int) -> TallyPartition:
    """A partition that expects this offset."""
    return TallyPartition(0, next_offsets={TOPIC: next_offset})


@pytest.mark.parametrize(
    ("start", "offsets", "folded", "reason"),
    [
        (5, [5, 6, 7], 3, "the chunk that was expected"),
        (5, [6, 9], 2, "compaction left gaps, the chunk still starts where it should"),
        (2, [2, 3, 4, 5, 6], 2, "fetched twice in part: what is folded is skipped"),
        (2, [2, 3, 4], 0, "fetched twice as a whole"),
    ],
)
def test_a_chunk_is_folded_from_the_next_offset_on(
    start: int, offsets: Sequence[int], folded: int, reason: str
) -> None:
    hot = partition(5)
    assert fold_chunk(TallyProcessor(Settings()), hot, Chunk(TOPIC, 0, start, records(*offsets), 1)) == folded, reason
    assert hot.next_offsets[TOPIC] == max(5, offsets[-1] + 1)
    assert sum(tally.counts[TOPIC] for tally in hot.states.values()) == folded


def test_a_chunk_that_starts_too_late_is_refused_and_named() -> None:
    with pytest.raises(EngineError, match=r"product-usage\[0\]@6 came where offset 5 was expected"):
        fold_chunk(TallyProcessor(Settings()), partition(5), Chunk(TOPIC, 0, 6, records(6), 1))


def test_a_chunk_of_a_topic_without_an_offset_is_refused() -> None:
    with pytest.raises(EngineError, match="offset None was expected"):
        fold_chunk(TallyProcessor(Settings()), TallyPartition(0), Chunk(TOPIC, 0, 0, records(0), 1))


def test_a_chunk_that_goes_back_without_a_seek_is_refused_rather_than_skipped() -> None:
    with pytest.raises(EngineError, match=r"product-usage\[0\]@5 begins with offset 0: .* created again"):
        fold_chunk(TallyProcessor(Settings()), partition(5), Chunk(TOPIC, 0, 5, records(0, 1), 1))


MARK = CheckpointMetadata("topic-1", "changelog-1", 40)


@pytest.mark.parametrize(
    ("topic", "changelog", "end", "words"),
    [
        ("topic-1", "changelog-1", 40, None),  # as it was
        ("topic-1", "changelog-1", 90, None),  # a transaction's marker came after
        (None, None, 40, None),  # a broker without ids
        ("topic-2", "changelog-1", 40, "web[3]: the topic was deleted and created again"),
        ("topic-1", "changelog-2", 90, "web[3]: the changelog was deleted and created again"),
        ("topic-1", "changelog-1", 39, "web[3]: the changelog ends at offset 39, at the last checkpoint it reached 40"),
        (None, None, 0, "the changelog ends at offset 0"),
    ],
)
def test_topics_are_compared_with_those_of_the_last_checkpoint(
    topic: str | None, changelog: str | None, end: int, words: str | None
) -> None:
    problem = validate("web[3]", MARK, topic, changelog, end, "group-1")
    assert (problem is None) == (words is None)
    assert words is None or words in str(problem)
    assert problem is None or "kafka-consumer-groups --group group-1" in problem


def test_a_mark_comes_back_as_it_was_and_what_is_none_is_none() -> None:
    assert decode_metadata(MARK.encode()) == MARK
    assert len(CheckpointMetadata("x" * 36, "y" * 36, 1 << 62).encode()) < 200
    assert [decode_metadata(text) for text in (None, "", "by hand", "{}", "[1]")] == [None] * 5


def test_chunks_start_where_the_last_one_ended_and_a_seek_starts_anew() -> None:
    tp = TopicPartition(TOPIC, 0)
    fetch_positions = FetchPositions()
    assert fetch_positions.chunk(tp, records(3)) is None, "nothing counts before the first seek"
    fetch_positions.on_seek({tp: 10}, 1)
    first, second = fetch_positions.chunk(tp, records(10, 14)), fetch_positions.chunk(tp, records(20))
    fetch_positions.on_seek({tp: 10}, 2)
    again = fetch_positions.chunk(tp, records(10))
    starts = [(chunk.start, chunk.next_offset, chunk.seek) for chunk in (first, second, again) if chunk is not None]
    assert starts == [(10, 15, 1), (15, 21, 1), (10, 11, 2)]


def test_a_snapshot_tells_news_from_no_news() -> None:
    nothing = checkpoint.Checkpoint({}, [], {TOPIC: 5}, None, [])
    assert not nothing.differs_from({TOPIC: 5})
    assert nothing.differs_from({TOPIC: 4}), "offsets alone are news"
    assert checkpoint.Checkpoint({"acme": b""}, [], {TOPIC: 5}, None, []).differs_from({TOPIC: 5})
    assert checkpoint.Checkpoint({}, [Output("t", b"k", b"v")], {TOPIC: 5}, None, []).differs_from({TOPIC: 5})


async def test_a_snapshot_encodes_what_is_dirty_and_buries_what_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "STATE_BYTES_MAX", 1000)
    hot = partition(9)
    hot.states = {"small": Tally({TOPIC: 1}, {}), "large": Tally({"x" * 2000: 1}, {}), "clean": Tally({}, {})}
    hot.dirty = {"small", "large", "gone"}
    snapshot = await checkpoint.take_checkpoint(TallyProcessor(Settings()), hot, 1)
    assert snapshot.states.keys() == {"small", "gone"}
    assert snapshot.states["gone"] is None
    assert snapshot.oversized == ["large"]
    assert hot.dirty == set()


async def test_evaluation_ends_with_its_time_and_goes_on_with_whoever_waits_longest() -> None:
    processor, hot = TallyProcessor(Settings()), partition(0)
    hot.states = {name: Tally({TOPIC: 1}, {}, needs_evaluation=True) for name in "abc"}
    hot.pending = PriorityQueue([("a", 10), ("b", None), ("c", 30)])
    evaluated, oldest = [], []
    for seconds in (0, 1e-9, 1e-9, 1, 1):
        snapshot = await checkpoint.take_checkpoint(processor, hot, seconds)
        evaluated.append([output.key for output in snapshot.outputs])
        oldest.append(snapshot.oldest_ms)
    assert evaluated == [[], [b"a"], [b"b"], [b"c"], []]
    assert oldest == [None, 10, None, 30, None]


async def test_a_snapshot_is_published_whole_in_as_many_batches_as_it_needs() -> None:
    broker = FakeBroker(epochs={3: 0}, changelog={3: {b"gone": b"old"}})
    states: dict[str, bytes | None] = {f"account-{number}": b"%d" % number for number in range(25)}
    outputs = [Output("health", b"a", b"1"), Output("health", b"a", b"2"), Output("elsewhere", None, b"x", partition=0)]
    snapshot = checkpoint.Checkpoint(states | {"gone": None}, outputs, {TOPIC: 7}, None, [])
    committed = CommittedOffsets(4, changelog_end=9)
    await checkpoint.commit(broker.producer(3), "changelog", 3, "group", snapshot, committed)
    assert (committed.changelog_end, committed.next_offsets) == (26, {TOPIC: 7})
    assert broker.changelog[3] == {key.encode(): value for key, value in states.items()}
    assert broker.outputs == {"health": [(b"a", b"1"), (b"a", b"2")], "elsewhere": [(None, b"x")]}
    assert broker.group == {TopicPartition(TOPIC, 3): 7}


@pytest.mark.parametrize(
    ("committed", "first", "end", "expected", "reason"),
    [
        (None, 0, 10, 0, "a new group starts at the beginning"),
        (None, 4, 10, 4, "which retention may have moved"),
        (7, 0, 10, 7, "the last checkpoint"),
        (10, 0, 10, 10, "all read"),
        (3, 5, 10, 5, "retention overtook the worker: go on where records are"),
        (0, 0, 0, 0, "an empty topic"),
    ],
)
def test_reading_resumes_where_the_last_checkpoint_stands(
    committed: int | None, first: int, end: int, expected: int, reason: str
) -> None:
    assert resume_offset(TopicPartition(TOPIC, 0), committed, first, end) == expected, reason


def test_a_recreated_topic_is_refused_rather_than_skipped() -> None:
    with pytest.raises(EngineError, match=r"product-usage\[0\]: .* offset 50, the topic ends at 3: it was recreated"):
        resume_offset(TopicPartition(TOPIC, 0), 50, 0, 3)


def test_an_assignment_of_the_same_partitions_of_every_topic_is_fine() -> None:
    assigned = [("a", 0), ("a", 2), ("b", 2), ("b", 0), ("other", 7)]
    assert co_assigned(assigned, ["a", "b"]) == ({0, 2}, None)
    assert co_assigned([], ["a", "b"]) == (set(), None)


def test_an_assignment_that_splits_an_account_is_refused() -> None:
    numbers, problem = co_assigned([("a", 0), ("a", 1), ("b", 0)], ["a", "b"])
    assert numbers == {0, 1}
    assert problem is not None
    assert "missing: {'b': [1]}" in problem


def test_partition_counts_that_differ_are_named_with_what_to_do() -> None:
    specs = [TopicSpec("a", 12, {}), TopicSpec("b", 12, {}), TopicSpec("new", 12, {})]
    assert count_mismatch({"a": 12, "b": 12}, specs) is None
    problem = count_mismatch({"a": 12, "b": 4}, specs)
    assert problem is not None
    assert problem.startswith("kafka.partitions = 12, but b has 4: every topic needs the same count")


def test_the_watchdog_barks_only_when_work_waits_and_nothing_moves() -> None:
    dog = Watchdog(stall_seconds=10)
    steps = [
        (0, True, 1, None),  # the first look
        (9, True, 1, None),  # not long enough
        (11, True, 2, None),  # it moved
        (20, False, 2, None),  # nothing to do
        (29, True, 2, None),  # nine seconds since there was nothing to do
        (31, True, 2, 11),
    ]
    for now, waiting, progress, expected in steps:
        assert dog.idle_seconds(now, waiting, progress) == expected, f"at {now} s"


class View:
    """A partition manager for the collector."""

    def partitions(self) -> list[Partition[Any]]:
        return [
            TallyPartition(
                0, states={"a": Tally()}, dirty={"a"}, pending=PriorityQueue([("a", 1)]), watermark_ms=5_000
            ),
            TallyPartition(1, states={"b": Tally()}, cold={"c": b"encoded"}, watermark_ms=2_000),
            TallyPartition(2, pending=PriorityQueue([("d", None), ("e", None)])),
        ]

    def lags(self) -> dict[str, int]:
        return {TOPIC: 42}

    def unassigned(self) -> frozenset[int]:
        return frozenset({3})

    def group_lags(self) -> dict[str, int]:
        return {TOPIC: 50}

    def without_store(self) -> int:
        return 2


def test_the_gauges_are_read_when_prometheus_asks() -> None:
    registry = CollectorRegistry()
    EngineMetrics(registry)
    counts = {("dead_letter", "not_json"): 3}
    registry.register(WorkerCollector(View(), lambda: counts, 4))
    value = registry.get_sample_value
    assert value("heartline_worker_accounts") == 3
    assert value("heartline_worker_hot_accounts") == 2
    assert value("heartline_worker_partitions_without_store") == 2
    assert value("heartline_worker_dirty_accounts") == 1
    assert value("heartline_worker_pending_accounts") == 3
    assert value("heartline_worker_lag_records", {"topic": TOPIC}) == 42
    assert value("heartline_group_lag_records", {"topic": TOPIC}) == 50
    assert value("heartline_worker_partitions") == 3
    assert value("heartline_worker_partitions_expected") == 4
    assert value("heartline_group_unassigned_partitions") == 1
    assert value("heartline_worker_watermark_timestamp_seconds") == 2
    outcomes = "heartline_worker_outcomes_total"
    assert value(outcomes, {"outcome": "dead_letter", "label": "not_json"}) == 3
    assert value(outcomes, {"outcome": "dead_letter", "label": "future"}) == 0
    assert value(outcomes, {"outcome": "late", "label": "survey"}) == 0


def test_every_outcome_that_the_job_counts_has_a_series_before_the_first() -> None:
    """Else the first one is no rise, and no panel and no alarm shows it."""
    twice = [event for event in make_stream(5, 100, 60) for _ in range(2)]
    processor, _ = fold([*twice, {"type": "usage"}, {"type": "ticket", "timestamp": "?"}])
    assert {outcome for outcome, _ in processor.counts} >= {"dead_letter", "repeated", "unknown_account"}
    assert set(processor.counts) <= set(OUTCOMES)


def test_the_snapshot_leaves_the_loop_free_between_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "ENCODE_SLICE", 10)
    hot = partition(0)
    hot.states = {str(number): Tally() for number in range(100)}
    hot.dirty = set(hot.states)
    breaths = 0

    async def breathe() -> None:
        nonlocal breaths
        while True:
            breaths += 1
            await asyncio.sleep(0)

    async def run() -> None:
        breathing = asyncio.create_task(breathe())
        await checkpoint.take_checkpoint(TallyProcessor(Settings()), hot, 1)
        breathing.cancel()

    asyncio.run(run())
    assert breaths >= 10
