"""Redis: what the next daily digest of each owner is to tell, and when it is due.

    <prefix>digest:due           sorted set: owner to when the digest is due, epoch milliseconds
    <prefix>digest:items:<owner> list: DigestItem, JSON; the owner is hashed

Writing happens within the transaction of the batch that changed a signal; `daily_digests` writes the digests.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
import redis

from alerts.daily_digest import DigestItem
from consumers.alerting.unreadable import SetAside

_decoder = msgspec.json.Decoder(DigestItem)
_encoder = msgspec.json.Encoder()
NO_OWNER = ""


class DigestQueue:
    """The items of all owners.

    Args:
        client: from `consumers.alerting.state.connect`.
        prefix: put before every key.
        due: when an owner's next digest is written after a moment.
    """

    def __init__(self, client: redis.Redis, prefix: str, due: Callable[[str | None, datetime], datetime]) -> None:
        self._client = client
        self._prefix = prefix
        self._due = due
        self._set_aside = SetAside(client, prefix)

    def add(self, pipe: Any, items: Iterable[DigestItem]) -> None:
        """Write items down, within the caller's transaction; the digest is due at its owner's next hour."""
        for item in items:
            owner = item.owner or NO_OWNER
            pipe.rpush(self.items_key(owner), _encoder.encode(item))
            due_ms = int(self._due(item.owner, item.at).timestamp() * 1000)
            pipe.zadd(self.due_key, {owner: due_ms}, lt=True)

    def due(self, now_ms: int) -> list[tuple[str, int]]:
        """(owner, epoch milliseconds) of each digest that is due by now."""
        found = self._client.zrange(self.due_key, "-inf", cast(Any, now_ms), byscore=True, withscores=True)
        return [(name.decode(), int(at)) for name, at in cast("list[tuple[bytes, float]]", found)]

    def items(self, pipe: Any, owner: str) -> list[DigestItem]:
        """All items of an owner."""
        key = self.items_key(owner)
        values = cast("list[bytes]", pipe.lrange(key, 0, -1))
        named = [(b"%d" % at, value) for at, value in enumerate(values)]
        return [item for _, item in self._set_aside.readable(key, named, _decoder.decode)]

    def keep_only(self, pipe: Any, owner: str, left: Sequence[DigestItem]) -> None:
        """Within the caller's transaction: the digest is written, and only these items wait for the next one."""
        pipe.delete(self.items_key(owner))
        pipe.zrem(self.due_key, owner)
        self.add(pipe, left)

    @property
    def due_key(self) -> str:
        """Where the owners' hours are."""
        return f"{self._prefix}digest:due"

    def items_key(self, owner: str) -> str:
        """Where an owner's items are."""
        return f"{self._prefix}digest:items:{hashlib.sha256(owner.encode()).hexdigest()[:24]}"
