"""The outbox in Redis: leased to one at a time, in order per episode, never lost."""

from typing import Any

import pytest
import redis

from consumers.outbox import LEASE_MS, Notification, Outbox

NOW = 1_000_000


@pytest.fixture
def outbox(client: redis.Redis, prefix: str) -> Outbox:
    """One sender's view."""
    return Outbox(client, prefix, owner="first")


@pytest.fixture
def other(client: redis.Redis, prefix: str) -> Outbox:
    """Another sender's view of the same outbox."""
    return Outbox(client, prefix, owner="second")


def put(client: redis.Redis, outbox: Outbox, *ids: str, after: str | None = None) -> None:
    """Write notifications as the state store does."""
    with client.pipeline(transaction=True) as pipe:
        for number, name in enumerate(ids):
            outbox.add(pipe, Notification(id=name, payload={"text": name}, after=after, created_ms=NOW - 1000 + number))
        pipe.execute()


def name(notification: Notification | None) -> str | None:
    """Its id."""
    return notification.id if notification is not None else None


def test_oldest_first_and_each_to_one_sender(client: redis.Redis, outbox: Outbox, other: Outbox) -> None:
    """A lease keeps it from the other."""
    put(client, outbox, "a", "b")
    assert [name(outbox.claim(NOW)), name(other.claim(NOW)), name(outbox.claim(NOW))] == ["a", "b", None]


def test_two_senders_that_look_at_the_same_moment_do_not_both_get_it(
    client: redis.Redis, outbox: Outbox, other: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one's look at what is due is older than the first one's lease."""
    put(client, outbox, "a")
    due = other._client.zrange(f"{other._prefix}due", 0, -1)
    assert name(outbox.claim(NOW)) == "a"
    with monkeypatch.context() as patch:
        patch.setattr(other._client, "zrange", lambda *args, **kwargs: due)
        assert other.claim(NOW) is None


def test_a_sender_that_died_loses_its_lease(client: redis.Redis, outbox: Outbox, other: Outbox) -> None:
    """Half a minute later another tries; a repeat is possible, a loss is not."""
    put(client, outbox, "a")
    assert name(outbox.claim(NOW)) == "a"
    assert other.claim(NOW + LEASE_MS - 1) is None
    assert name(other.claim(NOW + LEASE_MS)) == "a"


def test_what_is_delivered_is_gone(client: redis.Redis, outbox: Outbox, prefix: str) -> None:
    """Nothing of it stays."""
    put(client, outbox, "a")
    claimed = outbox.claim(NOW)
    assert claimed is not None
    outbox.delivered(claimed)
    assert outbox.claim(NOW + 10 * LEASE_MS) is None
    assert outbox.backlog(NOW) == (0, 0.0, 0)
    assert list(client.scan_iter(f"{prefix}*")) == []


def test_a_retry_waits_and_counts(client: redis.Redis, outbox: Outbox) -> None:
    """It comes back when told, with one attempt more."""
    put(client, outbox, "a")
    claimed = outbox.claim(NOW)
    assert claimed is not None
    outbox.retry(claimed, NOW + 5000)
    assert outbox.claim(NOW + 4999) is None
    again = outbox.claim(NOW + 5000)
    assert again is not None
    assert again.attempts == 1
    assert outbox.backlog(NOW + 5000) == (1, 6.0, 0)


def test_giving_back_a_lease_that_another_took_over_changes_nothing(
    client: redis.Redis, outbox: Outbox, other: Outbox
) -> None:
    """A sender that slept through its lease must not make room for a third try."""
    put(client, outbox, "a")
    slow = outbox.claim(NOW)
    assert slow is not None
    assert name(other.claim(NOW + LEASE_MS)) == "a"
    outbox.retry(slow, NOW)
    assert outbox.claim(NOW + LEASE_MS) is None


def test_the_messages_of_an_episode_keep_their_order(client: redis.Redis, outbox: Outbox) -> None:
    """Recovered is not told while its red flag is still waiting for a retry."""
    put(client, outbox, "flag")
    flag = outbox.claim(NOW)
    assert flag is not None
    outbox.retry(flag, NOW + 9000)
    put(client, outbox, "over", after="flag")
    assert outbox.claim(NOW) is None
    assert outbox.claim(NOW + 8999) is None
    flag = outbox.claim(NOW + 9001)
    assert name(flag) == "flag"
    assert flag is not None
    outbox.delivered(flag)
    assert name(outbox.claim(NOW + LEASE_MS + 9002)) == "over"


def test_one_that_waits_holds_up_no_other(client: redis.Redis, outbox: Outbox) -> None:
    """Order is per episode."""
    put(client, outbox, "flag")
    flag = outbox.claim(NOW)
    assert flag is not None
    outbox.retry(flag, NOW + 9000)
    put(client, outbox, "over", after="flag")
    put(client, outbox, "other")
    assert name(outbox.claim(NOW)) == "other"


def test_the_dead_are_kept_with_their_reason(client: redis.Redis, outbox: Outbox) -> None:
    """And wait no longer."""
    put(client, outbox, "a")
    claimed = outbox.claim(NOW)
    assert claimed is not None
    outbox.bury(claimed, "status 400")
    assert outbox.dead() == {"a": "status 400"}
    assert outbox.backlog(NOW) == (0, 0.0, 1)
    assert outbox.claim(NOW + 10 * LEASE_MS) is None


def test_writing_the_same_notification_twice_makes_one(client: redis.Redis, outbox: Outbox) -> None:
    """Ids come from the episode's step."""
    put(client, outbox, "a")
    put(client, outbox, "a")
    assert name(outbox.claim(NOW)) == "a"
    assert outbox.claim(NOW) is None


@pytest.mark.parametrize("written", [True, False], ids=["after the lease was written", "before"])
def test_a_claim_whose_answer_was_lost_is_still_ours(
    client: redis.Redis, outbox: Outbox, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    """The lease is read back instead of waiting until it ends."""
    put(client, outbox, "a")
    original = redis.client.Pipeline.execute

    def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        if written:
            original(self, *args, **kwargs)
        raise redis.ConnectionError("the connection broke")

    with monkeypatch.context() as patch:
        patch.setattr(redis.client.Pipeline, "execute", execute)
        with pytest.raises(redis.ConnectionError):
            outbox.claim(NOW)
    assert name(outbox.claim(NOW)) == "a"
    assert outbox.claim(NOW) is None
