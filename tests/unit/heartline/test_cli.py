"""The command as a person meets it: help, completion, and one message with a status for whatever is wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from heartline import __version__
from heartline.cli import app
from stream.topics import KINDS

COMMANDS = ["demo", "account", "snapshot", "up", "worker", "alerting", "replay", "doctor", "schemas", "servers"]
NOWHERE = "127.0.0.1:9"  # the discard port: nobody listens


def run(*args: str, env: dict[str, str | None] | None = None, stdin: str | None = None) -> Result:
    """One command in this process, with none of the settings of this machine."""
    clean: dict[str, str | None] = dict.fromkeys(name for name in os.environ if name.startswith("HEARTLINE_"))
    clean |= {"KAFKA_BOOTSTRAP_SERVERS": None, "REDIS_URL": None, "COLUMNS": "120", "NO_COLOR": "1"}
    return CliRunner().invoke(app, list(args), env=clean | (env or {}), input=stdin)


def test_help_lists_every_command_with_a_line_of_its_own() -> None:
    """And no command without one."""
    result = run("--help")
    assert result.exit_code == 0
    for name in COMMANDS:
        line = next(line for line in result.stdout.splitlines() if line.startswith(f"│ {name} "))
        assert len(line.split()) > 5, line


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "servers"])
def test_the_help_of_every_command_shows_an_example(name: str) -> None:
    """Ready to be copied."""
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"heartline {name}" in result.stdout.split("Usage:")[1].split("\n", 1)[1]
    assert "Example" in result.stdout


# What goes on until it is stopped, says so in its log, and has nothing to print at an end.
PROCESSES = {"worker", "alerting", "board", "intake", "up", "servers run", "portfolio serve"}
SILENT = {"servers fetch"}  # it says nothing where all is there


def _all_commands(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, each in getattr(command, "commands", {}).items():
        yield from _all_commands(each, f"{path} {name}".strip())
    if not hasattr(command, "commands"):
        yield path, command


def test_every_command_that_prints_facts_prints_them_as_json_if_asked() -> None:
    """Programs read what people read."""
    found = dict(_all_commands(typer.main.get_command(app)))
    without = {path for path, each in found.items() if not any("--json" in option.opts for option in each.params)}
    assert without == PROCESSES | SILENT


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    """What each command needs is imported when it runs."""
    heavy = "{'faust', 'aiokafka', 'kafka', 'redis', 'pydantic', 'yaml', 'msgspec', 'prometheus_client', 'rich.live'}"
    code = f"import sys, heartline.cli; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_version_is_the_packages() -> None:
    """One place says it."""
    assert run("--version").stdout == f"heartline {__version__}\n"


@pytest.mark.parametrize("args", [["import", "--help"], ["schemas", "--json"]])
def test_output_that_nobody_reads_to_its_end_is_no_fault(args: list[str]) -> None:
    """As behind `| head`."""
    reader, writer = os.pipe()
    os.close(reader)
    program = [sys.executable, "-m", "heartline.cli", *args]
    ended = subprocess.run(program, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_completion_can_be_installed() -> None:
    """Typer's own."""
    assert "--install-completion" in run("--help").stdout


