"""The account's days, for more than a year: events, users active that day, within 7 and within 30 days, and the score.

A chart, a report or a comparison with last year needs no replay. The newest months are lists, since events still come;
of what nothing can change any more the events and scores are packed into `columns`. The users stay a list, since a look
at an account in decline asks for last year's season.

- Users and events of a day are exact for usage of up to 63 days behind the account's newest: so far back it is known of
  each user whether the day is a newly active one (`rolling`).
- Users within 7 and 30 days are closed by `windows` before the users' own days are forgotten.
- The score of a day is the last one evaluated on it.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct, field

from stream.history import best_half_year, columns, dips
from stream.history.active_days import ActiveDays, mark, packed, until
from stream.history.best_half_year import HALF_YEAR_DAYS, BestHalfYear
from stream.history.columns import Column
from stream.history.dips import Dips, dips_of, known_days

DAYS_MAX: Final = 544  # a year of weeks (364), the 133 days that a dip looks back from there, 28 days earlier, too
LATE_DAYS: Final = 64
TRIMMED_DAYS: Final = 32  # so many too old ones are dropped together
EVENTS_LISTED_DAYS: Final = 112  # all that late usage can reach, and some
ACCEPTED_DAYS: Final = 56  # that end with the day on which a new normal is accepted: the first of what counts
NOTED_BACK_DAYS: Final = 2  # looks note sums as of so many days before, since much of what is late is late by a day
PACKED_TOGETHER_DAYS: Final = 128  # many at a time, for an account with one event a day pays for each packing
CLOSED_MAX: Final = 400
SCORES_DAYS: Final = 36  # what a report tells and compares with, after a week without any evaluation, too
SCORES_AT_DAYS: Final = 56
_DIP_DAYS: Final = known_days(dips.SHORT[0])


class Days(Struct, array_like=True, gc=False):
    """What is kept of each day.

    Attributes:
        first_day: the day of the first entry of `users`; -1 while there is none.
        users, events: active users and usage events of each day without a gap; both end with the same day.
        packed_events: the events of the days before.
        wau, mau: users active in the 7 and the 30 days that end with each closed day, but for the newest of them.
        scored_day: the day of the first entry of `tenths`; -1 while there is none.
        tenths: of the score at the close of each evaluated day, plus 1, so that 0 is a day without a score.
        packed_tenths: the same of the days before, up to `scored_day`.
        open_day: the first day whose windows are not closed; -1: none is, or all that are closed are packed.
        listed_wau, listed_mau: as `wau` and `mau`, of the newest closed days, up to `open_day`.
        best: the best half-year as of a day that is final.
        recent: the same as of a later day, as a look noted it; forgotten when usage comes of a day up to then.
        active: on which days anyone was active, up to a day that was noted; behind it `users` tells.
        accepted: as `best`, of the days since `accepted_day` alone; -1: nobody accepted a new normal.
        dips: of the day that was looked at last.
    """

    first_day: int = -1
    users: list[int] = []
    events: list[int] = []
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
    dips: Dips = Dips()


def index_for(days: Days, day: int) -> int:
    """The index of a day in both lists, counted from their common end: -1 is the newest day.

    The lists are extended to it; what grew too old is packed.

    >>> days = Days()
    >>> for day in (100, 102, 102, 99):
    ...     days.events[index_for(days, day)] += 1
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
    if at - size < DAYS_MAX:
        more = [0] * (at - size + 1)
        days.users += more
        days.events += more
    else:  # back after years
        days.users[:] = days.events[:] = [0] * DAYS_MAX
        days.first_day, days.packed_events = day + 1 - DAYS_MAX, Column()
    if len(days.events) > EVENTS_LISTED_DAYS + PACKED_TOGETHER_DAYS:
        old = len(days.events) - EVENTS_LISTED_DAYS
        first_day = events_first_day(days)
        columns.extend(days.packed_events, first_day, days.events[:old], DAYS_MAX - EVENTS_LISTED_DAYS)
        del days.events[:old]
    old = len(days.users) - DAYS_MAX
    if old > TRIMMED_DAYS:
        del days.users[:old]
        days.first_day += old
    return -1


