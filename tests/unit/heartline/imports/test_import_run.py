"""Exports of each tool become events in the order in which they should be counted, and what does not is told."""

import gzip
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.errors import FileError
from heartline.event_sorter import Sorter
from heartline.imports.columns import mapped_source, read_column_map
from heartline.imports.run import InputFile, Summary, read_aliases, read_all, write_lines
from heartline.imports.sources import make_sources

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
SOURCES = make_sources(NOW)


def imported(
    tmp_path: Path, *files: tuple[str, Any], aliases: str | None = None
) -> tuple[list[dict[str, Any]], Summary]:
    """The events that files of tools become, in order."""
    inputs = []
    for number, (tool, records) in enumerate(files):
        path = tmp_path / f"{number}-{tool}"
        path.write_text(records if isinstance(records, str) else "".join(json.dumps(each) + "\n" for each in records))
        inputs.append(InputFile(path, SOURCES[tool]))
    (ids := tmp_path / "ids.csv").write_text(aliases or "alias,account_id\n")
    with Sorter() as sorter:
        summary = read_all(inputs, read_aliases(ids), sorter, NOW_MS)
        events = [{"kind": item.kind, **json.loads(item.value)} for item in sorter.items()]
    return events, summary


TICKET = {
    "id": 501,
    "organization_id": 9001,
    "status": "solved",
    "priority": None,
    "created_at": "2026-02-19 01:54:52",
    "updated_at": "2026-02-19T03:55:11Z",
}


def test_a_solved_ticket_is_opened_and_solved(tmp_path: Path) -> None:
    events, summary = imported(tmp_path, ("zendesk", [TICKET]))
    assert [(e["status"], e["timestamp"], e["account_id"], e["ticket_id"]) for e in events] == [
        ("opened", "2026-02-19T01:54:52+00:00", "zendesk:9001", "501"),
        ("solved", "2026-02-19T03:55:11+00:00", "zendesk:9001", "501"),
    ]
    assert len({event["event_id"] for event in events}) == 2
    assert summary.refused == 0


ZENDESK = [
    ({"status": "open"}, ["opened"], "it is open"),
    ({"status": "hold", "priority": ""}, ["opened"], "on hold, without a priority"),
    ({"status": "open", "tags": ["escalated", "vip"]}, ["opened", "escalated"], "escalated by a tag"),
    ({"status": "open", "tags": "escalated vip"}, ["opened", "escalated"], "tags of a CSV file"),
    ({"status": "closed", "tags": ["escalated"]}, ["opened", "solved"], "it was escalated once"),
    ({"status": "deleted"}, ["opened", "removed"], "deleted: nobody waits any more"),
    ({"organization_id": ""}, [], "of no organization"),
    ({"created_at": None, "status": "open"}, [], "no moment"),
    ({"status": "frozen"}, [], "a status that is none"),
]


@pytest.mark.parametrize(("changes", "expected", "why"), ZENDESK, ids=[case[-1] for case in ZENDESK])
def test_what_a_ticket_tells(changes: dict[str, Any], expected: list[str], why: str, tmp_path: Path) -> None:
    events, summary = imported(tmp_path, ("zendesk", [TICKET | changes]))
    assert [event["status"] for event in events] == expected
    became = summary.by_source["zendesk"]
    assert expected or became.ignored.total() + became.refused == 1


def test_stripes_csv_says_when_it_began_what_it_is_worth_and_when_it_ends(tmp_path: Path) -> None:
    text = (
        "id,Customer ID,Plan,Quantity,Interval,Amount,Currency,Status,Start (UTC),Current Period End (UTC),"
        "Trial End (UTC),Canceled At (UTC),Ended At (UTC)\n"
        "sub_1,cus_1,pro,10,month,50.00,eur,active,2026-01-04 10:00,2026-07-05 10:00,,,\n"
        'sub_2,cus_2,p,1,year,"1,200.00",usd,canceled,2026-01-05,,2026-01-19 10:00,2026-03-01 09:00,2026-03-31 09:00\n'
    )
    events, _ = imported(tmp_path, ("stripe", text))
    assert [(e["account_id"], e["status"], e.get("mrr"), e["currency"], e.get("seats")) for e in events] == [
        ("stripe:cus_1", "started", 500.0, "EUR", 10),
        ("stripe:cus_2", "trial_started", 100.0, "USD", 1),
        ("stripe:cus_2", "started", 100.0, "USD", 1),
        ("stripe:cus_2", "cancellation_requested", 100.0, "USD", 1),
        ("stripe:cus_2", "cancelled", 100.0, "USD", 1),
    ]


