"""The thread that reads every topic of the board, from the beginning, and goes on with what comes.

It belongs to no consumer group and commits nothing: what it reads into is memory, so each start reads anew.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import KafkaError

from consumers.alerting.loop import Record
from consumers.kafka_client import committed_consumer, connect
from stream.config.logs import get_logger
from stream.config.settings import KafkaSettings

POLL_MS: Final = 250
RECORDS_MAX: Final = 2_000
LOOK_SECONDS: Final = 5.0  # how often for topics and partitions that were not there yet
RETRY_SECONDS: Final = 3.0
POSITION_MS: Final = 1_000

log = get_logger(__name__)


@dataclass(frozen=True)
class TopicSubscription:
    """One topic and what takes its records.

    Attributes:
        take: keeps a record; returns the account that it moved, None when none.
        newest: read only so many of each partition's newest records; None: all.
    """

    topic: str
    take: Callable[[Record], str | None]
    newest: int | None = None


class TopicReader:
    """Reads subscriptions into memory until stopped.

    Args:
        kafka: where.
        subscriptions: what.
        on_change: called after each poll with the accounts that moved.
    """

    def __init__(
        self, kafka: KafkaSettings, subscriptions: list[TopicSubscription], on_change: Callable[[set[str]], None]
    ) -> None:
        self._kafka = kafka
        self._subscriptions: Mapping[str, TopicSubscription] = {
            subscription.topic: subscription for subscription in subscriptions
        }
        self._on_change = on_change
        self._consumer: Any = None
        self._ends: dict[TopicPartition, int] = {}  # where each partition ended when it was first seen
        self._looked = -LOOK_SECONDS
        self.loaded = threading.Event()  # everything that was there at the start has been read
        self.records = 0
        self.unreadable = 0  # records that raised where they were taken in
        self.newest_ms: dict[str, int] = {}  # Kafka's timestamp of the newest record, by topic
        self.next_offsets: dict[TopicPartition, int] = {}  # the offset after the newest record that holds anything

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set.

        Raises:
            ConfigError: no broker answered within a minute.
        """
        self._connect(stop)
        try:
            while not stop.is_set():
                try:
                    self._turn()
                except KafkaError as error:
                    log.warning("Kafka is away: waiting, the board shows what it knew", error=type(error).__name__)
                    stop.wait(RETRY_SECONDS)
        finally:
            if self._consumer is not None:
                self._consumer.close(autocommit=False)

    @property
    def topics_found(self) -> set[str]:
        """The topics that are there."""
        return {tp.topic for tp in self._ends}

    @property
    def missing(self) -> list[str]:
        """The topics that are not there yet."""
        return sorted(self._subscriptions.keys() - self.topics_found)

    def _connect(self, stop: threading.Event) -> None:
        self._consumer = connect(
            self._kafka,
            lambda: committed_consumer(self._kafka, "heartline-board", max_poll_records=RECORDS_MAX),
            stop,
        )

    def _turn(self) -> None:
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._look()
        moved: set[str] = set()
        batch: dict[TopicPartition, list[Record]] = self._consumer.poll(timeout_ms=POLL_MS)
        for tp, records in batch.items():
            take = self._subscriptions[tp.topic].take
            for record in records:
                try:
                    account_id = take(record)
                except Exception as error:  # one record stops neither its topic nor the board
                    self.unreadable += 1
                    log.error(
                        "record passed over; the board goes on without it",
                        topic=tp.topic,
                        partition=tp.partition,
                        offset=record.offset,
                        exc_info=error,
                    )
                    continue
                if account_id is not None:
                    moved.add(account_id)
            self.records += len(records)
            self.next_offsets[tp] = records[-1].offset + 1
            self.newest_ms[tp.topic] = max(self.newest_ms.get(tp.topic, 0), records[-1].timestamp)
        if len(batch) > 0:
            self._on_change(moved)
        if not self.loaded.is_set() and self._at_the_ends():
            self.loaded.set()
            self._on_change(set())

    def _look(self) -> None:
        """Take in topics and partitions that were not there before."""
        self._looked = time.monotonic()
        found = {
            TopicPartition(topic, number)
            for topic in self._subscriptions
            for number in self._consumer.partitions_for_topic(topic) or ()
        }
        new = sorted(found - self._ends.keys())
        if not new:
            return
        ends = self._consumer.end_offsets(new)
        begins = self._consumer.beginning_offsets(new)
        self._consumer.assign([*self._ends, *new])
        for tp in new:
            newest = self._subscriptions[tp.topic].newest
            self._consumer.seek(tp, begins[tp] if newest is None else max(begins[tp], ends[tp] - newest))
        self._ends |= ends

    def _at_the_ends(self) -> bool:
        """Whether all that was there at first sight is read; without any topic there is nothing to wait for."""
        for tp, end in self._ends.items():
            position = self._consumer.position(tp, timeout_ms=POSITION_MS)
            if position is None or position < end:
                return False
        return True
