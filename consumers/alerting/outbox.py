"""Redis, the outbox: every message that must still be delivered, a queue for each receiver.

Keys, all under the prefix:

    <prefix>outbox:receivers            set: the receivers that ever had a message
    <prefix>outbox:entry:<receiver>:<id>  the notification, JSON; gone once it is delivered or dead
    <prefix>outbox:due:<receiver>       sorted set: id to when it may next be tried, epoch milliseconds
    <prefix>outbox:created:<receiver>   sorted set: id to when it was written, epoch milliseconds
    <prefix>outbox:dead:<receiver>      hash: id to the notification, why it was given up, and when
    <prefix>outbox:memory:<receiver>:<alert>  what the receiver wants to remember of an episode, for 90 days
    <prefix>outbox:sent:<receiver>      sorted set: what went lately, to when; where a storm becomes a digest
    <prefix>outbox:open:<receiver>      hash: open alert to its last notice, where a receiver must hear again

Writing happens within the transaction of the batch that raised the alert; `queue` has what a sender does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import redis
from msgspec.structs import replace

from alerts.notification import AlertNotification
from consumers.alerting.unreadable import SetAside


class OutboxEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one receiver.

    Attributes:
        id: the same whenever the same step of the same alert is told.
        receiver: whom to tell.
        notification: what to tell.
        after: id of the message that must be out first; None when there is none.
        partition: of the health topic, where the account is; None for no account.
        created_ms: when it was written, epoch milliseconds.
        ingested_ms: Kafka's timestamp of the oldest record behind it; None for a mere tick.
        report_ms: Kafka's timestamp of the report behind it; None for a mere tick, and in older entries.
        attempts: how often it was tried.
        owner: the sender that has it now; None when nobody has.
    """

    id: str
    receiver: str
    notification: AlertNotification
    after: str | None
    partition: int | None = None
    created_ms: int
    ingested_ms: int | None = None
    report_ms: int | None = None
    attempts: int = 0
    owner: str | None = None


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A notification that was given up.

    Attributes:
        reason: why.
        entry: what was to be told.
        dead_lettered_ms: when, epoch milliseconds.
    """

    reason: str
    entry: OutboxEntry
    dead_lettered_ms: int


@dataclass(frozen=True)
class Backlog:
    """How one receiver's queue stands.

    Args:
        depth: notifications that wait.
        oldest_age_seconds: how long the oldest has waited; 0 when none does.
        dead: notifications that were given up.
    """

    depth: int
    oldest_age_seconds: float
    dead: int


_decoder = msgspec.json.Decoder(OutboxEntry)
_dead_decoder = msgspec.json.Decoder(DeadLetter)
_encoder = msgspec.json.Encoder()


class Keys:
    """The names of one receiver's keys.

    Args:
        prefix: of the installation.
        receiver: whose.
    """

    def __init__(self, prefix: str, receiver: str) -> None:
        self.due = f"{prefix}outbox:due:{receiver}"
        self.created = f"{prefix}outbox:created:{receiver}"
        self.dead = f"{prefix}outbox:dead:{receiver}"
        self.open = f"{prefix}outbox:open:{receiver}"
        self.sent = f"{prefix}outbox:sent:{receiver}"
        self._entry = f"{prefix}outbox:entry:{receiver}:"
        self._memory = f"{prefix}outbox:memory:{receiver}:"

    def entry(self, name: str) -> str:
        """Where a notification is."""
        return self._entry + name

    def memory(self, alert_id: str) -> str:
        """Where a receiver's memory of an episode is."""
        return self._memory + alert_id


