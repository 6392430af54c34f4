"""How much of the product they use."""

import math
from collections.abc import Collection
from typing import Final

from stream.kinds.usage import FeatureUse
from stream.measures.context import MONTH_DAYS, MeasureContext
from stream.measures.registry import Measure, Measures, measures

HABIT_DAYS_MIN: Final = 4  # once a week or so: what was tried once is not abandoned

_MONTH_MASK: Final = (1 << MONTH_DAYS) - 1


@measures(
    Measure(
        "depth",
        "core features in use",
        "percent",
        "ratio",
        "core features used in 30 days / core features (`product.core_features`)",
        none_when="no catalogue is configured",
        deserted=None,
        reference="Five metrics",
        published="scan",
    ),
    source="usage",
    available=lambda known: known.core_features,
)
def depth(context: MeasureContext) -> Measures:
    """How much of the core they use. Source: docs/metrics.md, depth."""
    core, uses, day = context.account.core_features, context.activity.features, context.day
    if not core:
        return {"depth": None}
    return {"depth": len([name for name in core if name in uses and _in_use(uses[name], day)]) / len(core)}


def _in_use(use: FeatureUse, day: int) -> bool:
    """Whether a feature was used in the trailing 30 days."""
    ahead = day - use.last_day
    return 0 <= ahead < MONTH_DAYS or (ahead < 0 and use.bits >> -ahead & _MONTH_MASK != 0)


@measures(
    Measure(
        "core_features_abandoned",
        "core features they stopped using",
        "count",
        "features",
        "core features that were in use on 4 or more of the 64 days up to their last, and not in the trailing 30",
        none_when="no catalogue is configured; as of before the newest usage",
        deserted=None,
        history_days=0,
    ),
    Measure(
        "core_features_abandoned_names",
        "which core features they stopped using",
        "list",
        "features",
        "their names; none as of before the newest usage",
    ),
    source="usage",
    available=lambda known: known.core_features,
)
def abandoned(context: MeasureContext) -> Measures:
    """What of the core was a habit, and is none any more. Source: docs/metrics.md, depth."""
    core, uses, day = context.account.core_features, context.activity.features, context.day
    if not core or day < context.activity.newest_day:
        return {"core_features_abandoned": None, "core_features_abandoned_names": []}
    names = [
        name
        for name in sorted(core)
        if (use := uses.get(name)) is not None
        and day - use.last_day >= MONTH_DAYS
        and use.bits.bit_count() >= HABIT_DAYS_MIN
    ]
    return {"core_features_abandoned": len(names), "core_features_abandoned_names": names}


@measures(
    Measure(
        "features_30d",
        "features in use",
        "count",
        "features",
        "distinct features used in the trailing 30 days",
        reference="Five metrics",
    ),
    Measure(
        "features_per_active_user",
        "features per user",
        "count",
        "features",
        "users of each feature, summed / mau",
        none_when="mau is 0; as of before the newest usage",
        deserted=0,
        reference="Five metrics",
        history_days=0,
    ),
    Measure(
        "balance",
        "balance over core features",
        "percent",
        "ratio",
        "Shannon entropy of the core features' user counts / its maximum: 1 all alike, 0 only one",
        none_when="fewer than two core features; no use; as of before the newest usage",
        deserted=0,
        reference="Five metrics",
        history_days=0,
    ),
    Measure(
        "feature_adoption_rate",
        "feature adoption rate",
        "mapping",
        "ratio",
        "by feature: its users in 30 days / mau",
        none_when="absent: not used in 30 days; all: mau is 0, or as of before the newest usage",
        reference="Math, That matter",
    ),
    Measure(
        "feature_status",
        "feature status",
        "mapping",
        "word",
        "by feature: `used` in 30 days, `lapsed`, `never used` (of the catalogue)",
        reference="Five metrics",
        published="scan",
    ),
    source="usage",
    available=lambda known: known.use or known.core_features,
)
def features(context: MeasureContext) -> Measures:
    """How much of the product they use. Source: docs/metrics.md, depth and feature adoption.

    Per-user numbers (adoption, balance, features_per_active_user) are None as of a day before the newest usage.
    """
    uses, mau, day, core = context.activity.features, context.mau, context.day, context.account.core_features
    known = mau > 0 and day >= context.activity.newest_day
    adopters = _adopters(uses, day + 1 - MONTH_DAYS) if known else {}
    used: Collection[str] = adopters if known else [name for name, use in uses.items() if _in_use(use, day)]
    status = dict.fromkeys(uses, "used" if len(used) == len(uses) else "lapsed")
    if len(used) < len(uses):
        status.update(dict.fromkeys(used, "used"))
    for name in core:
        status.setdefault(name, "never used")
    return {
        "features_30d": len(used),
        "features_per_active_user": sum(adopters.values()) / mau if known else None,
        "balance": _balance([adopters.get(name, 0) for name in sorted(core)]) if known and core else None,
        "feature_adoption_rate": {name: count / mau for name, count in adopters.items()},
        "feature_status": status,
    }


def _adopters(uses: dict[str, FeatureUse], day: int) -> dict[str, int]:
    """How many have used a feature on a day or later, for each that is in use since; all, where none did before."""
    return {
        name: len(use.users) if use.first_day >= day else len([1 for last in use.users.values() if last >= day])
        for name, use in uses.items()
        if use.last_day >= day
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
