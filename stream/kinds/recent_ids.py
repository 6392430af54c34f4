"""The ids of an account's last events, by which one that is sent again is recognised.

An SDK that got no answer sends its whole batch again, 100 to 500 events, and an export of the last seven days comes
every day. So the last 500 ids are remembered, those of an account that sends less for at least eight days. Whole ids of
so many would be most of a state, so 40 bits of each are kept, of two checksums with different polynomials. That an
event is taken for the repeat of another one happens once in two billion events.
"""

import sys
from array import array
from itertools import islice
from typing import Final
from zlib import crc32

from crc32c import crc32c

KEPT_MAX: Final = 512
FORGOTTEN_TOGETHER: Final = 12  # of more, since one at a time costs the fold more
KEPT_DAYS: Final = 8
KEY_BYTES: Final = 5


class RecentIds:
    """The last ids.

    Attributes:
        keys: of each id 40 bits, the oldest first; a dictionary for its order, the values say nothing.
        day: the account's day on which `older` was noted; -1: none was.
        older: how many of the keys, from the first one, had come by then.
    """

    __slots__ = ("day", "keys", "older")

    def __init__(self, keys: dict[int, None] | None = None, day: int = -1, older: int = 0) -> None:
        self.keys: dict[int, None] = {} if keys is None else keys
        self.day = day
        self.older = older

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecentIds) and self.pack() == other.pack()

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
        if len(self.keys) > KEPT_MAX:
            self.forget_oldest()
        return True

    def forget_oldest(self, number: int = FORGOTTEN_TOGETHER) -> None:
        """Forget the ids that came first."""
        for key in list(islice(self.keys, number)):
            del self.keys[key]
        self.older = max(self.older - number, 0)

    def begin_day(self, day: int) -> None:
        """Every eight days, forget what had come before the eight days before. What is sent now comes now, whatever
        day it tells of, so these are days of the worker's clock: a backlog forgets nothing but by number.

        >>> ids = RecentIds()
        >>> for day in (100, 104, 108, 112, 116):
        ...     _ = ids.add(f"e{day}"), ids.begin_day(day)
        >>> [ids.add(f"e{day}") for day in (100, 108, 112)]
        [True, True, False]
        """
        if day - self.day < KEPT_DAYS:
            return
        self.forget_oldest(self.older)
        self.day, self.older = day, len(self.keys)

    def pack(self) -> bytes:
        """As a state keeps them, the same on every machine: the day, the number of older keys, and of the keys the
        lowest bytes of all, then the next."""
        head = (self.day + 1).to_bytes(_DAY_BYTES, "little") + self.older.to_bytes(_NUMBER_BYTES, "little")
        wide = _little_endian(array(_WIDE, [*self.keys])).tobytes()
        return b"".join([head, *[wide[at::_WIDE_BYTES] for at in range(KEY_BYTES)]])

    @classmethod
    def unpack(cls, packed: bytes) -> "RecentIds":
        """The reverse of `pack`.

        Raises:
            ValueError: it is not what `pack` makes.
        """
        day = int.from_bytes(packed[:_DAY_BYTES], "little") - 1
        older = int.from_bytes(packed[_DAY_BYTES:_HEAD_BYTES], "little")
        count, rest = divmod(len(packed) - _HEAD_BYTES, KEY_BYTES)
        if rest != 0 or not 0 <= older <= count:
            raise ValueError(f"{len(packed)} bytes with {older} older ids: these are no remembered ids")
        wide = bytearray(_WIDE_BYTES * count)
        for at in range(KEY_BYTES):
            wide[at::_WIDE_BYTES] = packed[_HEAD_BYTES + at * count : _HEAD_BYTES + (at + 1) * count]
        keys = array(_WIDE)
        keys.frombytes(wide)
        return cls(dict.fromkeys(_little_endian(keys)), day, older)


_DAY_BYTES: Final = 3
_NUMBER_BYTES: Final = 2
# Of one key in an array: the type of C that is converted quicker, where it holds one.
_WIDE_BYTES: Final = 8
_WIDE: Final = "L" if array("L").itemsize == _WIDE_BYTES else "Q"
_HEAD_BYTES: Final = _DAY_BYTES + _NUMBER_BYTES
NO_DAY: Final = bytes(_HEAD_BYTES)  # what `pack` puts before the keys while no day was noted


def key_of(event_id: str) -> int:
    """40 bits of an id: 32 of one checksum, and behind them 8 of another."""
    encoded = event_id.encode()
    return crc32c(encoded) << 8 | crc32(encoded) & 0xFF


def _little_endian(keys: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        keys.byteswap()
    return keys
