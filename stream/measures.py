"""Every number of an account as of a moment, from its facts: one formula each, as docs/metrics.md defines them.

"Day" is a UTC calendar day; a trailing N-day window is the N days that end with as_of's day. Counts are counts of what
was seen, so 0 is a number; a rate, mean or share whose base is empty is None, never 0.

Usage is exact as of any moment back to seven days before the newest event (64 days of bits are kept); support and
sentiment back to 28 days. What can't be known as of an earlier moment is None there, and says so in its row.
"""

import math
from statistics import mean, median
from typing import Any, Final

from msgspec import Struct

from stream import rolling, surveys, tickets
from stream.account import AccountState, Activity, active_bits
from stream.rolling import BITS, DAY_MS, LAST_DAY, day_of, window
from stream.surveys import Sentiment
from stream.tickets import PRIORITIES, URGENT, Support

HOUR_MS: Final = 3_600_000
DAILY_USER_DAYS: Final = 16  # active days in 30 that make a daily, a weekly user. Source: docs/metrics.md
WEEKLY_USER_DAYS: Final = 4
CADENCE_DAYS: Final = 56
CHANGE_DAYS: Final = 28

Measures = dict[str, Any]


class _Tally(Struct, gc=False):
    """One pass over an account's users."""

    dau: int = 0
    wau: int = 0
    wau_previous: int = 0
    mau: int = 0
    mau_previous: int = 0
    known: int = 0
    active_days: int = 0
    weekday_days: int = 0
    daily: int = 0
    weekly: int = 0
    user_days: int = 0
    user_days_previous: int = 0


def measure(state: AccountState, as_of_ms: int, core_features: frozenset[str] = frozenset()) -> Measures:
    """All measures of one account.

    Args:
        state: its facts.
        as_of_ms: the moment, epoch milliseconds.
        core_features: the product's catalogue; empty: depth and balance are None.

    Returns:
        Measure id to value: numbers, None where unknown, and a few mappings (per feature, priority, category).
    """
    day = day_of(as_of_ms)
    seats = state.profile.get("licensed_seats", (None, 0))[0]
    found: Measures = {}
    tally = _tally(state.activity, day)
    found.update(_reach(tally, seats, day))
    found.update(_habit(state.activity, tally, day))
    found.update(_features(state.activity, tally.mau, day, core_features))
    found.update(_support(state.support, tally.mau, as_of_ms))
    found.update(_sentiment(state.sentiment, day))
    return found


def _weekday_mask(day: int, days: int) -> int:
    """Bits of the weekdays (Monday to Friday) among the `days` days that end with `day`, bit 0 for `day`.

    >>> bin(_weekday_mask(3, 7))  # 1970-01-04 was a Sunday
    '0b1111100'
    """
    mask = 0
    for back in range(days):
        if (day - back + 3) % 7 < 5:
            mask |= 1 << back
    return mask


def _tally(activity: Activity, day: int) -> _Tally:
    """Count users and their active days in every window at once."""
    t = _Tally()
    weekdays = _weekday_mask(day, 30)
    for user in activity.users.values():
        ahead = day - user[LAST_DAY]
        if ahead >= 90:
            continue
        bits = user[BITS] << ahead if ahead >= 0 else user[BITS] >> -ahead
        if not bits:
            continue  # first active after the day asked about
        t.known += 1
        month = bits & 0x3FFFFFFF
        t.mau_previous += (bits >> 30) & 0x3FFFFFFF != 0
        t.user_days += (bits & 0xFFFFFFF).bit_count()
        t.user_days_previous += ((bits >> 28) & 0xFFFFFFF).bit_count()
        t.wau_previous += (bits >> 7) & 0x7F != 0
        if month:
            active_days = month.bit_count()
            t.mau += 1
            t.dau += bits & 1
            t.wau += bits & 0x7F != 0
            t.active_days += active_days
            t.weekday_days += (month & weekdays).bit_count()
            t.daily += active_days >= DAILY_USER_DAYS
            t.weekly += WEEKLY_USER_DAYS <= active_days < DAILY_USER_DAYS
    return t


