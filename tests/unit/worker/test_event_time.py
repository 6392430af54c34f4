"""History on the event clock, by a worker that has read its topics unequally far: nobody seems silent who was not."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.clock import EventClock
from stream.calendar.day import DAY_MS
from stream.contracts.report import HealthReport, decode_report
from stream.engine.chunk import Chunk
from stream.engine.partition_manager import fold_chunk
from stream.kinds.kind import Kind
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor
from tests.examples import examples
from tests.streams import TOPICS, Raw, Rec, record

START_MS, DAYS = 20_000 * DAY_MS, 60


def usage(day: int) -> Raw:
    event: Raw = {"type": "usage", "event_id": f"e{day}", "account_id": "acme", "user_id": "ann", "feature": "export"}
    return event | {"timestamp": START_MS + day * DAY_MS}


def ticket(day: int) -> Raw:
    event: Raw = {
        "type": "ticket",
        "event_id": f"t{day}",
        "account_id": "acme",
        "ticket_id": f"t{day}",
        "status": "opened",
    }
    return event | {"timestamp": START_MS + day * DAY_MS + 1}


class Backlog:
    """All that is on the topics of one partition, and a worker that reads it chunk by chunk."""

    def __init__(self, knows_ends: bool = True) -> None:
        self.records: dict[str, list[Rec]] = {
            TOPICS.input("usage"): [record("usage", usage(day), day, day) for day in range(DAYS)],
            TOPICS.input("ticket"): [record("ticket", ticket(day), day, day) for day in range(DAYS)],
        }
        ends = {topic: len(records) for topic, records in self.records.items()}
        self.ends = ends if knows_ends else {}
        self.processor = HealthProcessor(TOPICS, EventClock())
        self.partition = AccountPartition(0, next_offsets=dict.fromkeys(self.records, 0))

    def read(self, kind: Kind, count: int) -> list[HealthReport]:
        """Fold some of a topic, evaluate, and give what is published."""
        topic = TOPICS.input(kind)
        start = self.partition.next_offsets[topic]
        found = self.records[topic][start : start + count]
        if found:
            fold_chunk(self.processor, self.partition, Chunk(topic, 0, start, found, 1, self.ends))
        for _ in self.processor.evaluate(self.partition):
            pass
        outputs, self.partition.outputs = self.partition.outputs, []
        return [decode_report(each.value) for each in outputs if each.topic == TOPICS.health and each.value]


@examples(60)
@given(st.integers(0, 1 << 30))
def test_who_comes_daily_is_never_silent_however_the_topics_are_read(seed: int) -> None:
    chance, backlog, last = random.Random(seed), Backlog(), 0.0
    reports: list[HealthReport] = []
    for _ in range(400):
        for report in backlog.read(chance.choice(["usage", "ticket"]), chance.choice([1, 3, 30])):
            assert report.measures["wau"] == 1, report.as_of
            assert report.as_of.timestamp() >= last, "time never goes back"
            last = report.as_of.timestamp()
            reports.append(report)
    assert last * 1000 == pytest.approx(START_MS + (DAYS - 1) * DAY_MS + 1), "it gets to the last day"
    assert len(reports) > 1


def test_a_worker_that_does_not_know_where_topics_end_takes_the_newest_event_for_now() -> None:
    """So it would be without; and so it is where time is the wall's, which asks nobody."""
    backlog = Backlog(knows_ends=False)
    backlog.read("usage", 10)
    (*_, report) = backlog.read("ticket", DAYS)
    assert report.measures["wau"] == 0


@pytest.mark.parametrize(
    ("read", "ends", "newest", "expected", "why"),
    [
        ({"a": 5, "b": 5}, {"a": 5, "b": 5}, {"a": 50, "b": 70}, 70, "all is read"),
        ({"a": 4, "b": 5}, {"a": 5, "b": 5}, {"a": 50, "b": 70}, 50, "one is behind: up to where it is read"),
        ({"a": 4, "b": 4}, {"a": 5, "b": 5}, {"a": 50, "b": 40}, 40, "both are: up to the one that is less far"),
        ({"a": 0, "b": 5}, {"a": 5, "b": 5}, {"b": 70}, None, "nothing of one is read: nothing can be said"),
        ({"a": 9, "b": 5}, {"a": 5}, {"a": 50, "b": 70}, 70, "what has no known end is not behind"),
    ],
)
def test_now_is_up_to_when_all_topics_are_read(
    read: dict[str, int], ends: dict[str, int], newest: dict[str, int], expected: int | None, why: str
) -> None:
    watermark = max(newest.values())
    partition = AccountPartition(0, next_offsets=read, ends=ends, newest_ms=newest, watermark_ms=watermark)
    assert partition.event_time_ms() == expected, why


def test_now_stands_still_while_older_days_are_read() -> None:
    partition = AccountPartition(0, next_offsets={"a": 5}, ends={"a": 5}, newest_ms={"a": 50}, watermark_ms=50)
    assert partition.event_time_ms() == 50
    partition.next_offsets["b"], partition.ends["b"], partition.newest_ms["b"] = 1, 9, 10
    assert partition.event_time_ms() == 50
