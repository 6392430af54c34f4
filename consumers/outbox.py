"""Redis, the outbox: every message that must still be delivered, leased to one sender at a time.

Keys, all under the prefix:

    <prefix>outbox:entry:<id>   the notification, JSON; gone once it is delivered or dead
    <prefix>outbox:due          sorted set: id to when it may next be tried, epoch milliseconds
    <prefix>outbox:created      sorted set: id to when it was written, epoch milliseconds
    <prefix>outbox:dead         hash: id to the notification and why it was given up

A lease that its owner does not settle ends by itself, and another sender tries again: a crash may repeat a message, and
never swallows one. The messages of one episode keep their order: none is sent while an earlier one is still here.
"""

import uuid
from typing import Any, Final, cast

import msgspec
import redis
from msgspec.structs import replace

LEASE_MS: Final = 30_000  # more than an attempt takes, and how long a message waits after its sender was killed
LOOK_AHEAD: Final = 20


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one receiver.

    Attributes:
        id: the same whenever the same step of the same alert is told.
        payload: what to send.
        after: id of the message that must be out first; None when there is none.
        created_ms: when it was written, epoch milliseconds.
        ingested_ms: Kafka's timestamp of the oldest record behind it; None for a mere tick.
        attempts: how often it was tried.
        owner: the sender that has it now; None when nobody has.
    """

    id: str
    payload: dict[str, Any]
    after: str | None
    created_ms: int
    ingested_ms: int | None = None
    attempts: int = 0
    owner: str | None = None


_decoder = msgspec.json.Decoder(Notification)
_encoder = msgspec.json.Encoder()


class Outbox:
    """The outbox of one installation, as seen by one sender.

    Args:
        client: from `consumers.state.connect`.
        prefix: put before every key.
        owner: names this sender in its leases; unique by default.
    """

    def __init__(self, client: redis.Redis, prefix: str, owner: str | None = None) -> None:
        self._client = client
        self._prefix = f"{prefix}outbox:"
        self._owner = owner or uuid.uuid4().hex
        self._unsure: str | None = None

    def add(self, pipe: Any, notification: Notification) -> None:
        """Write a notification, within the caller's transaction."""
        pipe.set(self._entry_key(notification.id), _encoder.encode(notification))
        pipe.zadd(self._prefix + "due", {notification.id: notification.created_ms})
        pipe.zadd(self._prefix + "created", {notification.id: notification.created_ms})

    def claim(self, now_ms: int) -> Notification | None:
        """Lease the next notification that is due, for half a minute; None when there is none."""
        if self._unsure is not None:
            # The answer to our last claim was lost; what is stored says whether it was ours.
            mine = self._read(self._unsure)
            self._unsure = None
            if mine is not None and mine.owner == self._owner:
                return mine
        due = self._client.zrange(
            self._prefix + "due", "-inf", cast(Any, now_ms), byscore=True, offset=0, num=LOOK_AHEAD
        )
        for name in cast("list[bytes]", due):
            notification = self._take(name.decode(), now_ms)
            if notification is not None:
                return notification
        return None

    def _take(self, name: str, now_ms: int) -> Notification | None:
        """Lease one notification; None when it is gone, must wait for another, or another sender was faster."""
        pipe: Any
        with self._client.pipeline(transaction=True) as pipe:
            try:
                pipe.watch(self._entry_key(name))
                value = cast("bytes | None", pipe.get(self._entry_key(name)))
                if value is None:
                    self._remove(name)
                    return None
                due_ms = pipe.zscore(self._prefix + "due", name)
                if due_ms is None or due_ms > now_ms:
                    return None  # leased or put off since we looked
                notification = _decoder.decode(value)
                if self._wait_for_earlier(notification):
                    return None
                leased = replace(notification, owner=self._owner)
                self._unsure = name
                pipe.multi()
                pipe.set(self._entry_key(name), _encoder.encode(leased))
                pipe.zadd(self._prefix + "due", {name: now_ms + LEASE_MS})
                pipe.execute()
            except redis.WatchError:
                return None
            self._unsure = None
            return leased

    def _wait_for_earlier(self, notification: Notification) -> bool:
        """Whether an earlier message of the same episode is still here; then this one is due just after it."""
        if notification.after is None:
            return False
        due_ms = self._client.zscore(self._prefix + "due", notification.after)
        if due_ms is None:
            return False
        self._client.zadd(self._prefix + "due", {notification.id: due_ms + 1}, xx=True)
        return True

    def delivered(self, notification: Notification) -> None:
        """It is out: forget it."""
        self._remove(notification.id)

    def retry(self, notification: Notification, at_ms: int) -> None:
        """It is not out: give the lease back, to be tried again from `at_ms` on."""
        key = self._entry_key(notification.id)
        pipe: Any
        with self._client.pipeline(transaction=True) as pipe:
            try:
                pipe.watch(key)
                value = cast("bytes | None", pipe.get(key))
                if value is None or _decoder.decode(value).owner != self._owner:
                    return  # our lease ended meanwhile, and it is another sender's or done
                pipe.multi()
                pipe.set(key, _encoder.encode(replace(notification, owner=None, attempts=notification.attempts + 1)))
                pipe.zadd(self._prefix + "due", {notification.id: at_ms})
                pipe.execute()
            except redis.WatchError:
                return

    def bury(self, notification: Notification, reason: str) -> None:
        """It will never be out: keep it among the dead, with the reason."""
        buried = _encoder.encode({"reason": reason, "notification": notification})
        with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(self._prefix + "dead", notification.id, cast(Any, buried))
            self._queue_removal(pipe, notification.id)
            pipe.execute()

    def dead(self) -> dict[str, str]:
        """Id to reason of every notification that was given up."""
        stored = cast("dict[bytes, bytes]", self._client.hgetall(self._prefix + "dead"))
        return {name.decode(): msgspec.json.decode(value)["reason"] for name, value in stored.items()}

    def backlog(self, now_ms: int) -> tuple[int, float, int]:
        """How many notifications wait, for how many seconds the oldest has, and how many are dead."""
        with self._client.pipeline(transaction=False) as pipe:
            pipe.zcard(self._prefix + "created")
            pipe.zrange(self._prefix + "created", 0, 0, withscores=True)
            pipe.hlen(self._prefix + "dead")
            depth, oldest, dead = pipe.execute()
        age_ms = now_ms - oldest[0][1] if oldest else 0
        return depth, max(age_ms, 0) / 1000, dead

    def _read(self, name: str) -> Notification | None:
        value = cast("bytes | None", self._client.get(self._entry_key(name)))
        return _decoder.decode(value) if value is not None else None

    def _remove(self, name: str) -> None:
        with self._client.pipeline(transaction=True) as pipe:
            self._queue_removal(pipe, name)
            pipe.execute()

    def _queue_removal(self, pipe: Any, name: str) -> None:
        pipe.delete(self._entry_key(name))
        pipe.zrem(self._prefix + "due", name)
        pipe.zrem(self._prefix + "created", name)

    def _entry_key(self, name: str) -> str:
        return f"{self._prefix}entry:{name}"
