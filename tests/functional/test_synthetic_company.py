"""The synthetic company through the worker's own fold and the alerting's own rules, without servers.

What the demo promises is proven here: those who are in trouble get a red flag, and nobody else.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pytest

from alerts.evaluation import evaluate_rules
from alerts.model import AccountRecord
from alerts.rules import default_rules
from heartline.synthetic import CORE_FEATURES, STORIES, customers, events, story_start
from stream.calendar.clock import EventClock
from stream.contracts.report import HealthReport, decode_report
from stream.topics import Topics
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor

# One of each weekday would do; two that differ most in where the weekends fall keep the test short.
DAYS = [datetime(2026, 5, 20, 13, 30, tzinfo=UTC), datetime(2026, 5, 24, 23, 59, tzinfo=UTC)]


@dataclass
class Raw:
    """A record as the processor reads it."""

    topic: str
    value: bytes
    key: bytes
    partition: int = 0
    offset: int = 0
    timestamp: int = 0


def reports(now: datetime) -> Iterator[HealthReport]:
    """Every report that the worker publishes of the stories, judged every six hours."""
    topics = Topics()
    processor = HealthProcessor(topics, EventClock(), core_features=frozenset(CORE_FEATURES))
    partition = AccountPartition(0)
    for _, batch in groupby(events(now), key=lambda event: max(_quarter(event), _quarter_of(story_start(now)))):
        by_topic: dict[str, list[Any]] = defaultdict(list)
        for event in batch:
            topic = topics.input(event["type"])
            by_topic[topic].append(Raw(topic, json.dumps(event).encode(), event["account_id"].encode()))
        for topic, records in by_topic.items():
            processor.fold(partition, topic, records)
        for _ in processor.evaluate(partition):
            pass
        for output in partition.outputs:
            assert output.topic == topics.health, output.value
            assert output.value is not None
            yield decode_report(output.value)
        partition.outputs.clear()


def _quarter(event: dict[str, Any]) -> str:
    return _quarter_of(datetime.fromisoformat(event["timestamp"]))


def _quarter_of(moment: datetime) -> str:
    return f"{moment.date()}/{moment.hour // 6}"


@pytest.mark.parametrize("now", DAYS, ids=lambda now: f"{now:%a}")
def test_the_troubled_get_a_red_flag_and_the_steady_do_not(now: datetime) -> None:
    """Within the first ten days of the stories the first one; and whoever recovers is told to have."""
    story = {customer.account_id: customer.story.name for customer in customers(now)}
    known: dict[str, AccountRecord | None] = {}
    told: dict[str, list[str]] = defaultdict(list)
    first_day = None
    for report in reports(now):
        evaluation = evaluate_rules(known.get(report.account_id), report, default_rules(), report.as_of)
        known[report.account_id] = evaluation.record
        for change in evaluation.changes:
            if change.notification_kind is None:
                continue
            told[story[report.account_id]].append(change.notification_kind)
            first_day = first_day or (report.as_of - story_start(now)).days
    assert len(known) == 40
    assert set(told) == {found.name for found in STORIES if found.trouble is not None}
    assert told["recovers"][0] == "opened"
    assert told["recovers"][-1] == "resolved"
    assert first_day is not None
    assert first_day < 10
