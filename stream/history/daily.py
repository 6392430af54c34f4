"""The account's days, for more than a year: events, users active that day, within 7 and within 30 days, and the score.

A chart, a report or a comparison with last year needs no replay. The newest months are lists, since events still come;
what nothing can change any more is packed into `columns`.

- Users and events of a day are exact for usage of up to 63 days behind the account's newest: so far back it is known of
  each user whether the day is a newly active one (`rolling`).
- Users within 7 and 30 days are closed by `windows` before the users' own days are forgotten.
- The score of a day is the last one evaluated on it.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from msgspec import Struct, field

from stream.history import best_half_year, columns
from stream.history.active_days import ActiveDays
from stream.history.best_half_year import HALF_YEAR_DAYS, BestHalfYear
from stream.history.columns import Column

DAYS_MAX: Final = 544  # a year of weeks (364), the 133 days that a season looks back from there, 28 days earlier, too
LATE_DAYS: Final = 64
EVENTS_LISTED_DAYS: Final = 112  # all that late usage can reach, and some
USERS_LISTED_DAYS: Final = 264  # the half-year before all that late usage can reach, since its last closing
ACCEPTED_DAYS: Final = 56  # that end with the day on which a new normal is accepted: the first of what counts
RECENT_DAYS: Final = 8  # the best half-year is noted so often,
RECENT_BACK_DAYS: Final = 2  # and as of so many days before, since much of what is late is late by a day
PACKED_TOGETHER_DAYS: Final = 128  # many at a time, for an account with one event a day pays for each packing
CLOSED_MAX: Final = 400
SCORES_DAYS: Final = 36  # what a report tells and compares with, after a week without any evaluation, too
SCORES_AT_DAYS: Final = 56


class Days(Struct, array_like=True, gc=False):
    """What is kept of each day.

    Attributes:
        first_day: the day of the first entry of `users`; -1 while there is none.
        users, events: active users and usage events of each day without a gap; both end with the same day.
        packed_users, packed_events: the same of the days before.
        wau, mau: users active in the 7 and the 30 days that end with each closed day, but for the newest of them.
        scored_day: the day of the first entry of `tenths`; -1 while there is none.
        tenths: of the score at the close of each evaluated day, plus 1, so that 0 is a day without a score.
        packed_tenths: the same of the days before, up to `scored_day`.
        open_day: the first day whose windows are not closed; -1: none is, or all that are closed are packed.
        listed_wau, listed_mau: as `wau` and `mau`, of the newest closed days, up to `open_day`.
        best: the best half-year as of a day that is final.
        recent: the same as of a later day, until usage comes that is later still; so that a look takes few steps.
        active: on which days anyone was active.
        accepted: as `best`, of the days since `accepted_day` alone; -1: nobody accepted a new normal.
    """

    first_day: int = -1
    users: list[int] = []
    events: list[int] = []
    packed_users: Column = field(default_factory=Column)
    packed_events: Column = field(default_factory=Column)
    wau: Column = field(default_factory=Column)
    mau: Column = field(default_factory=Column)
    scored_day: int = -1
    tenths: list[int] = []
    packed_tenths: Column = field(default_factory=Column)
    open_day: int = -1
    listed_wau: list[int] = []
    listed_mau: list[int] = []
    best: BestHalfYear = field(default_factory=BestHalfYear)
    active: ActiveDays = field(default_factory=ActiveDays)
    recent: BestHalfYear = field(default_factory=BestHalfYear)
    accepted: BestHalfYear = field(default_factory=BestHalfYear)
    accepted_day: int = -1


def place(days: Days, day: int) -> int:
    """The place of a day in both lists, counted from their common end: -1 is the newest day.

    The lists are extended to it; what grew too old is packed.

    >>> days = Days()
    >>> for day in (100, 102, 102, 99):
    ...     days.events[place(days, day)] += 1
    >>> days.first_day, days.events
    (99, [1, 1, 0, 2])
    """
    size = len(days.users)
    if size == 0:
        days.first_day = day
        days.users.append(0)
        days.events.append(0)
        return -1
    at = day - days.first_day
    if 0 <= at < size:
        return at - size
    if at < 0:  # only of an account that is so young that nothing was packed
        days.users[:0] = days.events[:0] = [0] * -at
        days.first_day = day
        return at - size
    more = [0] * min(at - size + 1, DAYS_MAX)
    if at - size + 1 > DAYS_MAX:
        days.first_day = day + 1 - size - DAYS_MAX
        days.packed_users, days.packed_events = Column(), Column()
    days.users += more
    days.events += more
    if len(days.events) > EVENTS_LISTED_DAYS + PACKED_TOGETHER_DAYS:
        old = len(days.events) - EVENTS_LISTED_DAYS
        first_day = events_first_day(days)
        columns.extend(days.packed_events, first_day, days.events[:old], DAYS_MAX - EVENTS_LISTED_DAYS)
        del days.events[:old]
    if len(days.users) > USERS_LISTED_DAYS + PACKED_TOGETHER_DAYS:
        old = len(days.users) - USERS_LISTED_DAYS
        columns.extend(days.packed_users, days.first_day, days.users[:old], DAYS_MAX - USERS_LISTED_DAYS)
        del days.users[:old]
        days.first_day += old
    return -1


def events_first_day(days: Days) -> int:
    """The day of the first entry of `events`."""
    return days.first_day + len(days.users) - len(days.events)


def close_best(days: Days, day: int) -> None:
    """Keep the best half-year as of a day that no usage can reach any more; what is kept of a later one stays."""
    if days.first_day >= 0 and day >= max(days.best.day + 1, first_known_day(days)):
        days.best = _best_as_of(days, day)
        if day > days.accepted.day and days.accepted_day >= 0:
            days.accepted = _accepted_as_of(days, day)


def accept_baseline(days: Days, first_day: int | None) -> None:
    """Compare use with what came since a day; None: with all of it again."""
    days.accepted_day = -1 if first_day is None else first_day
    days.accepted = BestHalfYear() if first_day is None else BestHalfYear(0.0, first_day - 1)


def note_recent(days: Days, day: int) -> None:
    """Note the best half-year as of a day that late usage may still reach; `forget_recent` undoes it."""
    if days.first_day >= 0 and day >= first_known_day(days):
        days.recent = _best_as_of(days, day)


def forget_recent(days: Days) -> None:
    """Usage came of a day that was noted already."""
    days.recent = BestHalfYear()


def _best_as_of(days: Days, day: int) -> BestHalfYear:
    """The best half-year as of a day, on from the newest that is kept of before it."""
    kept = days.recent if days.best.day < days.recent.day <= day else days.best
    first_day, needed = days.first_day, kept.day + 1 - HALF_YEAR_DAYS
    users = days.users
    if needed < first_day and days.packed_users.count > 0:
        older = columns.numbers(days.packed_users, needed, first_day)
        users, first_day = [*[count if count is not None else 0 for count in older], *users], needed
    return best_half_year.advanced(kept, day, users, first_day)


def best_at(days: Days, day: int) -> BestHalfYear:
    """The best half-year as of a day at most 28 before the newest; nothing before the first use.

    >>> best_at(Days(100, [1, 2], [9, 9]), 100), best_at(Days(100, [1, 2], [9, 9]), 101)
    (BestHalfYear(user_days=1.0, day=100, half_year=1), BestHalfYear(user_days=3.0, day=101, half_year=3))
    """
    if days.first_day < 0 or day < first_known_day(days):
        return BestHalfYear()
    return _best_as_of(days, day) if days.accepted_day < 0 else _accepted_as_of(days, day)


def _accepted_as_of(days: Days, day: int) -> BestHalfYear:
    """The best half-year of what came since the accepted day."""
    start = max(days.accepted.day + 1 - HALF_YEAR_DAYS, days.accepted_day)
    end = max(start, days.first_day + len(days.users))
    users = [count or 0 for count in active_users(days, start, end)]
    return best_half_year.advanced(days.accepted, day, users, start)


def close_score(days: Days, day: int, score: float | None) -> bool:
    """Remember a day's score as its last word; returns whether that changes anything. A day before the last one stays.

    >>> days = Days()
    >>> close_score(days, 100, 71.26), close_score(days, 100, 71.3), close_score(days, 102, 64), scores(days, 99, 103)
    (True, False, True, [None, 71.3, None, 64.0])
    """
    kept = days.tenths
    value = 0 if score is None else round(score * 10) + 1
    at = day - days.scored_day
    if kept and at < len(kept):
        if at < len(kept) - 1 or kept[at] == value:
            return False
        kept[at] = value
        return True
    if score is None:
        return False
    if kept and at - len(kept) < SCORES_AT_DAYS:
        kept += [0] * (at - len(kept))
    else:
        if kept:
            columns.extend(days.packed_tenths, days.scored_day, kept, CLOSED_MAX)
        days.scored_day = day
        kept.clear()
    kept.append(value)
    if len(kept) >= SCORES_AT_DAYS:
        old = len(kept) - SCORES_DAYS
        columns.extend(days.packed_tenths, days.scored_day, kept[:old], CLOSED_MAX)
        del kept[:old]
        days.scored_day += old
    return True


def scores(days: Days, first_day: int, end_day: int) -> list[float | None]:
    """The closing scores of the days from `first_day` to before `end_day`; None where there is none."""
    kept = _joined(days.packed_tenths, days.scored_day, days.tenths, first_day, end_day)
    return [(value - 1) / 10 if value is not None and value > 0 else None for value in kept]


def active_users(days: Days, first_day: int, end_day: int) -> list[int | None]:
    """Active users of the days from `first_day` to before `end_day`; None before what is known, 0 after it."""
    return _joined(days.packed_users, days.first_day, days.users, first_day, end_day)


def usage_events(days: Days, first_day: int, end_day: int) -> list[int | None]:
    """The same for usage events."""
    return _joined(days.packed_events, events_first_day(days), days.events, first_day, end_day)


def _joined(packed: Column, listed_day: int, listed: Sequence[int], first_day: int, end_day: int) -> list[int | None]:
    """Numbers of days out of the column and the list that begins with `listed_day`; 0 behind it."""
    if not listed:
        return [None] * (end_day - first_day)
    between = min(max(listed_day, first_day), end_day)
    after: list[int | None] = [*listed[between - listed_day : max(end_day - listed_day, 0)]]
    after += [0] * (end_day - between - len(after))
    return after if between == first_day else [*columns.numbers(packed, first_day, between), *after]


def first_known_day(days: Days) -> int:
    """The first day whose users and events are kept; -1 while there is none."""
    return days.packed_users.first_day if days.packed_users.count > 0 else days.first_day


def weeks_known(days: Days, day: int) -> int:
    """How many whole weeks that end with `day` there are since the first known day.

    >>> weeks_known(Days(100, [1] * 14), 113), weeks_known(Days(100, [1]), 99), weeks_known(Days(), 99)
    (2, 0, 0)
    """
    first = first_known_day(days)
    return max((day - first + 1) // 7, 0) if first >= 0 else 0


def weeks(days: Days, day: int, number: int) -> list[int]:
    """User-days of the weeks that end with `day`, the newest first; only whole weeks since the first known day.

    Each week holds every weekday once, so weekends never make a difference between two of them.

    >>> weeks(Days(100, [1] * 7 + [2] * 7, [1] * 14), 114, 9)  # a day after the last one with usage
    [12, 8]
    """
    known = min(weeks_known(days, day), number)
    if known == 0:
        return []
    users = [count for count in active_users(days, day + 1 - 7 * known, day + 1) if count is not None]
    return [sum(users[at : at + 7]) for at in range(7 * known - 7, -7, -7)]


def user_days(days: Days, last_day: int, number: int) -> int:
    """People active, summed over the `number` days that end with `last_day`.

    >>> user_days(Days(100, [1, 2, 4], [9, 9, 9]), 101, 2), user_days(Days(100, [1, 2, 4], [9, 9, 9]), 150, 49)
    (3, 4)
    """
    end = last_day - days.first_day + 1
    return sum(days.users[max(end - number, 0) : max(end, 0)]) if days.first_day >= 0 else 0


def user_days_between(days: Days, edges: Sequence[int]) -> list[int]:
    """User-days from each of several ascending days to before the next, however long ago; 0 where unknown.

    >>> user_days_between(Days(100, [1, 2, 4], [9, 9, 9]), [90, 101, 102, 200])
    [1, 2, 4]
    """
    base, users = days.first_day, days.users
    seen: Sequence[int] = users
    if edges[0] < base and days.packed_users.count > 0:
        seen, listed, base = (
            columns.values(days.packed_users),
            users[: max(edges[-1] - base, 0)],
            days.packed_users.first_day,
        )
        seen = _joined_numbers(seen, listed)
    starts = [day - base if day > base else 0 for day in edges]
    return [sum(seen[start:end]) for start, end in pairwise(starts)]


def _joined_numbers(older: Sequence[int], newer: list[int]) -> Sequence[int]:
    """Both, as bytes where they are small, which is quicker."""
    if isinstance(older, bytes) and max(newer, default=0) < 256:
        return older + bytes(newer)
    return [*older, *newer]


def active_days(days: Days, last_day: int, number: int) -> int:
    """How many of the `number` days that end with `last_day` had anyone active.

    >>> active_days(Days(100, [1, 0, 4], [9, 0, 9]), 102, 3)
    2
    """
    end = last_day - days.first_day + 1
    if end < number and days.packed_users.count > 0:
        return len(
            [1 for count in active_users(days, last_day + 1 - number, last_day + 1) if count is not None and count > 0]
        )
    found = days.users[max(end - number, 0) : max(end, 0)]
    return len(found) - found.count(0) if days.first_day >= 0 else 0


def last_active_day(days: Days, day: int) -> int | None:
    """The newest day up to `day` on which anyone was active; None without one.

    >>> last_active_day(Days(100, [1, 0, 0, 4], [9, 0, 0, 9]), 102), last_active_day(Days(100, [1], [9]), 99)
    (100, None)
    """
    users = days.users
    at = min(day - days.first_day, len(users) - 1) if days.first_day >= 0 else -1
    while at >= 0 and users[at] == 0:
        at -= 1
    return days.first_day + at if at >= 0 else _last_packed_day(days.packed_users, day)


def _last_packed_day(users: Column, day: int) -> int | None:
    """The same among the packed days: for a day before somebody came back after months."""
    found = columns.numbers(users, users.first_day, min(day + 1, users.next_day)) if users.count > 0 else []
    active = [at for at, count in enumerate(found, start=users.first_day) if count is not None and count > 0]
    return active[-1] if active else None


def score_at(days: Days, day: int) -> float | None:
    """The closing score of a day at most 35 days before the last evaluated one; of one without, the newest before it.

    >>> days = Days(scored_day=100, tenths=[501, 0, 701])
    >>> [score_at(days, day) for day in (99, 100, 101, 102, 103)]
    [None, 50.0, 50.0, 70.0, 70.0]
    """
    kept = days.tenths
    at = min(day - days.scored_day, len(kept) - 1)
    while at >= 0 and kept[at] == 0:
        at -= 1
    return (kept[at] - 1) / 10 if at >= 0 else None
