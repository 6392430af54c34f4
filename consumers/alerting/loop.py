"""Poll, hand over, commit: the loop of a consumer that never skips a record and never acts on one twice.

The handler keeps, in one transaction with its effects, the offset that it needs next; that offset, and not the one
committed to Kafka, says where a partition goes on. Kafka's committed offset follows behind, for those who watch lag.
While the handler's store is away the loop rewinds to what was not handled, waits, and polls again: the group
membership stays, the memory stays flat, and no offset is committed that was not handled.
"""

import threading
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Protocol

from kafka import OffsetAndMetadata
from kafka.errors import (
    CommitFailedError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    RebalanceInProgressError,
)

from consumers.alerting.liveness import NOT_JOINED, Liveness
from consumers.alerting.stall_watchdog import StallWatchdog
from consumers.errors import STORE_AWAY, StateMovedError
from stream.config.logs import get_logger

POLL_MS = 500
LAG_MS_MAX = 1000
RETRY_SECONDS_MIN = 0.2
RETRY_SECONDS_MAX = 5.0

log = get_logger(__name__)


class Record(Protocol):
    """The part of a kafka-python ConsumerRecord that a handler may use; `timestamp` is in epoch milliseconds."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


class Handler(Protocol):
    """What the loop hands records to; any of its methods may raise one of STORE_AWAY, and is then called again."""

    def on_assigned(self, topic: str, partition: int) -> int | None:
        """Get ready for a partition of a topic; the offset to start from, None for its beginning."""

    def on_topic_reset(self, topic: str, partition: int) -> None:
        """The topic was made anew: the partition's offsets begin again."""

    def on_revoked(self, topic: str, partition: int) -> None:
        """The partition is another consumer's from now on."""

    def handle(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Act on records in offset order, all or none; the offset after the last one.

        Raises:
            StateMovedError: the partition must be taken over anew, in all topics.
        """

    def tick(self) -> None:
        """Do what time alone makes due; called after every poll.

        Raises:
            StateMovedError: a partition must be taken over anew, in all topics.
        """


class ConsumerLoop:
    """Drives one consumer of topics with equally many partitions, of which it gets the same numbers.

    Args:
        consumer: a subscribed KafkaConsumer; only the thread that calls `run` touches it.
        handler: what acts on the records.
        stop: set it to end `run`, within a poll.
        on_ready: called once, when the first partitions are taken over.
        on_retry: called each time the store was away.
        on_lag: called with each partition's number of records that are not handled yet.
        watchdog: ends a run that has stopped moving.
        liveness: is told at each turn whether the consumer does its part.
    """

    def __init__(
        self,
        consumer: Any,
        handler: Handler,
        stop: threading.Event,
        *,
        on_ready: Callable[[], None],
        on_retry: Callable[[], None],
        on_lag: Callable[[Mapping[int, int]], None],
        watchdog: StallWatchdog | None = None,
        liveness: Liveness | None = None,
    ) -> None:
        self._consumer = consumer
        self._handler = handler
        self._stop = stop
        self._on_ready: Callable[[], None] | None = on_ready
        self._on_retry = on_retry
        self._on_lag = on_lag
        self._watchdog = watchdog or StallWatchdog()
        self._liveness = liveness or Liveness()
        self._taken: set[Any] = set()
        self._retries = 0

    def run(self) -> None:
        """Until `stop` is set; then leave the group."""
        try:
            while not self._stop.is_set():
                self.turn()
        finally:
            self._consumer.close(autocommit=False)

    def turn(self) -> None:
        """One poll and what comes of it."""
        try:
            batch: dict[Any, list[Record]] = self._consumer.poll(timeout_ms=POLL_MS)
            self._hand_over(batch)
            self._measure_lag()
        except KafkaError as error:
            if not _passes(error):
                raise
            log.warning("Kafka is away: waiting", error=type(error).__name__)
            self._liveness.beat(f"Kafka is away: {type(error).__name__}")
            self._watchdog.reset()
            self._stop.wait(RETRY_SECONDS_MAX)

    def _hand_over(self, batch: Mapping[Any, Sequence[Record]]) -> None:
        """Handle what is ours, rewind what could not be handled, commit what was."""
        handled: dict[Any, int] = {}
        sought: set[Any] = set()
        try:
            self._follow_assignment(sought)
            for tp, records in batch.items():
                if tp in self._taken and tp not in sought:
                    handled[tp] = self._handler.handle(tp.topic, tp.partition, records)
            self._handler.tick()
            self._retries = 0
            # One that got no partition has joined all the same: others have them, and it stands by.
            joined = self._taken or self._consumer.group_metadata().generation_id >= 0
            self._liveness.beat(None if joined else NOT_JOINED)
        except StateMovedError as moved:
            log.warning(str(moved), partition=moved.partition)
            self._taken = {tp for tp in self._taken if tp.partition != moved.partition}
            self._rewind(batch, sought | handled.keys())
        except STORE_AWAY as error:
            self._rewind(batch, sought | handled.keys())
            self._wait(error)
        except KafkaError:
            self._rewind(batch, sought | handled.keys())
            raise
        self._commit(handled)

    def _follow_assignment(self, sought: set[Any]) -> None:
        """Give up what is no longer ours, take over what is new; adds to `sought` whose position was set."""
        assigned = set(self._consumer.assignment())
        for tp in self._taken - assigned:
            self._handler.on_revoked(tp.topic, tp.partition)
            self._taken.discard(tp)
        for tp in sorted(assigned - self._taken):
            self._seek(tp, self._handler.on_assigned(tp.topic, tp.partition))
            sought.add(tp)
            self._taken.add(tp)
        if self._taken and self._on_ready is not None:
            self._on_ready()
            self._on_ready = None

    def _seek(self, tp: Any, start: int | None) -> None:
        """Go to where the partition goes on; to its beginning when it is shorter than that, so made anew.

        The beginning is asked for and sought by number, so that the position is set when this returns.
        """
        if start is not None and start > self._consumer.end_offsets([tp])[tp]:
            log.warning(
                "the topic ends before our offset, so it was made anew: reading it whole",
                topic=tp.topic,
                partition=tp.partition,
                offset=start,
            )
            self._handler.on_topic_reset(tp.topic, tp.partition)
            start = None
        if start is None:
            start = self._consumer.beginning_offsets([tp])[tp]
        self._consumer.seek(tp, start)

    def _wait(self, error: Exception) -> None:
        """The store is away: give it some time."""
        pause = min(RETRY_SECONDS_MIN * 2**self._retries, RETRY_SECONDS_MAX)
        if self._retries == 0:
            log.warning("Redis is away: waiting, nothing is skipped", error=type(error).__name__)
        self._retries = min(self._retries + 1, 10)
        self._on_retry()
        self._liveness.beat(f"Redis is away: {type(error).__name__}")
        self._watchdog.reset()
        self._stop.wait(pause)

    def _rewind(self, batch: Mapping[Any, Sequence[Record]], processed: Set[Any]) -> None:
        """Nothing of what was not handled counts as read; a position that was just set stays."""
        assigned = self._consumer.assignment()
        for tp, records in batch.items():
            if tp not in processed and tp in assigned:
                self._consumer.seek(tp, records[0].offset)

    def _commit(self, handled: Mapping[Any, int]) -> None:
        """Tell Kafka how far we are; if it will not hear, the handler's own offset still knows."""
        if not handled:
            return
        try:
            self._consumer.commit({tp: OffsetAndMetadata(offset, "", -1) for tp, offset in handled.items()})
        except (CommitFailedError, RebalanceInProgressError) as error:
            log.info("offsets not committed, the group is rebalancing", error=type(error).__name__)

    def _measure_lag(self) -> None:
        """Records known to the consumer and not handled, by partition; and whether it still moves."""
        lag: dict[int, int] = {}
        positions: dict[Any, int] = {}
        for tp in self._taken:
            end = self._consumer.highwater(tp)
            position = self._consumer.position(tp, timeout_ms=LAG_MS_MAX)
            if end is not None and position is not None:
                positions[tp] = position
                lag[tp.partition] = lag.get(tp.partition, 0) + max(end - position, 0)
        self._on_lag(lag)
        self._watchdog.look(positions, sum(lag.values()))


def _passes(error: KafkaError) -> bool:
    """Whether Kafka's trouble is of the kind that ends by itself, or with the broker's return."""
    return isinstance(error, (KafkaConnectionError, KafkaTimeoutError)) or bool(getattr(error, "retriable", False))
