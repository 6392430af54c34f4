"""`heartline scorecard` as a person meets it, and the snapshot of scorecards whose bands remember."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from heartline.snapshot import Summary, read_events, reports
from heartline.terminal.scorecard_tables import explained, explained_as_json
from stream.calendar.clock import ManualClock
from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.config.settings import Settings
from stream.contracts.events import InputEvent
from stream.contracts.report import Band
from stream.kinds.state import newest_ms
from stream.scoring.evaluation import build_report
from stream.scoring.scorecard import Scorecards, Veto
from stream.scoring.scorecard_yaml import SHIPPED_FILE
from stream.scoring.shipped import PREVIOUS
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor
from tests.streams import CORE, TOPICS, Raw, epoch_ms, fold, make_stream, record
from tests.unit.heartline.test_cli import run
from tests.unit.heartline.test_snapshot import usage, write_events

EXITS: tuple[tuple[Band, float], ...] = (("healthy", 68.0), ("watch", 42.0), ("at_risk", 20.0), ("critical", 0.0))
REMEMBERING = Scorecards((replace(PREVIOUS, band_exits=EXITS, dwell_days=4),))


def test_a_good_file_is_summed_up_and_a_wrong_one_ends_with_status_2(tmp_path: Path) -> None:
    good = run("scorecard", "validate", str(SHIPPED_FILE))
    assert good.exit_code == 0
    assert "default@2: 8 measures, for all accounts" in good.stdout
    assert "healthy from 75" in good.stdout
    assert json.loads(run("scorecard", "validate", str(SHIPPED_FILE), "--json").stdout) == {"scorecards": ["default@2"]}
    bad = tmp_path / "bad.yaml"
    bad.write_text(SHIPPED_FILE.read_text("utf-8").replace("weight: 12", "weight: 0"), "utf-8")
    result = run("scorecard", "validate", str(bad))
    assert result.exit_code == 2
    assert "bad.yaml:38: [0].groups.sentiment.measures.nps.weight = 0: expected greater than 0" in result.stderr


def test_a_worker_does_not_start_with_wrong_scorecards(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("- name: own\n", "utf-8")
    events = write_events(tmp_path / "e.jsonl", usage(1, "2026-01-01T00:00:00Z"))
    args = ("snapshot", str(events), "--at", "2026-01-01", "--out", str(tmp_path / "o.csv"))
    result = run(*args, env={"HEARTLINE_SCORECARDS": str(bad)})
    assert result.exit_code == 2
    assert "bad.yaml:1: [0].version: is missing" in result.stderr


def test_diff_tells_whose_band_another_scorecard_changes(tmp_path: Path) -> None:
    """One user a day: well enough by the shipped scorecard, critical by one that asks for ten users."""
    own = tmp_path / "own.yaml"
    own.write_text(
        "- {name: own, version: 2, groups: {use: {measures: {mau: {weight: 1, curve: {0: 0, 10: 100}}}}}}\n", "utf-8"
    )
    lines: list[Raw] = [usage(day, f"2026-01-{day:02}T09:00:00Z") for day in range(1, 29)]
    lines += [usage(100 + n, "2026-01-28T09:00:00Z", "large", user_id=f"u{n}") for n in range(12)]
    events = write_events(tmp_path / "e.jsonl", *lines)
    result = run("scorecard", "diff", str(own), "--snapshot", str(events), "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["accounts"] == 2
    moved = {item["account_id"]: item for item in found["moved"]}
    assert (moved["acme"]["now_scorecard"], moved["acme"]["now_score"], moved["acme"]["now_band"]) == (
        *("own@2", 10.0, "critical"),
    )
    text = run("scorecard", "diff", str(own), "--snapshot", str(events)).stdout
    assert text.splitlines()[-1] == f"{len(moved)} of 2 accounts would change band"
    assert "→ critical 10  (own@2)" in text
    same = run("scorecard", "diff", str(SHIPPED_FILE), "--snapshot", str(events), "--at", "2026-01-20")
    assert same.stdout == "0 of 1 accounts would change band\n"


def test_diff_knows_the_products_milestones(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    measures = "{milestones_reached: {weight: 1, curve: {0: 0, 1: 20}}}"
    own.write_text(f"- {{name: own, version: 1, groups: {{value: {{measures: {measures}}}}}}}\n", "utf-8")
    days = (usage(1, "2026-01-08T09:00:00Z"), usage(2, "2026-01-28T09:00:00Z"))
    events = write_events(tmp_path / "e.jsonl", *days)
    args = ("scorecard", "diff", str(own), "--snapshot", str(events), "--json")
    result = run(*args, env={"HEARTLINE_PRODUCT__MILESTONES": '["export"]'})
    assert [item["now_score"] for item in json.loads(result.stdout)["moved"]] == [20.0]


def test_diff_needs_events(tmp_path: Path) -> None:
    empty = write_events(tmp_path / "e.jsonl")
    result = run("scorecard", "diff", str(SHIPPED_FILE), "--snapshot", str(empty))
    assert result.exit_code == 2
    assert "no events in" in result.stderr


def test_an_account_is_explained_by_every_line_of_its_scorecard() -> None:
    card = replace(PREVIOUS, vetoes=(Veto("few", "mau", "usage", None, 100, 20, "few people"),))
    _, partition = fold(make_stream(5, 400, 150))
    state = partition.states["acme"]
    report = build_report("acme", state, end_of_day_ms(state.usage.newest_day), card)
    console = Console(width=200, file=StringIO())
    with console.capture() as capture:
        console.print(explained(report, card))
    text = capture.get()
    assert all(line.measure in text for line in card.lines)
    assert "depth" in text
    assert "unknown" in text  # depth, without a catalogue
    assert "veto: at most 20" in text
    for_programs = json.loads(json.dumps(explained_as_json(report, card)))
    assert (for_programs["score"], len(for_programs["lines"])) == (report.score, len(card.lines))
    assert {line["measure"] for line in for_programs["lines"] if line["value"] is None} >= {"depth"}
    points = sum(line["points"] or 0.0 for line in for_programs["lines"]) + sum(
        cap["points"] for cap in for_programs["caps"]
    )
    assert points == pytest.approx(for_programs["score"]), "what is unknown counts neither way"


@pytest.mark.parametrize("seed", [1, 2, 3, 9])  # of the others nobody alive crosses a line in time
def test_the_snapshots_bands_are_those_of_a_worker_that_judges_daily(seed: int, tmp_path: Path) -> None:
    """Bands that remember depend on every day before; so the snapshot walks them all, whichever it is asked for."""
    raw = make_stream(seed, 300, 90)
    worker = worked(raw)
    asked = sorted({day for day, _ in worker})[::9]
    events = read_events([write_events(tmp_path / "e.jsonl", *raw)], Settings(), Summary())
    found = bands(events, asked, REMEMBERING)
    assert found
    assert found == {key: band for key, band in worker.items() if key[0] in asked}
    assert found != bands(events, asked, Scorecards((PREVIOUS,)))  # else the memory would have shown nowhere


def bands(events: list[tuple[int, InputEvent]], days: list[int], cards: Scorecards) -> dict[tuple[int, str], Band]:
    return {(day, report.account_id): report.band for day, report in reports(events, days, CORE, scorecards=cards)}


def worked(events: list[Raw]) -> dict[tuple[int, str], Band]:
    """The band of each account at the end of each day, by a worker that evaluates then."""
    clock = ManualClock(0)
    processor = HealthProcessor(TOPICS, clock, scorecards=REMEMBERING, core_features=CORE)
    partition = AccountPartition(0)
    days = [epoch_ms(event["timestamp"]) // DAY_MS for event in events]
    found: dict[tuple[int, str], Band] = {}
    for day in range(days[0], days[-1] + 1):
        for event, at in zip(events, days, strict=True):
            if at == day:
                processor.fold(partition, TOPICS.input(event["type"]), [record(event["type"], event)])
        clock.current_ms = end_of_day_ms(day)
        for _ in processor.evaluate(partition):
            pass
        for account_id, state in partition.states.items():
            if newest_ms(state) is not None and state.published is not None:
                found[day, account_id] = state.published.band
    return found
