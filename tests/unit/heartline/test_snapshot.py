"""The snapshot says of every account and date what a recomputation from the raw events says."""

import csv
import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from heartline import snapshot
from heartline.errors import FileError
from heartline.snapshot import DateRule, Every, Summary, parse_date, write_snapshot
from stream.config.settings import Settings
from stream.contracts.errors import ConfigError
from stream.kinds.feeds import FeedSettings
from tests.oracle.batch import Batch
from tests.oracle.facts import alike
from tests.real_data import SAMPLE, real_data

USAGE = ("dau", "wau", "mau", "features_30d", "frequency_30d", "users_for_half", "feature_adoption_rate", "stickiness")
ALSO_USAGE = ("activity_change_ratio", "silence_ratio", "active_user_rate_monthly", "mau_previous", "feature_status")
TICKETS = ("tickets_opened_7", "tickets_opened_30", "tickets_opened_90", "open_tickets", "open_tickets_by_priority")
ALSO_TICKETS = ("tickets_opened_90_by_category", "escalation_rate", "escalation_hours", "resolution_hours")
SURVEYS = ("nps", "nps_responses", "nps_previous")


def snapshot_of(files: list[Path], dates: DateRule, out: Path) -> tuple[Summary, list[dict[str, str]]]:
    summary = write_snapshot(files, dates, out, Settings())
    with out.open(newline="", encoding="utf-8") as file:
        return summary, list(csv.DictReader(file))


def events_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.open(file)]


def write_events(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), "utf-8")
    return path


def usage(number: int, timestamp: str, account_id: str = "acme", **fields: Any) -> dict[str, Any]:
    event = {"type": "usage", "event_id": f"e{number}", "account_id": account_id, "user_id": "ann", "feature": "export"}
    return event | {"timestamp": timestamp} | fields


def assert_rows_are_the_batch(rows: list[dict[str, str]], events: list[dict[str, Any]], names: tuple[str, ...]) -> None:
    """Every row's cells as the batch has them, and a row for each account from its first event on."""
    batch = Batch(events)
    by_date: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows:
        by_date.setdefault(row["date"], {})[row["account_id"]] = row
    wrong = []
    for day, found in by_date.items():
        expected = batch.at(date.fromisoformat(day))
        assert found.keys() == expected.keys(), day
        for account_id, row in found.items():
            for name in names:
                if not same_cell(row[name], expected[account_id][name]):
                    wrong.append((account_id, day, name, row[name], expected[account_id][name]))
    assert not wrong, f"{len(wrong)} differ: {wrong[:5]}"


def same_cell(cell: str, value: Any) -> bool:
    """A cell of the CSV against a value; cells carry six decimals, mappings are JSON."""
    if value is None or isinstance(value, str):
        return cell == (value or "")
    if isinstance(value, dict):
        return cell != "" and alike(json.loads(cell), value)
    return cell != "" and abs(float(cell) - value) <= 1e-6


def test_the_sample_equals_the_batch_for_every_account_and_quarter(tmp_path: Path) -> None:
    file = SAMPLE / "git-usage-sample.jsonl.gz"
    summary, rows = snapshot_of([file], DateRule(every="quarter"), tmp_path / "out.csv")
    assert (summary.events, summary.rejected, summary.accounts) == (3648, 0, 7)
    assert len(rows) == summary.rows > 200
    assert_rows_are_the_batch(rows, events_of(file), USAGE + ALSO_USAGE)


def test_the_sample_equals_the_batch_for_every_week(tmp_path: Path) -> None:
    file = SAMPLE / "git-usage-sample.jsonl.gz"
    _, rows = snapshot_of([file], DateRule(every="week"), tmp_path / "out.csv")
    year = [row for row in rows if row["date"].startswith("2016")]
    assert len(year) > 150
    assert_rows_are_the_batch(year, events_of(file), USAGE + ALSO_USAGE)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.skipif(real_data() is None, reason="the whole data are not here; set HEARTLINE_REAL_DATA to their folder")
@pytest.mark.parametrize(
    ("name", "every", "measures", "rows_min"),
    [
        ("git-usage", "quarter", USAGE + ALSO_USAGE, 3000),
        ("tickets", "month", TICKETS + ALSO_TICKETS, 1000),  # critical, high, moderate, low; null categories
        ("ratings", "month", SURVEYS, 4000),
    ],
)
def test_the_whole_data_equal_the_batch(
    name: str, every: Every, measures: tuple[str, ...], rows_min: int, tmp_path: Path
) -> None:
    folder = real_data()
    assert folder is not None
    file = folder / name / "events.jsonl.gz"
    summary, rows = snapshot_of([file], DateRule(every=every), tmp_path / "out.csv")
    assert summary.rejected == 0
    assert len(rows) >= rows_min
    assert_rows_are_the_batch(rows, events_of(file), measures)


