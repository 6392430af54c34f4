"""What people set by hand in the place of the scorecard's verdict: each setting as a fact, with time and expiry.

The settings are kept, not only the newest, so that a comparison with an earlier day knows what held then. Their order
of arrival makes no difference: the one that was set last holds, until it expires or is cleared.
"""

import bisect
from typing import Final, Literal

from msgspec import Struct

from stream.contracts.report import Band

DAYS_MAX: Final = 90  # the longest that an override may hold
KEPT_MAX: Final = 32  # settings of one account; of more the oldest are forgotten


class Setting(Struct, array_like=True, gc=False, frozen=True, order=True):
    """One override as it was set, or the clearing of one.

    Attributes:
        set_ms: when, epoch milliseconds; 0 for a clearing without a time.
        expires_ms: until when it holds; a clearing holds for no time at all: set_ms.
        owner, reason: who, and why.
        score: 0..100; -1 when a band was set, or nothing.
        band: the band that was set; empty when a score was, or nothing.
    """

    set_ms: int
    expires_ms: int
    owner: str = ""
    reason: str = ""
    score: float = -1.0
    band: Band | Literal[""] = ""


def fold(settings: list[Setting], setting: Setting) -> bool:
    """Take in a setting, in any order; returns whether it was new.

    >>> known = []
    >>> fold(known, Setting(5, 9)), fold(known, Setting(2, 4)), fold(known, Setting(5, 9)), [s.set_ms for s in known]
    (True, True, False, [2, 5])
    """
    at = bisect.bisect_left(settings, setting)
    if at < len(settings) and settings[at] == setting:
        return False
    settings.insert(at, setting)
    if len(settings) > KEPT_MAX:
        del settings[0]
        return at > 0
    return True


def in_force(settings: list[Setting], at_ms: int) -> Setting | None:
    """The setting that holds at a moment; None without one.

    >>> known = [Setting(2, 8, "ann", "sponsor left", 20.0), Setting(5, 5)]
    >>> in_force(known, 4).score, in_force(known, 5), in_force(known[:1], 8)
    (20.0, None, None)
    """
    for setting in reversed(settings):
        if setting.set_ms <= at_ms:
            return setting if at_ms < setting.expires_ms else None
    return None
