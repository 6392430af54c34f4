"""A board over given records, without Kafka."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from alerts.commands import Command
from consumers.board.account_index import RecordPosition
from consumers.board.app import make_app
from consumers.board.live_updates import Hub
from consumers.board.pipeline_status import LagMonitor
from consumers.board.read_model import ReadModel
from consumers.board.recent_events import RecentEvents
from consumers.board.settings import BoardOptions, BoardSettings
from stream.contracts.report import HealthReport, encode_report
from stream.kinds.state import AccountState, encode_state

HERE = "http://127.0.0.1:8050"


@dataclass
class Record:
    """What the feed reads."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class _Recent(RecentEvents):
    """The last events, of which a test says itself what arrived."""

    def _read(self) -> None:
        """Nobody is asked."""


class FakeBoard:
    """The real application over a log of records in memory.

    Args:
        options: of the section `board`.
    """

    def __init__(self, **options: Any) -> None:
        self.settings = BoardSettings(board=BoardOptions(**options))
        self.records: list[Record] = []
        self.hub = Hub()
        self.registry = CollectorRegistry()
        self.read_model = ReadModel(self.settings, self.hub, self._read)
        self.read_model.topic_reader.loaded.set()
        self.send: Callable[[Command], None] = lambda command: None
        self.app = make_app(self.settings, self.read_model, self.hub, self.registry, lambda command: self.send(command))
        self.app.state.board = replace(self.app.state.board, lags=_NoLags(), recent_events=_Recent(self.settings))

    def client(self, peer: str = "127.0.0.1", base: str = HERE) -> TestClient:
        """Somebody who asks."""
        return TestClient(self.app, base_url=base, client=(peer, 50_000), follow_redirects=False)

    def report(self, report: HealthReport) -> None:
        """One more report."""
        self.read_model.take_report(self._keep(self.read_model.topics.health, report.account_id, encode_report(report)))

    def state(self, account_id: str, state: AccountState) -> None:
        """One more state."""
        self.read_model.take_state(self._keep(self.read_model.topics.changelog, account_id, encode_state(state)))

    def step(self, value: bytes) -> None:
        """One more step of an alert."""
        self.read_model.take_step(self._keep(self.read_model.topics.alerts, "any", value))

    def letter(self, value: bytes) -> None:
        """One more dead letter."""
        self.read_model.take_letter(self._keep(self.read_model.topics.dead_letters, "any", value))

    def _keep(self, topic: str, key: str, value: bytes) -> Record:
        record = Record(topic, 0, len(self.records), 1_772_442_000_000, key.encode(), value)
        self.records.append(record)
        return record

    def _read(self, topic: str, position: RecordPosition, key: str) -> bytes | None:
        record = self.records[position.offset]
        return record.value if record.topic == topic and record.key == key.encode() else None


class _NoLags(LagMonitor):
    """Kafka is not asked."""

    def __init__(self) -> None:
        return

    absent: frozenset[str] = frozenset()
    newest: tuple[list[Any], str | None] = ([], None)

    def look(self) -> tuple[list[Any], str | None]:
        return self.newest
