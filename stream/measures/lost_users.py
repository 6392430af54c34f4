"""Users the account could count on who do not come any more: who they are."""

from typing import Final

from stream.measures.context import MeasureContext
from stream.measures.registry import Measure, Measures, measures

GONE_DAYS: Final = 28
BEFORE_WEEKS: Final = 12  # and the weeks before them, in which users are found
ACTIVE_WEEKS_MIN: Final = 4
SHOWN_MAX: Final = 5

_GONE_MASK: Final = (1 << GONE_DAYS) - 1
_BEFORE_MASK: Final = (1 << 7 * BEFORE_WEEKS) - 1
_WEEK_ENDS: Final = sum(1 << 7 * week for week in range(BEFORE_WEEKS))
_NONE: Final[Measures] = {"established_users": None, "established_users_lost": None, "established_users_lost_users": []}


@measures(
    Measure(
        "established_users",
        "users it could count on",
        "count",
        "users",
        "users active in 4 or more of the 12 weeks before the trailing 28 days, as far as the 64 days up to a user's"
        " last day tell",
        none_when="the account is younger than 56 days; as of before the newest usage",
        deserted=None,
        history_days=0,
        published="scan",
    ),
    Measure(
        "established_users_lost",
        "users it could count on, and who are gone",
        "count",
        "users",
        "those of them who were not active in the trailing 28 days",
        none_when="as established_users",
        deserted=None,
        history_days=0,
        published="scan",
    ),
    Measure(
        "established_users_lost_users",
        "who is gone",
        "list",
        "user ids",
        "at most five of them, who came in most weeks first; none as of before the newest usage",
        published="scan",
    ),
    source="usage",
    available=lambda known: known.month_before,
)
def established_users(context: MeasureContext) -> Measures:
    """Who was there week after week, and is not any more. Source: docs/metrics.md, established users."""
    days_known = context.days_known
    if days_known is None or days_known < 2 * GONE_DAYS or context.day < context.activity.newest_day:
        return dict(_NONE)
    established, lost = 0, []
    for user_id, bits in context.account.people.up_to(context.back):
        days = bits >> GONE_DAYS & _BEFORE_MASK
        days |= days >> 1  # bit i: active on day i or the one before it; and so on, up to a week
        days |= days >> 2
        weeks = ((days | days >> 3) & _WEEK_ENDS).bit_count()
        if weeks >= ACTIVE_WEEKS_MIN:
            established += 1
            if not bits & _GONE_MASK:
                lost.append((-weeks, user_id))
    users = [user_id for _, user_id in sorted(lost)[:SHOWN_MAX]]
    return {
        "established_users": established,
        "established_users_lost": len(lost),
        "established_users_lost_users": users,
    }
