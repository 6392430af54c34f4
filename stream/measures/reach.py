"""How many use it, of those who could."""

from typing import Final

from stream.contracts.report import Number
from stream.measures.active_users import weekday_mask
from stream.measures.context import MeasureContext
from stream.measures.registry import Measure, Measures, measures
from stream.measures.wording import shown

DAILY_USER_DAYS: Final = 16  # active days in 30 that make a daily, a weekly user. Source: docs/metrics.md
WEEKLY_USER_DAYS: Final = 4
PREVIOUS_HISTORY_DAYS: Final = 4  # 64 days of bits, of which it looks at 60

_WEEK: Final = 0x7F


def _active(before: Number | None, now: Number, measures: Measures) -> str | None:
    """People, where the licences say of how many; else shares."""
    seats = _seats(measures)
    if seats is None:
        known = shown(before, "percent")
        return f"people active this month {known} → {shown(now, 'percent')} of those known"
    then = "unknown" if before is None else f"{before * seats:.0f}"
    return f"people active this month {then} → {now * seats:.0f} of {seats:,.0f} seats"


def _seats(measures: Measures) -> float | None:
    """How many licences there are; None where that is unknown, or can't be told from the measures."""
    rate, mau = measures.get("license_utilization"), measures.get("mau")
    return round(mau / rate) if rate is not None and mau is not None and rate > 0 else None


@measures(
    Measure(
        "mau",
        "monthly active users",
        "count",
        "users",
        "distinct users with a usage event in the trailing 30 days",
        reference="Math, Festival",
        published="scan",
    ),
    Measure(
        "active_user_rate_monthly",
        "users active in a month",
        "percent",
        "ratio, may exceed 1",
        "mau / seats; where seats are unknown / users seen in 90 days",
        none_when="seats are 0; seats unknown and nobody seen",
        deserted=0,
        reference="Math",
        phrase=_active,
    ),
    Measure(
        "active_user_basis",
        "active user basis",
        "word",
        "word",
        "which of the two: `licensed_seats` or `known_users_90d`",
        none_when="there is no rate",
    ),
    Measure(
        "license_utilization",
        "licences in use",
        "percent",
        "ratio, may exceed 1",
        "mau / seats, of the subscriptions that run, else of the account feed; over 1 is a reason to talk about more",
        none_when="seats unknown or 0",
        deserted=0,
        reference="That matter",
    ),
    Measure(
        "turnover_exposure",
        "exposure to one departure",
        "percent",
        "ratio",
        "1 / mau: the share of active users that leaves when one person does",
        none_when="mau is 0",
        deserted=0,
        reference="Five metrics",
    ),
    Measure(
        "stickiness",
        "stickiness (daily / monthly users)",
        "percent",
        "ratio",
        "mean dau of the trailing 30 days / mau",
        none_when="mau is 0",
        deserted=0,
        reference="Festival",
    ),
    Measure(
        "frequency_30d",
        "active days per user in a month",
        "count",
        "days, 1..30",
        "mean active days per active user in the trailing 30 days",
        none_when="mau is 0",
        deserted=0,
        reference="Five metrics",
    ),
    source="usage",
    available=lambda known: known.use or known.seats,
)
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


@measures(
    Measure(
        "dau",
        "daily active users",
        "count",
        "users",
        "distinct users with a usage event in the trailing day",
        reference="Math, Festival",
    ),
    Measure(
        "wau",
        "weekly active users",
        "count",
        "users",
        "distinct users with a usage event in the trailing 7 days",
        reference="Math, Festival",
    ),
    Measure(
        "wau_previous",
        "weekly active users, the week before",
        "count",
        "users",
        "the same for the 7 days before the trailing 7",
    ),
    Measure(
        "mau_previous",
        "monthly active users, the month before",
        "count",
        "users",
        "the same for the 30 days before the trailing 30",
        none_when="as of more than 4 days before the newest usage",
        deserted=0,
        history_days=PREVIOUS_HISTORY_DAYS,
        published="scan",
    ),
    Measure(
        "active_user_rate_daily",
        "users active in a day",
        "percent",
        "ratio, may exceed 1",
        "dau / seats; where seats are unknown / users seen in 90 days",
        none_when="seats are 0; seats unknown and nobody seen",
        deserted=0,
        reference="Math",
    ),
    Measure(
        "active_user_rate_weekly",
        "users active in a week",
        "percent",
        "ratio, may exceed 1",
        "wau / seats; where seats are unknown / users seen in 90 days",
        none_when="seats are 0; seats unknown and nobody seen",
        deserted=0,
        reference="Math",
    ),
    Measure(
        "license_utilization_daily",
        "licences in use on a weekday",
        "percent",
        "ratio, may exceed 1",
        "mean dau of the weekdays (Monday to Friday) in the trailing 30 days / seats",
        none_when="seats unknown or 0",
        deserted=0,
        reference="That matter",
    ),
    Measure(
        "users_daily",
        "daily users",
        "count",
        "users",
        "active users with 16 or more active days of 30",
        reference="Five metrics",
    ),
    Measure(
        "users_weekly",
        "weekly users",
        "count",
        "users",
        "active users with 4 to 15 active days of 30",
        reference="Five metrics",
    ),
    Measure(
        "users_monthly",
        "occasional users",
        "count",
        "users",
        "active users with 1 to 3 active days of 30",
        reference="Five metrics",
    ),
    source="usage",
    available=lambda known: known.use or known.seats,
)
def windows(context: MeasureContext) -> Measures:
    """The same of the other windows, and by how often people come. Source: docs/metrics.md, active users, frequency."""
    base, licensed, back = context.base, context.account.licensed, context.back
    month, today, week, week_before = context.month, 1 << back, _WEEK << back, _WEEK << back + 7
    this_week = [bits for bits in month if bits & week]
    dau, wau = len([1 for bits in this_week if bits & today]), len(this_week)
    often = [days for days in context.frequencies if days >= WEEKLY_USER_DAYS]
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
    known = context.day >= context.activity.newest_day - PREVIOUS_HISTORY_DAYS
    return context.mau_previous if known else None


def _weekday_rate(context: MeasureContext, licensed: int) -> float:
    """Licences in use on a weekday of the trailing 30 days, in the mean."""
    weekdays = weekday_mask(context.day % 7)
    used = sum([(bits & weekdays << context.back).bit_count() for bits in context.month])
    return used / weekdays.bit_count() / licensed
