"""The thread that writes: Kafka's topics into the ledger, and what is derived from it after them.

It belongs to no consumer group: where it goes on is in the ledger itself, committed with the rows. While it has much to
catch up it only appends, and derives once at the end; live, it derives after each batch.
"""

import threading
import time
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import KafkaError

from consumers.kafka_client import committed_consumer, connect, ensure_topics
from consumers.portfolio.store import LedgerRecord, Store
from stream.config.logs import get_logger
from stream.config.settings import KafkaSettings
from stream.contracts.errors import ConfigError

POLL_MS: Final = 250
RECORDS_MAX: Final = 10_000
BATCH_RECORDS: Final = 50_000  # appended at once while catching up
LOOK_SECONDS: Final = 5.0  # how often for topics and partitions that were not there yet
RETRY_SECONDS: Final = 3.0
FETCH_BYTES: Final = 4 << 20

log = get_logger(__name__)


class LedgerReader:
    """Reads until stopped.

    Args:
        kafka: where.
        store: takes the records; this thread alone writes into it.
    """

    def __init__(self, kafka: KafkaSettings, store: Store) -> None:
        self._kafka = kafka
        self._topics = kafka.topics.ledger
        self._store = store
        self._consumer: Any = None
        self._assigned: list[TopicPartition] = []
        self._ends: dict[TopicPartition, int] = {}  # where each partition ended when it was first seen
        self._looked = -LOOK_SECONDS
        self._waiting: list[LedgerRecord] = []
        self.caught_up = threading.Event()
        self.records = 0
        self.newest_ms = 0  # Kafka's timestamp of the newest record that is derived

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set.

        Raises:
            ConfigError: no broker answered within a minute, or the file is of other topics.
        """
        self._consumer = connect(
            self._kafka,
            lambda: committed_consumer(
                self._kafka,
                "heartline-portfolio",
                max_poll_records=RECORDS_MAX,
                max_partition_fetch_bytes=FETCH_BYTES,
            ),
            stop,
        )
        if self._consumer is None:
            return
        ensure_topics(self._kafka, list(self._topics))
        self._store.refresh()  # what a process that died had appended and not derived
        try:
            while not stop.is_set():
                try:
                    self._turn()
                except KafkaError as error:
                    log.warning("Kafka is away: waiting, figures stay as they are", error=type(error).__name__)
                    stop.wait(RETRY_SECONDS)
        finally:
            self._consumer.close(autocommit=False)

    def _turn(self) -> None:
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._look()
        for tp, records in self._consumer.poll(timeout_ms=POLL_MS).items():
            kind = self._topics[tp.topic]
            for each in records:
                erased = (each.key or b"").decode(errors="replace") if each.value is None and kind == "account" else ""
                if each.value is not None or erased:
                    place, body = (tp.topic, tp.partition, each.offset), each.value or b""
                    self._waiting.append(LedgerRecord(*place, kind, each.timestamp, body, erased))  # type: ignore[arg-type]
        at_the_ends = self._at_the_ends()
        if len(self._waiting) >= BATCH_RECORDS or (self._waiting and at_the_ends):
            newest_ms = max(record.recorded_ms for record in self._waiting)
            self.records += self._store.append(self._waiting)
            self._waiting = []
            if at_the_ends:
                self._store.refresh()
                self.newest_ms = max(self.newest_ms, newest_ms)
        if at_the_ends and not self.caught_up.is_set():
            self._store.refresh()
            self.caught_up.set()

    def _at_the_ends(self) -> bool:
        """Whether everything that was there when the partitions were first seen has been read."""
        if self.caught_up.is_set():
            return True
        return bool(self._ends) and all(self._consumer.position(tp) >= end for tp, end in self._ends.items())

    def _look(self) -> None:
        """Take in topics and partitions that were not there before.

        Raises:
            ConfigError: the ledger has read further than a partition reaches: it is of other topics.
        """
        self._looked = time.monotonic()
        found = {
            TopicPartition(topic, number)
            for topic in self._topics
            for number in self._consumer.partitions_for_topic(topic) or ()
        }
        new = sorted(found - set(self._assigned))
        if not new:
            return
        known = self._store.next_offsets()
        ends, begins = self._consumer.end_offsets(new), self._consumer.beginning_offsets(new)
        for tp in new:
            if known.get((tp.topic, tp.partition), 0) > ends[tp]:
                raise ConfigError(
                    f"{tp.topic}[{tp.partition}] ends at {ends[tp]}, and the portfolio's file has read until "
                    f"{known[tp.topic, tp.partition]}: it is of another topic of this name. Delete portfolio.file; "
                    "it is derived again from Kafka"
                )
        self._assigned += new
        self._consumer.assign(self._assigned)
        for tp in new:
            self._consumer.seek(tp, max(begins[tp], known.get((tp.topic, tp.partition), 0)))
        self._ends |= ends
