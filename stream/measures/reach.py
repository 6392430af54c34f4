"""How many use it, of those who could."""

from typing import Final

from stream.measures.active_users import Measures, weekday_mask
from stream.measures.context import MeasureContext
from stream.measures.history_days import REACH_DAYS

DAILY_USER_DAYS: Final = 16  # active days in 30 that make a daily, a weekly user. Source: docs/metrics.md
WEEKLY_USER_DAYS: Final = 4

_WEEK: Final = 0x7F


def reach(context: MeasureContext) -> Measures:
    """Of the trailing month: how many use it, of those who could, and how often. Source: docs/metrics.md, reach."""
    mau, active_days, base, licensed = context.mau, context.active_days, context.base, context.account.licensed
    return {
        "mau": mau,
        "active_user_rate_monthly": mau / base if base is not None else None,
        "active_user_basis": None if base is None else "licensed_seats" if licensed is not None else "known_users_90d",
        "license_utilization": mau / licensed if licensed is not None else None,
        "turnover_exposure": 1 / mau if mau > 0 else None,
        "stickiness": active_days / 30 / mau if mau > 0 else None,
        "frequency_30d": active_days / mau if mau > 0 else None,
    }


def windows(context: MeasureContext) -> Measures:
    """The same of the other windows, and by how often people come. Source: docs/metrics.md, active users, frequency."""
    base, licensed, back = context.base, context.account.licensed, context.back
    month, today, week, week_before = context.month, 1 << back, _WEEK << back, _WEEK << back + 7
    dau, wau = len([1 for bits in month if bits & today]), len([1 for bits in month if bits & week])
    often = [days for bits in month if (days := bits.bit_count()) >= WEEKLY_USER_DAYS]
    daily = len([1 for days in often if days >= DAILY_USER_DAYS])
    weekly = len(often) - daily
    return {
        "dau": dau,
        "wau": wau,
        "wau_previous": len([1 for bits in month if bits & week_before]),
        "mau_previous": mau_previous(context),
        "active_user_rate_daily": dau / base if base is not None else None,
        "active_user_rate_weekly": wau / base if base is not None else None,
        "license_utilization_daily": _weekday_rate(context, licensed) if licensed is not None else None,
        "users_daily": daily,
        "users_weekly": weekly,
        "users_monthly": context.mau - daily - weekly,
    }


def mau_previous(context: MeasureContext) -> int | None:
    """People active in the 30 days before the trailing 30; None as of a day whose bits do not reach so far back."""
    known = context.day >= context.activity.newest_day - REACH_DAYS["mau_previous"]
    return context.mau_previous if known else None


def _weekday_rate(context: MeasureContext, licensed: int) -> float:
    """Licences in use on a weekday of the trailing 30 days, in the mean."""
    weekdays = weekday_mask(context.day % 7)
    used = sum([(bits & weekdays << context.back).bit_count() for bits in context.month])
    return used / weekdays.bit_count() / licensed
