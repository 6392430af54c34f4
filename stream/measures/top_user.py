"""The user who carried most of the account's life, and for how long that user has not come."""

from typing import Final

from stream.contracts.report import Number
from stream.history.rolling import BITS, DAYS, DAYS_KEPT, LAST_DAY
from stream.measures.context import MeasureContext
from stream.measures.registry import Measure, Measures, measures

AGE_MIN_DAYS: Final = 14


def _away(before: Number | None, now: Number, measures: Measures) -> str | None:
    """Who it is that does not come."""
    name = measures.get("top_user")
    who = "its most active user" + (f" {name}" if name else "")
    if before is not None and now < before:
        return f"{who} is back"
    return f"{who} away for {now:.0f} calendar day{'' if now == 1 else 's'}" if now > 0 else f"{who} is there"


@measures(
    Measure(
        "top_user_gap",
        "days since its most active user came",
        "days",
        "days",
        "days since the user with the most active days in the account's life so far was last active; of several with as"
        " many the one seen last",
        none_when="the account is younger than 14 days",
        deserted=None,
        phrase=_away,
        stands_alone=True,
        published="clock",
    ),
    source="usage",
    available=lambda known: known.use,
)
def top_user_gap(context: MeasureContext) -> Measures:
    """How long the most active user of all has been away. Source: docs/metrics.md, most active user."""
    if context.days_known is None or context.days_known < AGE_MIN_DAYS:
        return {"top_user_gap": None}
    activity = context.activity
    if context.day >= activity.newest_day:
        return {"top_user_gap": context.day - activity.most_seen_day}
    return {"top_user_gap": context.day - most_active(context)[1]}


def most_active(context: MeasureContext) -> tuple[int, int, str]:
    """Active days and last day of the user who has most of them as of the day, and who it is.

    As of a day before the newest, who came back after more than five weeks counts as having been there last on the
    oldest day that the user's bitmap tells.
    """
    activity, day = context.activity, context.day
    remembered = [(days, last_day, user_id) for user_id, (days, last_day) in activity.remembered.items()]
    best = max(remembered, default=(0, day, ""))
    for user_id, user in activity.users.items():
        days, last_day = user[DAYS], user[LAST_DAY]
        if days < best[0]:
            continue  # as of an earlier day it can only have fewer
        newer = last_day - day
        if newer > 0:
            days -= (user[BITS] & (1 << newer) - 1).bit_count()
            if days < best[0] or days == 0:
                continue
            older = user[BITS] >> newer
            last_day = day - ((older & -older).bit_length() - 1 if older else DAYS_KEPT - 1 - newer)
        found = (days, last_day, user_id)
        if found > best:
            best = found
    return best


@measures(
    Measure(
        "top_user",
        "its most active user",
        "word",
        "user id",
        "who top_user_gap speaks of",
        none_when="as top_user_gap; the user is not remembered any more",
    ),
    Measure(
        "top_user_days",
        "active days of its most active user",
        "count",
        "days",
        "the active days of that user in the account's life",
        none_when="as top_user_gap",
        deserted=None,
    ),
    source="usage",
    available=lambda known: known.use,
)
def top_user(context: MeasureContext) -> Measures:
    """Who it is."""
    if context.days_known is None or context.days_known < AGE_MIN_DAYS:
        return {"top_user": None, "top_user_days": None}
    days, _, user_id = most_active(context)
    return {"top_user": user_id or None, "top_user_days": days}
