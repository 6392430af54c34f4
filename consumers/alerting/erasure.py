"""An erased account leaves alerting: what waits to be told of it, what a digest would say, and the log of its alerts.

What is remembered of the account itself goes with the batch that reads the tombstone of its report. That batch also
puts a line into the audit log's stream, behind the account's own last steps; when the relay comes to it, the rest goes
here. A crash before the line is gone does all of it again.

Invariant: what an account does after its erasure is never erased by it. The mark that the log keeps tells a tombstone
that is read a second time, after Redis was lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec
import redis
from msgspec.structs import replace

from alerts.alert_events import AlertEvent, decode_alert_event, owner_of_key
from alerts.daily_digest import DigestItem
from alerts.model import fingerprint
from alerts.notification import AlertNotification
from alerts.silences import Silence
from consumers.alerting.outbox import Keys, Outbox, OutboxEntry, decode, encode, queue_removal
from stream.contracts.errors import BadEvent

_notice: Final = msgspec.json.Decoder(AlertNotification)
_item: Final = msgspec.json.Decoder(DigestItem)
_encode: Final = msgspec.json.Encoder().encode
_silence: Final = msgspec.json.Decoder(Silence)


@dataclass(frozen=True)
class Forgotten:
    """How much of an account was in Redis beside what is remembered of it.

    Args:
        messages: that waited for a receiver.
        dead_letters: that no receiver took.
        digest_items: lines of coming digests, and of those that wait for a receiver.
        silences: of this account alone.
    """

    messages: int = 0
    dead_letters: int = 0
    digest_items: int = 0
    silences: int = 0


class AccountErasure:
    """Takes an account out of what waits in Redis; a second time there is nothing left to take.

    Args:
        client: from `consumers.redis_client.connect`.
        prefix: put before every key.
    """

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._client: Any = client
        self._prefix = prefix

    def erase(self, account_id: str) -> Forgotten:
        """Forget it. The message that its alert is over, written by its end, still goes out; nothing is logged of that.

        Raises:
            redis.RedisError: Redis is away; what was not taken is taken the next time.
        """
        outbox = Outbox(cast(redis.Redis, self._client), self._prefix)
        messages = dead = items = 0
        for receiver in outbox.receivers():
            keys = Keys(self._prefix, receiver)
            for entry in outbox.waiting(receiver):
                if entry.notification.account_id == account_id and entry.partition is not None:
                    self._take_out(keys, entry.id)
                    messages += 1
                elif without(entry, account_id) != entry:
                    items += self._shorten(keys, entry.id, account_id)
            for letter in outbox.dead(receiver):
                if letter.entry.notification.account_id == account_id:
                    dead += int(self._client.hdel(keys.dead, letter.entry.id))
                elif (shorter := without(letter.entry, account_id)) != letter.entry:
                    items += len(letter.entry.notification.items) - len(shorter.notification.items)
                    self._client.hset(keys.dead, letter.entry.id, _encode(replace(letter, entry=shorter)))
            self._forget_fields(keys.open, lambda value: _notice.decode(value).account_id == account_id)
        items += sum(
            self._client.lrem(key, 0, value)
            for key in list(self._client.scan_iter(f"{self._prefix}digest:items:*"))
            for value in self._client.lrange(key, 0, -1)
            if _item.decode(value).account_id == account_id
        )
        silences = self._forget_fields(
            f"{self._prefix}silences", lambda value: _silence.decode(value).account_id == account_id
        )
        return Forgotten(messages, dead, items, silences)

    def _shorten(self, keys: Keys, name: str, account_id: str) -> int:
        """Take the account's lines out of a digest that waits, also while it is being sent; how many there were."""

        def shorten(pipe: Any) -> int:
            value = pipe.get(keys.entry(name))
            if value is None:
                return 0
            entry = decode(value)
            shorter = without(entry, account_id)
            pipe.multi()
            if shorter.notification.items:
                pipe.set(keys.entry(name), encode(shorter))
            else:
                queue_removal(pipe, keys, name)
            return len(entry.notification.items) - len(shorter.notification.items)

        return int(self._client.transaction(shorten, keys.entry(name), value_from_callable=True))

    def _take_out(self, keys: Keys, name: str) -> None:
        with self._client.pipeline(transaction=True) as pipe:
            queue_removal(pipe, keys, name)
            pipe.execute()

    def _forget_fields(self, key: str, is_of_it: Any) -> int:
        """Delete the fields of a hash whose values are of the account; how many there were."""
        names = [name for name, value in self._client.hgetall(key).items() if is_of_it(value)]
        return int(self._client.hdel(key, *names)) if names else 0


def without(entry: OutboxEntry, account_id: str) -> OutboxEntry:
    """A digest without its lines about an account; any other message as it is."""
    left = [item for item in entry.notification.items if item.account_id != account_id]
    return replace(entry, notification=replace(entry.notification, items=left))


@dataclass(frozen=True)
class LogErasure:
    """What becomes of an account's steps in the log of alerts.

    Args:
        keys: of the records to delete.
        commands_offset: the newest that they name; the mark goes on naming it.
        is_done: the mark of this very erasure is there: what the account did since is another life.
    """

    keys: list[bytes]
    commands_offset: int | None
    is_done: bool


def mark_key(account_id: str, erased_ms: int) -> str:
    """The key of the mark that an erasure leaves in the log: it tells of no account."""
    return f"erased/{account_hash(account_id)}/{erased_ms}"


def account_hash(account_id: str) -> str:
    """How a mark names an account."""
    return fingerprint(account_id, "erased")


def mark(account_id: str, erased_ms: int, offset: int | None, now: datetime) -> AlertEvent:
    """The mark: that some account's steps were erased, and when."""
    return AlertEvent(
        seq=int(now.timestamp() * 1000),
        kind="account_erased",
        at=now.astimezone(UTC),
        reason="the steps of an account were erased",
        commands_offset=offset,
        erased_account=account_hash(account_id),
        erased_ms=erased_ms,
    )


def steps_to_erase(records: Iterable[tuple[bytes, bytes | None]], account_id: str, erased_ms: int) -> LogErasure:
    """Which records of a partition of the log are of an account, its silences among them. Pure.

    Args:
        records: key and value of each, in order.
        account_id: whose.
        erased_ms: the Kafka timestamp of the tombstone.
    """
    wanted, found, offset = mark_key(account_id, erased_ms).encode(), dict[bytes, None](), None
    for key, value in records:
        if key == wanted and value is not None:
            return LogErasure([], None, is_done=True)
        if value is None:
            found.pop(key, None)
            continue
        step = _step_of(value, key, account_id)
        if step is not None:
            found[key] = None
            if step.commands_offset is not None:
                offset = max(offset or 0, step.commands_offset)
    return LogErasure(list(found), offset, is_done=False)


def _step_of(value: bytes, key: bytes, account_id: str) -> AlertEvent | None:
    """The step, if it is of the account; None if not."""
    of_it = owner_of_key(key) == account_id
    if not of_it and b'"silence"' not in value:
        return None
    try:
        step = decode_alert_event(value)
    except BadEvent:
        return None
    if of_it or (step.silence is not None and step.silence.account_id == account_id):
        return step
    return None
