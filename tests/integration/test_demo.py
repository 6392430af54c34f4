"""The demo as a newcomer starts it: a red flag, true numbers, a clean end, and nothing that stays."""

import json
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.integration.processes import Family
from tests.integration.roles import wait_for


def accounts(board: str) -> Any:
    """What the board's list says now."""
    with urllib.request.urlopen(f"{board}/api/v1/accounts", timeout=30) as answer:
        return json.load(answer)


def test_the_demo_raises_red_flags_and_ends_cleanly(tmp_path: Path) -> None:
    """Its last line is the JSON object; no process and no file stays."""
    with Family(["demo", "--json", "--no-open", "--duration", "40"], tmp_path) as demo:
        demo.wait_said("the board is at http://127.0.0.1:")
        board = demo.err.split("the board is at ")[1].split()[0]
        before = accounts(board)
        wait_for(lambda: accounts(board) != before, 30, "something changes on the board")
        assert demo.wait_ended(300) == 0
        result = json.loads(demo.out.splitlines()[-1])
        assert result["first_red_flag_seconds"] > 0  # within a minute, but for a machine that is busy
        assert result["events"] > 80_000
        assert result["accounts"] == 40
        assert result["alerts_opened"] >= 4
        assert 1 <= result["alerts_resolved"] <= result["alerts_opened"]
        told = result["pages_delivered"] + result["digests_delivered"]
        assert result["notifications_delivered"] >= told > 0
        assert result["pages_delivered"] <= 25
        assert result["kafka_version"]
        assert result["interrupted"] is False
        assert demo.err.count("Slack: ") == result["notifications_delivered"]
        assert demo.left() == []
        assert list(demo.temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, "day 0 of 60"),  # Ctrl-C in the middle
        (signal.SIGTERM, "Valkey is up"),  # while Kafka is still starting
    ],
    ids=["ctrl-c", "sigterm"],
)
def test_an_interrupted_demo_ends_with_status_0_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    """At any moment; with what was seen so far as its result."""
    with Family(["demo", "--json", "--duration", "60"], tmp_path) as demo:
        demo.wait_said(moment)
        demo.process.send_signal(number)
        assert demo.wait_ended(60) == 0
        assert json.loads(demo.out.splitlines()[-1])["interrupted"] is True
        assert demo.left() == []
        assert list(demo.temporary.iterdir()) == []


def test_a_killed_demo_takes_everything_with_it(tmp_path: Path) -> None:
    """kill -9 leaves no time for anything: the guards see to it."""
    with Family(["demo", "--json", "--duration", "60"], tmp_path) as demo:
        demo.wait_said("worker and alerting are ready")
        demo.process.kill()
        demo.wait_ended()
        wait_for(lambda: demo.left() == [], 40, "every process that the demo started is gone")
        wait_for(lambda: list(demo.temporary.iterdir()) == [], 30, "every temporary folder is gone")


def test_a_demo_whose_worker_dies_says_so_and_ends(tmp_path: Path) -> None:
    """With the last words of the worker, status 1, and nothing left."""
    with Family(["demo", "--json", "--duration", "60"], tmp_path) as demo:
        demo.wait_said("day 0 of 60")
        demo.child("heartline.cli worker").kill()
        assert demo.wait_ended(60) == 1
        assert "worker ended with status 137" in demo.err
        assert "Traceback" not in demo.err
        assert demo.left() == []
        assert list(demo.temporary.iterdir()) == []
