"""The ids of an account's last events, by which one that is sent again is recognised.

An SDK that got no answer sends its whole batch again, 100 to 500 events. Whole ids of so many would be most of a
state, so 40 bits of each are kept, of two checksums with different polynomials. That an event is taken for the repeat
of another one happens once in two billion events.
"""

import sys
from array import array
from typing import Final
from zlib import crc32

from crc32c import crc32c

KEPT: Final = 512
KEY_BYTES: Final = 5


class RecentIds:
    """The last ids.

    Attributes:
        keys: of each id its key, the oldest first; whoever counts many events reads and writes it directly.
    """

    __slots__ = ("keys",)

    def __init__(self, keys: dict[int, None] | None = None) -> None:
        self.keys: dict[int, None] = {} if keys is None else keys

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecentIds) and list(self.keys) == list(other.keys)

    __hash__ = None  # type: ignore[assignment]

    def add(self, event_id: str) -> bool:
        """Remember an id; returns whether it is a new one.

        >>> ids = RecentIds()
        >>> ids.add("e1"), ids.add("e2"), ids.add("e1")
        (True, True, False)
        """
        key = key_of(event_id)
        if key in self.keys:
            return False
        self.keys[key] = None
        if len(self.keys) > KEPT:
            del self.keys[next(iter(self.keys))]
        return True

    def pack(self) -> bytes:
        """As a state keeps them, 5 bytes each, the same on every machine: the lowest bytes of all, then the next."""
        wide = _little_endian(array("Q", self.keys)).tobytes()
        return b"".join([wide[at::8] for at in range(KEY_BYTES)])

    @classmethod
    def unpack(cls, packed: bytes) -> "RecentIds":
        """The reverse of `pack`."""
        count = len(packed) // KEY_BYTES
        wide = bytearray(8 * count)
        for at in range(KEY_BYTES):
            wide[at::8] = packed[at * count : (at + 1) * count]
        keys = array("Q")
        keys.frombytes(wide)
        return cls(dict.fromkeys(_little_endian(keys)))


def key_of(event_id: str) -> int:
    """40 bits of an id."""
    encoded = event_id.encode()
    return crc32c(encoded) << 8 | crc32(encoded) & 0xFF


def _little_endian(keys: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        keys.byteswap()
    return keys
