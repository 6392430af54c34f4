"""The outbox in Redis: leased to one at a time, in order per episode, never lost."""

import threading
import time
from typing import Any

import pytest
import redis

from consumers.alerting.lease_renewal import renewed
from consumers.alerting.outbox import Backlog, Outbox, OutboxEntry
from consumers.alerting.outbox_queue import LEASE_MS, Queue
from tests.deadlines import HANG_SECONDS
from tests.notifications import make_entry

NOW = 1_000_000


@pytest.fixture
def queue(client: redis.Redis, prefix: str) -> Queue:
    """One sender's view."""
    return Queue(client, prefix, "slack", owner="first")


@pytest.fixture
def other(client: redis.Redis, prefix: str) -> Queue:
    """Another sender's view of the same queue."""
    return Queue(client, prefix, "slack", owner="second")


def put(client: redis.Redis, queue: Queue, *ids: str, after: str | None = None) -> None:
    """Write notifications as the state store does."""
    with client.pipeline(transaction=True) as pipe:
        for number, name in enumerate(ids):
            queue._outbox.add(pipe, make_entry(name, NOW - 1000 + number, queue.receiver, after=after))
        pipe.execute()


def name(entry: OutboxEntry | None) -> str | None:
    """Its id."""
    return entry.id if entry is not None else None


def test_oldest_first_and_each_to_one_sender(client: redis.Redis, queue: Queue, other: Queue) -> None:
    """A lease keeps it from the other."""
    put(client, queue, "a", "b")
    assert [name(queue.claim(NOW)), name(other.claim(NOW)), name(queue.claim(NOW))] == ["a", "b", None]