def _reach(t: _Tally, seats: int | None, day: int) -> Measures:
    """How many use it, of those who could. Source: docs/metrics.md, active users and licences."""
    base = seats if seats is not None and seats > 0 else t.known if t.known > 0 and seats is None else None
    weekdays = _weekday_mask(day, 30).bit_count()
    licensed = seats if seats is not None and seats > 0 else None
    return {
        "dau": t.dau,
        "wau": t.wau,
        "mau": t.mau,
        "wau_previous": t.wau_previous,
        "mau_previous": t.mau_previous,
        "active_user_rate_daily": t.dau / base if base is not None else None,
        "active_user_rate_weekly": t.wau / base if base is not None else None,
        "active_user_rate_monthly": t.mau / base if base is not None else None,
        "active_user_basis": None if base is None else "licensed_seats" if licensed is not None else "known_users_90d",
        "license_utilization": t.mau / licensed if licensed is not None else None,
        "license_utilization_daily": t.weekday_days / weekdays / licensed if licensed is not None else None,
        "turnover_exposure": 1 / t.mau if t.mau > 0 else None,
    }


def _habit(activity: Activity, t: _Tally, day: int) -> Measures:
    """How often they use it, and whether that holds. Source: docs/metrics.md, frequency, stickiness and change."""
    first_day = None if activity.first_ms is None else activity.first_ms // DAY_MS
    days_since, silence = _silence(activity, day, first_day)
    compared = first_day is not None and day - first_day + 1 >= 2 * CHANGE_DAYS and t.user_days_previous > 0
    return {
        "stickiness": t.active_days / 30 / t.mau if t.mau > 0 else None,
        "frequency_30d": t.active_days / t.mau if t.mau > 0 else None,
        "users_daily": t.daily,
        "users_weekly": t.weekly,
        "users_monthly": t.mau - t.daily - t.weekly,
        "users_for_half": _users_for_half(activity, day),
        "activity_change_ratio": t.user_days / t.user_days_previous if compared else None,
        "days_since_active": days_since,
        "silence_ratio": silence,
    }


def _silence(activity: Activity, day: int, first_day: int | None) -> tuple[int | None, float | None]:
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
        bits = window(user[LAST_DAY], user[BITS], day, rolling.DAYS_KEPT)
        if bits:
            lowest = (bits & -bits).bit_length() - 1
            newest = max(newest, (user[LAST_DAY] if user[LAST_DAY] < day else day) - lowest)
    return newest if newest >= 0 else None


def _users_for_half(activity: Activity, day: int) -> int | None:
    """The fewest users that make half of the trailing 30 days' events; None without events, or as of an earlier day.

    1 means that one departure can lose the account. Source: docs/metrics.md, breadth.
    """
    if day < activity.newest_day:
        return None
    counts = sorted((rolling.events_in(user, day) for user in activity.users.values()), reverse=True)
    total = sum(counts)
    reached = 0
    for place, count in enumerate(counts, start=1):
        reached += count
        if total > 0 and reached * 2 >= total:
            return place
    return None


def _features(activity: Activity, mau: int, day: int, core: frozenset[str]) -> Measures:
    """How much of the product they use. Source: docs/metrics.md, depth and feature adoption.

    Per-user numbers (adoption, balance, features_per_active_user) are None as of a day before the newest usage.
    """
    current = day >= activity.newest_day
    used: list[str] = []
    adopters: dict[str, int] = {}
    status: dict[str, str] = {}
    for name, use in activity.features.items():
        in_window = window(use.last_day, use.bits, day, 30) != 0
        if in_window:
            used.append(name)
            adopters[name] = sum(day - 29 <= last <= day for last in use.users.values())
        status[name] = "used" if in_window else "lapsed"
    status.update({name: "never used" for name in core if name not in status})
    known = current and mau > 0
    return {
        "features_30d": len(used),
        "depth": sum(name in core for name in used) / len(core) if core else None,
        "features_per_active_user": sum(adopters.values()) / mau if known else None,
        "balance": _balance([adopters.get(name, 0) for name in sorted(core)]) if known else None,
        "feature_adoption_rate": {name: count / mau for name, count in adopters.items()} if known else {},
        "feature_status": status,
    }


