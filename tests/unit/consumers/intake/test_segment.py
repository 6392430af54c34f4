"""Segment's calls as events: whose they are, when they were made, and what says nothing about an account."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from consumers.intake import segment
from consumers.intake.mapping import Ignored, Translated, UnreadableError

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
TRACK: dict[str, Any] = {
    "type": "track",
    "messageId": "m1",
    "userId": "u7",
    "event": "Report exported",
    "timestamp": "2026-03-02T09:59:00Z",
    "context": {"groupId": "acme"},
}


def nobody(user_id: str) -> None:
    return None


def event_of(call: dict[str, Any], account_of: Any = nobody) -> dict[str, Any]:
    outcome = segment.translate_call(call, account_of, NOW)
    assert isinstance(outcome, Translated)
    return outcome.event


def test_a_track_call_is_usage_of_the_group_in_its_context() -> None:
    outcome = segment.translate_call(TRACK, nobody, NOW)
    assert outcome == Translated(
        "usage",
        {
            "event_id": "m1",
            "account_id": "acme",
            "user_id": "u7",
            "feature": "Report exported",
            "timestamp": "2026-03-02T09:59:00Z",
        },
    )


CALLS = [
    ({"context": {}}, {"u7": "acme"}, "account_id", "acme", "the user was grouped before"),
    ({"context": None}, {"u7": "acme"}, "account_id", "acme", "a context of null is none"),
    ({"context": {"groupId": 360001}}, {}, "account_id", "360001", "an id may be a number"),
    ({"context": {"groupId": ""}}, {"u7": "acme"}, "account_id", "acme", "an empty id is none"),
    ({"properties": {"groupId": "p"}, "context": {}}, {}, "account_id", "p", "some senders put it into the properties"),
    ({"userId": None, "anonymousId": "a1"}, {}, "user_id", "a1", "nobody is logged in yet"),
    ({"timestamp": None}, {}, "timestamp", NOW.isoformat(), "without a time it was now"),
    ({"timestamp": None, "originalTimestamp": "2026-03-02T08:00:00Z"}, {}, "timestamp", "2026-03-02T08:00:00Z", "SDKs"),
]


@pytest.mark.parametrize(("changes", "groups", "field", "expected", "why"), CALLS, ids=[case[-1] for case in CALLS])
def test_what_a_call_may_look_like(
    changes: dict[str, Any], groups: dict[str, str], field: str, expected: str, why: str
) -> None:
    assert event_of(TRACK | changes, groups.get)[field] == expected


CLOCKS = [
    ("2026-03-02T10:00:30Z", "2026-03-02T09:59:00Z", "half a minute is the way here"),
    ("2026-03-02T11:00:00Z", "2026-03-02T08:59:00+00:00", "an hour ahead: both moments are"),
    ("2026-03-01T10:00:00Z", "2026-03-03T09:59:00+00:00", "a day behind"),
    ("yesterday", "2026-03-02T09:59:00Z", "not a moment: the timestamp stays"),
    (None, "2026-03-02T09:59:00Z", "it was not said"),
]


@pytest.mark.parametrize(("sent_at", "expected", "why"), CLOCKS, ids=[case[-1] for case in CLOCKS])
def test_the_senders_clock_is_corrected_by_when_it_sent(sent_at: str | None, expected: str, why: str) -> None:
    assert event_of(TRACK | {"sentAt": sent_at})["timestamp"] == expected


def test_a_group_call_describes_an_account_and_says_who_is_in_it() -> None:
    call = {
        "type": "group",
        "messageId": "m2",
        "userId": "u7",
        "groupId": "acme",
        "traits": {"name": "Acme", "plan": "enterprise", "seats": 40, "industry": "toys"},
        "timestamp": "2026-03-02T09:59:00Z",
    }
    event = event_of(call)
    assert (event["account_id"], event["name"], event["segment"], event["licensed_seats"]) == (
        "acme",
        "Acme",
        "enterprise",
        40,
    )
    assert segment.membership_of(call) == ("u7", "acme")
    assert segment.membership_of(call | {"groupId": None}) is None
    assert segment.membership_of(TRACK) is None


@pytest.mark.parametrize("traits", [None, {}, {"name": None}])
def test_a_group_call_without_traits_clears_nothing(traits: Any) -> None:
    event = event_of({"type": "group", "userId": "u", "groupId": "acme", "traits": traits, "messageId": "m"})
    assert event.keys() == {"event_id", "account_id", "timestamp"}


def test_pages_are_one_feature_however_many_there_are() -> None:
    features = {event_of(TRACK | {"type": "page", "name": name})["feature"] for name in ("Home", "Pricing", "Docs")}
    assert features == {"page viewed"}


def test_what_says_nothing_about_an_account_is_ignored_and_what_nobody_documents_is_not() -> None:
    assert isinstance(segment.translate_call({"type": "identify", "userId": "u"}, nobody, NOW), Ignored)
    with pytest.raises(UnreadableError, match=r"type = 'trakc': expected one of track, page"):
        segment.translate_call({"type": "trakc"}, nobody, NOW)


def test_a_batch_says_once_for_all_when_it_was_sent_and_in_which_context() -> None:
    body = {"batch": [TRACK, TRACK | {"context": None}], "sentAt": "S", "context": {"groupId": "g", "ip": "1"}}
    own, shared = segment.calls_of(body, None)
    assert own["context"] == {"groupId": "acme", "ip": "1"}
    assert shared["context"] == {"groupId": "g", "ip": "1"}
    assert own["sentAt"] == shared["sentAt"] == "S"


@pytest.mark.parametrize("body", [7, [], {"batch": None}, {"batch": {}}, {"batch": [7]}, {}])
def test_a_batch_that_is_none_is_named(body: Any) -> None:
    with pytest.raises(UnreadableError, match="expected a"):
        segment.calls_of(body, None)


def test_the_calls_among_the_examples_are_read() -> None:
    payloads = Path(__file__).resolve().parents[4] / "examples/payloads"
    calls = [
        json.loads((payloads / f"segment-{name}.json").read_text("utf-8")) for name in ("track", "group", "identify")
    ]
    track, group, identify = (segment.translate_call(call, nobody, NOW) for call in calls)
    assert isinstance(track, Translated)
    assert isinstance(group, Translated)
    assert (track.event["account_id"], track.event["feature"]) == ("acme", "Report Exported")
    assert group.event["licensed_seats"] == 40
    assert isinstance(identify, Ignored)