def test_two_senders_that_look_at_the_same_moment_do_not_both_get_it(
    client: redis.Redis, queue: Queue, other: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one's look at what is due is older than the first one's lease."""
    put(client, queue, "a")
    due = other._client.zrange(other._keys.due, 0, -1)
    assert name(queue.claim(NOW)) == "a"
    with monkeypatch.context() as patch:
        patch.setattr(other._client, "zrange", lambda *args, **kwargs: due)
        assert other.claim(NOW) is None


def test_a_sender_that_died_loses_its_lease(client: redis.Redis, queue: Queue, other: Queue) -> None:
    """Seconds later another tries; a repeat is possible, a loss is not."""
    put(client, queue, "a")
    assert name(queue.claim(NOW)) == "a"
    assert other.claim(NOW + LEASE_MS - 1) is None
    assert name(other.claim(NOW + LEASE_MS)) == "a"


def test_a_sender_that_is_still_sending_keeps_its_lease(client: redis.Redis, queue: Queue, other: Queue) -> None:
    """However long a receiver takes to answer."""
    put(client, queue, "a")
    sending = queue.claim(NOW)
    assert sending is not None
    queue.renew([sending], NOW + LEASE_MS - 1)
    assert other.claim(NOW + LEASE_MS) is None
    assert name(other.claim(NOW + 2 * LEASE_MS)) == "a"


def test_a_lease_that_is_another_s_or_settled_is_not_renewed(client: redis.Redis, queue: Queue, other: Queue) -> None:
    put(client, queue, "a", "b")
    slow, done = queue.claim(NOW), queue.claim(NOW)
    assert slow is not None
    assert done is not None
    assert name(other.claim(NOW + LEASE_MS)) == "a"
    queue.delivered(done)
    queue.renew([slow, done], NOW + LEASE_MS + 5000)
    assert name(queue.claim(NOW + 2 * LEASE_MS)) == "a", "the other's lease ends when it did"
    assert queue.claim(NOW + 99 * LEASE_MS) is not None
    assert queue.backlog(NOW).depth == 1, "what was delivered does not come back"


def test_leases_are_renewed_while_a_message_is_sent_and_not_after(client: redis.Redis, queue: Queue) -> None:
    put(client, queue, "a")
    sending = queue.claim(NOW)
    assert sending is not None
    renewals = iter(range(NOW + 1000, NOW + 10**9, 1000))
    with renewed(queue, [sending], renewals.__next__, renew_seconds=0.001):
        (renewing,) = [each for each in threading.enumerate() if each.name == "lease-slack"]
        deadline = time.monotonic() + HANG_SECONDS
        while (client.zscore(queue._keys.due, "a") or 0) < NOW + LEASE_MS + 3000:
            assert time.monotonic() < deadline
            time.sleep(0.001)
    renewing.join(HANG_SECONDS)
    ended = client.zscore(queue._keys.due, "a")
    assert next(renewals) * 1.0 == (ended or 0) - LEASE_MS + 1000, "the last renewal was the last one asked for"


def test_what_is_delivered_is_gone(client: redis.Redis, queue: Queue, prefix: str) -> None:
    """Nothing of it stays but that the receiver once had a message."""
    put(client, queue, "a")
    claimed = queue.claim(NOW)
    assert claimed is not None
    queue.delivered(claimed)
    assert queue.claim(NOW + 10 * LEASE_MS) is None
    assert queue.backlog(NOW) == Backlog(0, 0.0, 0)
    assert list(client.scan_iter(f"{prefix}*")) == [f"{prefix}outbox:receivers".encode()]


def test_a_retry_waits_and_counts(client: redis.Redis, queue: Queue) -> None:
    """It comes back when told, with one attempt more."""
    put(client, queue, "a")
    claimed = queue.claim(NOW)
    assert claimed is not None
    queue.retry(claimed, NOW + 5000)
    assert queue.claim(NOW + 4999) is None
    again = queue.claim(NOW + 5000)
    assert again is not None
    assert again.attempts == 1
    assert queue.backlog(NOW + 5000) == Backlog(1, 6.0, 0)


def test_giving_back_a_lease_that_another_took_over_changes_nothing(
    client: redis.Redis, queue: Queue, other: Queue
) -> None:
    """A sender that slept through its lease must not make room for a third try."""
    put(client, queue, "a")
    slow = queue.claim(NOW)
    assert slow is not None
    assert name(other.claim(NOW + LEASE_MS)) == "a"
    queue.retry(slow, NOW)
    assert queue.claim(NOW + LEASE_MS) is None


def test_the_messages_of_an_episode_keep_their_order(client: redis.Redis, queue: Queue) -> None:
    """Recovered is not told while its red flag is still waiting for a retry."""
    put(client, queue, "flag")
    flag = queue.claim(NOW)
    assert flag is not None
    queue.retry(flag, NOW + 9000)
    put(client, queue, "over", after="flag")
    assert queue.claim(NOW) is None
    assert queue.claim(NOW + 8999) is None
    flag = queue.claim(NOW + 9001)
    assert name(flag) == "flag"
    assert flag is not None
    queue.delivered(flag)
    assert name(queue.claim(NOW + LEASE_MS + 9002)) == "over"


def test_one_that_waits_holds_up_no_other(client: redis.Redis, queue: Queue) -> None:
    """Order is per episode."""
    put(client, queue, "flag")
    flag = queue.claim(NOW)
    assert flag is not None
    queue.retry(flag, NOW + 9000)
    put(client, queue, "over", after="flag")
    put(client, queue, "other")
    assert name(queue.claim(NOW)) == "other"


def test_the_dead_are_kept_with_their_reason(client: redis.Redis, queue: Queue, prefix: str) -> None:
    """And wait no longer."""
    put(client, queue, "a")
    claimed = queue.claim(NOW)
    assert claimed is not None
    queue.dead_letter(claimed, "status 400", NOW)
    (letter,) = Outbox(client, prefix).dead("slack")
    assert (letter.reason, letter.entry.id, letter.dead_lettered_ms) == ("status 400", "a", NOW)
    assert queue.backlog(NOW) == Backlog(0, 0.0, 1)
    assert queue.claim(NOW + 10 * LEASE_MS) is None


def test_writing_the_same_notification_twice_makes_one(client: redis.Redis, queue: Queue) -> None:
    """Ids come from the episode's step."""
    put(client, queue, "a")
    put(client, queue, "a")
    assert name(queue.claim(NOW)) == "a"
    assert queue.claim(NOW) is None


@pytest.mark.parametrize("written", [True, False], ids=["after the lease was written", "before"])
def test_a_claim_whose_answer_was_lost_is_still_ours(
    client: redis.Redis, queue: Queue, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    """The lease is read back instead of waiting until it ends."""
    put(client, queue, "a")
    original = redis.client.Pipeline.execute

    def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        if written:
            original(self, *args, **kwargs)
        raise redis.ConnectionError("the connection broke")

    with monkeypatch.context() as patch:
        patch.setattr(redis.client.Pipeline, "execute", execute)
        with pytest.raises(redis.ConnectionError):
            queue.claim(NOW)
    assert name(queue.claim(NOW)) == "a"
    assert queue.claim(NOW) is None


def test_a_receiver_that_is_away_holds_up_no_other(client: redis.Redis, queue: Queue, prefix: str) -> None:
    """Each has its own queue, and its own order within an episode."""
    pager = Queue(client, prefix, "pager")
    put(client, queue, "flag")
    put(client, pager, "flag")
    put(client, queue, "over", after="flag")
    put(client, pager, "over", after="flag")
    flag = pager.claim(NOW)
    assert flag is not None
    pager.delivered(flag)
    assert name(pager.claim(NOW)) == "over"
    assert name(queue.claim(NOW)) == "flag"
    assert queue.claim(NOW) is None


def test_the_dead_can_be_brought_back(client: redis.Redis, queue: Queue, prefix: str) -> None:
    """An operator mended what was wrong: they are tried again as if written now, and are dead no longer."""
    outbox = Outbox(client, prefix)
    put(client, queue, "a", "b")
    for _ in "ab":
        claimed = queue.claim(NOW)
        assert claimed is not None
        queue.retry(claimed, NOW)
        queue.dead_letter(claimed, "status 400", NOW)
    dead = outbox.dead("slack")
    assert [letter.entry.id for letter in dead] == ["a", "b"]
    assert outbox.revive(dead[:1], NOW + 5) == 1
    assert outbox.backlog("slack", NOW + 5) == Backlog(1, 0.0, 1)
    claimed = queue.claim(NOW + 5)
    assert claimed is not None
    assert (claimed.id, claimed.attempts) == ("a", 0)


def test_what_waits_for_a_receiver_that_is_gone_is_kept_among_the_dead(
    client: redis.Redis, queue: Queue, prefix: str
) -> None:
    """Nobody would ever send it, and nobody should wonder where it went."""
    put(client, queue, "a", "b")
    outbox = Outbox(client, prefix)
    assert outbox.receivers() == ["slack"]
    assert outbox.drop_receiver("slack", "no receiver of this name is configured", NOW) == 2
    assert [letter.reason for letter in outbox.dead("slack")] == ["no receiver of this name is configured"] * 2
    assert queue.claim(NOW) is None


def test_what_a_receiver_remembers_of_an_episode_comes_with_its_next_message(client: redis.Redis, queue: Queue) -> None:
    """As the location of the message that an update should change."""
    put(client, queue, "hl-1:opened", "hl-1:resolved", "hl-2:opened")
    first = queue.claim(NOW)
    assert first is not None
    assert queue.memory(first) is None
    queue.delivered(first, b"C1 123.45")
    seen = [queue.claim(NOW), queue.claim(NOW)]
    assert [queue.memory(item) for item in seen if item is not None] == [b"C1 123.45", None]


def test_open_alerts_are_kept_until_they_are_over_for_whoever_must_hear_again(
    client: redis.Redis, queue: Queue
) -> None:
    """The newest notice of each; a resolved one is gone, even when its message had to be given up."""
    put(client, queue, "hl-1:opened", "hl-1:updated", "hl-2:opened", "hl-3:opened")
    for _ in range(4):
        item = queue.claim(NOW)
        assert item is not None
        queue.delivered(item, keep_open=True)
    assert [notification.id for notification in queue.still_open()] == ["hl-1:updated", "hl-2:opened", "hl-3:opened"]
    put(client, queue, "hl-1:resolved", "hl-2:resolved")
    over = queue.claim(NOW)
    assert over is not None
    queue.delivered(over, keep_open=True)
    over = queue.claim(NOW)
    assert over is not None
    queue.dead_letter(over, "status 400", NOW)
    assert [notification.id for notification in queue.still_open()] == ["hl-3:opened"]


def test_a_delivery_is_noted_within_the_transaction_that_removes_it(client: redis.Redis, prefix: str) -> None:
    """So that an audit can neither miss it nor invent it."""
    queue = Queue(client, prefix, "slack", note=lambda pipe, item: pipe.rpush(f"{prefix}noted", item.id))
    put(client, queue, "a")
    item = queue.claim(NOW)
    assert item is not None
    queue.delivered(item)
    assert client.lrange(f"{prefix}noted", 0, -1) == [b"a"]
