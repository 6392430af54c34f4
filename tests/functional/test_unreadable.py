"""One entry of Redis that nobody can read stops neither its partition nor its queue, and is kept and named."""

import json
from typing import Any

import pytest
import redis

from consumers.alerting.digest_queue import DigestQueue
from consumers.alerting.outbox import Keys, Outbox
from consumers.alerting.outbox_queue import Queue
from consumers.alerting.state import StateStore, _field
from consumers.alerting.unreadable import SetAside
from consumers.board.dead_letter_view import DeadLetterLog
from consumers.board.topic_reader import TopicReader, TopicSubscription
from stream.config.settings import KafkaSettings
from tests.notifications import make_entry
from tests.release_redis import PARTITION, AlertingMemory, write_redis

DEEP = b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
BROKEN = [b"", b"\xff\xfe", b"{}", b'{"account_id": 7}', DEEP]


@pytest.fixture
def memory(client: redis.Redis, prefix: str) -> AlertingMemory:
    """Three accounts, messages, a silence, a digest's item."""
    found = AlertingMemory(client, prefix)
    write_redis(found)
    return found


@pytest.mark.parametrize("value", BROKEN, ids=["empty", "no text", "no record", "wrong type", "20,000 deep"])
def test_one_account_that_cannot_be_read_stops_no_other(memory: AlertingMemory, value: bytes) -> None:
    client: Any = memory.client
    key = f"{memory.prefix}accounts:{PARTITION}"
    client.hset(key, _field("beta"), value)
    store: StateStore = memory.store
    assert {record.account_id for record in store.load(PARTITION)[2]} == {"acme", "coda"}
    assert set(store.read(PARTITION, ["acme", "beta", "coda"]).records) == {"acme", "coda"}
    assert SetAside(client, memory.prefix).count() > 0
    assert value in client.hvals(f"{memory.prefix}unreadable"), "what it was is kept"


@pytest.mark.parametrize("value", BROKEN, ids=["empty", "no text", "no entry", "wrong type", "20,000 deep"])
def test_one_message_that_cannot_be_read_leaves_the_queue_and_the_next_goes_out(
    client: redis.Redis, prefix: str, value: bytes
) -> None:
    outbox, queue = Outbox(client, prefix), Queue(client, prefix, "slack")
    for name in ("hl-1:opened", "hl-2:opened"):
        with client.pipeline() as pipe:
            outbox.add(pipe, make_entry(name, 1))
            pipe.execute()
    client.set(Keys(prefix, "slack").entry("hl-1:opened"), value)
    assert [entry.id for entry in queue.due(10)] == ["hl-2:opened"]
    claimed = queue.claim(10)
    assert claimed is not None
    assert claimed.id == "hl-2:opened"
    queue.delivered(claimed)
    assert queue.claim(10**13) is None
    assert outbox.backlog("slack", 10).depth == 0


def test_silences_digests_and_dead_messages_go_on_without_the_one_that_is_broken(memory: AlertingMemory) -> None:
    client: Any = memory.client
    client.hset(f"{memory.prefix}silences", "s2", DEEP)
    client.hset(Keys(memory.prefix, "slack").dead, "x", DEEP)
    digests: DigestQueue = memory.digests
    client.lpush(digests.items_key("Dana Fields"), DEEP)
    assert [silence.silence_id for silence in memory.store.silences()] == ["s1"]
    assert len(Outbox(client, memory.prefix).dead("slack")) == 1
    assert [item.account_id for item in digests.items(client, "Dana Fields")] == ["beta"]
    assert not client.hexists(f"{memory.prefix}silences", "s2"), "it is not looked at again and again"


def test_a_dead_letter_of_twenty_thousand_brackets_is_passed_over_by_the_board() -> None:
    letters = DeadLetterLog(10)
    assert not letters.add(DEEP, 1)
    assert not letters.add(json.dumps({"topic": 5}).encode(), 1)
    assert len(letters) == 0


def test_a_record_that_raises_on_the_board_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    class Record:
        topic, partition, key, timestamp = "t", 0, b"k", 1

        def __init__(self, offset: int) -> None:
            self.offset = offset

    class Consumer:
        def poll(self, timeout_ms: int) -> dict[Any, list[Record]]:
            return {source: [Record(7), Record(8)]}

        def position(self, tp: Any, timeout_ms: int) -> int:
            return 9

    class Source:
        topic, partition = "t", 0

    source, taken = Source(), list[int]()

    def take(record: Any) -> str | None:
        if record.offset == 7:
            raise ZeroDivisionError
        taken.append(record.offset)
        return "acme"

    moved: list[set[str]] = []
    reader = TopicReader(KafkaSettings(), [TopicSubscription("t", take)], moved.append)
    reader._consumer, reader._looked = Consumer(), float("inf")
    reader._turn()
    assert taken == [8]
    assert moved[0] == {"acme"}
    assert reader.unreadable == 1
