"""How far back each measure is known: as of how many days before the account's newest usage it is still exact.

Usage bitmaps reach 64 days back from each user's newest day, counts of events 37; users and events of a day, tickets
and answers go further. A measure that is not named here is exact for at least 28 days; a test holds it to that.
"""

from functools import cache
from typing import Final

REACH_DAYS: Final[dict[str, int]] = {
    "users_for_half": 7,  # 37 days of counts, of which it looks at 30
    "mau_previous": 4,  # 64 days of bits, of which it looks at 60
    "features_per_active_user": 0,  # of who used a feature only the newest day is known
    "balance": 0,
    "breadth_change_ratio": 4,  # as mau_previous
    "champions": 20,  # 64 days of bits, of which it looks at 44
    "champions_gone": 20,
    "session_minutes": 7,  # 37 days of sessions, of which it looks at 30
    "components_per_session": 7,
    "engagement_score": 7,
}


def known_at(wanted: frozenset[str], ahead_days: int) -> tuple[frozenset[str], tuple[str, ...]]:
    """The wanted measures that are known as of so many days before the account's newest usage, and those that are not.

    >>> known, unknown = known_at(frozenset({"mau", "balance", "champions"}), 7)
    >>> sorted(known), unknown
    (['champions', 'mau'], ('balance',))
    """
    return _known_at(wanted, min(max(ahead_days, 0), _FARTHEST_DAYS))


@cache
def _known_at(wanted: frozenset[str], ahead_days: int) -> tuple[frozenset[str], tuple[str, ...]]:
    """The same, for no more days than make a difference."""
    unknown = [name for name, reach_days in REACH_DAYS.items() if name in wanted and ahead_days > reach_days]
    return wanted.difference(unknown), tuple(unknown)


_FARTHEST_DAYS: Final = max(REACH_DAYS.values()) + 1
