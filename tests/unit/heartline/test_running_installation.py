"""Other commands find what `heartline up --embedded` runs, as long as it runs, and never against a setting."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from heartline.processes.running_installation import (
    RunningInstallation,
    find_running,
    forget,
    remember,
    state_file,
    use_running,
)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def running() -> Iterator[RunningInstallation]:
    """One whose broker answers."""
    with socket.create_server(("127.0.0.1", 0)) as broker:
        yield RunningInstallation(f"127.0.0.1:{broker.getsockname()[1]}", "redis://127.0.0.1:1/0", "http://127.0.0.1:2")


def test_what_runs_is_found_and_leads_the_settings_there(running: RunningInstallation) -> None:
    environ: dict[str, str] = {}
    remember(running)

    assert find_running() == running
    assert use_running(environ) == running
    assert environ == {"KAFKA_BOOTSTRAP_SERVERS": running.kafka, "REDIS_URL": running.redis_url}


@pytest.mark.parametrize("name", ["KAFKA_BOOTSTRAP_SERVERS", "HEARTLINE_KAFKA__BOOTSTRAP_SERVERS", "HEARTLINE_CONFIG"])
def test_whoever_says_where_kafka_is_is_led_nowhere_else(running: RunningInstallation, name: str) -> None:
    environ = {name: "elsewhere"}
    remember(running)

    assert use_running(environ) is None
    assert environ == {name: "elsewhere"}


def test_what_a_crash_left_behind_counts_for_nothing() -> None:
    remember(RunningInstallation("127.0.0.1:9", "redis://127.0.0.1:9", "http://127.0.0.1:9"))

    assert find_running() is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"kafka": 1}', "null"])
def test_a_file_that_is_none_of_ours_counts_for_nothing(text: str) -> None:
    state_file().parent.mkdir(parents=True)
    state_file().write_text(text)

    assert find_running() is None


def test_the_end_of_one_leaves_the_addresses_of_another(running: RunningInstallation) -> None:
    other = replace(running, board_url="http://127.0.0.1:3")
    remember(running)
    remember(other)
    forget(running)
    assert find_running() == other
    forget(other)
    assert find_running() is None
    assert not state_file().exists()
