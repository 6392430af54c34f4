"""How often they use it, and whether that holds."""

from typing import Final

from stream.calendar.day import iso_date
from stream.contracts.report import Number
from stream.history.daily import user_days
from stream.measures.context import MONTH_DAYS, MeasureContext
from stream.measures.registry import Measure, Measures, measures

CHANGE_DAYS: Final = 28
HISTORY_DAYS: Final = 7  # 37 days of counts, of which it looks at 30


def _change(before: Number | None, now: Number, measures: Measures) -> str | None:
    """How far the use of four weeks lies from that of the four before."""
    if now == 0:
        return "no use in 4 weeks"
    if round(now * 100) == 100:
        return "use as in the 4 weeks before"
    text = f"use {_off(now)} the 4 weeks before"
    # Better, and still below, or worse, and still above: then both are needed.
    return f"{text} (was {_off(before)})" if before is not None and (now > before) == (now < 1) else text


def _off(ratio: Number) -> str:
    """How far a ratio lies from 1."""
    off = round((ratio - 1) * 100)
    return f"{abs(off)}% {'below' if off < 0 else 'above'}"


@measures(
    Measure(
        "users_for_half",
        "people behind half of the usage",
        "count",
        "users",
        "the fewest users that make half of the trailing 30 days' events; 1: one departure can lose the account",
        none_when="no events; as of more than 7 days before the newest usage",
        deserted=0,
        reference="Five metrics (breadth)",
        history_days=HISTORY_DAYS,
        published="scan",
    ),
    source="usage",
    available=lambda known: known.use,
)
def concentration(context: MeasureContext) -> Measures:
    """On how few people the use rests. Source: docs/metrics.md, breadth."""
    return {"users_for_half": _users_for_half(context)}


@measures(
    Measure(
        "activity_change_ratio",
        "activity against the 4 weeks before",
        "percent",
        "ratio, may exceed 1",
        "user-days of the trailing 28 days / user-days of the 28 before",
        none_when="the account is younger than 56 days; no use in the 28 before",
        deserted=0,
        reference="Festival",
        phrase=_change,
        stands_alone=True,
    ),
    Measure(
        "days_known",
        "days since the first use",
        "count",
        "days",
        "days from the first use to as_of, both counted",
        none_when="never used",
        deserted=0,
        published="clock",
    ),
    Measure(
        "known_since",
        "first use",
        "word",
        "ISO date",
        "the day of the first use",
        none_when="never used",
        published="scan",
    ),
    source="usage",
    available=lambda known: known.use,
)
def activity_change(context: MeasureContext) -> Measures:
    """User-days of the trailing 28 days against those of the 28 before. Source: docs/metrics.md, change.

    None while the account is younger than both, or where there were none before.
    """
    days_known, ratio = context.days_known, None
    if days_known is not None and days_known >= 2 * CHANGE_DAYS:
        before = user_days(context.activity.days, context.day - CHANGE_DAYS, CHANGE_DAYS)
        ratio = user_days(context.activity.days, context.day, CHANGE_DAYS) / before if before > 0 else None
    since = iso_date(context.day + 1 - days_known) if days_known is not None else None
    return {"activity_change_ratio": ratio, "days_known": days_known, "known_since": since}


def _users_for_half(context: MeasureContext) -> int | None:
    """The fewest users that make half of the trailing 30 days' events; None without events, or as of too early a day.

    1 means that one departure can lose the account. Source: docs/metrics.md, breadth.
    """
    if context.day < context.activity.newest_day - HISTORY_DAYS:
        return None
    counts = context.account.people.events(MONTH_DAYS, context.back)
    counts.sort(reverse=True)
    missing = sum(counts) / 2
    for position, count in enumerate(counts, start=1):
        missing -= count
        if missing <= 0:
            return position
    return None