def test_the_first_columns_are_those_that_people_look_for(tmp_path: Path) -> None:
    file = write_events(tmp_path / "in.jsonl", usage(1, "2024-02-10T12:00:00Z"))
    _, rows = snapshot_of([file], DateRule(at=(date(2024, 2, 10),)), tmp_path / "out.csv")
    names = list(rows[0])
    assert names[:9] == [
        *("account_id", "date", "dau", "wau", "mau", "features_30d", "frequency_30d", "health_score", "band")
    ]
    assert {"reason", "coverage", "nps", "csat", "open_tickets", "users_for_half"} <= set(names)


def test_a_row_is_the_state_at_the_end_of_its_utc_day(tmp_path: Path) -> None:
    file = write_events(
        tmp_path / "in.jsonl",
        usage(1, "2024-02-10T23:59:59.999Z"),
        usage(2, "2024-02-11T00:00:00Z", user_id="bob"),
        usage(3, "2024-02-11T01:30:00+02:00", user_id="cem"),  # still the 10th in UTC
    )
    _, rows = snapshot_of([file], DateRule(at=(date(2024, 2, 10), date(2024, 2, 11))), tmp_path / "out.csv")
    assert [(row["date"], row["dau"], row["mau"]) for row in rows] == [
        ("2024-02-10", "2", "2"),
        ("2024-02-11", "1", "3"),
    ]


def test_an_account_has_no_row_before_its_first_event(tmp_path: Path) -> None:
    file = write_events(
        tmp_path / "in.jsonl",
        {"type": "account", "account_id": "later", "name": "Known long before"},
        usage(1, "2024-01-10T00:00:00Z", "early"),
        usage(2, "2024-03-10T00:00:00Z", "later"),
    )
    _, rows = snapshot_of([file], DateRule(every="month"), tmp_path / "out.csv")
    assert [(row["account_id"], row["date"]) for row in rows] == [
        ("early", "2024-01-31"),
        ("early", "2024-02-29"),
        ("early", "2024-03-31"),
        ("later", "2024-03-31"),
    ]


def test_unknown_is_an_empty_cell_and_not_a_zero(tmp_path: Path) -> None:
    file = write_events(tmp_path / "in.jsonl", usage(1, "2024-01-10T00:00:00Z"))
    _, rows = snapshot_of([file], DateRule(at=(date(2024, 6, 1),)), tmp_path / "out.csv")
    assert (rows[0]["mau"], rows[0]["frequency_30d"], rows[0]["nps"]) == ("0", "", "")


def test_the_order_of_files_and_lines_does_not_matter(tmp_path: Path) -> None:
    events = events_of(SAMPLE / "git-usage-sample.jsonl.gz")[:600]
    forward = write_events(tmp_path / "a.jsonl", *events)
    first, second = (
        write_events(tmp_path / "b.jsonl", *events[:250]),
        write_events(tmp_path / "c.jsonl", *events[:249:-1]),
    )
    dates = DateRule(every="quarter")
    _, expected = snapshot_of([forward], dates, tmp_path / "1.csv")
    _, found = snapshot_of([second, first], dates, tmp_path / "2.csv")
    assert found == expected
    assert expected


def test_bad_lines_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    file = write_events(
        tmp_path / "in.jsonl",
        usage(1, "2024-01-10T00:00:00Z"),
        "not json",
        {"type": "invoice"},
        '{"type": ' + "[" * 100_000,  # would exhaust a parser's stack
        usage(2, "2024-01-10T00:00:00Z", user_id=""),
        {"event_id": "no type"},
        usage(3, "2099-01-10T00:00:00Z"),
        usage(4, "2024-01-11T00:00:00Z"),
    )
    summary, rows = snapshot_of([file], DateRule(at=(date(2024, 1, 31),)), tmp_path / "out.csv")
    assert (summary.events, summary.rejected, len(rows)) == (2, 6, 1)
    where = [error.split(": ")[:2] for error in summary.errors]
    reasons = ["not_json", "unknown_value", "not_json", "out_of_range", "not_json", "future"]
    assert where == [[f"{file}:{line}", reason] for line, reason in zip(range(2, 8), reasons, strict=True)]


def test_only_the_first_errors_are_kept(tmp_path: Path) -> None:
    file = write_events(tmp_path / "in.jsonl", *["bad"] * 50)
    summary, rows = snapshot_of([file], DateRule(every="day"), tmp_path / "out.csv")
    assert (summary.rejected, len(summary.errors), rows) == (50, snapshot.SHOWN_ERRORS_MAX, [])


