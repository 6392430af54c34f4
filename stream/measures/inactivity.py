"""How long an account has been quiet, in working days and in its own pauses."""

from typing import Final

from stream.calendar.day import iso_date
from stream.contracts.events import iso
from stream.contracts.report import Number
from stream.history.daily import active_days, last_active_day
from stream.measures.context import MeasureContext
from stream.measures.registry import Measure, Measures, measures
from stream.measures.wording import counted

CADENCE_DAYS: Final = 56
MISSED_PAUSES: Final = 2  # silent is who missed two usual pauses, and a day beyond

_NEVER_USED: Final[Measures] = {
    "days_since_active": None,
    "silence_working_days": None,
    "silence_limit_days": None,
    "silence_ratio": None,
}


def _silent(before: Number | None, now: Number, measures: Measures) -> str | None:
    """For how long nobody was there."""
    days = measures.get("days_since_active")
    if days is None:
        return None
    if before is not None and before > now:
        return "in use again" if days == 0 else f"in use again, last {'yesterday' if days == 1 else f'{days} days ago'}"
    if days == 0:
        return "in use today"
    quiet, limit = measures.get("silence_working_days"), measures.get("silence_limit_days")
    if quiet is None or limit is None:
        return None
    if quiet <= limit:
        return f"{counted(quiet, 'working day')} without use, where up to {limit} are usual"
    return f"nobody active for {counted(quiet, 'working day')} ({counted(days, 'calendar day')})"


@measures(
    Measure(
        "days_since_active",
        "days without any use",
        "count",
        "days",
        "days since anyone was active",
        none_when="never used",
        deserted=0,
        published="clock",
    ),
    Measure(
        "silence_working_days",
        "working days without any use",
        "count",
        "working days",
        "working days that went by since anyone was active: after the last active day and before as_of's own",
        none_when="never used",
        deserted=0,
        published="clock",
    ),
    Measure(
        "silence_limit_days",
        "working days without use that are usual here, at most",
        "count",
        "working days",
        "2 x the usual pause + 1, rounded: after so many working days this account is silent",
        none_when="never used",
        deserted=0,
        published="scan",
    ),
    Measure(
        "silence_ratio",
        "silence, against what is usual here",
        "times",
        "times",
        "silence_working_days / the usual pause: working days for each active day, at least 1, over "
        "the 56 days that end with the last active day (fewer for a younger account)",
        none_when="never used",
        deserted=0,
        phrase=_silent,
        stands_alone=True,
        published="clock",
    ),
    Measure(
        "last_active_on",
        "day of the last use",
        "word",
        "ISO date",
        "the day on which anyone was active last",
        none_when="never used",
        published="scan",
    ),
    Measure(
        "last_active_at",
        "last use",
        "word",
        "ISO time, UTC",
        "when anyone was active last",
        none_when="never used; as of a moment before the newest usage",
    ),
    source="usage",
    available=lambda known: known.use,
)
def inactivity(context: MeasureContext) -> Measures:
    """Since when nobody was there. Source: docs/metrics.md, silence."""
    found = silence(context)
    newest_ms = context.activity.newest_ms
    days = found["days_since_active"]
    found["last_active_on"] = iso_date(context.day - days) if days is not None else None
    found["last_active_at"] = iso(newest_ms) if 0 < newest_ms <= context.as_of_ms else None
    return found


def silence(context: MeasureContext) -> Measures:
    """How long nobody was active, and how long that is for this account. Source: docs/metrics.md, silence.

    The usual pause is taken over the 56 days that end with the last active day (fewer for a younger account): working
    days there for each active day, at least 1. The account is silent after two such pauses and a day: 3 working days
    for one that is used daily, 11 for a weekly one, 41 (two months) for a monthly one.
    """
    days, day = context.activity.days, context.day
    first_day, calendar = context.account.first_day, context.account.calendar
    last_day = last_active_day(days, day)
    if last_day is None or first_day is None:
        return dict(_NEVER_USED)
    span = min(CADENCE_DAYS, max(last_day - first_day + 1, 0))
    active = active_days(days, last_day, span)
    working = calendar.between(last_day + 1 - span, last_day + 1)
    pause = working / active if working > active > 0 else float(max(working, 1)) if active == 0 else 1.0
    quiet = calendar.between(last_day + 1, day) if day > last_day + 1 else 0
    return {
        "days_since_active": day - last_day,
        "silence_working_days": quiet,
        "silence_limit_days": round(MISSED_PAUSES * pause) + 1,
        "silence_ratio": quiet / pause,
    }
