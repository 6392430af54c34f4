"""The loop with a consumer made of lists: whatever breaks when, no record is skipped and no offset runs ahead."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.errors import (
    CommitFailedError,
    KafkaConnectionError,
    KafkaError,
    RebalanceInProgressError,
    TopicAuthorizationFailedError,
)

from consumers.alerting import loop as loop_module
from consumers.alerting.loop import ConsumerLoop, Record
from consumers.errors import StateMovedError
from tests.examples import examples

TOPIC = "account-health"
AWAY = redis.ConnectionError("away")
LOSS = RuntimeError("the store was emptied")


class Item(NamedTuple):
    """A record."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class FakeConsumer:
    """As much of KafkaConsumer as the loop uses, over logs in memory."""

    def __init__(self, logs: Mapping[int, int], assigned: Sequence[int], batch: int = 3) -> None:
        self.ends = {TopicPartition(TOPIC, n): end for n, end in logs.items()}
        self.assigned = {TopicPartition(TOPIC, n) for n in assigned}
        self.positions: dict[Any, int] = {}
        self.committed: dict[int, int] = {}
        self.batch = batch
        self.commit_error: Exception | None = None
        self.closed = False

    def poll(self, timeout_ms: int) -> dict[Any, list[Item]]:
        """The next records of each assigned partition."""
        found = {}
        for tp in sorted(self.assigned):
            start = self.positions.setdefault(tp, self.committed.get(tp.partition, 0))
            end = min(start + self.batch, self.ends[tp])
            if end > start:
                found[tp] = [Item(TOPIC, tp.partition, offset, 0, b"k", b"v") for offset in range(start, end)]
                self.positions[tp] = end
        return found

    def assignment(self) -> set[Any]:
        """As a broker says."""
        return set(self.assigned)

    def seek(self, tp: Any, offset: int) -> None:
        """Only what is ours, as KafkaConsumer has it."""
        if tp not in self.assigned:
            raise ValueError("Unassigned partition")
        self.positions[tp] = offset

    def beginning_offsets(self, tps: Sequence[Any]) -> dict[Any, int]:
        """Where the logs begin."""
        return dict.fromkeys(tps, 0)

    def end_offsets(self, tps: Sequence[Any]) -> dict[Any, int]:
        """Where the logs end."""
        return {tp: self.ends[tp] for tp in tps}

    def highwater(self, tp: Any) -> int:
        """The same."""
        return self.ends[tp]

    def position(self, tp: Any, timeout_ms: int) -> int | None:
        """Where the next poll starts."""
        return self.positions.get(tp)

    def commit(self, offsets: Mapping[Any, Any]) -> None:
        """Take note, or fail."""
        if self.commit_error is not None:
            raise self.commit_error
        self.committed |= {tp.partition: meta.offset for tp, meta in offsets.items()}

    def group_metadata(self) -> Any:
        """It has joined its group."""
        return SimpleNamespace(generation_id=1)

    def close(self, autocommit: bool) -> None:
        """Take note."""
        assert not autocommit
        self.closed = True


