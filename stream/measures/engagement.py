"""One number for how intensely an account uses the product."""

from collections.abc import Mapping
from typing import Final

from stream.measures.context import MeasureContext
from stream.measures.features import depth
from stream.measures.registry import Measure, Measures, measures
from stream.measures.sessions import HISTORY_DAYS

# What each part is worth, and the value that is full marks. Source: docs/metrics.md, engagement.
WEIGHTS: Final[dict[str, float]] = {
    "license_utilization": 30,
    "frequency_30d": 30,
    "depth": 25,
    "session_minutes": 15,
}
FULL: Final[dict[str, float]] = {
    "license_utilization": 1.0,
    "frequency_30d": 16,  # active days of a daily user
    "depth": 1.0,
    "session_minutes": 30,
}
PARTS_MIN: Final = 2


@measures(
    Measure(
        "engagement_score",
        "engagement score",
        "score",
        "0..100",
        "weighted mean of what is known of: `license_utilization` (30, full marks at 1), "
        "`frequency_30d` (30, at 16 days), `depth` (25, at 1), `session_minutes` (15, at 30 minutes)",
        none_when="never used; fewer than two of them are known",
        deserted=0,
        reference="That matter",
        history_days=HISTORY_DAYS,
    ),
    source="usage",
    available=lambda known: known.use and (known.seats or known.core_features or known.sessions),
)
def engagement(context: MeasureContext) -> Measures:
    """The engagement score of an account; None where it was never used. Source: docs/metrics.md, engagement."""
    if context.account.first_day is None or context.day < context.activity.newest_day - HISTORY_DAYS:
        return {"engagement_score": None}
    seats, mau = context.account.seats, context.mau
    parts = {
        "license_utilization": mau / seats if seats is not None and seats > 0 else None,
        "frequency_30d": context.active_days / mau if mau > 0 else None,
        "depth": depth(context)["depth"] if context.account.core_features else None,
        "session_minutes": context.sessions["session_minutes"],
    }
    return {"engagement_score": engagement_score(parts, context.account.product.engagement_weights or WEIGHTS)}


def engagement_score(values: Mapping[str, float | None], weights: Mapping[str, float] = WEIGHTS) -> float | None:
    """The weighted mean of the parts that are known, each up to its full marks, 0..100.

    None where fewer than two parts that have a weight are known: one number would then pass for a mix.

    >>> engagement_score({"license_utilization": 0.5, "frequency_30d": 8.0, "depth": None, "session_minutes": None})
    50.0
    """
    whole = reached = 0.0
    parts = 0
    for name, weight in weights.items():
        value = values.get(name)
        if weight > 0 and value is not None:
            parts += 1
            whole += weight
            reached += weight * min(value / FULL[name], 1.0)
    return 100 * reached / whole if parts >= PARTS_MIN else None
