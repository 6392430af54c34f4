"""How long an account has been quiet, in its own pauses."""

from typing import Final

from stream.account import Activity, active_bits
from stream.rolling import BITS, LAST_DAY

CADENCE_DAYS: Final = 56


def silence(activity: Activity, day: int, first_day: int | None) -> tuple[int | None, float | None]:
    """Days since anyone was active, and that against the account's own usual gap between active days.

    The usual gap is taken over the 56 days that end with the last active day (fewer for a younger account), so an
    account used daily is silent after days, and one used monthly after months.
    """
    last_day = _last_active_day(activity, day)
    if last_day is None or first_day is None:
        return None, None
    span = min(CADENCE_DAYS, last_day - first_day + 1)
    active = active_bits(activity, last_day, span) if span > 0 else 0
    usual_gap = max(span / active, 1.0) if active > 0 else float(CADENCE_DAYS)
    return day - last_day, (day - last_day) / usual_gap


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