def test_segments_calls_find_their_account_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    track = {"type": "track", "messageId": "m1", "userId": "u1", "event": "x", "timestamp": "2026-02-01T00:00:00Z"}
    group = {
        "type": "group",
        "messageId": "m2",
        "userId": "u1",
        "groupId": "g",
        "traits": {"name": "G"},
        "timestamp": "2026-03-01T00:00:00Z",
    }
    lost = track | {"userId": "nobody", "messageId": "m3"}
    events, summary = imported(tmp_path, ("segment", [track, lost]), ("segment", [group, {"type": "identify"}]))
    assert [(event["kind"], event["account_id"]) for event in events] == [("account", "g"), ("usage", "g")]
    assert [refusal.number for refusal in summary.refusals] == [2]
    assert "group call" in summary.refusals[0].detail


def test_what_describes_an_account_comes_before_all_that_happened(tmp_path: Path) -> None:
    company = "Record ID,Company name,Time Zone,Licensed seats\n7,Acme,Europe/Berlin,40\n"
    answer = {"id": 1, "person": {"id": 2}, "survey_type": "nps", "score": 3, "created_at": 1_767_225_600}
    answer |= {"person_properties": {"account_id": "7"}}
    events, _ = imported(tmp_path, ("delighted", [answer]), ("hubspot", company))
    assert [event["kind"] for event in events] == ["account", "survey"]
    assert events[0]["licensed_seats"] == 40


def test_the_tools_own_ids_become_the_account_by_aliases(tmp_path: Path) -> None:
    ids = "source,alias,account_id\nzendesk,9001,acme\nstripe,9001,other\n,cus_1,acme\n"
    customer = {"id": "cus_1", "object": "customer", "name": "Acme", "created": 1_767_225_600}
    events, summary = imported(tmp_path, ("zendesk", [TICKET]), ("stripe", [customer]), aliases=ids)
    assert {event["account_id"] for event in events} == {"acme"} == summary.accounts


def test_columns_that_nobody_reads_are_told(tmp_path: Path) -> None:
    _, summary = imported(tmp_path, ("zendesk", [TICKET | {"subject": "Help", "assignee": "Bo"}]))
    assert set(summary.by_source["zendesk"].unused_columns) == {"subject", "assignee"}


def test_the_first_ten_refusals_are_told_and_all_are_counted(tmp_path: Path) -> None:
    _, summary = imported(tmp_path, ("zendesk", [TICKET | {"status": "odd", "id": n} for n in range(25)]))
    assert (len(summary.refusals), summary.refused) == (10, 25)
    assert str(summary.refusals[0]).endswith(
        "0-zendesk:1: status = 'odd': expected new, open, pending, hold, solved, closed or deleted"
    )


def test_a_table_of_ones_own_is_mapped_by_a_file(tmp_path: Path) -> None:
    (mapping := tmp_path / "map.yaml").write_text(
        "kind: usage\nfields: {account_id: customer, user_id: login, feature: action, timestamp: time}\n"
        "values: {feature: {rpt: reports}}\n"
    )
    (path := tmp_path / "logins.csv").write_text(
        "customer,login,action,time\n7,ann,rpt,2026-02-01 09:00\n7,ann,rpt,2026-02-01 09:00\n"
    )
    source = mapped_source(read_column_map(mapping))
    with Sorter() as sorter:
        read_all([InputFile(path, source)], read_aliases(None), sorter, NOW_MS)
        events = [json.loads(item.value) for item in sorter.items()]
    assert events[0] == {
        "account_id": "7",
        "user_id": "ann",
        "feature": "reports",
        "timestamp": "2026-02-01T09:00:00+00:00",
        "event_id": events[1]["event_id"],
    }, "the same row has the same id"


NUMBERS: list[tuple[str, str, float | None, str]] = [
    ("1200.5", "null", 1200.5, "a dot"),
    ("1,200.50", "null", 1200.5, "thousands, as in English"),
    ("12,5", "null", 12.5, "a decimal comma is not ten times as much"),
    ("1.200,50", "null", 1200.5, "thousands and a decimal comma"),
    ("1\u00a0200,50", "null", 1200.5, "a blank between thousands"),
    ("1,200", "null", 1200, "three digits are thousands"),
    ("0,125", "null", 0.125, "no thousands begin with 0"),
    ("1,200", '","', 1.2, "unless the map says otherwise"),
    ("1.200.000", "null", 1_200_000, "thousands, as in German"),
    ("1.200", '","', 1200, "one thousand, where the map says so"),
    ("  ", "null", None, "blanks are not given, and not 0"),
    ("-", "null", None, "refused: no number"),
    ("1,23,456", "null", None, "refused: no number of any country"),
    ("nan", "null", None, "refused: no number"),
    ("1_000", "null", None, "refused: no number"),
]


