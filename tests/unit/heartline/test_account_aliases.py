"""Files whose events come under several ids give what one id would have given."""

import json
from pathlib import Path

import pytest

from heartline.backtest.buckets import accounts_in, fill
from heartline.snapshot import Summary, read_events
from stream.config.settings import Settings

AT = "2026-01-0{}T00:00:00Z"


def usage(number: int, account_id: str) -> dict[str, object]:
    return {
        "type": "usage",
        "event_id": f"e{number}",
        "account_id": account_id,
        "user_id": "ann",
        "feature": "export",
        "timestamp": AT.format(number),
    }


LINES = [
    usage(1, "zendesk:7"),
    usage(2, "acme"),
    {"type": "account", "account_id": "acme", "aliases": ["zendesk:7", "old"], "timestamp": AT.format(9)},
    {"type": "account", "account_id": "old", "aliases": ["older"]},
    usage(3, "older"),
    usage(4, "globex"),
]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path, lines in zip(paths, (LINES[:2], LINES[2:]), strict=True):
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return paths


def test_every_event_is_read_under_the_accounts_own_id(files: list[Path]) -> None:
    events = read_events(files, Settings(), Summary())
    assert [event.account_id for _, event in events] == ["acme"] * 4 + ["globex", "acme"]


def test_a_backtest_has_one_life_an_account(files: list[Path], tmp_path: Path) -> None:
    (folder := tmp_path / "buckets").mkdir()
    found = fill(files, folder, Settings())
    lives = {
        account_id: len(events)
        for path in found.paths
        for account_id, events in accounts_in(path, Settings(), found.links)
    }
    assert lives == {"acme": 5, "globex": 1}
    assert set(found.first_days) == {"acme", "globex"}
