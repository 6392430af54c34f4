"""Situations that users of other tools have met, each with the value that is right: files in, measures out.

A row has the name of its situation, the events, and what must come out; what is refused is named by its sentence.
"""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from heartline.errors import FileError
from heartline.jsonl import check_json_lines
from heartline.snapshot import Summary, read_events
from stream.config.settings import Settings
from stream.kinds.feeds import FeedSettings
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState
from stream.measures.catalogue import measure

Raw = dict[str, Any]


def day(number: int, hour: int = 9) -> str:
    return f"2026-03-{number:02}T{hour:02}:00:00Z"


def ticket(status: str, at: str, ticket_id: str = "1", **more: Any) -> Raw:
    event: Raw = {"type": "ticket", "event_id": f"{ticket_id}-{status}-{at}", "account_id": "acme", "status": status}
    return event | {"ticket_id": ticket_id, "timestamp": at} | more


def answer(score: Any, response_id: str = "r1", **more: Any) -> Raw:
    event: Raw = {"type": "survey", "event_id": f"e-{response_id}-{score}", "response_id": response_id, "score": score}
    return event | {"account_id": "acme", "user_id": f"u-{response_id}", "survey": "nps", "timestamp": day(5)} | more


def usage(number: int, at: str, **more: Any) -> Raw:
    event: Raw = {"type": "usage", "event_id": f"u{number}", "account_id": "acme", "user_id": f"u{number % 3}"}
    return event | {"feature": "export", "timestamp": at} | more


def account(**more: Any) -> Raw:
    return {"type": "account", "account_id": "acme"} | more


def subscription(at: str, **more: Any) -> Raw:
    event: Raw = {"type": "subscription", "event_id": f"s-{at}-{more.get('mrr')}", "account_id": "acme"}
    return event | {"subscription_id": "s1", "status": "started", "timestamp": at} | more


def outcome(value: float, number: int = 1) -> Raw:
    event: Raw = {"type": "outcome", "event_id": f"o{number}", "account_id": "acme", "goal": "g", "value": value}
    return event | {"timestamp": day(5)}


GOAL = [{"name": "g", "target": 100}]

