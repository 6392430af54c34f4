"""How far an account has come: its first value, and the milestones on its way.

Both rest on the day of each feature's first use, which is remembered for good (`usage.FeatureUse.first_day`).
"""

from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from stream.calendar.workdays import NO_CALENDARS, Calendars
from stream.kinds.state import AccountState, zone_of

SLOPE_DAYS: Final = 30


class ProductConfig(Struct, frozen=True):
    """What the product counts as value, when its customers work, and what those who look after them have set.

    Attributes:
        key_actions: features whose use is value to the customer; the first use of any of them is the first value.
        milestones: features in the order in which an account comes to use them.
        calendars: the working days of each segment.
        launches: features with the day of their launch (since 1970-01-01).
        follow_up_ms: how soon a promoter's or detractor's answer is to be followed up; None: nothing is set.
        engagement_weights: part of the engagement score to its weight; None: `measures.engagement.WEIGHTS`.
    """

    key_actions: frozenset[str] = frozenset()
    milestones: tuple[str, ...] = ()
    calendars: Calendars = NO_CALENDARS
    launches: tuple[tuple[str, int], ...] = ()
    follow_up_ms: int | None = None
    engagement_weights: dict[str, float] | None = None


NO_PRODUCT_CONFIG: Final = ProductConfig()
_NOTHING: Final[dict[str, Any]] = {
    "time_to_first_value_days": None,
    "first_value_waiting_days": None,
    "milestone_days": {},
    "milestones_reached": None,
    "milestones_per_30_days": None,
    "milestone_next": None,
    "milestone_stuck_days": None,
    "milestone_gap_days": {},
}


def progress(state: AccountState, day: int, product: ProductConfig) -> dict[str, Any]:
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
    reached = first_value_day(state, day, product)
    value_days, waiting_days = None, None
    if product.key_actions and started is not None and started <= day:
        value_days = max(reached - started, 0) if reached is not None else None
        waiting_days = None if reached is not None else day - started
    return {
        "time_to_first_value_days": value_days,
        "first_value_waiting_days": waiting_days,
        **_milestones(first, started, day, product.milestones),
    }


def _milestones(first: dict[str, int], started: int | None, day: int, milestones: tuple[str, ...]) -> dict[str, Any]:
    """When each milestone was reached, how fast, which is next, and how long it has been waited for."""
    known = started is not None and started <= day and milestones != ()
    reached = {name: max(first[name] - (started or 0), 0) for name in milestones if name in first} if known else {}
    age_days = day - (started or 0) + 1
    steps = list(reached.items())
    missing = next((name for name in milestones if name not in first), None) if known else None
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