def test_feeds_with_other_names_are_read_through_the_mapping(tmp_path: Path) -> None:
    line = {"type": "ticket", "id": "t1", "org": {"key": "acme"}, "ticket_id": "7", "status": "new", "priority": "P1"}
    file = write_events(tmp_path / "in.jsonl", line | {"at": "2024-01-10T00:00:00Z"})
    feed = FeedSettings(
        fields={"event_id": "id", "account_id": "org.key", "timestamp": "at"}, values={"priority": {"P1": "urgent"}}
    )
    settings = Settings(feeds={"ticket": feed})
    summary = write_snapshot([file], DateRule(at=(date(2024, 1, 31),)), tmp_path / "out.csv", settings)
    assert (summary.events, summary.rows) == (1, 1)
    row = next(csv.DictReader((tmp_path / "out.csv").open()))
    assert (row["account_id"], row["open_urgent_tickets"]) == ("acme", "1")


@pytest.mark.parametrize(
    ("every", "first", "last", "expected"),
    [
        (
            "quarter",
            date(2024, 2, 10),
            date(2024, 7, 1),
            ["2024-03-31", "2024-06-30", "2024-09-30"],
        ),  # the last is unended
        (
            "month",
            date(2024, 2, 29),
            date(2024, 3, 31),
            ["2024-02-29", "2024-03-31"],
        ),  # a leap day that is a month's end
        ("month", date(2023, 12, 31), date(2024, 1, 1), ["2023-12-31", "2024-01-31"]),  # over the turn of the year
        ("week", date(2024, 1, 7), date(2024, 1, 8), ["2024-01-07", "2024-01-14"]),  # ISO weeks end on Sunday
        ("day", date(2024, 1, 7), date(2024, 1, 8), ["2024-01-07", "2024-01-08"]),
    ],
)
def test_dates_are_the_ends_of_periods(every: Every, first: date, last: date, expected: list[str]) -> None:
    days = DateRule(every=every).days((first - snapshot.EPOCH_DAY).days, (last - snapshot.EPOCH_DAY).days)
    epoch = snapshot.EPOCH_DAY.toordinal()
    assert [date.fromordinal(epoch + day).isoformat() for day in days] == expected


def test_a_csv_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = write_events(tmp_path / "in.jsonl", usage(1, "2024-01-10T00:00:00Z"))
    with pytest.raises(FileError, match=r"nowhere/out\.csv: can't be written: No such file"):
        write_snapshot([file], DateRule(every="day"), tmp_path / "nowhere" / "out.csv", Settings())


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"missing\.jsonl"):
        write_snapshot([tmp_path / "missing.jsonl"], DateRule(every="day"), tmp_path / "out.csv", Settings())


def test_a_snapshot_without_dates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--at DATE"):
        write_snapshot([], DateRule(), tmp_path / "out.csv", Settings())


@pytest.mark.parametrize("text", ["2024-02-30", "31.03.2024", "", "2024-3", "yesterday"])
def test_a_wrong_date_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="expected a calendar day"):
        parse_date(text)


def test_rows_are_as_of_the_end_of_the_day_where_the_account_is(tmp_path: Path) -> None:
    """In Auckland the day has begun at 12:00 UTC the day before, in Honolulu it lasts until 10:00 UTC the day after."""
    zones = {"acme": "UTC", "hilo": "Pacific/Honolulu", "kiwi": "Pacific/Auckland"}
    told = [{"type": "account", "account_id": name, "timezone": zone} for name, zone in zones.items()]
    moments = ["2026-06-09T12:30:00Z", "2026-06-10T12:30:00Z", "2026-06-11T09:30:00Z", "2026-06-11T12:30:00Z"]
    used = [
        usage(10 * index + number, moment, name, user_id=f"u{number}")
        for index, name in enumerate(zones)
        for number, moment in enumerate(moments)
    ]
    file = write_events(tmp_path / "events.jsonl", *told, *used)
    _, rows = snapshot_of([file], DateRule(every="day"), tmp_path / "out.csv")
    assert [(row["date"], row["account_id"]) for row in rows] == sorted(
        (row["date"], row["account_id"]) for row in rows
    )
    dau = {(row["account_id"], row["date"][-2:]): int(row["dau"]) for row in rows}
    assert [dau["acme", day] for day in ("09", "10", "11")] == [1, 1, 2]
    assert [dau["hilo", day] for day in ("09", "10", "11")] == [1, 2, 1]
    assert [dau.get(("kiwi", day)) for day in ("10", "11")] == [1, 2]
