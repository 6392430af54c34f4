"""Every number of an account as of a moment, from its facts: one formula each, as docs/metrics.md defines them.

"Day" is a UTC calendar day; a trailing N-day window is the N days that end with as_of's day. Counts are counts of what
was seen, so 0 is a number; a rate, mean or share whose base is empty is None, never 0.

Usage is exact as of any moment back to seven days before the newest event (64 days of bits are kept), but for two
things: what can't be known as of then is None (mau_previous, adoption by feature), and among the known users of 90
days one who came back after two months of absence does not count before the return. Support and sentiment reach back
28 days, with each ticket's priority and category, and each answer, in its newest version.
"""

import math
from functools import cache
from statistics import mean, median
from typing import Any, Final

from msgspec import Struct, field

from stream import rolling, surveys, tickets
from stream.account import AccountState, Activity, active_bits
from stream.journey import NO_JOURNEY, Journey, progress
from stream.rolling import BITS, DAY_MS, LAST_DAY, day_of
from stream.surveys import Sentiment
from stream.tickets import PRIORITIES, URGENT, Support
from stream.trend import trend

HOUR_MS: Final = 3_600_000
DAILY_USER_DAYS: Final = 16  # active days in 30 that make a daily, a weekly user. Source: docs/metrics.md
WEEKLY_USER_DAYS: Final = 4
CADENCE_DAYS: Final = 56
CHANGE_DAYS: Final = 28
EARLIER_DAYS: Final = 7  # usage is known as of this many days before the newest event

_MONTH_MASK: Final = (1 << 30) - 1

Measures = dict[str, Any]


class _Tally(Struct, gc=False):
    """One pass over an account's users."""

    dau: int = 0
    wau: int = 0
    wau_previous: int = 0
    mau: int = 0
    mau_previous: int | None = 0
    known: int = 0
    active_days: int = 0
    weekday_days: int = 0
    daily: int = 0
    weekly: int = 0
    user_days: int = 0
    user_days_previous: int = 0


def measure(
    state: AccountState,
    as_of_ms: int,
    core_features: frozenset[str] = frozenset(),
    journey: Journey = NO_JOURNEY,
    with_trend: bool = True,
) -> Measures:
    """All measures of one account.

    Args:
        state: its facts.
        as_of_ms: the moment, epoch milliseconds.
        core_features: the product's catalogue; empty: depth and balance are None.
        journey: its key actions and milestones.
        with_trend: whether the trend is wanted; without it its measures are left out.

    Returns:
        Measure id to value: numbers, None where unknown, and a few mappings (per feature, priority, category).
    """
    day = day_of(as_of_ms)
    seats = state.profile.get("licensed_seats", (None, 0))[0]
    found: Measures = {}
    tally = _tally(state.activity, day)
    found.update(_reach(tally, seats, day))
    found.update(_habit(state.activity, tally, day))
    if with_trend:
        found.update(_trend(state.activity, day))
    found.update(_features(state.activity, tally.mau, day, core_features))
    found.update(progress(state, day, journey))
    found.update(_support(state.support, tally.mau, as_of_ms))
    found.update(_sentiment(state.sentiment, day))
    return found


@cache
def _weekday_mask(day_mod_7: int) -> int:
    """Bits of the weekdays (Monday to Friday) among the 30 days that end with a day, bit 0 for that day.

    >>> bin(_weekday_mask(3) & 0x7F)  # 1970-01-04 was a Sunday
    '0b1111100'
    """
    mask = 0
    for back in range(30):
        if (day_mod_7 - back + 3) % 7 < 5:
            mask |= 1 << back
    return mask


def _tally(activity: Activity, day: int) -> _Tally:
    """Count users and their active days in every window at once."""
    t = _Tally()
    mau_previous = 0
    weekdays = _weekday_mask(day % 7)
    for user in activity.users.values():
        ahead = day - user[LAST_DAY]
        if ahead >= 90:
            continue
        bits = user[BITS] << ahead if ahead >= 0 else user[BITS] >> -ahead
        if not bits:
            continue  # first active after the day asked about
        t.known += 1
        month = bits & _MONTH_MASK
        mau_previous += (bits >> 30) & _MONTH_MASK != 0
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
    t.mau_previous = mau_previous if day >= activity.newest_day - (rolling.DAYS_KEPT - 60) else None
    return t


def _reach(t: _Tally, seats: int | None, day: int) -> Measures:
    """How many use it, of those who could. Source: docs/metrics.md, active users and licences."""
    base = seats if seats is not None and seats > 0 else t.known if t.known > 0 and seats is None else None
    weekdays = _weekday_mask(day % 7).bit_count()
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
        "days_known": day - first_day + 1 if first_day is not None and first_day <= day else None,
        "days_since_active": days_since,
        "silence_ratio": silence,
    }