@pytest.mark.parametrize("name", ["worker", "alerting", "up", "replay", "account", "snapshot"])
def test_a_wrong_setting_ends_any_command_with_one_message_and_status_2(name: str, tmp_path: Path) -> None:
    """It names the setting, the value and what is accepted; there is no traceback."""
    events = tmp_path / "events.jsonl"
    events.write_text("")
    rest = {"replay": [str(events)], "account": ["acme"], "snapshot": [str(events), "--every", "day", "--out", "o.csv"]}
    result = run(name, *rest.get(name, []), env={"HEARTLINE_KAFKA__PARTITIONS": "many"})
    assert result.exit_code == 2
    assert "kafka.partitions = 'many'" in result.stderr
    assert "HEARTLINE_KAFKA__PARTITIONS" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_configuration_file_that_is_not_there_is_named() -> None:
    """By the option as by the variable."""
    for result in (
        run("worker", "--config", "/no/such.yaml"),
        run("worker", env={"HEARTLINE_CONFIG": "/no/such.yaml"}),
    ):
        assert result.exit_code == 2
        assert "/no/such.yaml" in result.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["replay", "/no/such.jsonl"], "/no/such.jsonl: No such file"),
        (["replay", "/etc/hostname", "--speed", "fast"], "--speed fast: expected max"),
        (["snapshot", "/no/such.jsonl", "--every", "day", "--out", "o.csv"], "/no/such.jsonl: No such file"),
        (["snapshot", "/etc/hostname", "--out", "o.csv"], "give either --at DATE"),
        (["snapshot", "/etc/hostname", "--at", "2024-13-01", "--out", "o.csv"], "expected a calendar day"),
        (["up", "--data-dir", "/tmp/x"], "it needs --embedded"),
        (["account", "-1"], "begins with a dash comes after --"),
    ],
)
def test_what_was_typed_wrong_is_said_with_status_2(args: list[str], words: str) -> None:
    """Before anything is started or sent."""
    result = run(*args)
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize("args", [["replay", "/etc/hostname"], ["account", "acme"]])
def test_a_broker_that_does_not_answer_is_said_with_status_1(args: list[str]) -> None:
    """With its address, and without what the library logs."""
    result = run(*args, "--bootstrap-servers", NOWHERE)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"heartline: Kafka at {NOWHERE} can't be")
    assert len(result.stderr.splitlines()) == 1


def test_the_doctor_names_what_is_broken_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON, with status 1."""
    result = run(
        "doctor", "--json", env={"KAFKA_BOOTSTRAP_SERVERS": NOWHERE, "REDIS_URL": f"redis://:geheim@{NOWHERE}/0"}
    )
    found = json.loads(result.stdout)
    checks = {check["name"]: check for check in found["checks"]}
    assert (result.exit_code, found["ok"]) == (1, False)
    assert checks["Python"]["state"] == "ok"
    assert checks["Kafka"]["state"] == "broken"
    assert NOWHERE in checks["Kafka"]["found"]
    assert checks["Redis"]["state"] == "broken"
    assert all(check["advice"] for check in checks.values() if check["state"] == "broken")
    assert "geheim" not in result.output


def test_the_doctor_stops_at_wrong_settings() -> None:
    """What depends on them can't be looked at."""
    result = run("doctor", env={"HEARTLINE_KAFKA__PARTITIONS": "0"})
    assert result.exit_code == 1
    assert "✗ settings" in result.stdout
    assert "kafka.partitions" in result.stdout
    assert "Redis" not in result.stdout


def test_schemas_are_written_one_file_a_contract(tmp_path: Path) -> None:
    """Each is a JSON Schema of an object."""
    assert run("schemas", "--out", str(tmp_path / "new")).exit_code == 0
    files = {path.name: json.loads(path.read_text("utf-8")) for path in (tmp_path / "new").iterdir()}
    names = (*KINDS, "health-report", "account-day", "dead-letter", "alert-command", "alert-step", "scorecard-review")
    assert set(files) == {f"{name}.schema.json" for name in names}
    assert files["usage.schema.json"]["required"]


@pytest.mark.parametrize("dates", [["--at", "2024-01-31", "2024-02-29"], ["--at", "2024-01-31", "--at", "2024-02-29"]])
def test_a_snapshot_takes_several_dates_in_a_row(tmp_path: Path, dates: list[str]) -> None:
    """Or each with its own --at; the bad line is told and left out."""
    events = tmp_path / "events.jsonl"
    events.write_text(
        '{"type":"usage","event_id":"1","account_id":"a","user_id":"u","feature":"f","timestamp":"2024-01-09T08:00:00Z"}\n'
        "nonsense\n"
    )
    out = tmp_path / "health.csv"
    result = run("snapshot", *dates, "--out", str(out), "--json", str(events))
    assert result.exit_code == 0, result.stderr
    figures = json.loads(result.stdout.splitlines()[-1])
    assert (figures["events"], figures["bad"], figures["rows"], figures["accounts"]) == (1, 1, 2, 1)
    assert f"{events}:2" in result.stderr
    lines = out.read_text("utf-8").splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [["a", "2024-01-31"], ["a", "2024-02-29"]]
