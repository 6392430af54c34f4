"""Feeds with topics, names, units and zones of their own: what a mapping makes of their records."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from stream.calendar.clock import EventClock
from stream.config.settings import Settings, load
from stream.contracts.errors import BadEvent, ConfigError
from stream.kinds.decode import Decoder
from stream.kinds.feeds import FeedSettings, FieldMapping, mapping_for
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import make_processor
from tests.streams import Rec

NOON_MS = 1_769_860_800_000
INDIA = {"timezone": "Asia/Kolkata"}


@pytest.mark.parametrize(
    ("feed", "data", "expected"),
    [
        ({"fields": {"a": "b[1].c"}}, {"b": [0, {"c": 5}]}, {"a": 5}),
        ({"fields": {"a": "b[2]"}}, {"b": [0]}, {}),  # the list ends before
        ({"fields": {"a": "b[0]"}}, {"b": {"0": 1}}, {}),  # no list
        ({"fields": {"a": '"b.c"'}}, {"b.c": 5, "b": {"c": 6}}, {"a": 5}),
        ({"fields": {"a": 'x."b.c".d'}}, {"x": {"b.c": {"d": 5}}}, {"a": 5}),
        ({"fields": {"a": "x.$groups.company"}}, {"x": {"$groups": {"company": 7}}}, {"a": 7}),
        ({"fields": {"a": ["b", "c"]}}, {"c": 5}, {"a": 5}),  # the first that is there
        ({"fields": {"a": ["b", "c"]}}, {"b": "", "c": 5}, {"a": 5}),  # and says something
        ({"fields": {"a": ["b", "c"]}}, {"b": None}, {"a": None}),
        ({"constants": {"a": "nps"}}, {"b": 1}, {"a": "nps"}),
        ({"constants": {"a": "nps"}}, {"a": "ces"}, {"a": "ces"}),  # the record knows better
        ({"constants": {"a": "P1"}, "values": {"a": {"P1": "urgent"}}}, {}, {"a": "urgent"}),
        ({"unit": "seconds"}, {"timestamp": NOON_MS / 1000, "score": 5}, {"timestamp": NOON_MS, "score": 5}),
        ({"unit": "microseconds"}, {"renewal_at": NOON_MS * 1000}, {"renewal_at": NOON_MS}),
        (
            {"timezone": "Asia/Kolkata"},
            {"timestamp": "2026-01-31T17:30:00"},
            {"timestamp": "2026-01-31T17:30:00+05:30"},
        ),
        ({"timezone": "Asia/Kolkata"}, {"timestamp": "2026-01-31T12:00:00Z"}, {"timestamp": "2026-01-31T12:00:00Z"}),
        ({"timezone": "Asia/Kolkata"}, {"timestamp": "noon"}, {"timestamp": "noon"}),  # for the contract to refuse
    ],
)
def test_a_record_is_read_where_the_feed_has_it(
    feed: dict[str, Any], data: dict[str, Any], expected: dict[str, Any]
) -> None:
    mapped = FieldMapping(FeedSettings(**feed)).apply(data)
    assert {
        name: value for name, value in mapped.items() if name in expected or name in feed.get("fields", {})
    } == expected


@pytest.mark.parametrize("path", ["", "a..b", "a[", "a[x]", 'a."b', ".a", "a b]"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="expected a path such as"):
        FeedSettings(fields={"account_id": path})


MIXED = """
feeds:
  survey:
    topics: [answers, web-answers]
    fields: {event_id: token, account_id: "hidden.account", user_id: respondent.id, score: "answers[0].number",
             timestamp: submitted}
    constants: {survey: csat, scale: 1-7}
    where: {form: [satisfaction]}
    unit: seconds
"""


def settings(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "heartline.yaml"
    path.write_text(text)
    return load(Settings, path)


def answer(form: str, number: int) -> bytes:
    event = {"form": form, "token": f"t{number}", "hidden": {"account": 77}, "respondent": {"id": 5}}
    return json.dumps(event | {"answers": [{"number": number}], "submitted": NOON_MS // 1000}).encode()


def test_own_topics_are_folded_beside_heartlines_and_mapped_alone(tmp_path: Path) -> None:
    found = settings(tmp_path, MIXED)
    topics = found.kafka.topics
    assert {"answers", "web-answers", "survey-responses"} <= set(topics.sources)
    assert topics.input("survey") == "survey-responses"  # where Heartline itself writes to
    assert mapping_for(found.feeds["survey"], "survey-responses") is None
    processor, partition = make_processor(found, EventClock()), AccountPartition(0, 1)
    plain = {"event_id": "e", "account_id": "77", "user_id": "6", "survey": "csat", "score": 2, "timestamp": NOON_MS}
    for topic, value in (
        ("answers", answer("satisfaction", 7)),
        ("web-answers", answer("satisfaction", 6)),
        ("answers", answer("beta", 1)),  # another question: passed over
        ("survey-responses", json.dumps(plain).encode()),
    ):
        processor.fold(partition, topic, [Rec(topic, 0, 0, NOON_MS, None, value)])
    answers = partition.states["77"].survey.answers
    assert sorted((each.user_id, each.score) for each in answers.values()) == [("5", 4), ("5", 5), ("6", 2)]
    assert processor.counts["passed_over", "survey"] == 1
    assert partition.outputs == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "feeds: {usage: {topics: [account-health]}}",
            "account-health is a topic of Heartline's",
        ),
        (
            "feeds: {usage: {topics: [a]}, ticket: {topics: [a]}}",
            "feeds.ticket.topics[0] = 'a': a is a topic of Heartline's",
        ),
        ("feeds: {usage: {topics: [a b]}}", "feeds.usage.topics[0] = 'a b': "),
        ("feeds: {usage: {feilds: {}}}", "feeds.usage.feilds: not known here; did you mean fields?"),
        (
            "feeds: {usage: {fields: {acount_id: org}}}",
            "feeds.usage.fields.acount_id = 'org': no field of a usage event; did you mean account_id?",
        ),
        ("feeds: {survey: {constants: {surveys: csat}}}", "feeds.survey.constants.surveys = 'csat': no field of a"),
        ("feeds: {ticket: {values: {state: {NEW: opened}}}}", "did you mean status?"),
        ("feeds: {usage: {unit: minutes}}", "feeds.usage.unit = 'minutes': expected 'milliseconds'"),
    ],
)
def test_a_wrong_feed_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, text)
    assert told in str(caught.value)


def test_a_feed_may_name_a_trait_of_an_account(tmp_path: Path) -> None:
    found = settings(tmp_path, "feeds: {account: {fields: {industry: company.industry}}}")
    assert "industry" in found.feeds["account"].fields


def test_a_mapped_record_may_hold_broken_text_where_nobody_reads() -> None:
    """As one that is not mapped may."""
    decoder = Decoder("usage", FieldMapping(FeedSettings(fields={"feature": "event"})))
    plain = {"event_id": "e", "account_id": "a", "user_id": "u", "timestamp": NOON_MS, "event": "x", "note": "HERE"}
    broken = json.dumps(plain).encode().replace(b"HERE", b"caf\xe9")
    assert decoder.decode(broken).feature == "x"
    with pytest.raises(BadEvent, match="not_json"):
        decoder.decode(json.dumps(plain).encode().replace(b'"x"', b'"caf\xe9"'))