@dataclass
class FakeHandler:
    """Keeps offsets as the store does; `faults` is consulted at each call, and raises."""

    stored: dict[int, int] = field(default_factory=dict)
    seen: dict[int, list[int]] = field(default_factory=dict)
    faults: list[Exception | None] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)
    seen_below: dict[int, int] = field(default_factory=dict)

    def _maybe_fail(self, partition: int) -> None:
        fault = self.faults.pop(0) if self.faults else None
        if fault is LOSS:
            self.stored.pop(partition, None)
            self.seen.pop(partition, None)
            raise StateMovedError(partition, 1, None)
        if fault is not None:
            raise fault

    def on_assigned(self, topic: str, partition: int) -> int | None:
        """From the store."""
        if self.faults and self.faults[0] is not LOSS:
            self._maybe_fail(partition)
        self.seen_below[partition] = self.stored.get(partition, 0)
        return self.stored.get(partition)

    def on_topic_reset(self, topic: str, partition: int) -> None:
        """From the beginning."""
        self.seen_below[partition] = 0

    def on_revoked(self, topic: str, partition: int) -> None:
        """Take note."""
        self.given_up.append(partition)

    def handle(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """All or none."""
        self._maybe_fail(partition)
        new = [record.offset for record in records if record.offset >= self.seen_below[partition]]
        self.seen.setdefault(partition, []).extend(new)
        self.stored[partition] = self.seen_below[partition] = records[-1].offset + 1
        return self.stored[partition]

    def tick(self) -> None:
        """Nothing is due here."""


def make_loop(consumer: FakeConsumer, handler: FakeHandler, stop: threading.Event | None = None) -> ConsumerLoop:
    """A loop that tells nobody."""
    stop = stop or threading.Event()
    return ConsumerLoop(consumer, handler, stop, on_ready=lambda: None, on_retry=lambda: None, on_lag=lambda lag: None)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the store takes no time here."""
    monkeypatch.setattr(loop_module, "RETRY_SECONDS_MIN", 0.0)


def test_it_goes_on_from_the_handler_s_offset_and_not_from_kafka_s() -> None:
    """The store says where the state ends; what Kafka has committed may lie on either side."""
    for committed in (0, 7):
        consumer, handler = FakeConsumer({0: 10}, [0]), FakeHandler(stored={0: 4})
        consumer.committed[0] = committed
        loop = make_loop(consumer, handler)
        for _ in range(6):
            loop.turn()
        assert handler.seen[0] == [4, 5, 6, 7, 8, 9]
        assert consumer.committed[0] == 10


def test_nothing_is_committed_while_the_store_is_away() -> None:
    """And nothing is skipped when it is back."""
    consumer, handler = FakeConsumer({0: 9, 1: 9}, [0, 1]), FakeHandler(faults=[AWAY] * 5)
    loop = make_loop(consumer, handler)
    for _ in range(5):
        loop.turn()
        assert consumer.committed == {}
    for _ in range(8):
        loop.turn()
    assert handler.seen == {0: list(range(9)), 1: list(range(9))}
    assert consumer.committed == {0: 9, 1: 9}


def test_a_lost_state_is_read_again_from_where_it_stands() -> None:
    """The handler notices, the loop takes the partition over anew."""
    consumer, handler = FakeConsumer({0: 9}, [0]), FakeHandler()
    loop = make_loop(consumer, handler)
    for _ in range(3):
        loop.turn()
    handler.stored.clear()
    handler.seen.clear()
    handler.faults = [StateMovedError(0, 6, None)]
    for _ in range(6):
        loop.turn()
    assert handler.seen[0] == list(range(9))


def test_a_topic_that_was_made_anew_is_read_whole() -> None:
    """The stored offset lies beyond its end."""
    consumer, handler = FakeConsumer({0: 3}, [0]), FakeHandler(stored={0: 500})
    loop = make_loop(consumer, handler)
    for _ in range(3):
        loop.turn()
    assert handler.seen[0] == [0, 1, 2]
    assert handler.stored[0] == 3


@pytest.mark.parametrize("error", [CommitFailedError(), RebalanceInProgressError()])
def test_a_refused_commit_is_no_loss(error: KafkaError) -> None:
    """The group is rebalancing: the handler's own offset knows."""
    consumer, handler = FakeConsumer({0: 6}, [0]), FakeHandler()
    consumer.commit_error = error
    loop = make_loop(consumer, handler)
    for _ in range(4):
        loop.turn()
    assert handler.seen[0] == list(range(6))


@pytest.mark.parametrize("where", ["poll", "end_offsets", "beginning_offsets", "commit", "position"])
def test_kafka_away_at_any_call_skips_nothing(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that restarts is waited for; every record is handled once."""
    monkeypatch.setattr(loop_module, "RETRY_SECONDS_MAX", 0.0)
    consumer, handler = FakeConsumer({0: 9}, [0]), FakeHandler(stored={0: 2})
    original, calls = getattr(consumer, where), iter(range(100))

    def away(*args: Any, **kwargs: Any) -> Any:
        if next(calls) % 2 == 0:
            raise KafkaConnectionError("ECONNREFUSED")
        return original(*args, **kwargs)

    monkeypatch.setattr(consumer, where, away)
    loop = make_loop(consumer, handler)
    for _ in range(20):
        loop.turn()
    assert handler.seen[0] == list(range(2, 9))


def test_an_error_that_will_not_pass_ends_the_process() -> None:
    """Such as a topic that we may not read: an operator has to see it."""
    consumer = FakeConsumer({0: 9}, [0])
    consumer.commit_error = TopicAuthorizationFailedError()
    loop = make_loop(consumer, FakeHandler())
    with pytest.raises(TopicAuthorizationFailedError):
        loop.run()
    assert consumer.closed


def test_a_partition_that_went_is_given_up_and_not_touched() -> None:
    """Its records, if a poll still brought some, are another consumer's."""
    consumer, handler = FakeConsumer({0: 9, 1: 9}, [0, 1]), FakeHandler()
    loop = make_loop(consumer, handler)
    loop.turn()
    consumer.assigned = {TopicPartition(TOPIC, 1)}
    for _ in range(5):
        loop.turn()
    assert handler.given_up == [0]
    assert handler.seen[1] == list(range(9))
    assert 0 not in handler.seen


def test_stop_ends_the_run_and_leaves_the_group() -> None:
    """Without committing what was not handled."""
    stop = threading.Event()
    stop.set()
    consumer = FakeConsumer({0: 9}, [0])
    make_loop(consumer, FakeHandler(), stop).run()
    assert consumer.closed
    assert consumer.committed == {}


fault = st.sampled_from([None, None, AWAY, LOSS, StateMovedError(0, 1, 2), StateMovedError(1, 1, 2)])


@examples(500)
@given(
    faults=st.lists(fault, max_size=30),
    assignments=st.lists(st.sampled_from([(0,), (0, 1), (1,)]), max_size=10),
    committed=st.tuples(st.integers(0, 12), st.integers(0, 8)),
    batch=st.integers(1, 5),
)
def test_whatever_fails_when_each_record_is_handled_once_and_in_order(
    faults: list[Exception | None], assignments: list[tuple[int, ...]], committed: tuple[int, int], batch: int
) -> None:
    """Faults at any call, a store that is emptied, partitions that come and go, any committed offset to start from.

    At the end what the store has seen since it was last emptied is the log, whole and in order.
    """
    consumer, handler = FakeConsumer({0: 12, 1: 8}, [0, 1], batch), FakeHandler(faults=faults)
    consumer.committed = dict(enumerate(committed))
    loop = make_loop(consumer, handler)
    for assigned in assignments:
        consumer.assigned = {TopicPartition(TOPIC, n) for n in assigned}
        loop.turn()
    consumer.assigned = {TopicPartition(TOPIC, n) for n in (0, 1)}
    for _ in range(70):
        loop.turn()
    assert handler.seen == {0: list(range(12)), 1: list(range(8))}
    assert consumer.committed == {0: 12, 1: 8}