def events_first_day(days: Days) -> int:
    """The day of the first entry of `events`."""
    return days.first_day + len(days.users) - len(days.events)


def close_best(days: Days, day: int) -> None:
    """Keep the best half-year as of a day that no usage can reach any more; what is kept of a later one stays.

    It goes on from the last one that was kept, never from a look's, so that it is the same to the bit whoever looks.
    """
    if days.first_day >= 0 and day >= max(days.best.day + 1, days.first_day):
        days.best = _advanced(days.best, day, days)
        if day > days.accepted.day and days.accepted_day >= 0:
            days.accepted = _accepted_as_of(days, day)


def accept_baseline(days: Days, first_day: int | None) -> None:
    """Compare use with what came since a day; None: with all of it again."""
    days.accepted_day = -1 if first_day is None else first_day
    days.accepted = BestHalfYear() if first_day is None else BestHalfYear(0.0, first_day - 1)


def note_look(days: Days, day: int) -> None:
    """Note of the first look on a day what the next ones would sum up again."""
    if day != days.dips.day and days.first_day >= 0 and day - days.first_day >= _DIP_DAYS:
        days.dips = dips_of(days.users, days.first_day, day)
    noted_day = day - NOTED_BACK_DAYS
    if days.recent.day < noted_day and noted_day >= days.first_day >= 0:
        days.recent = _best_as_of(days, noted_day)
        # Behind the newest day nobody was active: noting it would push out the oldest days, which reports may ask for.
        close_active(days, min(noted_day, days.first_day + len(days.users) - 1))


def close_active(days: Days, day: int) -> None:
    """Extend the bitmap of active days up to a day."""
    if day > days.active.day:
        days.active = ActiveDays(day, packed(active_until(days, day)))


def count_noted(days: Days, day: int) -> None:
    """A user was active on a day that was noted already; a look notes sums of days that have no usage yet, too."""
    if day <= days.active.day:
        mark(days.active, day)
    if day <= days.recent.day:  # which no dips are noted without
        days.recent, days.dips = BestHalfYear(), Dips()


def active_until(days: Days, day: int) -> int:
    """On which days up to a day anyone was active: bit 0 is that day; of 400 days.

    >>> bin(active_until(Days(100, [1, 0, 4], [9, 0, 9], active=ActiveDays(100, b"\\1")), 103))
    '0b1010'
    """
    kept = days.active
    if day <= kept.day or day < days.first_day or days.first_day < 0:
        return until(kept, day)
    first_day, newer = max(kept.day + 1, days.first_day), 0
    users = days.users[first_day - days.first_day : day + 1 - days.first_day]
    for count in users:
        newer = newer << 1 | (count > 0)
    newer <<= day + 1 - first_day - len(users)
    return newer | until(kept, day) if kept.day >= 0 else newer


def _best_as_of(days: Days, day: int) -> BestHalfYear:
    """The best half-year as of a day, on from the newest that is kept of before it."""
    kept = days.recent if days.best.day < days.recent.day <= day else days.best
    return _advanced(kept, day, days)


def _advanced(kept: BestHalfYear, day: int, days: Days) -> BestHalfYear:
    """The best half-year as of a day, on from what is kept; of an account that is no older the sum of its days."""
    if day < days.first_day + HALF_YEAR_DAYS:  # nothing has left the half-year yet: it never had more than now
        half_year = sum(days.users[: day + 1 - days.first_day])
        return BestHalfYear(float(half_year), day, half_year)
    return best_half_year.advanced(kept, day, days.users, days.first_day)


def best_at(days: Days, day: int) -> BestHalfYear:
    """The best half-year as of a day at most 28 before the newest; nothing before the first use.

    >>> best_at(Days(100, [1, 2], [9, 9]), 100), best_at(Days(100, [1, 2], [9, 9]), 101)
    (BestHalfYear(user_days=1.0, day=100, half_year=1), BestHalfYear(user_days=3.0, day=101, half_year=3))
    """
    if days.first_day < 0 or day < days.first_day:
        return BestHalfYear()
    return _best_as_of(days, day) if days.accepted_day < 0 else _accepted_as_of(days, day)


