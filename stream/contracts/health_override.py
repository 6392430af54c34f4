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


class HealthOverride(Struct, array_like=True, gc=False, frozen=True, order=True):
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


def fold(overrides: list[HealthOverride], override: HealthOverride) -> bool:
    """Take in an override, in any order; returns whether it was new.

    >>> known = []
    >>> fold(known, HealthOverride(5, 9)), fold(known, HealthOverride(2, 4)), fold(known, HealthOverride(5, 9))
    (True, True, False)
    >>> [each.set_ms for each in known]
    [2, 5]
    """
    at = bisect.bisect_left(overrides, override)
    if at < len(overrides) and overrides[at] == override:
        return False
    overrides.insert(at, override)
    if len(overrides) > KEPT_MAX:
        del overrides[0]
        return at > 0
    return True


def in_force(overrides: list[HealthOverride], at_ms: int) -> HealthOverride | None:
    """The setting that holds at a moment; None without one.

    >>> known = [HealthOverride(2, 8, "ann", "sponsor left", 20.0), HealthOverride(5, 5)]
    >>> in_force(known, 4).score, in_force(known, 5), in_force(known[:1], 8)
    (20.0, None, None)
    """
    for override in reversed(overrides):
        if override.set_ms <= at_ms:
            return override if at_ms < override.expires_ms else None
    return None
