"""Activity as day bitmaps: who was active on which of the last 64 days, exactly, in O(1) an event.

A user's record is a list of small integers, [ordinal, last_day, bits, days, n0, n1, ...]:

- ordinal   the user's short number within the account, for the feature maps
- last_day  the newest active day, as days since 1970-01-01
- bits      bit i set: active on last_day - i, for i < 64
- days      active days of the user's whole life
- n0, n1..  events on each active day of the 37 days that end with last_day, newest first

64 days of bits answer any question of up to 57 days, and 37 days of counts any of 30, as of now and as of each of the
seven days before.

The record depends only on which events there were, not on their order: a late event sets its bit, or lies outside
of every window. So shuffled streams give the same numbers as sorted ones.
"""

from typing import Final

DAYS_KEPT: Final = 64
COUNT_DAYS: Final = 37

ORDINAL: Final = 0
LAST_DAY: Final = 1
BITS: Final = 2
DAYS: Final = 3
COUNTS: Final = 4

_KEPT_MASK: Final = (1 << DAYS_KEPT) - 1
_COUNT_MASK: Final = (1 << COUNT_DAYS) - 1
_MONTH_MASK: Final = (1 << 30) - 1


def new_user(ordinal: int, day: int, days_before: int = 0) -> list[int]:
    """The record of a user whose first event happened on `day`, or the first after so many active days long ago."""
    return [ordinal, day, 1, days_before + 1, 1]


def touch(user: list[int], day: int) -> bool:
    """Count one event of `day` into a user's record, in any order of days.

    Returns:
        Whether the day is a newly active one of the user's.

    >>> user = new_user(0, 100)
    >>> touch(user, 100), touch(user, 102), touch(user, 101), user
    (False, True, True, [0, 102, 7, 3, 1, 1, 2])
    """
    shift = day - user[LAST_DAY]
    if shift == 0:
        user[COUNTS] += 1
        return False
    if shift > 0:
        bits = ((user[BITS] << shift) | 1) & _KEPT_MASK if shift < DAYS_KEPT else 1
        user[BITS] = bits
        user[LAST_DAY] = day
        user[DAYS] += 1
        user.insert(COUNTS, 1)
        del user[COUNTS + (bits & _COUNT_MASK).bit_count() :]
        return True
    return _touch_earlier(user, -shift)


def _touch_earlier(user: list[int], back: int) -> bool:
    """The same for a day `back` days before the user's newest one."""
    if back >= DAYS_KEPT:
        return False
    bit = 1 << back
    bits = user[BITS]
    is_new = not bits & bit
    if back < COUNT_DAYS:
        at = COUNTS + (bits & (bit - 1)).bit_count()
        if is_new:
            user.insert(at, 1)
        else:
            user[at] += 1
    if is_new:
        user[BITS] = bits | bit
        user[DAYS] += 1
    return is_new


def mark(last_day: int, bits: int, day: int) -> tuple[int, int]:
    """Set the bit of `day` in a bitmap that ends with `last_day`; returns the new (last_day, bits).

    >>> mark(100, 1, 102)
    (102, 5)
    """
    shift = day - last_day
    if shift > 0:
        return day, ((bits << shift) | 1) & _KEPT_MASK if shift < DAYS_KEPT else 1
    return last_day, bits | 1 << -shift if -shift < DAYS_KEPT else bits


def merged_bits(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    """Two bitmaps (last_day, bits) as one.

    >>> merged_bits((100, 0b1), (102, 0b1))
    (102, 5)
    """
    last_day = max(one[0], two[0])
    bits = one[1] << min(last_day - one[0], DAYS_KEPT) | two[1] << min(last_day - two[0], DAYS_KEPT)
    return last_day, bits & _KEPT_MASK


def merged(one: list[int], two: list[int]) -> list[int]:
    """One user's records in two accounts as one, with the first one's ordinal; days of both count once.

    >>> merged([0, 102, 0b101, 2, 3, 4], [7, 100, 0b1, 1, 9])
    [0, 102, 5, 2, 3, 13]
    """
    last_day, bits = merged_bits((one[LAST_DAY], one[BITS]), (two[LAST_DAY], two[BITS]))
    counts: dict[int, int] = {}
    known: list[int] = []
    for user in (one, two):
        back = last_day - user[LAST_DAY]
        own = [at + back for at in range(DAYS_KEPT) if user[BITS] >> at & 1]
        known += own
        for at, count in zip(own, user[COUNTS:], strict=False):  # the older days have no counts
            counts[at] = counts.get(at, 0) + count
    days = one[DAYS] + two[DAYS] - (len(known) - len(set(known)))
    return [one[ORDINAL], last_day, bits, days, *[counts[at] for at in sorted(counts) if at < COUNT_DAYS]]


def window(last_day: int, bits: int, day: int, days: int) -> int:
    """The bits of the `days` days that end with `day`; bit 0 is not always `day`, so count them, don't index them.

    >>> window(100, 0b1011, 101, 3).bit_count()  # days 99, 100, 101; active on 97, 99, 100
    2
    """
    ahead = day - last_day
    if ahead >= days:
        return 0
    if ahead >= 0:
        return bits & ((1 << (days - ahead)) - 1)
    return (bits >> -ahead) & ((1 << days) - 1)


def events_in(user: list[int], day: int) -> int:
    """A user's events in the 30 days that end with `day`, for a `day` at most seven before the user's newest.

    >>> events_in([0, 102, 7, 3, 1, 1, 2], 130)  # of days 101, 102 only
    2
    >>> events_in([0, 102, 7, 3, 1, 1, 2], 101)  # not yet of day 102
    3
    """
    ahead = day - user[LAST_DAY]
    if ahead >= 30:
        return 0
    bits = user[BITS]
    if ahead >= 0:
        if bits == 1:
            return user[COUNTS]
        return sum(user[COUNTS : COUNTS + (bits & _MONTH_MASK >> ahead).bit_count()])
    bits >>= -ahead
    if bits == 0:
        return 0
    newer = COUNTS + user[BITS].bit_count() - bits.bit_count()
    return sum(user[newer : newer + (bits & _MONTH_MASK).bit_count()])
