"""Who was active in each window: every user's days as a bitmap, and all of them looked at through one mask.

"Day" is a calendar day in the account's time zone; a trailing N-day window is the N days that end with as_of's day.
"""

from collections.abc import Iterator
from functools import cache

from stream.history.rolling import BITS, COUNTS, LAST_DAY
from stream.kinds.usage import UsageState


class UserBitmaps:
    """The users of an account, each as the bitmap of the active days up to one day: bit i is i days before it.

    Bits are known 64 days back from each user's own newest day (`stream.history.rolling`).

    Args:
        activity: whose users.
        day: the day of bit 0; what is newer than it is left out.
    """

    __slots__ = ("_bitmaps", "_is_newest", "_users")

    def __init__(self, activity: UsageState, day: int) -> None:
        self._users = activity.users
        users = activity.users.values()
        self._is_newest = activity.newest_day <= day
        if self._is_newest:
            self._bitmaps = [user[BITS] << day - user[LAST_DAY] for user in users]
        else:
            self._bitmaps = [
                user[BITS] << day - user[LAST_DAY] if user[LAST_DAY] <= day else user[BITS] >> user[LAST_DAY] - day
                for user in users
            ]

    @property
    def count(self) -> int:
        """How many users are kept, on whatever day they were active."""
        return len(self._bitmaps)

    def active_in(self, days: int, back: int = 0) -> list[int]:
        """The bits of the `days` days that end `back` days before the day, of every user who has any there.

        >>> state = UsageState({"ann": [0, 100, 0b1011], "bob": [1, 98, 0b1]}, newest_day=100)
        >>> users = UserBitmaps(state, 101)
        >>> [bin(bits) for bits in users.active_in(3)], len(users.active_in(3, back=2))
        (['0b110'], 2)
        """
        mask = (1 << days) - 1 << back
        return [seen for bits in self._bitmaps if (seen := bits & mask)]

    def up_to(self, back: int) -> Iterator[tuple[str, int]]:
        """Every user with the bitmap of the days up to `back` days before the day: bit 0 is that day."""
        pairs = zip(self._users, self._bitmaps, strict=True)
        return pairs if back == 0 else ((user_id, bits >> back) for user_id, bits in pairs)

    def events(self, days: int, back: int = 0) -> list[int]:
        """The events of every user in the same window, of those who have any there; counts are known 37 days back.

        >>> state = UsageState({"ann": [0, 100, 0b1011, 3, 5, 3, 1], "bob": [1, 98, 0b1, 1, 4]}, newest_day=100)
        >>> UserBitmaps(state, 101).events(30), UserBitmaps(state, 101).events(30, back=2)
        ([9, 4], [4, 4])
        """
        mask = (1 << days) - 1
        pairs = zip(self._users.values(), self._bitmaps, strict=True)
        if back == 0 and self._is_newest:  # the same, for what is asked most
            return [
                user[COUNTS] if user[BITS] == 1 else sum(user[COUNTS : COUNTS + seen.bit_count()])
                for user, bits in pairs
                if (seen := bits & mask)
            ]
        return [
            user[COUNTS]
            if user[BITS] == 1
            else sum(
                user[(at := COUNTS + user[BITS].bit_count() - older.bit_count()) : at + (older & mask).bit_count()]
            )
            for user, bits in pairs
            if (older := bits >> back) & mask
        ]


@cache
def weekday_mask(day_mod_7: int) -> int:
    """Bits of the weekdays (Monday to Friday) among the 30 days that end with a day, bit 0 for that day.

    >>> bin(weekday_mask(3) & 0x7F)  # 1970-01-04 was a Sunday
    '0b1111100'
    """
    mask = 0
    for back in range(30):
        if (day_mod_7 - back + 3) % 7 < 5:
            mask |= 1 << back
    return mask
