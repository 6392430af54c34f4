"""What the job publishes: what a person could notice, and in what form; and how the job is made."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from stream.account import Judged, newest_ms
from stream.errors import BadEvent
from stream.job import make_job
from stream.news import is_news
from stream.report import HealthReport, Profile, decode_report, encode_report
from stream.rolling import DAY_MS, end_of_day_ms
from stream.settings import FeedSettings, Settings, WorkerSettings
from tests.streams import fold, make_stream
from tests.unit.stream.lives import DAY, Part, fold_one, judged, month, usage

BEFORE = Judged(
    end_of_day_ms(DAY), 60.0, "watch", 0.6, 61.0, repr(Profile(name="Acme")), [], last_event_ms=end_of_day_ms(DAY)
)


def report(**fields: Any) -> HealthReport:
    plain: dict[str, Any] = {
        "account_id": "acme",
        "as_of": datetime.fromtimestamp(end_of_day_ms(DAY) / 1000, UTC),
        "score": 60.0,
        "band": "watch",
        "coverage_ratio": 0.6,
        "scorecard": "default@1",
        "reason": "steady",
        "contributions": [],
        "score_7d_ago": 61.0,
        "changes_7d": [],
        "history": [],
        "measures": {},
        "profile": Profile(name="Acme"),
        "last_event_at": datetime.fromtimestamp(end_of_day_ms(DAY) / 1000, UTC),
    }
    return HealthReport(**(plain | fields))


NEXT_DAY = datetime.fromtimestamp(end_of_day_ms(DAY + 1) / 1000, UTC)


@pytest.mark.parametrize(
    ("changes", "news"),
    [
        ({}, False),  # the same again
        ({"score": 60.9}, False),  # less than a point
        ({"score": 59.1}, False),
        ({"score": 61.0}, True),  # a point
        ({"score": 59.0}, True),
        ({"score": None}, True),  # became unknown
        ({"band": "at_risk"}, True),  # another band, even within a point
        ({"score_7d_ago": 60.1}, False),
        ({"score_7d_ago": 60.0}, True),  # the comparison moved by a point
        ({"score_7d_ago": None}, True),
        ({"coverage_ratio": 0.649}, False),
        ({"coverage_ratio": 0.65}, True),  # five percent of the scorecard more is known
        ({"profile": Profile(name="Acme Corp")}, True),
        ({"reason": "another sentence"}, False),  # words follow numbers
        ({"as_of": NEXT_DAY}, False),  # a new day alone
        ({"as_of": NEXT_DAY, "last_event_at": NEXT_DAY}, True),  # a new day with activity
        ({"last_event_at": NEXT_DAY}, True),  # the same where history arrives that is older than the last judgement
        ({"last_event_at": None, "as_of": NEXT_DAY}, False),
    ],
)
def test_news_is_what_a_person_could_notice(changes: dict[str, Any], news: bool) -> None:
    found = report(**changes)
    assert is_news(BEFORE, found, repr(found.profile)) is news


def test_a_score_that_creeps_is_news_once_it_has_gone_a_point() -> None:
    """Compared with what was published, not with the last judgement, or a slow fall would never be told."""
    assert not is_news(BEFORE, report(score=59.4), repr(Profile(name="Acme")))
    assert is_news(BEFORE, report(score=58.9), repr(Profile(name="Acme")))


def test_a_report_comes_back_from_its_topic_as_it_was() -> None:
    job, partition = fold(make_stream(3, 300, 90))
    for found in judged(job, partition):
        assert decode_report(encode_report(found)) == found


def test_a_report_of_an_earlier_version_is_read_without_what_came_later() -> None:
    job, partition = fold(month())
    (report,) = judged(job, partition)
    raw = json.loads(encode_report(report))
    for name in ("score_28d_ago", "changes_28d", "override", "model_score", "model_band", "freshness"):
        del raw[name]
    old = decode_report(json.dumps(raw).encode())
    assert (old.override, old.model_score, old.score_28d_ago, old.changes_28d, old.freshness) == (
        None,
        None,
        None,
        [],
        {},
    )


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"not json", b'{"account_id": 5}', b"\xff"])
def test_what_is_no_report_is_refused_in_words(value: bytes) -> None:
    with pytest.raises(BadEvent, match="expected a health report"):
        decode_report(value)


def test_the_job_is_made_as_the_settings_say() -> None:
    feed = FeedSettings(fields={"account_id": "org"})
    made = make_job(Settings(worker=WorkerSettings(clock="event"), feeds={"usage": feed}))
    partition = Part(0)
    event = usage(1)
    event["org"] = event.pop("account_id")
    fold_one(made, partition, "usage", event)
    assert list(partition.states) == ["acme"]
    assert [found.account_id for found in judged(made, partition)] == ["acme"]
    assert newest_ms(partition.states["acme"]) == DAY * DAY_MS
