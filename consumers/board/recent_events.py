"""The last events of each source, for the pipeline page: accepted, repeated or refused, and why.

Read only while somebody looks, and never more than the newest records of each partition: so what it costs does not
grow with what comes in. Ids that wait for their account are shown beside them.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import KafkaError

from consumers.event_tail import RESULTS, Tail, TailedEvent, source_of
from consumers.kafka_client import committed_consumer, partitions_there
from stream.config.settings import ProcessSettings
from stream.contracts.aliases import WaitingAlias, decode_waiting

KEPT_SECONDS: Final = 0.8
LOOK_RECORDS: Final = 20  # of each partition, at one look
SHOWN_MAX: Final = 8  # of one source
SOURCES_MAX: Final = 50
READ_SECONDS_MAX: Final = 2.0
WAITING_SHOWN: Final = 20


@dataclass
class SourceEvents:
    """What came from one source: its last events, the newest first, and counts of those that were looked at."""

    name: str
    events: deque[TailedEvent] = field(default_factory=lambda: deque(maxlen=SHOWN_MAX))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RESULTS, 0))


@dataclass(frozen=True)
class Recent:
    """The answer.

    Attributes:
        sources: by name.
        waiting: aliases whose events wait for their account.
        problem: why there is nothing newer; None: all is well.
    """

    sources: list[SourceEvents]
    waiting: list[WaitingAlias]
    problem: str | None = None


class RecentEvents:
    """Looks at the ends of the input topics.

    Args:
        settings: where Kafka is, and the feeds' own names.
    """

    def __init__(self, settings: ProcessSettings) -> None:
        self._kafka = settings.kafka
        self._tail = Tail(settings)
        self._waiting_topic = settings.kafka.topics.waiting_aliases
        self._lock = threading.Lock()
        self._consumer: Any = None
        self._next: dict[TopicPartition, int] = {}
        self._sources: dict[str, SourceEvents] = {}
        self._waiting: dict[str, WaitingAlias] = {}
        self._asked = -KEPT_SECONDS
        self._problem: str | None = None

    def look(self) -> Recent:
        """What is known now; asks Kafka where the last look is older than a moment."""
        with self._lock:
            if time.monotonic() - self._asked >= KEPT_SECONDS:
                try:
                    self._read()
                    self._problem = None
                except KafkaError as error:
                    self._problem = f"Kafka does not answer ({type(error).__name__})"
                self._asked = time.monotonic()
            sources = [self._sources[name] for name in sorted(self._sources)]
            waiting = sorted(self._waiting.values(), key=lambda entry: (-entry.events, entry.alias))
            return Recent(sources, waiting[:WAITING_SHOWN], self._problem)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._consumer is not None:
                self._consumer.close(autocommit=False)
            self._consumer = None

    def take(self, topic: str, records: Sequence[Any], now_ms: int) -> None:
        """Take records of a topic in, the oldest first."""
        for record in records:
            if topic == self._waiting_topic:
                self._take_waiting(record)
                continue
            event = self._tail.event_of(
                topic, record.value, record.timestamp, source_of(record), now_ms, record.headers, record.key
            )
            if event is None:
                continue
            if event.source not in self._sources and len(self._sources) >= SOURCES_MAX:
                del self._sources[next(iter(self._sources))]
            source = self._sources.setdefault(event.source, SourceEvents(event.source))
            source.events.appendleft(event)
            source.counts[event.result] += 1

    def _take_waiting(self, record: Any) -> None:
        alias = record.key.decode("utf-8", "replace")
        if record.value is None:
            self._waiting.pop(alias, None)
        else:
            self._waiting[alias] = decode_waiting(record.value)

    def _read(self) -> None:
        if self._consumer is None:
            self._consumer = committed_consumer(self._kafka, "heartline-board-recent")
        consumer = self._consumer
        tps = partitions_there(consumer, (*self._tail.topics, self._waiting_topic))
        begins, ends = consumer.beginning_offsets(tps), consumer.end_offsets(tps)
        behind = {tp: self._from(tp, begins[tp], ends[tp]) for tp in tps if self._next.get(tp, 0) < ends[tp]}
        if not behind:
            return
        consumer.assign(list(behind))
        for tp, offset in behind.items():
            consumer.seek(tp, offset)
        self._drain({tp: ends[tp] for tp in behind})

    def _from(self, tp: TopicPartition, begin: int, end: int) -> int:
        """From where a partition is read: of aliases that wait all of it, of others the newest records."""
        known = self._next.get(tp, begin)
        return max(known, begin) if tp.topic == self._waiting_topic else max(known, begin, end - LOOK_RECORDS)

    def _drain(self, ends: Mapping[TopicPartition, int]) -> None:
        """Read up to where the partitions ended, or for as long as a page may wait."""
        deadline, now_ms = time.monotonic() + READ_SECONDS_MAX, int(time.time() * 1000)
        found: list[Any] = []
        while time.monotonic() < deadline:
            for records in self._consumer.poll(timeout_ms=100).values():
                found += records
            self._next |= {tp: self._consumer.position(tp) for tp in ends}
            if all(self._next[tp] >= end for tp, end in ends.items()):
                break
        for record in sorted(found, key=lambda each: each.timestamp):
            self.take(record.topic, [record], now_ms)
