"""How much of the product they use."""

import math
from typing import Final

from stream.account import FeatureUse
from stream.measures.asked import Asked
from stream.measures.tally import Measures

_MONTH_MASK: Final = (1 << 30) - 1


def depth(asked: Asked) -> Measures:
    """How much of the core they use. Source: docs/metrics.md, depth."""
    core, uses, day = asked.core_features, asked.activity.features, asked.day
    used = sum([name in uses and _in_use(uses[name], day) for name in core])
    return {"depth": used / len(core) if core else None}


def _in_use(use: FeatureUse, day: int) -> bool:
    """Whether a feature was used in the trailing 30 days."""
    ahead = day - use.last_day
    return 0 <= ahead < 30 or (ahead < 0 and use.bits >> -ahead & _MONTH_MASK != 0)


def features(asked: Asked) -> Measures:
    """How much of the product they use. Source: docs/metrics.md, depth and feature adoption.

    Per-user numbers (adoption, balance, features_per_active_user) are None as of a day before the newest usage.
    """
    activity, mau, day, core = asked.activity, asked.mau, asked.day, asked.core_features
    known = mau > 0 and day >= activity.newest_day
    used = 0
    adopters: dict[str, int] = {}
    status: dict[str, str] = {}
    for name, use in activity.features.items():
        if not _in_use(use, day):
            status[name] = "lapsed"
            continue
        status[name] = "used"
        used += 1
        if known:
            adopters[name] = sum([last > day - 30 for last in use.users.values()])
    for name in core:
        status.setdefault(name, "never used")
    return {
        "features_30d": used,
        "features_per_active_user": sum(adopters.values()) / mau if known else None,
        "balance": _balance([adopters.get(name, 0) for name in sorted(core)]) if known else None,
        "feature_adoption_rate": {name: count / mau for name, count in adopters.items()},
        "feature_status": status,
    }


def _balance(users: list[int]) -> float | None:
    """Normalised entropy of use over the core features: 1 when all are used alike, 0 when only one is.

    Taken over the users of each feature and not its events, so that one script can't tilt it; None with fewer than two
    core features, or no use. Source: Shannon entropy over its maximum, log of the number of features.

    >>> _balance([5, 5]), _balance([5, 0]), _balance([0, 0])
    (1.0, 0.0, None)
    """
    total = sum(users)
    if len(users) < 2 or total == 0:
        return None
    entropy = -sum(count / total * math.log(count / total) for count in users if count > 0)
    return max(0.0, entropy) / math.log(len(users))
