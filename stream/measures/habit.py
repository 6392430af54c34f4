"""How often they use it, and whether that holds."""

from typing import Final

from stream import rolling
from stream.account import Activity
from stream.measures.silence import silence
from stream.measures.tally import Measures, Tally
from stream.trend import trend
from stream.workdays import Calendar
from stream.zones import Zone

CHANGE_DAYS: Final = 28
EARLIER_DAYS: Final = 7  # usage is known as of this many days before the newest event


def habit(activity: Activity, t: Tally, day: int, zone: Zone, calendar: Calendar) -> Measures:
    """How often they use it, and whether that holds. Source: docs/metrics.md, frequency, stickiness and change."""
    first_day = None if activity.first_ms is None else zone.day_of(activity.first_ms)
    compared = first_day is not None and day - first_day + 1 >= 2 * CHANGE_DAYS and t.user_days_previous > 0
    return {
        "stickiness": t.active_days / 30 / t.mau if t.mau > 0 else None,
        "frequency_30d": t.active_days / t.mau if t.mau > 0 else None,
        "users_daily": t.daily,
        "users_weekly": t.weekly,
        "users_monthly": t.mau - t.daily - t.weekly,
        "users_for_half": _users_for_half(activity, day),
        "activity_change_ratio": t.user_days / t.user_days_previous if compared else None,
        "days_known": day - first_day + 1 if first_day is not None and first_day <= day else None,
        **silence(activity, day, first_day, calendar),
    }


def trend_of(activity: Activity, day: int, calendar: Calendar) -> Measures:
    """Whether use goes its usual way. Source: docs/metrics.md, trend; docs/health.md, the trend."""
    found = trend(activity.days, day, calendar)
    return {
        "usage_trend_ratio": found.ratio if found is not None else None,
        "usage_trend_deviation": found.deviation if found is not None else None,
        "usage_trend_status": found.status if found is not None else None,
    }


def _users_for_half(activity: Activity, day: int) -> int | None:
    """The fewest users that make half of the trailing 30 days' events; None without events, or as of too early a day.

    1 means that one departure can lose the account. Source: docs/metrics.md, breadth.
    """
    if day < activity.newest_day - EARLIER_DAYS:
        return None
    counts = sorted([rolling.events_in(user, day) for user in activity.users.values()], reverse=True)
    total = sum(counts)
    reached = 0
    for place, count in enumerate(counts, start=1):
        reached += count
        if total > 0 and reached * 2 >= total:
            return place
    return None