def _trend(activity: Activity, day: int) -> Measures:
    """Whether use goes its usual way. Source: docs/metrics.md, trend; docs/health.md, the trend."""
    found = trend(activity.days, day)
    return {
        "usage_trend_ratio": found.ratio if found is not None else None,
        "usage_trend_deviation": found.deviation if found is not None else None,
        "usage_trend_status": found.status if found is not None else None,
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
        last_day = user[LAST_DAY]
        if last_day > day:
            bits = user[BITS] >> (last_day - day)
            last_day = day + 1 - (bits & -bits).bit_length() if bits else -1
        newest = max(newest, last_day)
    return newest if newest >= 0 else None


def _users_for_half(activity: Activity, day: int) -> int | None:
    """The fewest users that make half of the trailing 30 days' events; None without events, or as of too early a day.

    1 means that one departure can lose the account. Source: docs/metrics.md, breadth.
    """
    if day < activity.newest_day - EARLIER_DAYS:
        return None
    counts = sorted([rolling.events_in(user, day) for user in activity.users.values()], reverse=True)
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
    known = mau > 0 and day >= activity.newest_day
    used = 0
    core_used = 0
    adopters: dict[str, int] = {}
    status: dict[str, str] = {}
    for name, use in activity.features.items():
        ahead = day - use.last_day
        if ahead >= 30 or (ahead < 0 and not use.bits >> -ahead & _MONTH_MASK):
            status[name] = "lapsed"
            continue
        status[name] = "used"
        used += 1
        core_used += name in core
        if known:
            adopters[name] = sum([last > day - 30 for last in use.users.values()])
    for name in core:
        status.setdefault(name, "never used")
    return {
        "features_30d": used,
        "depth": core_used / len(core) if core else None,
        "features_per_active_user": sum(adopters.values()) / mau if known else None,
        "balance": _balance([adopters.get(name, 0) for name in sorted(core)]) if known else None,
        "feature_adoption_rate": {name: count / mau for name, count in adopters.items()},
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


class _Cases(Struct, gc=False):
    """One pass over an account's tickets."""

    opened_7: int = 0
    opened_30: int = 0
    opened_90: int = 0
    by_priority: list[int] = field(default_factory=lambda: [0] * len(PRIORITIES))
    by_category: dict[str, int] = {}
    open_by_priority: list[int] = field(default_factory=lambda: [0] * len(PRIORITIES))
    escalation_hours: list[float] = []
    running_hours: list[float] = []
    resolution_hours: list[float] = []


def _cases(support: Support, as_of_ms: int) -> _Cases:
    """Count tickets in every window at once."""
    found = _Cases()
    day = day_of(as_of_ms)
    for ticket in support.tickets.values():
        first_ms = ticket.transitions[0][0] if ticket.transitions else ticket.described[0]
        if first_ms > as_of_ms:
            continue
        at = tickets.phase(ticket, as_of_ms)
        found.open_by_priority[ticket.priority] += at.is_open
        if at.is_escalated:
            found.running_hours.append(at.escalated_for_ms / HOUR_MS)
        if at.escalated_ms is not None and day - at.escalated_ms // DAY_MS < 90:
            found.escalation_hours.append(at.escalated_for_ms / HOUR_MS)
        if at.opened_ms is None:
            continue
        if at.resolved_ms is not None and day - at.resolved_ms // DAY_MS < 90:
            found.resolution_hours.append(max(at.resolved_ms - at.opened_ms, 0) / HOUR_MS)
        age_days = day - at.opened_ms // DAY_MS
        found.opened_7 += age_days < 7
        found.opened_30 += age_days < 30
        if age_days < 90:
            found.opened_90 += 1
            found.by_priority[ticket.priority] += 1
            if ticket.category is not None:
                found.by_category[ticket.category] = found.by_category.get(ticket.category, 0) + 1
    return found


def _support(support: Support, mau: int, as_of_ms: int) -> Measures:
    """The weight of support. Source: docs/metrics.md, tickets, escalations and resolution."""
    cases = _cases(support, as_of_ms)
    escalated = len(cases.escalation_hours)
    return {
        "tickets_opened_7": cases.opened_7,
        "tickets_opened_30": cases.opened_30,
        "tickets_opened_90": cases.opened_90,
        "tickets_opened_90_by_priority": dict(zip(PRIORITIES, cases.by_priority, strict=True)),
        "tickets_opened_90_by_category": cases.by_category,
        "open_tickets": sum(cases.open_by_priority),
        "open_tickets_by_priority": dict(zip(PRIORITIES, cases.open_by_priority, strict=True)),
        "open_urgent_tickets": cases.open_by_priority[URGENT],
        "support_incident_rate": cases.opened_30 / mau if mau > 0 else None,
        "escalated_tickets": escalated,
        "escalation_rate": escalated / cases.opened_90 if cases.opened_90 > 0 else None,
        "escalation_hours": mean(cases.escalation_hours) if escalated > 0 else None,
        "escalation_running_hours": max(cases.running_hours, default=0.0),
        "resolution_hours": median(cases.resolution_hours) if cases.resolution_hours else None,
    }


_NO_ANSWERS: Final[Measures] = {
    "nps": None,
    "nps_responses": 0,
    "nps_previous": None,
    "csat": None,
    "csat_mean": None,
    "csat_responses": 0,
    "ces_mean": None,
}


def _sentiment(sentiment: Sentiment, day: int) -> Measures:
    """What they say. NPS counts each user's latest answer, so nobody votes twice. Source: docs/metrics.md."""
    if not sentiment.answers:
        return dict(_NO_ANSWERS)
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
