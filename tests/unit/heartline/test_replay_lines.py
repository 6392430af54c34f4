"""Lines to records: what is sent is the line itself, what is not says why, and files merge by time."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.cli.replay import status_of
from heartline.errors import FileError
from heartline.replay.lines import VALUE_BYTES_MAX, BadLine, Record, in_time_order, parse, records
from heartline.replay.order import by_time
from heartline.replay.run import Summary, reading
from stream.config.settings import Settings
from stream.contracts.errors import ConfigError, PassedOver
from stream.kinds.feeds import FeedSettings, FieldMapping

USAGE = b'{"type":"usage","account_id":"acme","timestamp":"2026-01-31T09:30:00Z"}'


def test_a_record_carries_the_lines_own_bytes_and_the_account_as_key() -> None:
    """Unknown fields, spaces and the order of fields survive: nothing is parsed and written anew."""
    line = b'{ "later": {"x": [1, 2]},  "account_id": "acme \xc3\xa9", "type": "ticket", "timestamp": 1769851800000 }'
    assert parse(line) == Record("ticket", "acme é".encode(), line, 1_769_851_800_000)


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ('"2026-01-31T09:30:00Z"', 1_769_851_800_000),  # as most feeds write it
        ('"2026-01-31T10:30:00+01:00"', 1_769_851_800_000),  # the same moment elsewhere
        ('"2026-01-31T09:30:00.250Z"', 1_769_851_800_250),  # milliseconds
        ("1769851800000", 1_769_851_800_000),  # epoch milliseconds
        ('"2026-01-31T09:30:00"', None),  # no zone: the worker will refuse it, its moment is unknown here
        ('"yesterday"', None),
        ("1e99", None),
        ("null", None),
        ("[]", None),
    ],
)
def test_a_moment_is_read_where_it_is_one_and_unknown_otherwise(timestamp: str, expected: int | None) -> None:
    """A bad timestamp is the worker's to refuse; the line is sent all the same."""
    line = f'{{"type":"usage","account_id":"a","timestamp":{timestamp}}}'.encode()
    assert parse(line).timestamp_ms == expected


FEED = FieldMapping(
    FeedSettings(
        fields={"account_id": "company.id", "timestamp": "at"}, where={"form": ["a"]}, unit="seconds", timezone="UTC"
    )
)


def test_a_line_of_a_feed_goes_to_the_account_that_the_feed_names() -> None:
    line = b'{"type":"usage","form":"a","company":{"id":77},"at":1769851800,"account_id":"not-this"}'
    assert parse(line, {"usage": FEED}) == Record("usage", b"77", line, 1_769_851_800_000)
    assert parse(line, {"ticket": FEED}).key == b"not-this", "another kind's feed"
    with pytest.raises(PassedOver, match="the feed's `where`"):
        parse(line.replace(b'"a"', b'"b"', 1), {"usage": FEED})


OWN = FieldMapping(FeedSettings(topics=["app"], fields={"account_id": "org"}, where={"kind": ["used"]}))
TOPIC_LINES = [
    ({"org": 77, "kind": "used", "timestamp": 5}, b"77", 5, "no type is needed"),
    (
        {
            "specversion": "1.0",
            "id": "7",
            "type": "x",
            "time": "1970-01-01T00:00:01Z",
            "data": {"org": "a", "kind": "used"},
        },
        b"a",
        1000,
        "a CloudEvent, whose own type is no kind of event",
    ),
    ({"op": "c", "ts_ms": 2000, "after": {"org": "a", "kind": "used"}}, b"a", 2000, "a change of Debezium"),
    ({"schema": {}, "payload": {"org": "a", "kind": "used"}}, b"a", None, "Kafka Connect with schemas"),
    ({"op": "d", "before": {"org": "a"}, "after": None}, None, None, "a row was deleted"),
    ({"org": "a", "kind": "seen"}, None, None, "the feed's `where` does not take it"),
]