class Outbox:
    """The outbox of one installation: written by batches, looked at by operators.

    Args:
        client: from `consumers.alerting.state.connect`.
        prefix: put before every key.
    """

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._set_aside = SetAside(client, prefix)

    def add(self, pipe: Any, entry: OutboxEntry) -> None:
        """Write a notification, within the caller's transaction."""
        keys = Keys(self._prefix, entry.receiver)
        pipe.sadd(f"{self._prefix}outbox:receivers", entry.receiver)
        pipe.set(keys.entry(entry.id), encode(entry))
        pipe.zadd(keys.due, {entry.id: entry.created_ms})
        pipe.zadd(keys.created, {entry.id: entry.created_ms})

    def receivers(self) -> list[str]:
        """Every receiver that ever had a message, by name."""
        return sorted(
            name.decode() for name in cast("set[bytes]", self._client.smembers(f"{self._prefix}outbox:receivers"))
        )

    def waiting(self, receiver: str) -> list[OutboxEntry]:
        """What waits for a receiver, the oldest first."""
        keys = Keys(self._prefix, receiver)
        names = cast("list[bytes]", self._client.zrange(keys.created, 0, -1))
        if not names:
            return []
        values = cast("list[bytes | None]", self._client.mget([keys.entry(name.decode()) for name in names]))
        return self.readable(receiver, zip(names, values, strict=True))

    def readable(self, receiver: str, entries: Iterable[tuple[bytes, bytes | None]]) -> list[OutboxEntry]:
        """The entries that are there and can be read; what can't be read is set aside, and waits no longer."""
        keys = Keys(self._prefix, receiver)
        there = [(name, value) for name, value in entries if value is not None]
        found = dict(self._set_aside.readable(keys.entry(""), there, decode))
        for name, _ in there:
            if name not in found:
                with self._client.pipeline(transaction=True) as pipe:
                    queue_removal(pipe, keys, name.decode(errors="replace"))
                    pipe.execute()
        return list(found.values())

    def dead(self, receiver: str) -> list[DeadLetter]:
        """What was given up for a receiver, the oldest first."""
        stored = cast("dict[bytes, bytes]", self._client.hgetall(Keys(self._prefix, receiver).dead))
        key = Keys(self._prefix, receiver).dead
        letters = [letter for _, letter in self._set_aside.readable(key, stored.items(), _dead_decoder.decode)]
        return sorted(letters, key=lambda letter: (letter.entry.created_ms, letter.entry.id))

    def revive(self, letters: Iterable[DeadLetter], now_ms: int) -> int:
        """Put dead letters back into their queues, as if written now; how many there were."""
        count = 0
        for letter in letters:
            entry = replace(letter.entry, created_ms=now_ms, attempts=0, owner=None)
            with self._client.pipeline(transaction=True) as pipe:
                self.add(pipe, entry)
                pipe.hdel(Keys(self._prefix, entry.receiver).dead, entry.id)
                pipe.execute()
            count += 1
        return count

    def drop_receiver(self, receiver: str, reason: str, now_ms: int) -> int:
        """Give up everything that waits for a receiver that there is no longer; how many there were."""
        waiting = self.waiting(receiver)
        for entry in waiting:
            with self._client.pipeline(transaction=True) as pipe:
                queue_dead_letter(pipe, Keys(self._prefix, receiver), entry, reason, now_ms)
                pipe.execute()
        return len(waiting)

    def backlog(self, receiver: str, now_ms: int) -> Backlog:
        """How a receiver's queue stands."""
        keys = Keys(self._prefix, receiver)
        with self._client.pipeline(transaction=False) as pipe:
            pipe.zcard(keys.created)
            pipe.zrange(keys.created, 0, 0, withscores=True)
            pipe.hlen(keys.dead)
            depth, oldest, dead = pipe.execute()
        age_ms = now_ms - oldest[0][1] if oldest else 0
        return Backlog(depth, max(age_ms, 0) / 1000, dead)


def encode(entry: OutboxEntry) -> bytes:
    """The notification as it is stored."""
    return _encoder.encode(entry)


def decode(value: bytes) -> OutboxEntry:
    """The reverse of `encode`."""
    return _decoder.decode(value)


def queue_removal(pipe: Any, keys: Keys, name: str) -> None:
    """Take a notification out of its queue, within the caller's transaction."""
    pipe.delete(keys.entry(name))
    pipe.zrem(keys.due, name)
    pipe.zrem(keys.created, name)


def queue_dead_letter(pipe: Any, keys: Keys, entry: OutboxEntry, reason: str, now_ms: int) -> None:
    """Move a notification to the dead, within the caller's transaction."""
    letter = DeadLetter(reason=reason, entry=replace(entry, owner=None), dead_lettered_ms=now_ms)
    pipe.hset(keys.dead, entry.id, _encoder.encode(letter))
    if not entry.notification.is_open:
        pipe.hdel(keys.open, entry.notification.alert_id)
    queue_removal(pipe, keys, entry.id)