def dips_at(days: Days, day: int) -> Dips:
    """How far the same days a year before a day dipped, as a look noted it, else counted again."""
    return days.dips if days.dips.day == day else dips_of(days.users, days.first_day, day)


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


def first_scored_day(days: Days) -> int:
    """The first day that may have a closing score, of an account that has any.

    >>> days = Days()
    >>> close_score(days, 100, 71.3), close_score(days, 140, 64), first_scored_day(days)
    (True, True, 100)
    """
    return days.packed_tenths.first_day if days.packed_tenths.count > 0 else days.scored_day


def scores(days: Days, first_day: int, end_day: int) -> list[float | None]:
    """The closing scores of the days from `first_day` to before `end_day`; None where there is none."""
    kept = _joined(days.packed_tenths, days.scored_day, days.tenths, first_day, end_day)
    return [(value - 1) / 10 if value is not None and value > 0 else None for value in kept]


def active_users(days: Days, first_day: int, end_day: int) -> list[int | None]:
    """Active users of the days from `first_day` to before `end_day`; None before what is known, 0 after it."""
    first, users = days.first_day, days.users
    if not users or end_day <= first:
        return [None] * (end_day - first_day)
    start = max(first_day, first)
    known: list[int | None] = [None] * (start - first_day)
    known += users[start - first : end_day - first]
    return known + [0] * (end_day - first_day - len(known))


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


def weeks_known(days: Days, day: int) -> int:
    """How many whole weeks that end with `day` there are since the first known day.

    >>> weeks_known(Days(100, [1] * 14), 113), weeks_known(Days(100, [1]), 99), weeks_known(Days(), 99)
    (2, 0, 0)
    """
    first = days.first_day
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
    users, end = days.users, day + 1 - days.first_day
    return [sum(users[at : at + 7]) for at in range(end - 7, end - 7 * known - 7, -7)]


def user_days(days: Days, last_day: int, number: int) -> int:
    """People active, summed over the `number` days that end with `last_day`.

    >>> user_days(Days(100, [1, 2, 4], [9, 9, 9]), 101, 2), user_days(Days(100, [1, 2, 4], [9, 9, 9]), 150, 49)
    (3, 4)
    """
    return sum(_last_users(days, last_day, number))


def active_days(days: Days, last_day: int, number: int) -> int:
    """How many of the `number` days that end with `last_day` had anyone active.

    >>> active_days(Days(100, [1, 0, 4], [9, 0, 9]), 102, 3)
    2
    """
    found = _last_users(days, last_day, number)
    return len(found) - found.count(0)


def _last_users(days: Days, last_day: int, number: int) -> list[int]:
    """Active users of the `number` days that end with `last_day`, as far as they are known."""
    end = last_day - days.first_day + 1
    if end <= 0 or days.first_day < 0:
        return []
    return days.users[end - number if end > number else 0 : end]


def last_active_day(days: Days, day: int) -> int | None:
    """The newest day up to `day` on which anyone was active; None without one.

    >>> last_active_day(Days(100, [1, 0, 0, 4], [9, 0, 0, 9]), 102), last_active_day(Days(100, [1], [9]), 99)
    (100, None)
    """
    users = days.users
    at = min(day - days.first_day, len(users) - 1) if days.first_day >= 0 else -1
    while at >= 0 and users[at] == 0:
        at -= 1
    return days.first_day + at if at >= 0 else None


def scores_at(days: Days, day: int, backs: Sequence[int]) -> tuple[float | None, ...]:
    """The closing scores of so many days before a day; of a day without one, of the newest before it.

    Args:
        days: the account's.
        day: its day.
        backs: how many days before it; at most 35 before the last evaluated one.

    >>> scores_at(Days(scored_day=100, tenths=[501, 0, 701]), 103, (0, 1, 2, 3, 4))
    (70.0, 70.0, 50.0, 50.0, None)
    """
    kept, found = days.tenths, []
    last, end = len(kept) - 1, day - days.scored_day
    for back in backs:
        at = end - back if end - back < last else last
        while at >= 0 and kept[at] == 0:
            at -= 1
        found.append((kept[at] - 1) / 10 if at >= 0 else None)
    return tuple(found)
