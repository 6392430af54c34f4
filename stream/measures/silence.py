"""How long an account has been quiet, in working days and in its own pauses."""

from typing import Final

from stream.account import Activity, active_bits
from stream.measures.tally import Measures
from stream.rolling import BITS, LAST_DAY
from stream.workdays import Calendar

CADENCE_DAYS: Final = 56
MISSED_PAUSES: Final = 2  # silent is who missed two usual pauses, and a day beyond

_NEVER_USED: Final[Measures] = {
    "days_since_active": None,
    "silence_working_days": None,
    "silence_limit_days": None,
    "silence_ratio": None,
}


def silence(activity: Activity, day: int, first_day: int | None, calendar: Calendar) -> Measures:
    """How long nobody was active, and how long that is for this account. Source: docs/metrics.md, silence.

    The usual pause is taken over the 56 days that end with the last active day (fewer for a younger account): working
    days there for each active day, at least 1. The account is silent after two such pauses and a day: 3 working days
    for one that is used daily, 11 for a weekly one, 41 (two months) for a monthly one.
    """
    last_day = _last_active_day(activity, day)
    if last_day is None or first_day is None:
        return dict(_NEVER_USED)
    span = min(CADENCE_DAYS, last_day - first_day + 1)
    active = active_bits(activity, last_day, span) if span > 0 else 0
    working = calendar.between(last_day + 1 - max(span, 0), last_day + 1)
    pause = max(working / active, 1.0) if active > 0 else float(max(working, 1))
    quiet = calendar.between(last_day + 1, day)
    return {
        "days_since_active": day - last_day,
        "silence_working_days": quiet,
        "silence_limit_days": round(MISSED_PAUSES * pause) + 1,
        "silence_ratio": quiet / pause,
    }


def _last_active_day(activity: Activity, day: int) -> int | None:
    """The newest day up to `day` on which anyone was active; None: not known."""
    if activity.newest_day < 0:
        return None
    if activity.newest_day <= day:
        return activity.newest_day
    newest = -1
    for user in activity.users.values():
        last_day = user[LAST_DAY]
        if last_day > day:
            bits = user[BITS] >> (last_day - day)
            last_day = day + 1 - (bits & -bits).bit_length() if bits else -1
        newest = max(newest, last_day)
    return newest if newest >= 0 else None
