"""The days of an account as rows, for whoever draws or tells them: board, report, charts. Pure."""

from msgspec import Struct

from stream.history import daily, windows
from stream.kinds.state import AccountState


class DayRow(Struct, frozen=True, gc=False):
    """One day of an account, a calendar day where it is.

    Attributes:
        day: days since 1970-01-01.
        dau, wau, mau: users active that day, in the 7 and in the 30 days that end with it; None: not known any more.
        events: usage events of the day; None: not known any more.
        score: 0..100, the last one evaluated that day; None: none was.
    """

    day: int
    dau: int | None
    wau: int | None
    mau: int | None
    events: int | None
    score: float | None


def daily_series(state: AccountState, last_day: int, days: int) -> list[DayRow]:
    """The `days` days that end with `last_day`, the oldest first; about 400 are known of an account that is old enough.

    Args:
        state: the account's facts.
        last_day: as days since 1970-01-01, in the account's zone (`account.zone_of(state).day_of(ms)`).
        days: how many rows, 0 or more.
    """
    activity, kept = state.usage, state.usage.days
    first_day, end_day = last_day + 1 - days, last_day + 1
    wau, mau = windows.active_users_within(kept, activity.users.values(), activity.newest_day, first_day, end_day)
    dau = daily.active_users(kept, first_day, end_day)
    events = daily.usage_events(kept, first_day, end_day)
    scores = daily.scores(kept, first_day, end_day)
    rows = zip(range(first_day, end_day), dau, wau, mau, events, scores, strict=True)
    return [DayRow(*row) for row in rows]
