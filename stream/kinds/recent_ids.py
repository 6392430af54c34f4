"""The ids of an account's last events, by which one that is sent again is recognised.

An SDK that got no answer sends its whole batch again, 100 to 500 events, and an export of the last seven days comes
every day. So the last 500 ids are remembered, those of an account that sends less for at least eight days. Whole ids of
so many would be most of a state, so 40 bits of each are kept, of two checksums with different polynomials. That an
event is taken for the repeat of another one happens once in two billion events; that an id is forgotten at once, since
a newer one has its first checksum, once in eight million.
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
        keys: of each id the two checksums, the second by the first, the oldest first.
        day: the account's day on which `before` was noted; -1: none was.
        before: the first checksum of the last id that had come by then; -1: none had.
    """

    __slots__ = ("before", "day", "keys")

    def __init__(self, keys: dict[int, int] | None = None, day: int = -1, before: int = -1) -> None:
        self.keys: dict[int, int] = {} if keys is None else keys
        self.day = day
        self.before = before

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecentIds) and self.pack() == other.pack()

    __hash__ = None  # type: ignore[assignment]

    def add(self, event_id: str) -> bool:
        """Remember an id; returns whether it is a new one.

        >>> ids = RecentIds()
        >>> ids.add("e1"), ids.add("e2"), ids.add("e1")
        (True, True, False)
        """
        first, second = checksums(event_id)
        keys = self.keys
        if keys.get(first) == second:
            return False
        keys.pop(first, None)
        keys[first] = second
        if len(keys) > KEPT_MAX:
            forget_oldest(keys)
        return True

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
        keys = self.keys
        if self.before in keys:
            for key in list(keys):
                del keys[key]
                if key == self.before:
                    break
        self.day, self.before = day, next(reversed(keys), -1)

    def pack(self) -> bytes:
        """As a state keeps them, the same on every machine: the number of the day and of the keys up to `before`, and
        of the keys the lowest bytes of all, then the next."""
        older = list(self.keys).index(self.before) + 1 if self.before in self.keys else 0
        head = (self.day + 1).to_bytes(_DAY_BYTES, "little") + older.to_bytes(_NUMBER_BYTES, "little")
        wide = _little_endian(array("I", self.keys)).tobytes()
        return b"".join([head, bytes(self.keys.values()), *[wide[at::4] for at in range(4)]])

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
        planes = [packed[_HEAD_BYTES + at * count : _HEAD_BYTES + (at + 1) * count] for at in range(KEY_BYTES)]
        wide = bytearray(4 * count)
        for at in range(4):
            wide[at::4] = planes[at + 1]
        first = array("I")
        first.frombytes(wide)
        known = _little_endian(first)
        return cls(dict(zip(known, planes[0], strict=True)), day, known[older - 1] if older > 0 else -1)


_DAY_BYTES: Final = 3
_NUMBER_BYTES: Final = 2
_HEAD_BYTES: Final = _DAY_BYTES + _NUMBER_BYTES
NO_DAY: Final = bytes(_HEAD_BYTES)  # what `pack` puts before the keys while no day was noted


def checksums(event_id: str) -> tuple[int, int]:
    """40 bits of an id: 32 of one checksum and 8 of another."""
    encoded = event_id.encode()
    return crc32c(encoded), crc32(encoded) & 0xFF


def forget_oldest(keys: dict[int, int]) -> None:
    """Forget the ids that came first."""
    for key in list(islice(keys, FORGOTTEN_TOGETHER)):
        del keys[key]


def _little_endian(keys: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        keys.byteswap()
    return keys
