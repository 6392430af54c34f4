"""The table of the peers, and the states that the slower ones begin with."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from typing import Any

import pytest

from bench.jars import WANTED, peer_jars
from bench.peer_programs import plain_job
from bench.peers import PEERS, ROOT, Peer
from bench.peers_chart import PICTURE, draw, label
from bench.run_peers import JOB_ALONE, KEPT, Row, fold_alone, heartline_rows, peer_row, plain_alone, table
from heartline.bench.verify import counted
from heartline.bench.worker_process import Cost
from heartline.bench.workload import Shape, Workload
from heartline.replay.lines import InputRecord
from stream.calendar.day import DAY_MS
from stream.kinds.state import decode_state

SHAPE = Shape(events=2_000, accounts=20, users_per_account=5, distribution="zipf")
NOW_MS = 1_780_000_000_000
COST = Cost(
    seconds=10.0,
    folding_cpu_seconds=0.010,
    evaluated_seconds=12.0,
    cpu_seconds=0.016,
    changelog_records=5,
    pending_accounts=0,
)


def history() -> Iterator[InputRecord]:
    return Workload(SHAPE, NOW_MS).history()


def test_ratios_are_to_the_whole_worker() -> None:
    slow = Row("Slow 1.0", "in memory", 1_000, 80.0, 60.0, 9_000.4, 1_234.0)
    rows = [*heartline_rows(SHAPE, COST, 100.0), slow]
    lines = table(rows, "a machine").splitlines()
    assert lines[2].endswith("| 2,000 | 8.0 |  |  | 200 | 100 | 1.0 |")
    assert lines[3].endswith("| 2,000 | 5.0 |  |  | 200 | 100 | 0.6 |")
    assert lines[4] == "| Slow 1.0 | in memory | 1,000 | 80.0 |  | 60.0 | 9,000 | 1,234 | 10.0 |"
    assert lines[-1] == "a machine"
    alone = Row(JOB_ALONE, "in memory", 1_000, 4.5, 4.5, 9_000.0, None)
    java = replace(slow, name="Java 1.0", alone=None)
    cells = [line.split(" | ")[3:5] for line in table([*rows, alone, java], "").splitlines()[2:7]]
    assert cells == [["8.0", "3.5"], ["5.0", "0.5"], ["80.0", "75.5"], ["4.5", ""], ["80.0", ""]]


def test_a_peers_figures_are_of_its_own_events() -> None:
    peer = Peer("Peer", "FlinkPeer.java", "flink", "somewhere")
    printed = {
        "events": 5,
        "seconds": 2.0,
        "cpu_seconds": 1e-3,
        "second_half_cpu_seconds": 6e-4,
        "peak_rss_mb": 7.0,
    }
    row = peer_row(peer, printed)
    assert row.cpu_us_per_event == pytest.approx(200)
    assert row.events_per_second == pytest.approx(2.5)
    assert row.second_half_us_per_event == pytest.approx(200)  # three of five events


def test_what_a_slow_peer_begins_with_is_the_first_half_and_no_more() -> None:
    row, halfway = fold_alone(history(), SHAPE.events)
    assert sum(sum(counted(decode_state(value))) for value in halfway.values()) == SHAPE.events // 2
    assert row.events == SHAPE.events
    assert row.cpu_us_per_event > 0
    assert row.peak_rss_mb is None


def test_the_plain_job_counts_every_event_and_every_users_days() -> None:
    states: dict[str, dict[str, Any]] = {}
    users: dict[tuple[str, str], set[int]] = {}
    for record in history():
        event = plain_job.event_of(record.value)
        account_id = event["account_id"]
        states[account_id] = plain_job.fold(states.get(account_id), event)
        if record.kind == "usage":
            assert record.timestamp_ms is not None
            users.setdefault((account_id, event["user_id"]), set()).add(record.timestamp_ms // DAY_MS)
    assert sum(state["events"] for state in states.values()) == SHAPE.events
    kept = {(name, user): entry for name, state in states.items() for user, entry in state["users"].items()}
    assert {who: (max(days), len(days)) for who, days in users.items()} == {
        who: (day, bits.bit_count()) for who, (day, bits) in kept.items()
    }
    row = plain_alone(history(), SHAPE.events)
    assert row.events == SHAPE.events
    assert row.cpu_us_per_event > 0


@pytest.mark.parametrize("name", WANTED)
def test_the_locked_jars_are_what_is_wanted_each_once(name: str) -> None:
    jars = peer_jars(name)
    assert {str(jar) for jar in jars} >= set(WANTED[name])
    artifacts = [(jar.group, jar.artifact) for jar in jars]
    assert len(set(artifacts)) == len(artifacts)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: f"{peer.name}, {peer.keeps}")
def test_every_peer_names_a_pinned_version(peer: Peer) -> None:
    assert peer.version[0].isdigit()


def test_the_picture_shows_every_row_that_the_last_run_kept() -> None:
    """When this fails: `python -m bench.peers_chart`."""
    rows = [Row(**row) for row in json.loads(KEPT.read_text("utf-8"))["rows"]]
    assert len({label(row) for row in rows}) == len(rows), "two bars would have one name"
    for picture in (PICTURE.read_text("utf-8"), draw(rows)):
        for row in rows:
            assert escape(label(row)) in picture
            assert f">{row.cpu_us_per_event:,.1f} ({row.cpu_us_per_event / rows[0].cpu_us_per_event:.1f})<" in picture


def test_the_environment_of_every_peer_in_python_has_what_the_job_imports() -> None:
    script = (
        "import sys, job; from importlib.metadata import packages_distributions as known; names = known();"
        "print(*{name for module in list(sys.modules) for name in names.get(module.partition('.')[0], ())})"
    )
    path = os.pathsep.join((str(ROOT), str(ROOT / "bench" / "peer_programs")))
    command, environ = [sys.executable, "-c", script], os.environ | {"PYTHONPATH": path}
    printed = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    imported = {name.lower().replace("_", "-") for name in printed.split()} - {"heartline"}
    assert "msgspec" in imported
    for peer in PEERS:
        if not peer.is_java and not peer.is_plain:
            pinned = re.findall(r"^([\w.-]+)==", peer.requirements.read_text("utf-8"), re.MULTILINE)
            assert imported <= {name.lower().replace("_", "-") for name in pinned}, peer.requirements