@pytest.mark.parametrize(("data", "key", "moment", "why"), TOPIC_LINES, ids=[row[-1] for row in TOPIC_LINES])
def test_lines_of_a_topic_are_read_as_the_worker_reads_its_records(
    data: dict[str, object], key: bytes | None, moment: int | None, why: str
) -> None:
    line = json.dumps(data).encode()
    if key is None:
        with pytest.raises(PassedOver, match=why):
            parse(line, {"usage": OWN}, "usage")
    else:
        assert parse(line, {"usage": OWN}, "usage") == Record("usage", key, line, moment)


def test_a_topic_is_one_of_the_inputs_and_read_by_its_own_feed() -> None:
    settings = Settings(feeds={"usage": FeedSettings(topics=["app"], fields={"account_id": "org"})})
    assert [reading(settings, topic)[1] for topic in (None, "app", "support-tickets")] == [None, "usage", "ticket"]
    assert [list(reading(settings, topic)[0]) for topic in (None, "app", "product-usage")] == [[], ["usage"], []]
    with pytest.raises(ConfigError, match=r"--topic apps: no input topic; expected one of account-updates, app,"):
        reading(settings, "apps")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"not json", "not JSON"),
        (b'{"type":"usage","account_id":"a"', "not JSON"),  # cut off
        (b'{"type":"usage","account_id":"\\ud800"}', "not JSON"),  # half a character
        (b'{"type":"usage","account_id":"\xff"}', "not JSON"),  # not UTF-8
        (b"[1,2]", "expected a JSON object"),
        (b'"usage"', "expected a JSON object"),
        (b'{"account_id":"a"}', "type: it is missing; expected one of usage, ticket, survey, account"),
        (b'{"type":"usge","account_id":"a"}', 'found "usge"'),
        (b'{"type":["usage"],"account_id":"a"}', 'found ["usage"]'),
        (b'{"type":"usage"}', "account_id: expected a string that is not empty; it is missing"),
        (b'{"type":"usage","account_id":""}', 'found ""'),
        (b'{"type":"usage","account_id":7.5}', "found 7.5"),
        (b'{"type":"usage","account_id":"a","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "nested too deeply"),
        (b'{"type":"usage","account_id":"a","x":"' + b"x" * VALUE_BYTES_MAX + b'"}', "1,000,040 bytes long"),
    ],
)
def test_a_line_that_can_not_be_sent_says_why(line: bytes, words: str) -> None:
    """Each reason names the field and what was found."""
    with pytest.raises(ValueError, match=r".") as raised:
        parse(line)
    assert words in str(raised.value)
    assert len(str(raised.value)) < 200


HOUR_MS = 3_600_000
ORDERS = [
    ([[30, 20, 1]], [1, 20, 30], [0], "newest first"),
    ([[1, 40, 2, 41]], [1, 2, 40, 41], [0], "two sources joined"),
    ([[1, 24, 2, 25]], [1, 24, 2, 25], [], "a little late"),
    ([[30, 1], [2, 29], [60, 3]], [1, 2, 3, 29, 30, 60], [0, 2], "several files, two of them newest first"),
    ([[1, None, 40, None, 2]], [1, None, 2, 40, None], [0], "what says no moment stays behind the line before it"),
]


