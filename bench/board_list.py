"""What the board's list takes with very many accounts: processor time of each way to request it.

    python -m bench.board_list [--accounts 100000] [--rounds 5]

Of this process, the least and the most of some rounds. The application is the real one, without Kafka: it gets one
report an account, of random scores, and the requests of a browser and of a program.
"""

import argparse
import time
from dataclasses import dataclass
from random import Random
from typing import Final

from fastapi.testclient import TestClient
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from consumers.board.app import make_app
from consumers.board.live_updates import Hub
from consumers.board.read_model import ReadModel
from consumers.board.settings import BoardSettings
from stream.calendar.day import DAY_MS
from stream.contracts.report import encode_report
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState
from stream.kinds.usage import UsageEvent
from stream.scoring.evaluation import build_report
from stream.scoring.shipped import DEFAULT

HERE: Final = "http://127.0.0.1:8050"
NOW_MS: Final = 20_700 * DAY_MS
PATHS: Final[dict[str, str]] = {
    "by health": "/",
    "by name": "/?sort=name",
    "by movement": "/?sort=movement",
    "critical ones": "/?band=critical",
    "a search": "/?search=account-0999",
    "the API's": "/api/v1/accounts?limit=100",
}


@dataclass
class HealthRecord:
    """A record of account-health, as the board's reader has it."""

    topic: str
    offset: int
    key: bytes
    value: bytes
    partition: int = 0
    timestamp: int = NOW_MS


def board(accounts: int) -> TestClient:
    """A board that has a report of so many accounts."""
    settings, hub, chance = BoardSettings(), Hub(), Random(7)
    read_model = ReadModel(settings, hub, lambda *_: None)
    read_model.topic_reader.loaded.set()
    state = AccountState()
    for day in range(30):
        at_ms = NOW_MS - (30 - day) * DAY_MS
        fold_event(
            state, UsageEvent(account_id="a", user_id="u", feature="export", timestamp=at_ms, event_id=f"e{day}")
        )
    report = build_report("a", state, NOW_MS, DEFAULT)
    for number in range(accounts):
        name = f"account-{number:06}"
        value = encode_report(replace(report, account_id=name, score=chance.randrange(1001) / 10))
        read_model.take_report(HealthRecord(read_model.topics.health, number, name.encode(), value))
    return TestClient(
        make_app(settings, read_model, hub, CollectorRegistry()), base_url=HERE, client=("127.0.0.1", 50_000)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    client = board(arguments.accounts)
    for name, path in PATHS.items():
        took = []
        for _ in range(arguments.rounds):
            started = time.process_time()
            answer = client.get(path)
            took.append((time.process_time() - started) * 1000)
            answer.raise_for_status()
        print(f"{name:14} {min(took):5.0f} to {max(took):5.0f} ms, {len(answer.content):,} bytes")


if __name__ == "__main__":
    main()