# id and name of the situation, events, measures that must come out
RIGHT: list[tuple[str, list[Raw], Raw]] = [
    (
        "02 a ticket without a priority is a normal one, and a solved urgent one is not open",
        [
            ticket("opened", day(1), priority=None, user_id=""),
            ticket("opened", day(1), "2", priority="urgent"),
            ticket("solved", day(2), "2", priority=None),
        ],
        {"open_tickets": 1, "open_urgent_tickets": 0, "tickets_opened_30": 2, "resolution_hours": 24.0},
    ),
    (
        "02 nothing in any optional field of use is not given",
        [usage(1, day(1), session_id="", duration_seconds=None, value="")],
        {"mau": 1},
    ),
    (
        "04 the end of time is no renewal",
        [account(renewal_at="9999-12-31T00:00:00Z"), usage(1, day(1))],
        {"days_to_renewal": None},
    ),
    (
        "04 a subscription without an end runs",
        [subscription(day(1), mrr=10, renewal_at="9999-12-31T23:59:59Z")],
        {"mrr_active": 10.0, "days_to_renewal": None},
    ),
    (
        "09 open after solved opens again",
        [ticket("open", day(1), priority="urgent"), ticket("solved", day(2)), ticket("open", day(3))],
        {"open_tickets": 1, "open_urgent_tickets": 1, "resolution_hours": None},
    ),
    (
        "09 new after closed opens again",
        [ticket("created", day(1)), ticket("closed", day(2)), ticket("new", day(3))],
        {"open_tickets": 1},
    ),
    (
        "09 pending and escalated after solved open again",
        [ticket("open", day(1)), ticket("solved", day(2)), ticket("escalated", day(3)), ticket("hold", day(4))],
        {"open_tickets": 1},
    ),
    (
        "24 a ticket on hold waits, and is open",
        [ticket("open", day(1), priority="critical"), ticket("hold", day(2)), ticket("on-hold", day(3), "2")],
        {"open_tickets": 2, "open_urgent_tickets": 1},
    ),
    (
        "09 a remark after solved changes nothing",
        [ticket("open", day(1)), ticket("solved", day(2)), ticket("updated", day(3))],
        {"open_tickets": 0, "resolution_hours": 24.0},
    ),
    (
        "09-b an update without priority or category leaves both",
        [ticket("open", day(1), priority="urgent", category="billing"), ticket("updated", day(2), priority="")],
        {"open_tickets": 1, "open_urgent_tickets": 1},
    ),
    (
        "09-c a ticket that moves is the new account's alone",
        [ticket("open", day(1)), ticket("moved", day(2))],
        {"open_tickets": 0, "resolution_hours": None},
    ),
    (
        "07 deleted, spam and merged tickets are over, and no solution",
        [
            *(ticket("open", day(1), name, priority="urgent") for name in "123"),
            ticket("deleted", day(2), "1"),
            ticket("spam", day(2), "2"),
            ticket("merged", day(2), "3"),
        ],
        {"open_tickets": 0, "open_urgent_tickets": 0, "resolution_hours": None},
    ),
    (
        "12 a long rant keeps its score",
        [answer(2, comment="x" * 12_000), answer(10, "r2")],
        {"nps": 0.0, "nps_responses": 2},
    ),
    ("12 9.0 is 9, and kinds have any case", [answer(9.0, survey="NPS")], {"nps": 100.0}),
    ("12 an anonymous answer counts", [answer(3, "r1", user_id=""), answer(9, "r2", user_id=None)], {"nps": 0.0}),
    (
        "12 other scales are put on the survey's own",
        [answer(7, "r1", survey="csat", scale="1-7"), answer("down", "r2", survey="csat", scale="thumbs")],
        {"csat_mean": 3, "csat_responses": 2},
    ),
    ("16 an answer corrected down in the same second", [answer(10), answer(2)], {"nps": -100.0, "nps_responses": 1}),
    ("16 an answer corrected up in the same second", [answer(2), answer(10)], {"nps": 100.0}),
    (
        "16 money corrected down",
        [subscription(day(1), mrr=12_000), subscription(day(1), mrr=1_200)],
        {"mrr_active": 1200.0},
    ),
    (
        "16 an outcome corrected down",
        [account(goals=GOAL), outcome(90), outcome(9, 2)],
        {"outcome_attainment": {"g": 0.09}},
    ),
    (
        "30 a batch of 200 that is sent again counts once",
        [usage(n, day(5), session_id=f"s{n % 3}", duration_seconds=3) for n in [*range(200), *range(200)]],
        {"mau": 3, "session_minutes": 3.35},
    ),
    (
        "10 an export that is newest first",
        [usage(n, day(30 - n)) for n in range(28)],
        {"mau": 3},
    ),
    (
        "05 a goal of next to nothing is refused, and the rest counts",
        [account(goals=[{"name": "g", "target": 5e-324}]), outcome(3), usage(1, day(1))],
        {"mau": 1, "outcome_attainment": {}},
    ),
    (
        "14 less is better",
        [account(goals=[{"name": "g", "target": 4, "start": 24, "direction": "down"}]), outcome(14)],
        {"outcome_attainment": {"g": 0.5}},
    ),
]

# id and name, one event, what the refusal says
REFUSED: list[tuple[str, Raw, str]] = [
    ("04 started in seconds", account(started_at=1_767_225_600), "is it in seconds?"),
    ("04 renewal in seconds", account(renewal_at=1_798_675_200), "is it in seconds?"),
    ("04 a goal's day in seconds", account(goals=[{"name": "g", "due_at": 1_798_675_200}]), "is it in seconds?"),
    ("04 Go's zero time", account(renewal_at="0001-01-01T00:00:00Z"), "before 2000-01-01"),
    ("04 a subscription's end in seconds", subscription(day(1), renewal_at=1_798_675_200), "is it in seconds?"),
    ("05 money without bound", subscription(day(1), mrr=1e308), "less than or equal to 1000000000000"),
    ("05 an outcome without bound", outcome(1e308), "less than or equal to"),
    ("24 digits as text are no number", usage(1, day(1), duration_seconds="9"), "valid number"),
]


def measured(path: Path, events: list[Raw], settings: Settings | None = None) -> tuple[dict[str, Any], Summary]:
    path.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
    summary, state, last_ms = Summary(), AccountState(), 0
    for ms, event in read_events([path], settings or Settings(), summary):
        if event.account_id == "acme":
            fold_event(state, event)
            last_ms = max(last_ms, ms)
    return measure(state, last_ms), summary


