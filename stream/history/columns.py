"""Columns of small numbers by day, packed: a year of them takes one to four hundred bytes.

The numbers are laid out as planes: first the lowest byte of every day, then the next, as many as the largest number
needs; and then deflated. So a column means the same on every machine. Packing takes some 10 microseconds, so it is for
days that have become final, many at a time.
"""

import zlib
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

# A year of days needs no larger window, and the small one is ready six times as quickly.
WINDOW_BITS: Final = 10
MEMORY_LEVEL: Final = 5


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
    planes, size, gap = b"", 0, 0
    if column.count > 0 and day - column.next_day < keep:
        planes, size, gap = zlib.decompress(column.packed), column.count, day - column.next_day
    count = min(size + gap + len(values), keep)
    if len(planes) == size and max(values, default=0) < 256:  # by far the most, and quicker
        planes = (planes + bytes(gap) + bytes(values))[-keep:]
    else:
        planes = _planes([*_numbers(planes, size), *[0] * gap, *values][-keep:])
    column.first_day = day + len(values) - count
    column.count = count
    deflating = zlib.compressobj(wbits=WINDOW_BITS, memLevel=MEMORY_LEVEL)
    column.packed = deflating.compress(planes) + deflating.flush()


def _planes(rest: list[int]) -> bytes:
    """The lowest byte of every number, then the next of every number, up to the highest that is not 0."""
    planes = b""
    while max(rest, default=0) > 255:
        planes += bytes([value & 255 for value in rest])
        rest = [value >> 8 for value in rest]
    return planes + bytes(rest)


def numbers(column: Column, first_day: int, end_day: int) -> list[int | None]:
    """The numbers of the days from `first_day` to before `end_day`; None outside of the column."""
    if column.count == 0 or first_day >= column.next_day or end_day <= column.first_day:
        return [None] * (end_day - first_day)
    known: list[int | None] = [*_numbers(zlib.decompress(column.packed), column.count)]
    before, after = column.first_day - first_day, end_day - column.next_day
    return [*[None] * before, *known[max(-before, 0) : column.count + min(after, 0)], *[None] * after]


def values(column: Column) -> Sequence[int]:
    """All numbers, from the first day on; of most columns quicker than `numbers`.

    >>> column = Column()
    >>> extend(column, 100, [1, 2, 300], 5)
    >>> list(values(column))
    [1, 2, 300]
    """
    planes = zlib.decompress(column.packed)
    return planes if len(planes) == column.count else _numbers(planes, column.count)


def _numbers(planes: bytes, count: int) -> list[int]:
    """The numbers of so many days."""
    known = list(planes[:count])
    for start in range(count, len(planes), max(count, 1)):
        shift = 8 * (start // count)
        known = [number + (byte << shift) for number, byte in zip(known, planes[start : start + count], strict=True)]
    return known
