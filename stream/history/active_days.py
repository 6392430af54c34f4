"""On which days of more than a year anyone was active: one bitmap of the account."""

from typing import Final

from msgspec import Struct

DAYS_KEPT: Final = 400  # 52 weeks, as of each of the 28 days before the newest, and some

_KEPT_MASK: Final = (1 << DAYS_KEPT) - 1


class ActiveDays(Struct, array_like=True, gc=False):
    """A bitmap of days.

    Attributes:
        day: the newest active day; -1: none.
        bits: bit i, counted from the lowest of the first byte: active on `day` - i.
    """

    day: int = -1
    bits: bytes = b""


def mark(active: ActiveDays, day: int) -> None:
    """Set the bit of a day, in any order of days; what is older than the kept days is left out.

    >>> active = ActiveDays()
    >>> mark(active, 100), mark(active, 102), mark(active, 101), mark(active, 102 - DAYS_KEPT), bin(until(active, 103))
    (None, None, None, None, '0b1110')
    """
    ahead = day - active.day
    if active.day < 0 or ahead >= DAYS_KEPT:
        bits, active.day = 1, day
    elif ahead > 0:
        bits = int.from_bytes(active.bits, "little") << ahead | 1
        active.day = day
    else:
        bits = int.from_bytes(active.bits, "little") | 1 << -ahead
    active.bits = packed(bits)


def packed(bits: int) -> bytes:
    """The bits of the days that are kept, as `ActiveDays` has them."""
    bits &= _KEPT_MASK
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def until(active: ActiveDays, day: int) -> int:
    """The bits of the days up to a day: bit 0 is that day."""
    bits = int.from_bytes(active.bits, "little")
    ahead = day - active.day
    return bits << min(ahead, DAYS_KEPT) if ahead >= 0 else bits >> -ahead
