"""The people who carry an account's use, and whether they are still there."""

from typing import Final

from stream.calendar.day import iso_date
from stream.measures.context import MeasureContext
from stream.measures.reach import PREVIOUS_HISTORY_DAYS, mau_previous
from stream.measures.registry import Measure, Measures, measures

GONE_DAYS: Final = 14  # two weeks without a day of use: longer than most absences, shorter than most holidays
EARLIER_DAYS: Final = 30  # and the days before them, in which champions are found
ACTIVE_DAYS_MIN: Final = 8  # twice a week
HISTORY_DAYS: Final = 20  # 64 days of bits, of which it looks at 44
SHOWN_MAX: Final = 3
THERE_MAX: Final = 10
BREADTH_DAYS: Final = 60

_UNKNOWN: Final[Measures] = {"champions": None, "champions_gone": None}
_EARLIER_MASK: Final = (1 << EARLIER_DAYS) - 1 << GONE_DAYS
_GONE_MASK: Final = (1 << GONE_DAYS) - 1


@measures(
    Measure(
        "breadth_change_ratio",
        "users against the month before",
        "percent",
        "ratio, may exceed 1",
        "mau / mau_previous",
        none_when=(
            "the account is younger than 60 days; nobody was active in the 30 days before; as of more "
            "than 4 days before the newest usage"
        ),
        deserted=None,
        reference="Five metrics (breadth)",
        history_days=PREVIOUS_HISTORY_DAYS,
    ),
    source="usage",
    available=lambda known: known.month_before,
)
def breadth_change(context: MeasureContext) -> Measures:
    """mau against the 30 days before; None while the account is younger than both, or nobody was there before."""
    before, days_known = mau_previous(context), context.days_known
    known = days_known is not None and days_known >= BREADTH_DAYS and before is not None and before > 0
    return {"breadth_change_ratio": context.mau / before if known and before is not None else None}


@measures(
    Measure(
        "champions",
        "most active users of the month before",
        "count",
        "users",
        "of the 30 days before the trailing 14: the fewest users who made half of the active days (a "
        "user is active once a day; of equals the first by id), of whom only those with 8 or more",
        none_when="the account is younger than 44 days; as of more than 20 days before the newest usage",
        deserted=None,
        reference="Five metrics (breadth)",
        history_days=HISTORY_DAYS,
        published="scan",
    ),
    Measure(
        "champions_gone",
        "of them, not active for two weeks",
        "count",
        "users",
        "champions who were not active on any of the trailing 14 days",
        none_when="the account is younger than 44 days; as of more than 20 days before the newest usage",
        deserted=None,
        history_days=HISTORY_DAYS,
        published="scan",
    ),
    Measure(
        "champions_gone_users",
        "champions gone users",
        "list",
        "list",
        "at most three of their ids, the most active first",
        history_days=HISTORY_DAYS,
        published="scan",
    ),
    Measure(
        "champions_gone_seen",
        "champions gone, last seen",
        "mapping",
        "ISO date",
        "of the same users, the day on which each was active last",
        none_when="absent: not gone",
        history_days=HISTORY_DAYS,
        published="scan",
    ),
    Measure(
        "key_users_active",
        "key users who are there",
        "list",
        "list",
        "at most ten ids of users active in the trailing 14 days, the most active of 64 days first",
        history_days=HISTORY_DAYS,
        published="scan",
    ),
    source="usage",
    available=lambda known: known.month_before,
)
def champions(context: MeasureContext) -> Measures:
    """The champions of the 30 days before the last 14, and those of them who have not come since.

    Champions are the fewest users who made half of those days' active days (a user is active once a day), of whom only
    those with 8 or more. None where the account is younger than the 44 days, or as of more than 20 days before its
    newest usage. Source: docs/metrics.md, champions.
    """
    activity, day, first_day = context.activity, context.day, context.account.first_day
    if first_day is None or day - first_day + 1 < GONE_DAYS + EARLIER_DAYS or day < activity.newest_day - HISTORY_DAYS:
        return _UNKNOWN | {"champions_gone_users": [], "champions_gone_seen": {}, "key_users_active": []}
    people = [*context.account.people.up_to(context.back)]
    there = sorted([(-bits.bit_count(), user_id) for user_id, bits in people if bits & _GONE_MASK])
    earlier = [(bits & _EARLIER_MASK).bit_count() for _, bits in people]
    half = sum(earlier) / 2
    ranked = [
        (-days, user_id, bits) for days, (user_id, bits) in zip(earlier, people, strict=True) if days >= ACTIVE_DAYS_MIN
    ]
    ranked.sort()
    found: list[tuple[str, int]] = []  # with their days as bits
    for negative, user_id, bits in ranked:
        if half <= 0:
            break
        found.append((user_id, bits))
        half += negative
    gone = [(user_id, (bits & -bits).bit_length() - 1) for user_id, bits in found if not bits & _GONE_MASK]
    return {
        "champions": len(found),
        "champions_gone": len(gone),
        "champions_gone_users": [user_id for user_id, _ in gone[:SHOWN_MAX]],
        "champions_gone_seen": {user_id: iso_date(day - away_days) for user_id, away_days in gone[:SHOWN_MAX]},
        "key_users_active": [user_id for _, user_id in there[:THERE_MAX]],
    }