@pytest.mark.parametrize(("events", "expected"), [row[1:] for row in RIGHT], ids=[row[0] for row in RIGHT])
def test_the_right_value(events: list[Raw], expected: Raw, tmp_path: Path) -> None:
    found, _ = measured(tmp_path / "events.jsonl", events)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(("event", "told"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_refused_says_what_was_expected(event: Raw, told: str, tmp_path: Path) -> None:
    found, summary = measured(tmp_path / "events.jsonl", [event, usage(1, day(9))])
    assert summary.rejected == 1
    assert told in summary.errors[0]
    assert found["mau"] == 1, "the stream goes on"


@pytest.mark.parametrize("status", ["Open", "OPEN", "open"])
def test_25_what_nobody_reads_may_hold_anything_in_any_spelling(status: str, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    line = json.dumps(ticket(status, day(1)) | {"note": "?"}).encode().replace(b'"?"', b'"caf\xe9"')
    path.write_bytes(line)
    summary = Summary()
    assert len(read_events([path], Settings(), summary)) == 1, summary.errors


MOMENTS: list[tuple[Any, int | str]] = [
    ("2026-03-02T09:30:00.123456789Z", 123),
    ("2026-03-02T09:30:00+0000", 0),
    ("2026-03-02 09:30:00 +0000", 0),
    ("2026-03-02T09:30:00,123Z", 123),
    ("2026-W10-1T09:30:00Z", 0),
    ("2026-03-02T15:00:15+05:30:15", 0),
    ("2026-03-02T09:30Z", 0),
    (1_772_443_800_000, 0),
    (1_772_443_800_000.0, "as an integer"),
    (1_772_443_800, "is it in seconds?"),
    (1_772_443_800_000_000, "is it in microseconds?"),
    ("1772443800000", "ISO-8601 with a zone"),
    ("2026-03-02T09:30:00", "zone"),
    ("2026-02-30T09:30:00Z", "ISO-8601"),
    ("Mon, 02 Mar 2026 09:30:00 GMT", "ISO-8601"),
    (True, "ISO-8601"),
    ({"$date": "2026-03-02T09:30:00Z"}, "ISO-8601"),
]


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize(("written", "expected"), MOMENTS, ids=[repr(row[0]) for row in MOMENTS])
def test_23_and_25_a_moment_in_any_form_whatever_lies_in_fields_that_nobody_reads(
    written: Any, expected: int | str, broken: bool, tmp_path: Path
) -> None:
    line = json.dumps(usage(1, written) | {"note": "?"}).encode()
    (path := tmp_path / "events.jsonl").write_bytes(line.replace(b'"?"', b'"caf\xe9"') if broken else line)
    summary = Summary()
    found = [ms for ms, _ in read_events([path], Settings(), summary)]
    if isinstance(expected, int):
        assert found == [1_772_443_800_000 + expected], summary.errors
    else:
        assert found == []
        assert expected in summary.errors[0]


def test_14_a_feed_with_lists_dotted_names_fallbacks_seconds_and_a_zone(tmp_path: Path) -> None:
    feed = FeedSettings(
        fields={
            "event_id": "uuid",
            "account_id": '"org.id"',
            "user_id": ["user.id", "anonymousId"],
            "feature": "actions[0].name",
            "timestamp": "at",
        },
        unit="seconds",
    )
    record = {"type": "usage", "uuid": 7, "org.id": "acme", "anonymousId": "a", "actions": [{"name": "export"}]}
    found, summary = measured(
        tmp_path / "events.jsonl", [record | {"at": 1_772_355_600}], Settings(feeds={"usage": feed})
    )
    assert (summary.errors, found["mau"]) == ([], 1)


def test_01_files_with_byte_order_marks_that_were_joined_lose_no_line(tmp_path: Path) -> None:
    one = b"\xef\xbb\xbf" + b"\r\n".join(json.dumps(usage(n, day(n + 1))).encode() for n in range(2)) + b"\r\n"
    path = tmp_path / "joined.jsonl"
    path.write_bytes(one + one.replace(b'"u0"', b'"u8"').replace(b'"u1"', b'"u9"'))
    summary = Summary()
    assert len(read_events([path], Settings(), summary)) == 4, summary.errors


def test_01_what_is_no_file_of_json_lines_is_named_as_what_it_is(tmp_path: Path) -> None:
    (utf16 := tmp_path / "a.jsonl").write_text(json.dumps(usage(1, day(1))), "utf-16")
    (array := tmp_path / "b.json").write_text(json.dumps([usage(1, day(1))]))
    (pretty := tmp_path / "c.json").write_text(json.dumps(usage(1, day(1)), indent=2))
    (table := tmp_path / "d.csv").write_text("account_id,user_id\nacme,ann\n")
    with zipfile.ZipFile(archive := tmp_path / "e.zip", "w") as out:
        out.writestr("events.jsonl", "{}")
    (packed := tmp_path / "f.json.gz").write_bytes(gzip.compress(b"[{}]"))
    for path, what in (
        (utf16, "UTF-16"),
        (array, "one JSON document"),
        (pretty, "one JSON document"),
        (table, "CSV"),
        (archive, "zip"),
        (packed, "one JSON document"),
    ):
        with pytest.raises(FileError, match=what):
            check_json_lines(path)
