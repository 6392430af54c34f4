"""How often they use it, and whether that holds."""

from typing import Final

from stream.history.daily import user_days
from stream.measures.active_users import Measures
from stream.measures.context import MONTH_DAYS, MeasureContext
from stream.measures.inactivity import silence
from stream.measures.trend import trend

CHANGE_DAYS: Final = 28
EARLIER_DAYS: Final = 7  # usage is known as of this many days before the newest event


def concentration(context: MeasureContext) -> Measures:
    """On how few people the use rests. Source: docs/metrics.md, breadth."""
    return {"users_for_half": _users_for_half(context)}


def pause(context: MeasureContext) -> Measures:
    """Since when nobody was there. Source: docs/metrics.md, silence."""
    return silence(context.activity, context.day, context.account.first_day, context.account.calendar)


def change(context: MeasureContext) -> Measures:
    """User-days of the trailing 28 days against those of the 28 before. Source: docs/metrics.md, change.

    None while the account is younger than both, or where there were none before.
    """
    days_known, ratio = context.days_known, None
    if days_known is not None and days_known >= 2 * CHANGE_DAYS:
        before = user_days(context.activity.days, context.day - CHANGE_DAYS, CHANGE_DAYS)
        ratio = user_days(context.activity.days, context.day, CHANGE_DAYS) / before if before > 0 else None
    return {"activity_change_ratio": ratio, "days_known": days_known}


def course(context: MeasureContext) -> Measures:
    """Whether use goes its usual way. Source: docs/metrics.md, trend; docs/health.md, the trend."""
    found = trend(context.activity.days, context.day, context.account.calendar)
    return {
        "usage_trend_ratio": found.ratio if found is not None else None,
        "usage_trend_deviation": found.deviation if found is not None else None,
        "usage_trend_status": found.status if found is not None else None,
    }


def _users_for_half(context: MeasureContext) -> int | None:
    """The fewest users that make half of the trailing 30 days' events; None without events, or as of too early a day.

    1 means that one departure can lose the account. Source: docs/metrics.md, breadth.
    """
    if context.day < context.activity.newest_day - EARLIER_DAYS:
        return None
    counts = context.account.people.events(MONTH_DAYS, context.back)
    counts.sort(reverse=True)
    missing = sum(counts) / 2
    for place, count in enumerate(counts, start=1):
        missing -= count
        if missing <= 0:
            return place
    return None
