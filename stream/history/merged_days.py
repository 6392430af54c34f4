"""The days of two accounts that turn out to be one: what one account would have kept of them.

People and their days add up. Whoever is known in both counts once a day, as far back as a user's own days are known:
`rolling.DAYS_KEPT` days before that user's newest. Further back nobody knows any more who it was, and such a user
counts twice. Scores are not made again: those of the account that stays are kept.
"""

from collections.abc import Sequence
from typing import NamedTuple

from stream.history import best_half_year, columns, daily, windows
from stream.history.best_half_year import FADE, YEAR_DAYS, BestHalfYear
from stream.history.daily import CLOSED_MAX, DAYS_MAX, LATE_DAYS, Days
from stream.history.rolling import BITS, LAST_DAY, window
from stream.history.windows import HISTORY_DAYS, LISTED_DAYS, MONTH_DAYS, WEEK_DAYS

Pair = tuple[list[int], list[int]]  # the records of one user, as each of the two accounts has them


class Life(NamedTuple):
    """The usage days of one of the two accounts, as they were before.

    Attributes:
        days: what is kept of them.
        users: its users' records of `rolling`.
        newest_day: its newest day with usage; -1: none.
    """

    days: Days
    users: Sequence[list[int]]
    newest_day: int


def merged_days(kept: Life, other: Life, pairs: Sequence[Pair]) -> Days:
    """The days of both as one account's.

    Args:
        kept: of the account that stays; its scores and the day of its accepted baseline hold.
        other: of the one that it takes in.
        pairs: the users that are known in both.
    """
    known = [life.days.first_day for life in (kept, other) if life.newest_day >= 0]
    scored = kept.days if kept.days.scored_day >= 0 else other.days
    merged = Days(
        scored_day=scored.scored_day,
        tenths=scored.tenths,
        packed_tenths=scored.packed_tenths,
        accepted_day=kept.days.accepted_day,
    )
    if merged.accepted_day >= 0:
        merged.accepted = BestHalfYear(0.0, merged.accepted_day - 1)
    if not known:
        return merged
    newest_day = max(kept.newest_day, other.newest_day)
    first_day = max(min(known), newest_day + 1 - DAYS_MAX)
    users = _add_days(merged, (kept.days, other.days), pairs, first_day, newest_day)
    _close_windows(merged, (kept, other), pairs, first_day, newest_day)
    _take_best(merged, (kept.days, other.days), users, first_day, newest_day - LATE_DAYS)
    return merged


def _add_days(
    merged: Days, both: tuple[Days, Days], pairs: Sequence[Pair], first_day: int, newest_day: int
) -> list[int]:
    """Users and events of every day that either account knows; returns the users."""
    users = [daily.active_users(days, first_day, newest_day + 1) for days in both]
    events = [daily.usage_events(days, first_day, newest_day + 1) for days in both]
    added = []
    for at, day in enumerate(range(first_day, newest_day + 1)):
        index = daily.index_for(merged, day)
        twice = sum(_within(one, day, 1) and _within(two, day, 1) for one, two in pairs)
        merged.users[index] = max((users[0][at] or 0) + (users[1][at] or 0) - twice, 0)
        merged.events[index] = (events[0][at] or 0) + (events[1][at] or 0)
        added.append(merged.users[index])
    return added


def _within(user: list[int], day: int, days: int) -> bool:
    """Whether a user was active in the days that end with a day, as far as it is known."""
    return window(user[LAST_DAY], user[BITS], day, days) != 0


def _close_windows(
    merged: Days, both: tuple[Life, Life], pairs: Sequence[Pair], first_day: int, newest_day: int
) -> None:
    """Users within 7 and 30 days of the days that the merged users' own days can't tell any more."""
    opened = [windows.open_day(life.days) for life in both if life.newest_day >= 0]
    end_day = max(*opened, newest_day - HISTORY_DAYS)
    start_day = max(first_day, end_day - CLOSED_MAX)
    if start_day >= end_day:
        return
    found = [
        windows.active_users_within(life.days, life.users, life.newest_day, start_day, end_day)
        if life.newest_day >= 0
        else ([None] * (end_day - start_day),) * 2
        for life in both
    ]
    listed: list[list[int]] = []
    for at, within in enumerate((WEEK_DAYS, MONTH_DAYS)):
        one, two = found[0][at], found[1][at]
        listed.append([])
        for day in range(start_day, end_day):
            twice = sum(_within(a, day, within) and _within(b, day, within) for a, b in pairs)
            listed[at].append(max((one[day - start_day] or 0) + (two[day - start_day] or 0) - twice, 0))
    old = max(end_day - start_day - LISTED_DAYS, 0)
    if old > 0:
        columns.extend(merged.wau, start_day, listed[0][:old], CLOSED_MAX)
        columns.extend(merged.mau, start_day, listed[1][:old], CLOSED_MAX)
    merged.open_day, merged.listed_wau, merged.listed_mau = end_day, listed[0][old:], listed[1][old:]


def _take_best(merged: Days, both: tuple[Days, Days], users: list[int], first_day: int, day: int) -> None:
    """The best half-year of all days that are known together, or an older one of either."""
    if day < first_day:
        return
    found = best_half_year.advanced(BestHalfYear(), day, users, first_day)
    older = [
        best.user_days * FADE ** ((day - best.day) / YEAR_DAYS)
        for best in (days.best for days in both)
        if 0 <= best.day <= day
    ]
    merged.best = BestHalfYear(max(found.user_days, *older, 0.0), day, found.half_year)