def _balance(users: list[int]) -> float | None:
    """Normalised entropy of use over the core features: 1 when all are used alike, 0 when only one is.

    Taken over the users of each feature and not its events, so that one script can't tilt it; None with fewer than two
    core features, or no use. Source: Shannon entropy over its maximum, log of the number of features.

    >>> _balance([5, 5]), _balance([5, 0]), _balance([0, 0])
    (1.0, 0.0, None)
    """
    total = sum(users)
    if len(users) < 2 or total == 0:
        return None
    entropy = -sum(count / total * math.log(count / total) for count in users if count > 0)
    return max(0.0, entropy) / math.log(len(users))


def _support(support: Support, mau: int, as_of_ms: int) -> Measures:
    """The weight of support. Source: docs/metrics.md, tickets, escalations and resolution."""
    day = day_of(as_of_ms)
    opened = {7: 0, 30: 0, 90: 0}
    by_priority, by_category = dict.fromkeys(PRIORITIES, 0), dict[str, int]()
    open_by_priority = dict.fromkeys(PRIORITIES, 0)
    escalated, escalation_hours, resolution_hours, running_hours = 0, list[float](), list[float](), list[float]()
    for ticket in support.tickets.values():
        at = tickets.phase(ticket, as_of_ms)
        first_ms = ticket.transitions[0][0] if ticket.transitions else ticket.described[0]
        if first_ms > as_of_ms:
            continue
        if at.is_open:
            open_by_priority[PRIORITIES[ticket.priority]] += 1
        if at.escalated_ms is not None and day - at.escalated_ms // DAY_MS < 90:
            escalated += 1
            escalation_hours.append(at.escalated_for_ms / HOUR_MS)
        if at.is_escalated:
            running_hours.append(at.escalated_for_ms / HOUR_MS)
        if at.opened_ms is None:
            continue
        age_days = day - at.opened_ms // DAY_MS
        for days in opened:
            opened[days] += age_days < days
        if age_days < 90:
            by_priority[PRIORITIES[ticket.priority]] += 1
            if ticket.category is not None:
                by_category[ticket.category] = by_category.get(ticket.category, 0) + 1
        if at.resolved_ms is not None and day - at.resolved_ms // DAY_MS < 90:
            resolution_hours.append((at.resolved_ms - at.opened_ms) / HOUR_MS)
    return {
        "tickets_opened_7": opened[7],
        "tickets_opened_30": opened[30],
        "tickets_opened_90": opened[90],
        "tickets_opened_90_by_priority": by_priority,
        "tickets_opened_90_by_category": by_category,
        "open_tickets": sum(open_by_priority.values()),
        "open_tickets_by_priority": open_by_priority,
        "open_urgent_tickets": open_by_priority[PRIORITIES[URGENT]],
        "support_incident_rate": opened[30] / mau if mau > 0 else None,
        "escalated_tickets": escalated,
        "escalation_rate": escalated / opened[90] if opened[90] > 0 else None,
        "escalation_hours": mean(escalation_hours) if escalation_hours else None,
        "escalation_running_hours": max(running_hours, default=0.0),
        "resolution_hours": median(resolution_hours) if resolution_hours else None,
    }


def _sentiment(sentiment: Sentiment, day: int) -> Measures:
    """What they say. NPS counts each user's latest answer, so nobody votes twice. Source: docs/metrics.md."""
    scores = surveys.latest_scores(sentiment, "nps", day - 89, day)
    before = surveys.latest_scores(sentiment, "nps", day - 179, day - 90)
    csat = surveys.all_scores(sentiment, "csat", day - 89, day)
    ces = surveys.all_scores(sentiment, "ces", day - 89, day)
    return {
        "nps": nps(scores),
        "nps_responses": len(scores),
        "nps_previous": nps(before),
        "csat": sum(score >= 4 for score in csat) / len(csat) if csat else None,
        "csat_mean": mean(csat) if csat else None,
        "csat_responses": len(csat),
        "ces_mean": mean(ces) if ces else None,
    }


def nps(scores: list[int]) -> float | None:
    """Net promoter score, -100..100: share of 9-10 less share of 0-6; None without answers. Source: Reichheld 2003.

    >>> nps([10, 9, 8, 3]), nps([])
    (25.0, None)
    """
    if not scores:
        return None
    promoters = sum(score >= 9 for score in scores)
    detractors = sum(score <= 6 for score in scores)
    return 100 * (promoters - detractors) / len(scores)
