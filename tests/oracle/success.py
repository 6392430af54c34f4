"""What the account feed, touchpoints, outcomes, subscriptions and sessions come to, from one account's raw events.

Plain loops over all events, as of the last millisecond of a day, as docs/metrics.md tells the measures.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.tickets import day_in, last_ms

TOUCHES = ("call", "email", "qbr", "training", "onsite", "play", "meeting", "webinar")
ORDER = [
    "trial_started",
    "started",
    "trial_converted",
    "reactivated",
    "renewed",
    "resumed",
    "upgraded",
    "downgraded",
    "paused",
    "cancellation_requested",
    "cancellation_withdrawn",
    "trial_expired",
    "cancelled",
    "moved",
    "changed",
]
BEGINS = ("trial_started", "started", "trial_converted", "reactivated", "renewed")
DAY = 86_400_000

Event = dict[str, Any]


def measures(events: Sequence[Event], day: int, zone: ZoneInfo, usage: dict[str, Any]) -> dict[str, Any]:
    """Every measure of the customer's success of one account.

    Args:
        events: of the account, of every kind, each with its time as `ms`.
        day: the calendar day in `zone` as of whose end it is asked.
        usage: the account's usage measures as of then; empty where it had no usage.
    """
    now = last_ms(zone, day)
    kinds: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        kinds[event["type"]].append(event)
    used = sorted({(event["event_id"], event["ms"]): event for event in kinds["usage"]}.values(), key=lambda e: e["ms"])
    began = min((day_in(zone, event["ms"]) for event in used), default=None)
    profile = _profile(kinds["account"])
    touches = [touch for touch in _newest(kinds["touchpoint"]) if touch["ms"] <= now]
    terms = _terms(kinds["subscription"], now)
    until = _renewal_day(terms, profile, zone)
    sittings = _sittings(used, day, zone)
    return {
        **sittings,
        **_contact(touches, day, zone),
        **_feedback(kinds["survey"], kinds["touchpoint"], now, day, zone),
        **_goals(profile.get("goals") or [], kinds["outcome"], began, now, day, zone),
        **_subscribed(terms, now, day, zone),
        "days_to_renewal": until - day if until is not None else None,
        **_stage(profile, terms, kinds["subscription"], used, began, until, day, zone),
        **_champions(used, began, day, zone),
        "engagement_score": _engagement(usage | sittings),
    }


def _profile(updates: Iterable[Event]) -> dict[str, Any]:
    """Field by field what the newest update says."""
    known: dict[str, Any] = {}
    for update in sorted(updates, key=lambda event: event["ms"]):
        known.update(update)
    return known


def _newest(touchpoints: Iterable[Event]) -> list[Event]:
    """Each touchpoint in its newest version."""
    newest: dict[str, Event] = {}
    for touch in touchpoints:
        known = newest.get(touch["event_id"])
        if known is None or _version(touch) > _version(known):
            newest[touch["event_id"]] = touch
    return list(newest.values())


def _version(touch: Event) -> tuple[Any, ...]:
    return (touch["ms"], TOUCHES.index(_kind(touch)), touch.get("user_id") or "", touch.get("response_id") or "")


def _kind(touch: Event) -> str:
    return "email" if touch["kind"] == "mail" else str(touch["kind"])


def _contact(touches: Sequence[Event], day: int, zone: ZoneInfo) -> dict[str, Any]:
    ages = [(day - day_in(zone, touch["ms"]), _kind(touch)) for touch in touches]
    found: dict[str, Any] = {"days_since_touchpoint": min([age for age, _ in ages], default=None)}
    for days in (30, 90):
        recent = [kind for age, kind in ages if age < days]
        found[f"touchpoints_{days}"] = len(recent)
        found[f"touchpoints_{days}_by_kind"] = {kind: recent.count(kind) for kind in TOUCHES}
    return found


def _feedback(surveys: Iterable[Event], told: Sequence[Event], now: int, day: int, zone: ZoneInfo) -> dict[str, Any]:
    """The follow-up time is the two days that hold without a setting."""
    if not told:
        return dict.fromkeys(
            ("open_feedback", "open_detractors", "open_promoters", "open_feedback_days", "open_detractor_days")
        ) | {"open_detractor_users": []}
    versions: dict[str, Event] = {}
    for answer in sorted(surveys, key=lambda e: (e["ms"], e["score"], e["survey"] != "nps", e["user_id"])):
        versions[answer.get("response_id") or answer["event_id"]] = answer
    by_user: dict[str, tuple[str, Event]] = {}
    for name, answer in sorted(versions.items(), key=lambda item: (item[1]["ms"], item[1]["score"], item[0])):
        if answer["survey"] == "nps" and 0 <= day - day_in(zone, answer["ms"]) < 90:
            by_user[answer["user_id"]] = (name, answer)
    touches = [touch for touch in _newest(told) if touch["ms"] <= now]
    waiting = []
    for name, answer in by_user.values():
        followed = False
        for touch in touches:
            if touch.get("response_id"):
                meant = touch["response_id"] == name
            else:
                meant = touch.get("user_id") == answer["user_id"] and _kind(touch) not in ("play", "webinar")
            followed |= meant and touch["ms"] >= answer["ms"]
        if not followed and now - answer["ms"] > 2 * DAY:
            waiting.append((answer["score"], day - day_in(zone, answer["ms"]), answer["ms"], answer["user_id"]))
    detractors = [age for score, age, _, _ in waiting if score < 7]
    promoters = [age for score, age, _, _ in waiting if score > 8]
    unhappy = sorted((ms, user) for score, _, ms, user in waiting if score < 7)
    return {
        "open_feedback": len(detractors) + len(promoters),
        "open_detractors": len(detractors),
        "open_promoters": len(promoters),
        "open_feedback_days": max(detractors + promoters, default=0),
        "open_detractor_days": max(detractors, default=0),
        "open_detractor_users": [user for _, user in unhappy[:3]],
    }


def _goals(
    goals: Iterable[Event], outcomes: Sequence[Event], began: int | None, now: int, day: int, zone: ZoneInfo
) -> dict[str, Any]:
    attained: dict[str, float | None] = {}
    paces: dict[str, float | None] = {}
    targets = unreported = 0
    for goal in {goal["name"]: goal for goal in goals}.values():
        name, target = goal["name"], goal.get("target")
        attained[name] = paces[name] = None
        if target is None or target <= 0:
            continue
        targets += 1
        told = [(event["ms"], event["value"]) for event in outcomes if event["goal"] == name and event["ms"] <= now]
        if not told:
            unreported += 1
            continue
        attained[name] = max(told)[1] / target
        if goal.get("due_at") is None:
            continue
        due = day_in(zone, goal["due_at"])
        line = target
        if day < due:
            line = target * (day - began) / (due - began) if began is not None and began < day else 0
        paces[name] = max(told)[1] / line if line > 0 else None
    known = [at for at in paces.values() if at is not None]
    return {
        "outcome_attainment": attained,
        "outcome_pace": paces,
        "outcome_pace_min": min(known) if known else None,
        "goals_off_track": len([at for at in known if at < 0.9]) if known else None,
        "goals_unreported": unreported if targets else None,
    }


def _terms(events: Sequence[Event], now: int) -> list[dict[str, Any]]:
    """Every subscription first heard of by now, as its changes up to now make it, each question on its own."""
    found = []
    for name in sorted({event["subscription_id"] for event in events}):
        steps = [
            (e["ms"], ORDER.index(e["status"]), e.get("mrr", -1.0), e.get("renewal_at", -1))
            for e in events
            if e["subscription_id"] == name and e["ms"] <= now
        ]
        steps = sorted(set(steps))
        if not steps:
            continue
        words = [ORDER[code] for _, code, *_ in steps]
        starts = [number for number, word in enumerate(words) if word in BEGINS]
        ends = [number for number, word in enumerate(words) if word in ("trial_expired", "cancelled", "moved")]
        last_start, last_end = max(starts, default=-1), max(ends, default=-1)
        runs = last_end < 0 or last_start > last_end
        settled = max(
            last_start, last_end, max([at for at, word in enumerate(words) if word.endswith("withdrawn")], default=-1)
        )
        requests = [steps[at][0] for at in range(settled + 1, len(words)) if words[at] == "cancellation_requested"]
        prices = [mrr for _, _, mrr, _ in steps if mrr >= 0]
        dates = [renewal for _, _, _, renewal in steps[max(last_start, 0) :] if renewal >= 0]
        held = [word for word in words[last_start + 1 :] if word in ("paused", "resumed")]
        over = [words[at] for at in ends if at > last_start]
        after_move = over[len(over) - over[::-1].index("moved") :] if "moved" in over else over
        tried = last_start >= 0 and words[last_start] == "trial_started" and "moved" not in over
        found.append(
            {
                "runs": runs,
                "paused": runs and held[-1:] == ["paused"],
                "expired": not runs and (tried or "trial_expired" in after_move),
                "trial": runs and last_start >= 0 and words[last_start] == "trial_started",
                "since": steps[last_start][0] if last_start >= 0 else None,
                "requested": requests[0] if runs and requests else None,
                "mrr": prices[-1] if prices else None,
                "renewal": dates[-1] if dates else None,
            }
        )
    return found


def _subscribed(terms: Sequence[dict[str, Any]], now: int, day: int, zone: ZoneInfo) -> dict[str, Any]:
    if not terms:
        return dict.fromkeys(
            ("subscriptions_active", "cancellation_requested", "cancellation_requested_days", "mrr_active")
        )
    running = [term for term in terms if term["runs"]]
    asked = [day - day_in(zone, term["requested"]) for term in running if term["requested"] is not None]
    worth = [term["mrr"] for term in running if not term["trial"] and term["mrr"] is not None]
    return {
        "subscriptions_active": len(running),
        "cancellation_requested": len(asked),
        "cancellation_requested_days": max(asked, default=0),
        "mrr_active": sum(worth) if worth else None,
    }


def _renewal_day(terms: Sequence[dict[str, Any]], profile: dict[str, Any], zone: ZoneInfo) -> int | None:
    dates = [term["renewal"] for term in terms if term["runs"] and term["renewal"] is not None]
    if dates:
        return day_in(zone, min(dates))
    if profile.get("renewal_at") is None or (terms and not any(term["runs"] for term in terms)):
        return None
    return day_in(zone, profile["renewal_at"])


def _stage(
    profile: dict[str, Any],
    terms: Sequence[dict[str, Any]],
    changes: Sequence[Event],
    used: Sequence[Event],
    began: int | None,
    until: int | None,
    day: int,
    zone: ZoneInfo,
) -> dict[str, Any]:
    """No key action is configured."""
    if profile.get("lifecycle_stage") is not None:
        return {"lifecycle_stage": profile["lifecycle_stage"], "lifecycle_stage_basis": "given"}
    running = [term for term in terms if term["runs"]]
    age = day - began if began is not None else -1
    ahead = 90
    if since := [day_in(zone, term["since"]) for term in running if term["since"] is not None]:
        ahead = min(90, ((until or 0) - max(since)) // 4)
    stage: str | None
    if terms and not running:
        stage = "churned" if [term for term in terms if not term["expired"]] else "expired_trial"
    elif running and len([term for term in running if term["paused"]]) == len(running):
        stage = "paused"
    elif running and len([term for term in running if term["trial"]]) == len(running):
        stage = "trial"
    elif age < 0:
        stage = None
    elif age >= 90 and until is not None and -30 <= until - day <= ahead:
        stage = "renewing"
    elif _came_back(running, changes, used, day, zone):
        stage = "returned"
    else:
        stage = "onboarding" if age < 90 else "active"
    return {"lifecycle_stage": stage, "lifecycle_stage_basis": "derived" if stage is not None else None}


def _came_back(
    running: Sequence[dict[str, Any]], changes: Sequence[Event], used: Sequence[Event], day: int, zone: ZoneInfo
) -> bool:
    newest = max((term["since"] for term in running if term["since"] is not None), default=None)
    if newest is not None and day - day_in(zone, newest) < 90:
        before = _terms(changes, newest - 1)
        if before and not any(term["runs"] for term in before):
            return True
    days = sorted({day_in(zone, event["ms"]) for event in used if day_in(zone, event["ms"]) <= day})
    recent = [at for at in days if day - at < 90]
    earlier = [at for at in days if day - at >= 90]
    return bool(recent and earlier) and recent[0] - earlier[-1] > 182


def _champions(used: Iterable[Event], began: int | None, day: int, zone: ZoneInfo) -> dict[str, Any]:
    if began is None or day - began < 43:
        return {"champions": None, "champions_gone": None, "champions_gone_users": []}
    days: dict[str, set[int]] = defaultdict(set)
    for event in used:
        days[event["user_id"]].add(day - day_in(zone, event["ms"]))
    before = {user: len([age for age in ages if 14 <= age < 44]) for user, ages in days.items()}
    half = sum(before.values()) / 2
    few: list[str] = []
    for user in sorted(before, key=lambda name: (-before[name], name)):
        if sum(before[name] for name in few) < half:
            few.append(user)
    few = [user for user in few if before[user] >= 8]
    gone = [user for user in few if not any(0 <= age < 14 for age in days[user])]
    return {"champions": len(few), "champions_gone": len(gone), "champions_gone_users": gone[:3]}


def _sittings(used: Iterable[Event], day: int, zone: ZoneInfo) -> dict[str, Any]:
    """Of each day the four sessions with the smallest hashes, below the smallest fourth hash of the full days."""
    sessions: dict[int, dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in used:
        if event.get("session_id") is not None and 0 <= day - day_in(zone, event["ms"]) < 30:
            sessions[day_in(zone, event["ms"])][event["session_id"]].append(event)
    hashes = {name: zlib.crc32(name.encode()) * 2654435761 % 2**32 for found in sessions.values() for name in found}
    fourths = [sorted(hashes[name] for name in found)[3] for found in sessions.values() if len(found) > 3]
    below = min(fourths, default=2**32)
    sampled = [part for found in sessions.values() for name, part in found.items() if hashes[name] < below]
    minutes = []
    for part in sampled:
        told = [event["duration_seconds"] for event in part if event.get("duration_seconds") is not None]
        if told:
            minutes.append(min(sum(int(seconds + 0.5) for seconds in told), 86_400) / 60)
    return {
        "session_minutes": median(minutes) if minutes else None,
        "components_per_session": median(len({e["feature"] for e in part}) for part in sampled) if sampled else None,
    }


def _engagement(values: dict[str, Any]) -> float | None:
    parts = (
        ("license_utilization", 30, 1),
        ("frequency_30d", 30, 16),
        ("depth", 25, 1),
        ("session_minutes", 15, 30),
    )
    known: list[tuple[float, float]] = [
        (weight, min(values[name], full) / full) for name, weight, full in parts if values.get(name) is not None
    ]
    if len(known) < 2:
        return None
    return 100.0 * sum(weight * mark for weight, mark in known) / sum(weight for weight, _ in known)
