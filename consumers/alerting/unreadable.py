"""Entries of Redis that can't be read: set aside, named in the log with what to do, and nobody else's loss.

<prefix>unreadable   hash: key and field of the entry to its bytes, for whoever wants to know what they were
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

import msgspec
import redis

from stream.config.logs import get_logger

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
REMEDY: Final = (
    "it is set aside under the key `unreadable` and goes on as if it had not been there; heartline doctor counts them. "
    "If another release wrote it, start that one again"
)

T = TypeVar("T")

log = get_logger(__name__)


class SetAside:
    """Where they go.

    Args:
        client: from `consumers.redis_client.connect`.
        prefix: put before every key.
    """

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._client: Any = client
        self._key = f"{prefix}unreadable"

    def readable(
        self, key: str, entries: Iterable[tuple[bytes, bytes]], decode: Callable[[bytes], T]
    ) -> Iterator[tuple[bytes, T]]:
        """The entries of one key that can be read, each with its field; the others are set aside.

        Args:
            key: of Redis.
            entries: field (or, of a list, anything that names the entry) and value.
            decode: reads a value.
        """
        for name, value in entries:
            try:
                yield name, decode(value)
            except UNREADABLE as error:
                self.put(key, name, value, error)

    def put(self, key: str, name: bytes, value: bytes, error: BaseException) -> None:
        """Set one aside; whoever calls takes it out of where it was."""
        self._client.hset(self._key, key.encode() + b" " + name, value)
        log.error(f"an entry of Redis can't be read: {REMEDY}", key=key, field=name.hex()[:64], error=str(error)[:300])

    def count(self) -> int:
        """How many there are."""
        return int(self._client.hlen(self._key))