@pytest.mark.parametrize(("cell", "decimal", "mrr", "why"), NUMBERS, ids=[case[-1] for case in NUMBERS])
def test_a_number_of_a_table_is_read_right_or_refused(
    cell: str, decimal: str, mrr: float | None, why: str, tmp_path: Path
) -> None:
    (mapping := tmp_path / "map.yaml").write_text(
        f"kind: account\nfields: {{account_id: ID, mrr: MRR (net), timestamp: at}}\ndecimal: {decimal}\n"
        "timezone: Europe/Berlin\n"
    )
    (path := tmp_path / "mrr.csv").write_text(f"ID;MRR (net);at\nacme;{cell};2026-07-01 09:00\n")
    with Sorter() as sorter:
        summary = read_all(
            [InputFile(path, mapped_source(read_column_map(mapping)))], read_aliases(None), sorter, NOW_MS + 10**10
        )
        events = [json.loads(item.value) for item in sorter.items()]
    assert [(each.get("mrr"), each["timestamp"]) for each in events if not summary.refused] == (
        [] if why.startswith("refused") else [(mrr, "2026-07-01T09:00:00+02:00")]
    )
    assert not summary.refused or "mrr" in summary.refusals[0].detail


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: usage\nfields: {account_id: a}\ntimezone: Mars", "timezone"),
        ("kind: usages\nfields: {}", "kind"),
        ("kind: usage\nfields: {acount_id: a}", "acount_id: no field of a usage event"),
        ("kind: usage\nfield: {}", "field"),
        ("- 1", "expected kind"),
        ("a: [", "not YAML"),
    ],
)
def test_a_map_that_says_something_wrong_is_refused_by_name(text: str, told: str, tmp_path: Path) -> None:
    (path := tmp_path / "map.yaml").write_text(text)
    with pytest.raises(FileError, match=told):
        read_column_map(path)


@given(
    st.lists(st.tuples(st.sampled_from(["usage", "account", "ticket"]), st.integers(0, 5)), max_size=60),
    st.sampled_from([1, 500, 2_000, 300_000]),
)
def test_what_is_spilled_comes_back_in_the_order_of_one_sort(events: list[tuple[Any, int]], spill_bytes: int) -> None:
    def order(spill: int) -> list[Any]:
        with Sorter(spill) as sorter:
            for number, (kind, moment) in enumerate(events):
                sorter.add(kind, moment, "ä\n", b'{"n":%d}' % number * (1 + 1_000 * moment))
            return [(item.kind, item.timestamp_ms, item.account_id, item.value) for item in sorter.items()]

    expected = sorted(
        (
            (kind not in ("account", "subscription"), moment, number, kind)
            for number, (kind, moment) in enumerate(events)
        )
    )
    assert [(kind, moment) for kind, moment, _, _ in order(spill_bytes)] == [
        (kind, moment) for _, moment, _, kind in expected
    ]
    assert order(spill_bytes) == order(1 << 30)


def test_the_same_files_in_another_order_give_the_same_events(tmp_path: Path) -> None:
    tickets = [
        TICKET | {"id": n, "created_at": f"2026-02-{n % 27 + 1:02} 10:00:00", "status": "open"} for n in range(60)
    ]
    forward, _ = imported(tmp_path, ("zendesk", tickets))
    random.Random(4).shuffle(tickets)
    shuffled, _ = imported(tmp_path, ("zendesk", tickets))
    assert sorted(map(str, forward)) == sorted(map(str, shuffled))
    assert [event["timestamp"] for event in forward] == [event["timestamp"] for event in shuffled]


def test_a_file_of_events_is_what_replay_reads(tmp_path: Path) -> None:
    from heartline.replay.lines import Record, records

    (path := tmp_path / "t.json").write_text(json.dumps([TICKET]))
    with Sorter() as sorter:
        read_all([InputFile(path, SOURCES["zendesk"])], read_aliases(None), sorter, NOW_MS)
        assert write_lines(sorter.items(), out := tmp_path / "events.jsonl.gz") == 2
    assert json.loads(gzip.decompress(out.read_bytes()).splitlines()[0])["type"] == "ticket"
    assert all(isinstance(record, Record) for record in records(out))
