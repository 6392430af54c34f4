"""The alerts that history would have raised: as the worker and the rules would have said, on the events' own clock."""

import csv
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from alerts.config import AlertingConfig, read_config
from heartline.alert_replay.history import Every, History, Row, replay_alerts
from heartline.alert_replay.summary import (
    Label,
    RuleSummary,
    read_labels,
    summarise,
    summarise_labels,
    summarise_pages,
    write_rows,
)
from heartline.cli import app
from heartline.errors import FileError
from heartline.snapshot import Summary, read_events
from stream.config.settings import Settings

START = datetime(2023, 1, 2, 9, 0, tzinfo=UTC)


def usage(account: str, user: str, at: datetime) -> dict[str, Any]:
    return {
        "type": "usage",
        "event_id": f"{account}-{user}-{at.isoformat()}",
        "account_id": account,
        "user_id": user,
        "feature": "report",
        "timestamp": at.isoformat(),
    }


def life(account: str, days: int, quit_on: int | None = None, users: int = 6) -> list[dict[str, Any]]:
    """Everybody works every day; from a day on nobody but one."""
    return [
        usage(account, f"u{user}", START + timedelta(days=day, minutes=user))
        for day in range(days)
        for user in range(users if quit_on is None or day < quit_on else 1)
    ]


def written(tmp_path: Path, events: list[dict[str, Any]]) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
    return path


def replayed(path: Path, every: Every = "day", config: AlertingConfig | None = None, processes: int = 1) -> History:
    events = read_events([path], Settings(), Summary())
    return replay_alerts(events, Settings(), config or read_config(), every, processes=processes)


def test_a_steady_account_raises_nothing(tmp_path: Path) -> None:
    history = replayed(written(tmp_path, life("calm", 90)))
    assert history.rows == []
    assert history.account_days == 90
    assert history.evaluations >= 90, "once a day, and whenever time alone makes something due"


def test_an_account_that_collapses_is_told_on_the_clock_of_its_events(tmp_path: Path) -> None:
    """Within weeks of the day, once, and never before it."""
    history = replayed(written(tmp_path, [*life("calm", 120), *life("fell", 120, quit_on=70)]))
    assert {row.account_id for row in history.rows} == {"fell"}
    fired = [row for row in history.rows if row.event == "firing"]
    assert fired
    for row in history.rows:
        assert timedelta(days=70) <= row.at - START <= timedelta(days=120)
        assert row.reason
        assert row.score is not None
    assert [row.event for row in history.rows].count("opened") == 1, "one red flag an account"
    assert [row.at for row in history.rows] == sorted(row.at for row in history.rows)


def test_by_the_hour_it_is_told_within_the_day(tmp_path: Path) -> None:
    """The worker evaluates an account when it sends something; a silent one is looked at once a day."""
    path = written(tmp_path, life("fell", 120, quit_on=70))
    daily, hourly = replayed(path, "day"), replayed(path, "hour")
    assert hourly.evaluations > daily.evaluations
    assert [(row.event, row.signals) for row in hourly.rows][:1] == [(row.event, row.signals) for row in daily.rows][:1]
    assert hourly.rows[0].at <= daily.rows[0].at


def test_other_rules_other_history(tmp_path: Path) -> None:
    (rules := tmp_path / "rules.yaml").write_text("rules: {breadth_collapsed: {enabled: false}}", "utf-8")
    path = written(tmp_path, life("fell", 120, quit_on=70))
    assert "breadth_collapsed" in {row.signals for row in replayed(path).rows}
    assert "breadth_collapsed" not in {row.signals for row in replayed(path, config=read_config(rules)).rows}


def test_several_processes_say_the_same(tmp_path: Path) -> None:
    events = [event for number in range(21) for event in life(f"a{number}", 60 + number, quit_on=40)]
    path = written(tmp_path, events)
    assert replayed(path, processes=2) == replayed(path, processes=1)


def test_no_events_no_history(tmp_path: Path) -> None:
    assert replayed(written(tmp_path, [])) == History()


def test_the_summary_counts_what_the_rows_say(tmp_path: Path) -> None:
    history = replayed(written(tmp_path, life("fell", 120, quit_on=70)))
    found = summarise(history.rows, read_config().book.names, history.account_days)
    assert [rule.rule for rule in found] == list(read_config().book.names)
    assert sum(rule.fired + rule.worse + rule.resolved for rule in found) == sum(
        row.event in ("firing", "worse", "resolved") for row in history.rows
    )
    pages = summarise_pages(history.rows, history.account_days)
    assert pages.pages == sum(row.event == "page" for row in history.rows)
    assert pages.account_years == pytest.approx(120 / 365.25)
    none = RuleSummary("silence", 0, 0, 0, 0, None, None)
    assert summarise([], ["silence"], 0) == [none]


