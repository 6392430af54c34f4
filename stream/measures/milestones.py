"""How far an account has come: its first value, and the milestones on its way.

Both rest on the day of each feature's first use, which is remembered for good (`usage.FeatureUse.first_day`).
Milestones may also be commercial steps: from a trial to what is paid for, and to more of it. Nobody waits for those: an
account is stuck before a feature, and not before a purchase.
"""

from datetime import datetime
from typing import Any, Final

from stream.kinds.state import AccountState, zone_of
from stream.kinds.subscription import COMMERCIAL_STEPS, commercial_steps, money_of, terms
from stream.measures.context import MeasureContext
from stream.measures.product_config import ProductConfig
from stream.measures.registry import Measure, Measures, measures

SLOPE_DAYS: Final = 30
_NOTHING: Final[Measures] = {
    "time_to_first_value_days": None,
    "first_value_waiting_days": None,
    "milestone_days": {},
    "milestones_reached": None,
    "milestones_per_30_days": None,
    "milestone_next": None,
    "milestone_stuck_days": None,
    "milestone_gap_days": {},
    "milestone_values": {},
}


@measures(
    Measure(
        "time_to_first_value_days",
        "time to the first value",
        "days",
        "days",
        "days from the beginning to the first use of any key action; 0 where it came before",
        none_when="not reached; no key action is configured; the beginning is unknown",
        deserted=None,
        reference="Math, Five metrics",
        published="scan",
    ),
    Measure(
        "first_value_waiting_days",
        "waiting for the first value",
        "days",
        "days",
        "days since the beginning, while no key action was ever used",
        none_when="reached; no key action is configured; the beginning is unknown",
        deserted=None,
        reference="Math",
        published="clock",
    ),
    Measure(
        "milestone_days",
        "milestone days",
        "mapping",
        "days",
        "by milestone: days from the beginning to its first use, or to the commercial step",
        none_when="absent: not reached",
    ),
    Measure(
        "milestones_reached",
        "milestones reached",
        "count",
        "milestones",
        "milestones that were ever used, or taken",
        none_when="none is configured; the beginning is unknown",
        deserted=None,
        published="scan",
    ),
    Measure(
        "milestones_per_30_days",
        "milestones per 30 days",
        "count",
        "milestones a month",
        "milestones_reached x 30 / days since the beginning, that day included",
        none_when="none is configured; the beginning is unknown",
        deserted=None,
        published="clock",
    ),
    Measure(
        "milestone_next",
        "milestone next",
        "word",
        "word",
        "the first milestone that is a feature and was never used: where the account is stuck",
        none_when="all are reached; none is configured; the beginning is unknown",
        published="scan",
    ),
    Measure(
        "milestone_stuck_days",
        "days since the last milestone",
        "count",
        "days",
        "days since the newest reached milestone, else since the beginning, while another is missing",
        none_when="all are reached; none is configured; the beginning is unknown",
        deserted=None,
        published="clock",
    ),
    Measure(
        "milestone_gap_days",
        "milestone gap days",
        "mapping",
        "days",
        "by milestone but the first reached: days from the reached milestone before it; negative where it came first",
        none_when="absent: not reached",
    ),
    Measure(
        "milestone_values",
        "milestone values",
        "mapping",
        "money a month",
        "by commercial milestone: what the subscriptions were worth a month from then on",
        none_when="nobody says",
        reference="Math",
    ),
    source="usage",
    available=lambda known: known.value,
)
def milestones(context: MeasureContext) -> Measures:
    """First value and milestones. Source: docs/metrics.md, value."""
    return progress(context.state, context.day, context.account.product)


def progress(state: AccountState, day: int, product: ProductConfig) -> Measures:
    """First value and milestones as of a day. Source: docs/metrics.md, value.

    Args:
        state: the account's facts.
        day: the day asked about, as days since 1970-01-01.
        product: what counts; where it names nothing, the measures are None.
    """
    if not product.key_actions and not product.milestones:
        return dict(_NOTHING)
    started = started_day(state)
    first = {
        name: use.first_day for name, use in state.usage.features.items() if use.first_day >= 0 and use.first_day <= day
    }
    steps = _commercial(state, day, product)
    zone = zone_of(state)
    way = _milestones(first | {name: zone.day_of(ms) for name, ms in steps.items()}, started, day, product)
    reached = first_value_day(state, day, product)
    value_days, waiting_days = None, None
    if product.key_actions and started is not None and started <= day:
        value_days = max(reached - started, 0) if reached is not None else None
        waiting_days = None if reached is not None else day - started
    return {
        "time_to_first_value_days": value_days,
        "first_value_waiting_days": waiting_days,
        **way,
        "milestone_values": {
            name: money_of(terms(state.subscription, steps[name]))[0] for name in way["milestone_days"] if name in steps
        },
    }


def _commercial(state: AccountState, day: int, product: ProductConfig) -> dict[str, int]:
    """When the steps that are milestones were taken, epoch ms, up to `day`; usually none is one."""
    if not any(name in COMMERCIAL_STEPS for name in product.milestones):
        return {}
    zone = zone_of(state)
    return {name: ms for name, ms in commercial_steps(state.subscription).items() if zone.day_of(ms) <= day}


def _milestones(first: dict[str, int], started: int | None, day: int, product: ProductConfig) -> dict[str, Any]:
    """When each milestone was reached, how fast, which is next, and how long it has been waited for."""
    milestones = product.milestones
    known = started is not None and started <= day and milestones != ()
    reached = {name: max(first[name] - (started or 0), 0) for name in milestones if name in first} if known else {}
    age_days = day - (started or 0) + 1
    steps = list(reached.items())
    of_use = (name for name in milestones if name not in first and name not in COMMERCIAL_STEPS)
    missing = next(of_use, None) if known else None
    return {
        "milestone_days": reached,
        "milestones_reached": len(reached) if known else None,
        "milestones_per_30_days": len(reached) * SLOPE_DAYS / age_days if known else None,
        "milestone_next": missing,
        "milestone_stuck_days": age_days - 1 - max(reached.values(), default=0) if missing is not None else None,
        "milestone_gap_days": {
            name: at - before for (name, at), before in zip(steps[1:], reached.values(), strict=False)
        },
    }


def first_value_day(state: AccountState, day: int, product: ProductConfig) -> int | None:
    """The day of the first use of any key action, up to `day`; None: not yet."""
    uses = state.usage.features
    days = [uses[name].first_day for name in product.key_actions if name in uses]
    return min([at for at in days if 0 <= at <= day], default=None)


def started_day(state: AccountState) -> int | None:
    """The day the account began: `started_at` of the account feed, else of its first usage; None when neither is known.

    >>> started_day(AccountState(profile={"started_at": ("1970-01-03T00:00:00Z", 0)}))
    2
    """
    zone = zone_of(state)
    given = state.profile["started_at"][0] if "started_at" in state.profile else None
    if given is not None:
        return zone.day_of(round(datetime.fromisoformat(given).timestamp() * 1000))
    first_ms = state.usage.first_ms
    return None if first_ms is None else zone.day_of(first_ms)
