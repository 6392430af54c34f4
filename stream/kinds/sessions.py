"""An account's sessions: of each day a sample that does not depend on the order of arrival, exact where they are few.

A session is what carries one session_id within one day. Of each day the KEPT_A_DAY sessions with the smallest hashes of
their ids are kept, with their seconds and features: which these are is the same in every order, and whatever belongs to
one of them is always counted. Over several days the sessions below the smallest of the full days' largest hashes are a
uniform sample of all sessions, so a median over it is one over all; where no day is full it is over all of them.
Source: theta sketches (Dasgupta, Lang, Rhodes and Thaler, A Framework for Estimating Stream Expression Cardinalities).
"""

from typing import Final
from zlib import crc32

KEPT_A_DAY: Final = 4  # so exact for accounts with at most 3 sessions a day
DAYS_KEPT: Final = 37  # 30 days, looked at from up to 7 days later
SECONDS_MAX: Final = 86_400

# A session: [hash, seconds (-1: none of its events says a duration), ordinals of its features ...].
HASH, SECONDS, FEATURES = range(3)

Sessions = dict[int, list[list[int]]]
_UNTOLD: Final = -1
_ABOVE_ALL: Final = 1 << 32  # hashes have 32 bits


def hash_of(session_id: str) -> int:
    """A hash of 32 bits, the same in every process; the multiplication spreads ids that only differ at their ends."""
    return crc32(session_id.encode()) * 0x9E3779B1 & 0xFFFFFFFF


def entry_for(sessions: Sessions, day: int, key: int) -> list[int]:
    """The session of a day to add to, which is in the sample or comes into it.

    Args:
        sessions: by day (since 1970-01-01), each day's in the order of their hashes.
        day: the event's day.
        key: the hash of its session.
    """
    kept = sessions.setdefault(day, [])
    at = 0
    for session in kept:
        if session[HASH] >= key:
            if session[HASH] == key:
                return session
            break
        at += 1
    session = [key, _UNTOLD]
    kept.insert(at, session)
    del kept[KEPT_A_DAY:]
    return session


def add(session: list[int], feature: int, seconds: float | None) -> None:
    """Count one event into its session: its duration, in whole seconds, and its feature's ordinal.

    >>> session = [7, -1]
    >>> add(session, 3, 12.6), add(session, 3, None), add(session, 0, 5), session
    (None, None, None, [7, 18, 3, 0])
    """
    if seconds is not None:
        known = session[SECONDS]
        total = int(seconds + 0.5) + (known if known > 0 else 0)
        session[SECONDS] = total if total < SECONDS_MAX else SECONDS_MAX
    if feature not in session[FEATURES:]:
        session.append(feature)


def take(sessions: Sessions, day: int, session: list[int]) -> None:
    """Take a session of another account in, where it comes into the day's sample; one that is there grows by it."""
    kept = sessions.get(day, [])
    if len(kept) >= KEPT_A_DAY and session[HASH] > kept[-1][HASH]:
        return
    mine = entry_for(sessions, day, session[HASH])
    seconds = session[SECONDS]
    for feature in session[FEATURES:]:
        add(mine, feature, None)
    if seconds != _UNTOLD:
        known = mine[SECONDS]
        mine[SECONDS] = min(seconds + (known if known > 0 else 0), SECONDS_MAX)


def prune(sessions: Sessions, newest_day: int) -> None:
    """Forget the days that no window can reach any more."""
    for day in [day for day in sessions if day <= newest_day - DAYS_KEPT]:
        del sessions[day]


def sample(sessions: Sessions, day: int, days: int) -> list[list[int]]:
    """A uniform sample of the sessions of the `days` days that end with `day`: all of them while no day is full."""
    inside = [kept for at, kept in sessions.items() if day - days < at <= day]
    below = min([kept[-1][HASH] for kept in inside if len(kept) == KEPT_A_DAY], default=_ABOVE_ALL)
    return [session for kept in inside for session in kept if session[HASH] < below]