@pytest.mark.parametrize(("files", "expected", "unsorted", "why"), ORDERS, ids=[row[-1] for row in ORDERS])
def test_files_become_one_stream_by_time_whatever_their_order(
    files: list[list[int | None]], expected: list[int | None], unsorted: list[int], why: str, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{number}.jsonl" for number in range(len(files))]
    for path, hours in zip(paths, files, strict=True):
        moments = [None if hour is None else hour * HOUR_MS for hour in hours]
        lines = [{"type": "usage", "account_id": "a", "timestamp": moment} for moment in moments]
        path.write_text("\n".join(map(json.dumps, [*lines, {"type": "odd"}])), "utf-8")
    told: list[Path] = []
    items = list(by_time(paths, records, parse, on_sorting=told.append))
    moments = [item.timestamp_ms for item in items if isinstance(item, Record)]
    assert [None if moment is None else moment // HOUR_MS for moment in moments] == expected
    assert told == [paths[number] for number in unsorted]
    assert sum(isinstance(item, BadLine) for item in items) == len(files), "each told once"


@pytest.mark.parametrize("order", [1, -1])
def test_a_file_that_is_cut_off_is_given_as_far_as_it_goes_whatever_its_order(order: int, tmp_path: Path) -> None:
    lines = [
        json.dumps({"type": "usage", "account_id": f"a{n * 7919 % 1000}", "timestamp": n * 30 * HOUR_MS})
        for n in range(1000)
    ]
    whole = gzip.compress("\n".join(lines[::order]).encode(), mtime=0)
    (path := tmp_path / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    given: list[Record | BadLine] = []
    with pytest.raises(FileError, match="end too early"):
        given.extend(by_time([path], records, parse))
    assert 100 < len(given) < 1000
    moments = [item.timestamp_ms for item in given if isinstance(item, Record)]
    assert moments == sorted(moments, key=lambda moment: moment or 0)


@given(line=st.binary(max_size=60))
def test_no_line_of_any_bytes_breaks_the_reading(line: bytes) -> None:
    """A record or a reason; never another error."""
    try:
        record = parse(line)
    except ValueError:
        return
    assert record.value == line


@given(
    line=st.dictionaries(st.sampled_from(["type", "account_id", "timestamp"]), st.text() | st.integers() | st.none())
)
def test_no_json_object_breaks_the_reading(line: dict[str, object]) -> None:
    """The same for objects that look almost right."""
    try:
        record = parse(json.dumps(line).encode())
    except ValueError:
        return
    assert record.key.decode() == line["account_id"]
    assert record.kind == line["type"]


STATUSES = [
    (Summary(read=3), False, 0, "all was sent"),
    (Summary(read=3, bad=1), False, 0, "the rest was sent"),
    (Summary(read=3, bad=1), True, 1, "where every line matters"),
    (Summary(bad=2), False, 1, "nothing could be read"),
    (Summary(), False, 0, "there was nothing"),
    (Summary(read=3, broken="cut off"), False, 1, "not to the end"),
    (Summary(read=3, interrupted=True), False, 130, "as asked"),
]


@pytest.mark.parametrize(("summary", "strict", "status", "why"), STATUSES, ids=[case[-1] for case in STATUSES])
def test_the_status_says_whether_it_went_well(summary: Summary, strict: bool, status: int, why: str) -> None:
    assert status_of(summary, strict) == status


def test_bad_lines_come_in_place_with_file_and_number(tmp_path: Path) -> None:
    """So that a person can look them up."""
    file = tmp_path / "events.jsonl"
    file.write_bytes(USAGE + b"\n\nnonsense\n" + USAGE + b"\n")
    items = list(records(file))
    assert [type(item) for item in items] == [Record, BadLine, Record]
    assert str(items[1]).startswith(f"{file}:3: not JSON")


@given(st.lists(st.lists(st.integers(0, 10**12).map(lambda s: s * 1000), max_size=20).map(sorted), max_size=4))
def test_files_in_time_order_merge_into_one_in_time_order(files: list[list[int]]) -> None:
    """And nothing is lost, or changes places within its file."""
    sources: list[list[Record | BadLine]] = [
        [Record("usage", b"a", b"%d/%d" % (number, index), moment) for index, moment in enumerate(moments)]
        for number, moments in enumerate(files)
    ]
    merged = [item for item in in_time_order([iter(source) for source in sources]) if isinstance(item, Record)]
    moments = [item.timestamp_ms for item in merged if item.timestamp_ms is not None]
    assert moments == sorted(moments)
    for number, source in enumerate(sources):
        assert [item for item in merged if item.value.startswith(b"%d/" % number)] == source


def test_a_line_without_a_time_stays_behind_the_line_before_it() -> None:
    """A bad line is reported where it stands, not at the end of everything."""
    bad = BadLine(Path("b"), 2, "why")
    first: list[Record | BadLine] = [Record("usage", b"a", b"1", 10), Record("usage", b"a", b"2", 30)]
    second: list[Record | BadLine] = [Record("usage", b"a", b"3", 20), bad, Record("account", b"a", b"4", None)]
    merged = list(in_time_order([iter(first), iter(second)]))
    assert merged == [first[0], second[0], bad, second[2], first[1]]
