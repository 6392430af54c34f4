"""Columns of small numbers by day, packed: a year of them takes one to four hundred bytes.

The numbers are laid out as planes: first the lowest byte of every day, then the next, as many as the largest number
needs; and then deflated. So a column means the same on every machine. Packing takes some 30 microseconds, so it is for
days that have become final, many at a time.
"""

import zlib
from collections.abc import Sequence

from msgspec import Struct


class Column(Struct, array_like=True, gc=False):
    """One number for each day from `first_day` on, without a gap.

    Attributes:
        first_day: the day of the first number; -1 while there is none.
        count: how many there are.
        packed: the numbers, 0 or more.
    """

    first_day: int = -1
    count: int = 0
    packed: bytes = b""

    @property
    def next_day(self) -> int:
        """The day after the last one."""
        return self.first_day + self.count


def extend(column: Column, day: int, values: Sequence[int], keep: int) -> None:
    """Put the numbers of `day` and the days after it behind the last one, with zeros between; the oldest give way.

    >>> column = Column()
    >>> extend(column, 100, [1, 2], 5)
    >>> extend(column, 103, [300], 5)
    >>> numbers(column, 99, 105)
    [None, 1, 2, 0, 300, None]
    """
    known: list[int] = []
    if column.count > 0 and day - column.next_day < keep:
        known = [*_unpack(column), *[0] * (day - column.next_day)]
    known = [*known, *values][-keep:]
    planes: list[bytes] = []
    rest = known
    while not planes or any(rest):
        planes.append(bytes([value & 255 for value in rest]))
        rest = [value >> 8 for value in rest]
    column.first_day = day + len(values) - len(known)
    column.count = len(known)
    column.packed = zlib.compress(b"".join(planes))


def numbers(column: Column, first_day: int, end_day: int) -> list[int | None]:
    """The numbers of the days from `first_day` to before `end_day`; None outside of the column."""
    if column.count == 0 or first_day >= column.next_day or end_day <= column.first_day:
        return [None] * (end_day - first_day)
    known: list[int | None] = [*_unpack(column)]
    before, after = column.first_day - first_day, end_day - column.next_day
    return [*[None] * before, *known[max(-before, 0) : column.count + min(after, 0)], *[None] * after]


def _unpack(column: Column) -> list[int]:
    """All numbers."""
    planes = zlib.decompress(column.packed)
    count = column.count
    known = list(planes[:count])
    for start in range(count, len(planes), count):
        shift = 8 * (start // count)
        known = [number + (byte << shift) for number, byte in zip(known, planes[start : start + count], strict=True)]
    return known
