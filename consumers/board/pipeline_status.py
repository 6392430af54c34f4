"""How far behind the processes are, asked of Kafka at most every two seconds."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError

from alerts.alert_events import AlertEvent
from consumers.board.read_model import ReadModel
from consumers.board.settings import BoardSettings
from consumers.kafka_client import committed_consumer, connection, opened
from consumers.worker_presence import group_states, is_absent
from stream.config.settings import KafkaSettings

KEPT_SECONDS: Final = 2.0
WATCH_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Lag:
    """How far one process is behind on one topic.

    Attributes:
        process: worker or alerting.
        records: in Kafka and not handled; None when the process has never committed on it.
        partitions: how many the topic has.
    """

    process: str
    topic: str
    records: int | None
    partitions: int


@dataclass(frozen=True)
class PipelineStatus:
    """The state of things.

    Attributes:
        lags: by process and topic; empty when Kafka could not be asked.
        problem: why it could not be asked; None when it could.
        loaded: whether the board has read all that was there when it started.
        missing: topics that are not there yet.
        published_at: Kafka's timestamp of the newest report; None before the first.
        newest_event_at: the newest event that any report knows of.
        records: records that the board has read.
        poison: records of the health topic that are no reports.
    """

    lags: list[Lag]
    problem: str | None
    loaded: bool
    missing: list[str]
    published_at: datetime | None
    newest_event_at: datetime | None
    accounts: int
    records: int
    poison: int


class LagMonitor:
    """Asks Kafka for committed offsets and ends, and keeps the answer for a moment.

    Args:
        kafka: where.
        groups: process to its consumer group and its topics.
        next_offsets: where the records end of the partitions that the board reads: a transaction's last mark makes a
            partition one longer than that, and nobody lags behind for it.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        groups: Mapping[str, tuple[str, Sequence[str]]],
        next_offsets: Mapping[TopicPartition, int],
    ) -> None:
        self._kafka = kafka
        self._next_offsets = next_offsets
        self._groups = groups
        self._lock = threading.Lock()
        self._admin: Any = None
        self._consumer: Any = None
        self._asked = -KEPT_SECONDS
        self._answer: tuple[list[Lag], str | None] = ([], None)
        self._absent: frozenset[str] = frozenset()

    def look(self) -> tuple[list[Lag], str | None]:
        """The lags, and what went wrong if something did."""
        with self._lock:
            if time.monotonic() - self._asked >= KEPT_SECONDS:
                try:
                    self._answer = (self._ask(), None)
                except KafkaError as error:
                    self._answer = ([], f"Kafka does not answer ({type(error).__name__})")
                self._asked = time.monotonic()
            return self._answer

    def run(self, stop: threading.Event) -> None:
        """Ask every few seconds until `stop` is set, so that every page can say what is wrong without waiting."""
        while not stop.wait(WATCH_SECONDS):
            self.look()

    @property
    def newest(self) -> tuple[list[Lag], str | None]:
        """The last answer; asks nobody."""
        return self._answer

    @property
    def absent(self) -> frozenset[str]:
        """The processes that have worked once, and of which none is in its consumer group now."""
        return self._absent

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            if self._admin is not None:
                self._admin.close()
            if self._consumer is not None:
                self._consumer.close(autocommit=False)
            self._admin = self._consumer = None

    def _ask(self) -> list[Lag]:
        if self._admin is None:
            self._admin = opened(KafkaAdminClient, **connection(self._kafka, "heartline-board-lag"))
            self._consumer = committed_consumer(self._kafka, "heartline-board-lag")
        there = {
            topic: [TopicPartition(topic, number) for number in self._consumer.partitions_for_topic(topic) or ()]
            for _, topics in self._groups.values()
            for topic in topics
        }
        ends = self._consumer.end_offsets([tp for partitions in there.values() for tp in partitions])
        ends |= {tp: offset for tp, offset in dict(self._next_offsets).items() if tp in ends}
        found = []
        states = group_states(self._admin)
        absent = set()
        for process, (group, topics) in self._groups.items():
            committed = self._admin.list_group_offsets({group: None}).get(group) or {}
            for topic in topics:
                offsets = {tp: committed[tp].offset for tp in there[topic] if tp in committed}
                behind = sum(max(ends[tp] - offsets.get(tp, 0), 0) for tp in there[topic])
                found.append(Lag(process, topic, behind if offsets else None, len(there[topic])))
            if is_absent(states, group, has_committed=bool(committed)):
                absent.add(process)
        self._absent = frozenset(absent)
        return found


def groups(settings: BoardSettings) -> dict[str, tuple[str, list[str]]]:
    """Process to its consumer group and its topics."""
    kafka = settings.kafka
    return {
        "worker": (kafka.installation, kafka.topics.sources),
        "alerting": (settings.alerting_group, [kafka.topics.health]),
    }


def pipeline_status(read_model: ReadModel, watch: LagMonitor) -> PipelineStatus:
    """The state of things now."""
    lags, problem = watch.look()
    feed = read_model.topic_reader
    published_ms = feed.newest_ms.get(read_model.topics.health)
    events = (row.last_event_at for row in read_model.accounts.rows() if row.last_event_at is not None)
    return PipelineStatus(
        lags=lags,
        problem=problem,
        loaded=feed.loaded.is_set(),
        missing=feed.missing,
        published_at=datetime.fromtimestamp(published_ms / 1000, UTC) if published_ms is not None else None,
        newest_event_at=max(events, default=None),
        accounts=len(read_model.accounts),
        records=feed.records,
        poison=read_model.poison,
    )


_ABSENT: Final[Mapping[str, str]] = {
    "worker": "The worker is not running: scores stand still.",
    "alerting": "Alerting is not running: no alert opens, ends or is sent.",
}


def pipeline_problems(watch: LagMonitor, incident: AlertEvent | None) -> list[str]:
    """What every page must say, because it makes calm look like health; empty when all is well."""
    found = standstills(watch, incident)
    if watch.newest[1] is not None:
        found.append(f"{watch.newest[1]}: this page shows what was known before.")
    return found


def standstills(watch: LagMonitor, incident: AlertEvent | None) -> list[str]:
    """What does not run, and that alerts are held."""
    found = [sentence for process, sentence in _ABSENT.items() if process in watch.absent]
    if incident is not None:
        found.append(f"Alerts are held since {incident.at:%-d %b %H:%M} UTC: {incident.reason}.")
    return found
