"""The contracts: what each kind of event accepts and refuses, with which reason, in which words."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.errors import BadEvent
from stream.contracts.events import (
    EARLIEST_MS,
    FUTURE_SLACK_MS,
    LATEST_MS,
    REASONS,
    VALUE_BYTES_MAX,
    check_time,
    epoch_ms,
    iso,
)
from stream.kinds.account import AccountEvent
from stream.kinds.decode import Decoder
from stream.kinds.feeds import FeedSettings, FieldMapping
from stream.topics import Kind
from tests.examples import examples

USAGE = {"event_id": "e1", "account_id": "acme", "user_id": "ann", "feature": "export"}
TICKET = {"event_id": "e1", "account_id": "acme", "ticket_id": "7", "status": "opened"}
SURVEY = {"event_id": "e1", "account_id": "acme", "survey": "nps", "score": 9}
AT = {"timestamp": "2026-01-31T09:30:00Z"}
GOOD: dict[Kind, dict[str, Any]] = {
    "usage": USAGE | AT,
    "ticket": TICKET | AT,
    "survey": SURVEY | AT,
    "account": {"account_id": "acme"},
    "touchpoint": {"event_id": "e1", "account_id": "acme", "kind": "call"} | AT,
    "outcome": {"event_id": "e1", "account_id": "acme", "goal": "go live", "value": 3} | AT,
    "subscription": {"event_id": "e1", "account_id": "acme", "subscription_id": "s1", "status": "renewed"} | AT,
    "user": {"account_id": "acme", "user_id": "ann"},
}
NOON_MS = 1_769_860_800_000


def decode(kind: Kind, data: Any) -> Any:
    return Decoder(kind).decode(json.dumps(data).encode())


def refusal(kind: Kind, value: bytes | None) -> BadEvent:
    with pytest.raises(BadEvent) as caught:
        Decoder(kind).decode(value)
    assert caught.value.reason in REASONS
    return caught.value


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("usage", {}),
        ("usage", {"session_id": None, "duration_seconds": None, "value": None}),  # null is as good as left out
        ("usage", {"duration_seconds": 0}),  # an integer is a number
        ("usage", {"value": -1.5}),
        ("usage", {"some_new_field": {"of": ["the", "feed"]}}),  # feeds may grow
        ("usage", {"user_id": "x" * 256}),
        ("usage", {"user_id": "日本語 🎈"}),
        ("ticket", {"category": None, "priority": None, "user_id": None}),  # null is as good as left out
        ("ticket", {"category": "", "priority": "", "user_id": ""}),  # and so is nothing
        ("usage", {"session_id": "", "duration_seconds": "", "value": ""}),
        ("usage", {"user_id": 7, "account_id": "acme", "event_id": 12}),  # feeds number their things
        ("survey", {"survey": "NPS", "score": 9.0, "response_id": ""}),
        ("survey", {"comment": "x" * 12_000}),  # what is not kept loses nothing
        ("survey", {"comment": {"html": "<p>fine</p>"}}),
        ("account", {"timezone": "", "lifecycle_stage": "", "goals": "", "health_override": ""}),
        ("account", {"name": "x" * 300, "owner": "y" * 200, "segment": " "}),
        ("account", {"licensed_seats": 5.0, "renewal_at": "9999-12-31T00:00:00Z"}),
        ("touchpoint", {"note": "x" * 10_001, "owner": 7, "play": ["a"], "alert_id": ""}),
        ("subscription", {"seats": 4.0, "product": "\u200b", "renewal_at": ""}),
        ("ticket", {"user_id": "ann", "priority": "low"}),
        ("survey", {"score": 0}),
        ("survey", {"user_id": "ann"}),
        ("survey", {"user_id": ""}),  # anonymous
        ("survey", {"score": 10, "response_id": "r1", "comment": "fine"}),
        ("survey", {"survey": "csat", "score": 5}),
        ("survey", {"survey": "ces", "score": 7}),
        ("account", {"name": "Acme", "licensed_seats": 0, "mrr": 100, "lifecycle_stage": "trial"}),
        ("account", {"goals": [{"name": "go live", "target": 1, "due_at": "2026-06-01T00:00:00Z"}]}),
        ("touchpoint", {"kind": "Phone"}),  # an alias, in any case
        (
            "touchpoint",
            {"user_id": "ann", "response_id": "r1", "owner": "dana", "play": "p", "alert_id": "a", "note": ""},
        ),
        ("outcome", {"value": -2.5}),
        ("account", {"aliases": ["zendesk:7", 360001]}),
        ("user", {"name": "", "email": None, "role": "Executive Sponsor", "deactivated": True}),
        ("subscription", {"status": "canceled"}),
        ("subscription", {"mrr": 0, "seats": 0, "product": "", "renewal_at": 1_769_860_800_000}),
        ("subscription", {"mrr": None, "seats": None, "product": None, "renewal_at": None}),
    ],
)
def test_good_events_are_accepted(kind: Kind, changes: dict[str, Any]) -> None:
    assert decode(kind, GOOD[kind] | changes).account_id == "acme"


@pytest.mark.parametrize(
    ("kind", "changes", "reason", "words"),
    [
        ("usage", {"user_id": ""}, "out_of_range", ["user_id", "''", "at least 1 character"]),
        ("usage", {"user_id": "x" * 257}, "out_of_range", ["user_id", "at most 256"]),
        ("usage", {"user_id": True}, "wrong_type", ["user_id", "True", "valid string"]),  # no number
        ("usage", {"user_id": 7.5}, "wrong_type", ["user_id", "7.5", "valid string"]),
        ("usage", {"user_id": None}, "wrong_type", ["user_id", "None", "valid string"]),
        ("usage", {"duration_seconds": -1}, "out_of_range", ["duration_seconds", "-1", "greater than or equal to 0"]),
        ("usage", {"duration_seconds": "9"}, "wrong_type", ["duration_seconds", "'9'", "valid number"]),  # strict
        ("usage", {"duration_seconds": True}, "wrong_type", ["duration_seconds", "True"]),
        ("ticket", {"status": "burning"}, "unknown_value", ["status", "'burning'", "'opened'"]),
        ("ticket", {"priority": "P9"}, "unknown_value", ["priority", "'P9'", "'urgent'"]),
        ("ticket", {"category": 5}, "wrong_type", ["category", "5"]),
        ("survey", {"survey": "smiley"}, "unknown_value", ["survey", "'smiley'", "'nps', 'csat' or 'ces'"]),
        ("survey", {"score": 11}, "out_of_range", ["score = 11", "nps", "0 to 10"]),
        ("survey", {"score": -1}, "out_of_range", ["score = -1", "0 to 10"]),
        ("survey", {"survey": "csat", "score": 0}, "out_of_range", ["score = 0", "csat", "1 to 5"]),
        ("survey", {"survey": "ces", "score": 8}, "out_of_range", ["score = 8", "ces", "1 to 7"]),
        ("survey", {"score": 9.5}, "wrong_type", ["score = 9.5", "valid integer, 0 to 10"]),
        ("survey", {"score": "9"}, "wrong_type", ["score = '9'", "valid integer"]),
        ("survey", {"score": True}, "wrong_type", ["score", "True", "valid integer"]),  # a bool is not 1
        ("survey", {"score": 10**30}, "out_of_range", ["score"]),
        ("account", {"licensed_seats": -1}, "out_of_range", ["licensed_seats", "-1"]),
        ("account", {"licensed_seats": True}, "wrong_type", ["licensed_seats", "True"]),
        ("account", {"mrr": 10**400}, "wrong_type", ["mrr", "valid number"]),
        ("account", {"lifecycle_stage": "asleep"}, "unknown_value", ["lifecycle_stage", "'asleep'", "'churned'"]),
        (
            "account",
            {"timezone": "Europe/Berln"},
            "unknown_value",
            ["timezone", "'Europe/Berln'", "as Europe/Berlin or UTC"],
        ),
        (
            "account",
            {"timezone": "europe/berlin"},
            "unknown_value",
            ["no such time zone", "did you mean Europe/Berlin?"],
        ),
        ("account", {"timezone": "+02:00"}, "unknown_value", ["'+02:00'", "tz database"]),  # no rules for its summers
        ("account", {"timezone": "localtime"}, "unknown_value", ["'localtime'"]),  # each machine's own
        ("account", {"timezone": "../../etc/passwd"}, "unknown_value", ["no such time zone"]),
        ("account", {"timezone": 2}, "wrong_type", ["timezone = 2", "valid string"]),
        ("account", {"goals": [{"target": 1}]}, "missing_field", ["goals.0.name"]),
        ("touchpoint", {"kind": "lunch"}, "unknown_value", ["kind", "'lunch'", "'onsite'"]),
        ("outcome", {"value": "3"}, "wrong_type", ["value", "'3'"]),
        ("outcome", {"value": None}, "wrong_type", ["value", "None"]),
        ("subscription", {"status": "dormant"}, "unknown_value", ["status", "'dormant'", "'moved'"]),
        ("subscription", {"mrr": -1}, "out_of_range", ["mrr", "-1"]),
        ("subscription", {"seats": 1.5}, "wrong_type", ["seats", "1.5"]),
        ("subscription", {"renewal_at": "2026-01-31"}, "wrong_type", ["renewal_at", "zone"]),
        ("subscription", {"renewal_at": 1 << 47}, "out_of_range", ["renewal_at", "in microseconds?"]),
        ("subscription", {"renewal_at": 1_769_860_800}, "too_old", ["renewal_at = 1769860800", "in seconds?"]),
        ("account", {"started_at": "0001-01-01T00:00:00Z"}, "too_old", ["started_at", "before 2000-01-01"]),
        ("account", {"renewal_at": "2400-01-01T00:00:00Z"}, "out_of_range", ["renewal_at", "after 2100-01-01"]),
        (
            "account",
            {"goals": [{"name": "g", "due_at": 1_769_860_800}]},
            "too_old",
            ["goals.0.due_at = 1769860800", "is it in seconds?"],
        ),
        (
            "account",
            {"goals": [{"name": "g", "target": 9, "start": 3, "direction": "down"}]},
            "out_of_range",
            ["goals.0", "a target that lies down from the start"],
        ),
        ("account", {"goals": [{"name": "g", "target": 5e-324}]}, "out_of_range", ["goals.0.target", "0.000001"]),
        ("account", {"goals": [{"name": "g", "target": 1e300}]}, "out_of_range", ["goals.0.target"]),
        ("account", {"mrr": 1e308}, "out_of_range", ["mrr"]),
        ("outcome", {"value": -1e16}, "out_of_range", ["value"]),
    ],
)
def test_wrong_values_are_refused_by_name_and_value(
    kind: Kind, changes: dict[str, Any], reason: str, words: list[str]
) -> None:
    error = refusal(kind, json.dumps(GOOD[kind] | changes).encode())
    assert error.reason == reason
    assert error.detail.startswith(f"{kind} event: ")
    for word in words:
        assert word in error.detail
    assert len(error.detail) < 400


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field) for kind, event in GOOD.items() for field in event],
)
def test_every_needed_field_is_missed_by_name(kind: Kind, field: str) -> None:
    error = refusal(kind, json.dumps({k: v for k, v in GOOD[kind].items() if k != field}).encode())
    assert (error.reason, error.detail) == ("missing_field", f"{kind} event: {field}: Field required")


def test_the_first_of_several_errors_is_told_and_the_rest_is_counted() -> None:
    error = refusal("usage", b'{"event_id": [], "user_id": []}')
    assert error.detail.endswith("(and 4 more)")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),  # a tombstone
        (b"", "empty"),
        (b" ", "not_json"),
        (b"not json", "not_json"),
        (b'{"event_id": "e1"', "not_json"),  # cut off
        (b"\xef\xbb\xbf{}", "not_json"),  # a byte order mark
        (b"\xff\xfe\x00", "not_json"),
        (b"\x00\x00\x00\x00\x07\x02e1", "not_json"),  # Avro with a schema id, sent to the wrong topic
        (json.dumps(GOOD["usage"]).encode() + b"{}", "not_json"),  # two objects
        (b"[]", "wrong_type"),
        (b'"text"', "wrong_type"),
        (b"null", "wrong_type"),
        (b"5", "wrong_type"),
        (b"NaN", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"a":' * 100_000, "not_json"),
        (b"9" * 100_000, "not_json"),  # an integer that Python would refuse to print
        (b" " * (VALUE_BYTES_MAX + 1), "too_large"),
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize("kind", list(GOOD))
def test_what_is_no_event_at_all_is_refused(kind: Kind, value: bytes | None, reason: str) -> None:
    assert refusal(kind, value).reason == reason


@pytest.mark.parametrize(
    "raw",
    ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400, "0x10", "1_000", "+5", ".5", "05"],
)
def test_numbers_that_are_none_are_refused(raw: str) -> None:
    value = json.dumps(GOOD["usage"] | {"value": "HERE"}).replace('"HERE"', raw).encode()
    assert refusal("usage", value).reason in {"not_json", "wrong_type", "out_of_range"}


def test_a_value_of_exactly_one_mebibyte_is_accepted() -> None:
    value = json.dumps(GOOD["usage"]).encode()
    assert Decoder("usage").decode(value + b" " * (VALUE_BYTES_MAX - len(value))).account_id == "acme"
    assert refusal("usage", value + b" " * (VALUE_BYTES_MAX + 1 - len(value))).reason == "too_large"


def test_deep_nesting_in_a_field_that_no_contract_names_is_refused_and_not_raised() -> None:
    value = json.dumps(GOOD["usage"])[:-1].encode() + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert refusal("usage", value).reason == "not_json"


@pytest.mark.parametrize("kind", ["usage", "ticket", "survey"])
def test_lone_surrogates_and_broken_utf8_are_refused(kind: Kind) -> None:
    text = json.dumps(GOOD[kind] | {"account_id": "HERE"})
    assert refusal(kind, text.replace("HERE", "\\ud800").encode()).reason == "not_json"
    assert refusal(kind, text.encode().replace(b"HERE", b"\xff")).reason == "not_json"
    assert refusal(kind, text.encode().replace(b"HERE", b"\xed\xa0\x80")).reason == "not_json"


def test_of_a_key_given_twice_the_last_counts() -> None:
    value = json.dumps(GOOD["usage"])[:-1].encode() + b', "account_id": "birch"}'
    assert Decoder("usage").decode(value).account_id == "birch"


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *(("critical", "urgent"), ("high", "high"), ("moderate", "normal"), ("low", "low")),
        *(("Critical", "urgent"), ("MEDIUM", "normal"), ("blocker", "urgent"), ("minor", "low"), ("major", "high")),
    ],
)
def test_priorities_go_by_their_everyday_names(word: str, meant: str) -> None:
    event = decode("ticket", GOOD["ticket"] | {"priority": word})
    assert event.priority == meant


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("open", "opened"),
        ("New", "opened"),
        ("pending", "pending"),
        ("On-Hold", "pending"),
        ("deleted", "removed"),
        ("resolved", "solved"),
        ("de-escalated", "deescalated"),
    ],
)
def test_statuses_go_by_their_everyday_names(word: str, meant: str) -> None:
    event = decode("ticket", GOOD["ticket"] | {"status": word})
    assert event.status == meant


@pytest.mark.parametrize(
    ("timestamp", "ms"),
    [
        ("2026-01-31T12:00:00Z", NOON_MS),
        ("2026-01-31t12:00:00z", NOON_MS),  # RFC 3339 allows small letters
        ("2026-01-31 12:00:00+00:00", NOON_MS),
        ("2026-01-31T17:30:00+05:30", NOON_MS),
        ("2026-01-31T04:00:00-0800", NOON_MS),
        ("20260131T120000Z", NOON_MS),  # basic form
        ("2026-01-31T12:00Z", NOON_MS),
        ("2026-01-31T12:00:00.001Z", NOON_MS + 1),
        ("2026-01-31T12:00:00.0019Z", NOON_MS + 1),  # milliseconds are rounded down
        ("2026-01-31T12:00:00,5Z", NOON_MS + 500),
        (NOON_MS, NOON_MS),
        (EARLIEST_MS, EARLIEST_MS),
        ("2000-01-01T00:00:00Z", EARLIEST_MS),
    ],
)
def test_timestamps_are_read_to_the_millisecond(timestamp: str | int, ms: int) -> None:
    event = decode("usage", GOOD["usage"] | {"timestamp": timestamp})
    assert event.timestamp is not None
    assert event.timestamp == ms


@pytest.mark.parametrize(
    ("timestamp", "reason", "words"),
    [
        ("2026-01-31T12:00:00", "wrong_type", "zone is missing"),  # naive: whose noon?
        ("2026-01-31", "wrong_type", "zone is missing"),
        ("yesterday", "wrong_type", "expected ISO-8601"),
        ("1769860800000", "wrong_type", "expected ISO-8601"),  # a number as text
        ("2026-02-30T12:00:00Z", "wrong_type", "expected ISO-8601"),
        ("", "wrong_type", "expected ISO-8601"),
        (True, "wrong_type", "epoch milliseconds"),
        (None, "wrong_type", "epoch milliseconds"),
        (1769860800.5, "wrong_type", "epoch milliseconds as an integer"),
        (-1, "too_old", "before 2000-01-01"),
        (1_769_860_800, "too_old", "is it in seconds?"),
        (1 << 47, "out_of_range", "is it in microseconds?"),
        ("9999-12-31T23:59:59-14:00", "out_of_range", "after 2100-01-01"),
    ],
)
def test_timestamps_that_are_none_are_refused(timestamp: Any, reason: str, words: str) -> None:
    value = json.dumps(GOOD["usage"] | {"timestamp": timestamp}).encode()
    error = refusal("usage", value)
    assert error.reason == reason
    assert words in error.detail
    assert f"timestamp = {timestamp!r}" in error.detail


@pytest.mark.parametrize(
    ("ms", "reason"),
    [
        (NOON_MS + FUTURE_SLACK_MS, None),  # a clock may be off by a day
        (NOON_MS + FUTURE_SLACK_MS + 1, "future"),
        (EARLIEST_MS, None),
        (EARLIEST_MS - 1, "too_old"),
        (NOON_MS // 1000, "too_old"),  # seconds where milliseconds are expected
    ],
)
def test_times_far_ahead_or_before_the_year_2000_are_refused(ms: int, reason: str | None) -> None:
    if reason is None:
        check_time(ms, NOON_MS)
        return
    with pytest.raises(BadEvent) as caught:
        check_time(ms, NOON_MS)
    assert caught.value.reason == reason


def test_an_update_carries_only_the_fields_that_it_names() -> None:
    event = decode("account", {"account_id": "acme", "owner": None, "licensed_seats": 5, "timestamp": NOON_MS})
    assert isinstance(event, AccountEvent)
    assert event.model_fields_set >= {"owner", "licensed_seats"}
    assert (event.owner, event.licensed_seats, event.name) == (None, 5, None)
    assert "name" not in event.model_fields_set
    assert event.timestamp == NOON_MS


def test_an_answer_without_a_response_id_goes_by_its_event_id() -> None:
    event = decode("survey", GOOD["survey"])
    assert event.response_id == "e1"


def mapped(fields: dict[str, str], values: dict[str, dict[str, str]] | None = None) -> Decoder:
    return Decoder("ticket", FieldMapping(FeedSettings(fields=fields, values=values or {})))


ZENDESK = {
    "id": "ev-1",
    "type": "zen:event-type:ticket.created",
    "time": "2026-01-31T12:00:00Z",
    "detail": {"id": "5158", "organization_id": "acme", "status": "OPEN", "priority": "P1", "account_id": "not this"},
}
ZENDESK_FIELDS = {
    "event_id": "id",
    "account_id": "detail.organization_id",
    "ticket_id": "detail.id",
    "status": "detail.status",
    "priority": "detail.priority",
    "timestamp": "time",
}


def test_a_feed_with_names_of_its_own_is_mapped() -> None:
    event = mapped(ZENDESK_FIELDS, {"priority": {"P1": "urgent"}}).decode(json.dumps(ZENDESK).encode())
    assert (event.account_id, event.ticket_id, event.status, event.priority) == ("acme", "5158", "opened", "urgent")


@pytest.mark.parametrize(
    ("fields", "values", "data", "expected"),
    [
        ({}, {}, {"a": 1}, {"a": 1}),  # nothing is mapped: nothing changes
        ({"a": "b"}, {}, {"a": 1, "b": 2}, {"a": 2, "b": 2}),  # the mapped name wins over the contract's own
        ({"a": "b"}, {}, {"a": 1}, {}),  # a path that leads nowhere leaves the field out
        ({"a": "b.c"}, {}, {"b": {"c": None}}, {"b": {"c": None}, "a": None}),  # null is there
        ({"a": "b.c"}, {}, {"b": [5]}, {"b": [5]}),  # not an object on the way
        ({"a": "b", "b": "a"}, {}, {"a": 1, "b": 2}, {"a": 2, "b": 1}),  # all from the feed's object, in no order
        ({}, {"a": {"1": "one"}}, {"a": 1}, {"a": "one"}),  # numbers are looked up as text
        ({}, {"a": {"1": "one"}}, {"a": 2}, {"a": 2}),  # what is not in the table stays
        ({}, {"a": {"True": "yes"}}, {"a": True}, {"a": True}),
        ({"a": "b"}, {"a": {"x": "y"}}, {"b": "x"}, {"b": "x", "a": "y"}),  # first names, then values
    ],
)
def test_the_mapping_moves_fields_and_translates_values(
    fields: dict[str, str], values: dict[str, dict[str, str]], data: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = json.dumps(data)
    assert FieldMapping(FeedSettings(fields=fields, values=values)).apply(data) == expected
    assert json.dumps(data) == before


def test_what_the_mapping_does_not_find_is_missed_by_the_contracts_name() -> None:
    with pytest.raises(BadEvent) as caught:
        mapped(ZENDESK_FIELDS | {"account_id": "detail.org"}).decode(json.dumps(ZENDESK).encode())
    assert (caught.value.reason, "account_id" in caught.value.detail) == ("missing_field", True)


@pytest.mark.parametrize("value", [b"[]", b"null", b"7", b'"x"'])
def test_a_mapped_feed_of_no_objects_is_refused_like_any_other(value: bytes) -> None:
    with pytest.raises(BadEvent) as caught:
        mapped(ZENDESK_FIELDS).decode(value)
    assert caught.value.reason == "wrong_type"


@examples(100)
@given(st.integers(EARLIEST_MS, LATEST_MS) | st.integers(946_684_800, 4_102_444_800).map(lambda second: second * 1000))
def test_a_moment_is_written_as_the_standard_library_writes_it_and_read_back(ms: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    assert iso(ms) == moment.isoformat().replace("+00:00", "Z")
    assert epoch_ms(datetime.fromisoformat(iso(ms))) == ms