def test_the_command_writes_every_step_and_tells_a_table(tmp_path: Path) -> None:
    path, out = written(tmp_path, life("fell", 120, quit_on=70)), tmp_path / "alerts.csv"
    path.write_text(path.read_text("utf-8") + "no json\n", "utf-8")
    done = CliRunner().invoke(app, ["alert", "replay", str(path), "--out", str(out), "--processes", "1"])
    assert done.exit_code == 0, done.output
    assert "breadth_collapsed" in done.output
    lines = done.output.splitlines()
    assert any(line.startswith("folded    470 events of 1 accounts") for line in lines)
    assert "bad       1 lines" in lines
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["event", "at", "account_id", "signals", "channel", "severity", "score", "reason"]
    assert {row["event"] for row in rows} <= {
        "firing",
        "worse",
        "resolved",
        "opened",
        "updated",
        "closed",
        "page",
        "reminder",
    }
    assert all(datetime.fromisoformat(row["at"]).tzinfo is not None for row in rows)


def test_the_command_tells_programs_json(tmp_path: Path) -> None:
    path = written(tmp_path, life("calm", 30))
    done = CliRunner().invoke(app, ["alert", "replay", str(path), "--json", "--processes", "1"])
    figures = json.loads(done.stdout)
    assert (figures["accounts"], figures["account_days"], figures["steps"]) == (1, 30, 0)
    assert len(figures["rules"]) == len(read_config().book.names)


def test_a_place_that_can_t_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="can't be written"):
        write_rows([], tmp_path / "nowhere" / "alerts.csv")


def page(account_id: str, day: int) -> Row:
    return Row("page", START + timedelta(days=day), account_id, "score_low", "page", "warning", 30.0, "low")


def test_pages_stand_beside_deaths_and_beside_chance() -> None:
    """Two died, one of them paged within its last half year; the living one was paged once in two years."""
    died = START + timedelta(days=700)
    labels = {"a": Label(died, None), "b": Label(died, None), "c": Label(None, None), "unknown": Label(died, None)}
    rows = [page("a", 100), page("a", 600), page("a", 720), page("c", 50)]
    history = History(rows, 3 * 730, {"a": 730, "b": 730, "c": 730}, 0)
    found = summarise_labels(history, labels)
    assert (found.deaths, found.paged_before_final, found.paged_in_horizon) == (2, 0.5, 0.5)
    rate = 3 / (3 * 730 / 365.25)
    assert found.pages_per_account_year == pytest.approx(rate), "a page after a death is none"
    assert found.chance_in_horizon == pytest.approx(1 - math.exp(-rate * 180 / 365.25))
    assert found.page_precision == pytest.approx(1 / 3)
    assert found.median_lead_days == 100


def test_labels_are_read_with_their_days_and_a_mistake_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("account_id,churned_at,observed_until\na,2024-03-02,2025-01-01\nb,,\n", "utf-8")
    labels = read_labels(file)
    assert labels["a"].churned_at == datetime(2024, 3, 2, tzinfo=UTC)
    assert labels["b"] == Label(None, None)
    file.write_text("account_id,churned_at\na,soon\n", "utf-8")
    with pytest.raises(FileError, match=r"labels.csv:2: 'soon': expected a date"):
        read_labels(file)
    file.write_text("account,churned\n", "utf-8")
    with pytest.raises(FileError, match="expected the columns account_id and churned_at"):
        read_labels(file)


def test_an_account_is_looked_at_until_it_was_observed_last(tmp_path: Path) -> None:
    path, labels = written(tmp_path, life("fell", 120, quit_on=70)), tmp_path / "labels.csv"
    until = START + timedelta(days=80)
    labels.write_text(f"account_id,churned_at,observed_until\nfell,{until:%Y-%m-%d},{until:%Y-%m-%d}\n", "utf-8")
    command = ["alert", "replay", str(path), "--labels", str(labels), "--json", "--processes", "1"]
    figures = json.loads(CliRunner().invoke(app, command).stdout)
    assert figures["account_days"] == 81
    assert figures["labels"]["deaths"] == 1
