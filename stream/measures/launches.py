"""Whether the account has taken up what was launched."""

from stream.measures.context import MeasureContext
from stream.measures.milestones import started_day
from stream.measures.registry import Measure, Measures, measures


@measures(
    Measure(
        "launch_uptake_days",
        "launch uptake days",
        "mapping",
        "days",
        "by feature launched so far: days to its first use, from the launch or from the account's "
        "beginning where that came later; 0 where it was used before",
        none_when="not used yet; absent: not yet launched",
        reference="That matter (uptake)",
    ),
    Measure(
        "launches_unused",
        "launched features never used",
        "count",
        "features",
        "features launched so far that were never used",
        none_when="none is configured, or launched yet; the beginning is unknown",
        deserted=None,
        reference="That matter",
    ),
    source="usage",
    available=lambda known: known.launches,
)
def launches(context: MeasureContext) -> Measures:
    """Per launched feature the days until the account first used it; how many it has never used.

    The days count from the launch, or from the account's beginning where that came later; 0 where it was used before. A
    feature that is launched after `day` is not counted. Source: docs/metrics.md, launches.
    """
    state, day, product = context.state, context.day, context.account.product
    if not product.launches:
        return {"launch_uptake_days": {}, "launches_unused": None}
    started = started_day(state)
    found: dict[str, int | None] = {}
    for name, launched in product.launches:
        if launched > day:
            continue
        use = state.usage.features.get(name)
        is_used = use is not None and 0 <= use.first_day <= day
        found[name] = max(use.first_day - max(launched, started or launched), 0) if use and is_used else None
    known = started is not None and started <= day
    return {
        "launch_uptake_days": found if known else {},
        "launches_unused": sum([days is None for days in found.values()]) if found and known else None,
    }
