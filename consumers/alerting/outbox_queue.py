"""One receiver's queue in the outbox, as one sender sees it: lease, send, settle.

A lease that its owner does not settle ends by itself, and another sender tries again: a crash may repeat a message, and
never swallows one. The messages of one episode keep their order: none is sent while an earlier one is still here.
"""

import uuid
from collections.abc import Callable, Container, Sequence
from typing import Any, Final, cast

import msgspec
import redis
from msgspec.structs import replace

from alerts.digest_policy import DeliveryKind
from alerts.notification import BY_HAND, AlertNotification
from consumers.alerting.outbox import (
    Backlog,
    Keys,
    Outbox,
    OutboxEntry,
    decode,
    encode,
    queue_dead_letter,
    queue_removal,
)

LEASE_MS: Final = 10_000  # how long a message waits after its sender was killed; lease_renewal renews it meanwhile
LOOK_AHEAD: Final = 20
DUE_MAX: Final = 500
SENT_MS: Final = 3_600_000  # no window is longer
MEMORY_SECONDS: Final = 90 * 86_400

_notice_decoder = msgspec.json.Decoder(AlertNotification)
_notice_encoder = msgspec.json.Encoder()


class Queue:
    """The queue of one receiver.

    Args:
        client: from `consumers.alerting.state.connect`.
        prefix: put before every key.
        receiver: whose queue.
        owner: names this sender in its leases; unique by default.
        note: writes down that a notification is out, within the transaction that removes it.
    """

    def __init__(
        self,
        client: redis.Redis,
        prefix: str,
        receiver: str,
        owner: str | None = None,
        note: Callable[[Any, OutboxEntry], None] | None = None,
    ) -> None:
        self._client = client
        self._outbox = Outbox(client, prefix)
        self._keys = Keys(prefix, receiver)
        self._owner = owner or uuid.uuid4().hex
        self._note = note
        self._unsure: str | None = None
        self.receiver = receiver

    def due(self, now_ms: int) -> list[OutboxEntry]:
        """What could go now, in its order; at most DUE_MAX."""
        found = self._client.zrange(self._keys.due, "-inf", cast(Any, now_ms), byscore=True, offset=0, num=DUE_MAX)
        names = cast("list[bytes]", found)
        if not names:
            return []
        values = cast("list[bytes | None]", self._client.mget([self._keys.entry(name.decode()) for name in names]))
        return self._outbox.readable(self.receiver, zip(names, values, strict=True))

    def sent(self) -> list[tuple[DeliveryKind, int]]:
        """What went lately, and when, epoch milliseconds."""
        found = cast("list[tuple[bytes, float]]", self._client.zrange(self._keys.sent, 0, -1, withscores=True))
        return [(cast(DeliveryKind, name.decode().partition(" ")[0]), int(at_ms)) for name, at_ms in found]

    def claim_these(self, names: Sequence[str], now_ms: int) -> list[OutboxEntry]:
        """Lease these, in their order; without those that are gone, another sender's, or must wait for another."""
        leased: dict[str, OutboxEntry] = {}
        for name in names:
            if (entry := self._take(name, now_ms, leased.keys())) is not None:
                leased[name] = entry
        return list(leased.values())

    def claim(self, now_ms: int) -> OutboxEntry | None:
        """Lease the next notification that is due, until LEASE_MS have passed; None when there is none."""
        if self._unsure is not None:
            # The answer to our last claim was lost; what is stored says whether it was ours.
            mine = self._read(self._unsure)
            self._unsure = None
            if mine is not None and mine.owner == self._owner:
                return mine
        due = self._client.zrange(self._keys.due, "-inf", cast(Any, now_ms), byscore=True, offset=0, num=LOOK_AHEAD)
        for name in cast("list[bytes]", due):
            entry = self._take(name.decode(), now_ms)
            if entry is not None:
                return entry
        return None

    def _take(self, name: str, now_ms: int, beside: Container[str] = ()) -> OutboxEntry | None:
        """Lease one notification; None when it is gone, must wait for another, or another sender was faster.

        Args:
            name: its id.
            now_ms: the current time.
            beside: those that go with it in one message, and so need not be waited for.
        """
        pipe: Any
        with self._client.pipeline(transaction=True) as pipe:
            try:
                pipe.watch(self._keys.entry(name))
                value = cast("bytes | None", pipe.get(self._keys.entry(name)))
                if value is None:
                    self._remove(name)
                    return None
                due_ms = pipe.zscore(self._keys.due, name)
                if due_ms is None or due_ms > now_ms:
                    return None  # leased or put off since we looked
                readable = self._outbox.readable(self.receiver, [(name.encode(), value)])
                if not readable:
                    return None
                (entry,) = readable
                if entry.after not in beside and self._wait_for_earlier(entry):
                    return None
                leased = replace(entry, owner=self._owner)
                self._unsure = name
                pipe.multi()
                pipe.set(self._keys.entry(name), encode(leased))
                pipe.zadd(self._keys.due, {name: now_ms + LEASE_MS})
                pipe.execute()
            except redis.WatchError:
                self._unsure = None
                return None
            self._unsure = None
            return leased

    def renew(self, entries: Sequence[OutboxEntry], now_ms: int) -> None:
        """Let the leases of these begin anew; those that are not ours any more stay as they are."""
        pipe: Any
        for entry in entries:
            key = self._keys.entry(entry.id)
            with self._client.pipeline(transaction=True) as pipe:
                try:
                    pipe.watch(key)
                    value = cast("bytes | None", pipe.get(key))
                    if value is None or decode(value).owner != self._owner:
                        continue
                    pipe.multi()
                    pipe.zadd(self._keys.due, {entry.id: now_ms + LEASE_MS}, xx=True)
                    pipe.execute()
                except redis.WatchError:
                    continue

    def _wait_for_earlier(self, entry: OutboxEntry) -> bool:
        """Whether an earlier message of the same episode is still here; then this one is due just after it."""
        if entry.after is None:
            return False
        due_ms = self._client.zscore(self._keys.due, entry.after)
        if due_ms is None:
            return False
        self._client.zadd(self._keys.due, {entry.id: due_ms + 1}, xx=True)
        return True

    def delivered_grouped(self, entries: Sequence[OutboxEntry], name: str, now_ms: int) -> None:
        """One message told all of these: forget them.

        Args:
            entries: all that were told.
            name: of the digest.
            now_ms: when it went.
        """
        with self._client.pipeline(transaction=True) as pipe:
            for entry in entries:
                if not entry.notification.is_open:
                    pipe.hdel(self._keys.open, entry.notification.alert_id)
                if self._note is not None:
                    self._note(pipe, entry)
                queue_removal(pipe, self._keys, entry.id)
            self._remember_sent(pipe, "digest", name, now_ms)
            pipe.execute()

    def _remember_sent(self, pipe: Any, kind: DeliveryKind, name: str, now_ms: int) -> None:
        pipe.zadd(self._keys.sent, {f"{kind} {name}": now_ms})
        pipe.zremrangebyscore(self._keys.sent, "-inf", now_ms - SENT_MS)

    def delivered(
        self,
        entry: OutboxEntry,
        memory: bytes | None = None,
        *,
        keep_open: bool = False,
        sent: tuple[DeliveryKind, int] | None = None,
    ) -> None:
        """It is out: forget it.

        Args:
            entry: what is out.
            memory: what the receiver wants to be given with the next message of this episode; None: what it has.
            keep_open: keep the notice for as long as its alert is open, for `still_open`.
            sent: as what it counts and when it went, epoch milliseconds; None: that need not be remembered.
        """
        notification = entry.notification
        with self._client.pipeline(transaction=True) as pipe:
            if memory is not None:
                pipe.set(self._keys.memory(notification.alert_id), memory, ex=MEMORY_SECONDS)
            if not notification.is_open:
                pipe.hdel(self._keys.open, notification.alert_id)
            elif keep_open:
                pipe.hset(self._keys.open, notification.alert_id, cast(Any, _notice_encoder.encode(notification)))
            if self._note is not None:
                self._note(pipe, entry)
            if sent is not None and notification.account_id is not None and notification.kind not in BY_HAND:
                self._remember_sent(pipe, sent[0], notification.id, sent[1])
            queue_removal(pipe, self._keys, entry.id)
            pipe.execute()

    def next_kinds(self) -> dict[str, str]:
        """By id of a message, the kind of the next one of its episode that waits."""
        waiting = self._outbox.waiting(self.receiver)
        return {entry.after: entry.notification.kind for entry in waiting if entry.after is not None}

    def supersede(self, entry: OutboxEntry) -> None:
        """Nothing is left to say, or a later message of its episode says it: it counts as out, and is forgotten."""
        with self._client.pipeline(transaction=True) as pipe:
            if self._note is not None:
                self._note(pipe, entry)
            queue_removal(pipe, self._keys, entry.id)
            pipe.execute()

    def memory(self, entry: OutboxEntry) -> bytes | None:
        """What the receiver remembers of the notification's episode; None when nothing."""
        return cast("bytes | None", self._client.get(self._keys.memory(entry.notification.alert_id)))

    def still_open(self) -> list[AlertNotification]:
        """The last notice of every alert that was kept open, the oldest first."""
        stored = cast("list[bytes]", self._client.hvals(self._keys.open))
        return sorted(
            (_notice_decoder.decode(value) for value in stored), key=lambda notification: notification.opened_at
        )

    def retry(self, entry: OutboxEntry, at_ms: int) -> None:
        """It is not out: give the lease back, to be tried again from `at_ms` on."""
        key = self._keys.entry(entry.id)
        pipe: Any
        with self._client.pipeline(transaction=True) as pipe:
            try:
                pipe.watch(key)
                value = cast("bytes | None", pipe.get(key))
                stored = decode(value) if value is not None else None
                if stored is None or stored.owner != self._owner:
                    return  # our lease ended meanwhile, and it is another sender's or done
                pipe.multi()  # what is stored may have lost an erased account since it was claimed
                pipe.set(key, encode(replace(stored, owner=None, attempts=entry.attempts + 1)))
                pipe.zadd(self._keys.due, {entry.id: at_ms})
                pipe.execute()
            except redis.WatchError:
                return

    def dead_letter(self, entry: OutboxEntry, reason: str, now_ms: int) -> None:
        """It will never be out: keep it among the dead, with the reason."""
        with self._client.pipeline(transaction=True) as pipe:
            queue_dead_letter(pipe, self._keys, entry, reason, now_ms)
            pipe.execute()

    def backlog(self, now_ms: int) -> Backlog:
        """How the queue stands."""
        return self._outbox.backlog(self.receiver, now_ms)

    def _read(self, name: str) -> OutboxEntry | None:
        value = cast("bytes | None", self._client.get(self._keys.entry(name)))
        return decode(value) if value is not None else None

    def _remove(self, name: str) -> None:
        with self._client.pipeline(transaction=True) as pipe:
            queue_removal(pipe, self._keys, name)
            pipe.execute()
