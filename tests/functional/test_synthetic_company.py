"""The synthetic company through the worker's own fold and the alerting's own rules, without servers.

What the demo promises is proven here: those who are in trouble get a red flag, and nobody else.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import Any

import pytest

from alerts.config import read_config
from alerts.context import AlertContext
from heartline.alert_replay.history import AccountReplay, Row
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


def reports(now: datetime, hours: int) -> Iterator[HealthReport]:
    """Every report that the worker publishes of the stories, evaluated every so many hours."""
    topics = Topics()
    processor = HealthProcessor(topics, EventClock(), core_features=frozenset(CORE_FEATURES))
    partition: Any = AccountPartition(0)
    begun = _turn_of(story_start(now), hours)
    for _, batch in groupby(events(now), key=lambda event: max(_turn(event, hours), begun)):
        by_topic: dict[str, list[Any]] = defaultdict(list)
        for event in batch:
            topic = topics.input(event["type"])
            by_topic[topic].append(Raw(topic, json.dumps(event).encode(), event["account_id"].encode()))
        for topic, records in by_topic.items():
            processor.fold(partition, topic, records)
        for _ in processor.evaluate(partition):
            pass
        for output in partition.outputs:
            assert output.topic in (topics.health, topics.account_days), output.value
            if output.topic == topics.health:
                yield decode_report(output.value or b"")
        partition.outputs.clear()


def _turn(event: dict[str, Any], hours: int) -> str:
    return _turn_of(datetime.fromisoformat(event["timestamp"]), hours)


def _turn_of(moment: datetime, hours: int) -> str:
    return f"{moment.date()}/{moment.hour // hours:02}"


@dataclass
class Flagged:
    """What became of one account.

    Attributes:
        life: its alerts.
        told: of each red flag that opened, and each page, the row and the report that it came of.
    """

    life: AccountReplay
    told: list[tuple[Row, HealthReport]]


@cache
def company(now: datetime, hours: int = 6) -> dict[str, Flagged]:
    """Every account through the alerting's rules."""
    config = read_config()
    found: dict[str, Flagged] = {}
    for report in reports(now, hours):
        one = found.get(report.account_id)
        if one is None:
            one = found[report.account_id] = Flagged(AccountReplay(config, AlertContext(config.lifecycle)), [])
        known = len(one.life.rows)
        one.life.take(report)
        one.told += [(row, report) for row in one.life.rows[known:] if row.event in ("opened", "page")]
    for one in found.values():
        one.life.pass_time(now)
    return found


@pytest.mark.parametrize("now", DAYS, ids=lambda now: f"{now:%a}")
def test_each_account_in_trouble_is_there_for_its_reason_and_shows_it(now: datetime) -> None:
    """The red flag has a signal of what happened, and the sentence on the account's page says it, too."""
    for customer in customers(now):
        story = customer.story
        if story.trouble is None:
            continue
        told = company(now)[customer.account_id].told
        assert told, story.name
        first = [(row, report) for row, report in told if row.event == "page" or row is told[0][0]]
        for row, report in first:
            assert not set(row.signals.split("+")).isdisjoint(story.signals), (story.name, row)
            assert any(words in report.reason for words in story.why), (story.name, report.reason)
    (champions,) = [each for each in customers(now) if each.story.name == "champion leaves"]
    _, report = company(now)[champions.account_id].told[0]
    assert any(f"without {who}" in report.reason for who in champions.names[:3])


@pytest.mark.parametrize("now", DAYS, ids=lambda now: f"{now:%a}")
def test_the_troubled_get_one_red_flag_each_and_the_steady_none(now: datetime) -> None:
    """Within the first twelve days of the stories the first one; whoever recovers is told to have; and few messages."""
    story = {customer.account_id: customer.story.name for customer in customers(now)}
    lives = {account: found.life for account, found in company(now).items()}
    assert len(lives) == 40
    flags: dict[str, list[Row]] = {
        account: [row for row in life.rows if row.event == "opened"] for account, life in lives.items()
    }
    flagged, troubled = (
        {story[account] for account, rows in flags.items() if rows},
        {found.name for found in STORIES if found.trouble is not None},
    )
    assert flagged == troubled
    told = [row for life in lives.values() for row in life.rows if row.event in ("page", "reminder")]
    assert len(told) <= 25
    (recovers,) = [account for account, name in story.items() if name == "recovers"]
    assert lives[recovers].rows[-1].event in ("resolved", "closed")
    first = min(rows[0].at for rows in flags.values() if rows)
    assert (first - story_start(now)).days < 12


@pytest.mark.long
def test_the_pace_of_the_demo_changes_no_red_flag_and_no_page() -> None:
    """A slow machine evaluates once where a quick one evaluates four times: the same are flagged and told of."""

    def found(hours: int) -> set[tuple[str, str, str]]:
        lives = {account: flagged.life for account, flagged in company(DAYS[0], hours).items()}
        rows = [(account, row) for account, life in lives.items() for row in life.rows]
        return {(account, row.event, row.severity) for account, row in rows if row.event in ("opened", "page")}

    assert found(6) == found(24)
