"""How we keep in touch with the account, and whether what its people said was answered."""

from collections import Counter
from typing import Final

from stream import surveys
from stream.measures.asked import Asked
from stream.measures.tally import Measures
from stream.rolling import DAY_MS
from stream.surveys import Answer
from stream.touchpoints import KINDS, Touchpoint

# Source: docs/metrics.md, contact: within two days of the answer, as closed-loop guides ask.
FOLLOW_UP_MS: Final = 2 * DAY_MS
FEEDBACK_DAYS: Final = 90

_NO_CONTACT: Final[Measures] = {"touchpoints_30": 0, "touchpoints_90": 0, "days_since_touchpoint": None}
_UNKNOWN_FEEDBACK: Final[Measures] = dict.fromkeys(
    ("open_feedback", "open_detractors", "open_promoters", "open_feedback_days")
)


def contact(asked: Asked) -> Measures:
    """Touchpoints in the trailing days, and days since the newest. Source: docs/metrics.md, contact."""
    contacts, as_of_ms, day, zone = asked.state.contacts, asked.as_of_ms, asked.day, asked.zone
    if not contacts.touchpoints:
        return _NO_CONTACT
    ages = [day - zone.day_of(one.ms) for one in contacts.touchpoints.values() if one.ms <= as_of_ms]
    return {
        "touchpoints_30": sum([age < 30 for age in ages]),
        "touchpoints_90": sum([age < 90 for age in ages]),
        "days_since_touchpoint": min(ages, default=None),
    }


def contact_by_kind(asked: Asked) -> Measures:
    """The same counts by kind of touchpoint, every kind named."""
    counts = {30: Counter[str](), 90: Counter[str]()}
    for one in asked.state.contacts.touchpoints.values():
        age = asked.day - asked.zone.day_of(one.ms)
        for days, count in counts.items():
            if one.ms <= asked.as_of_ms and age < days:
                count[KINDS[one.kind]] += 1
    return {f"touchpoints_{days}_by_kind": {kind: count[kind] for kind in KINDS} for days, count in counts.items()}


def feedback(asked: Asked) -> Measures:
    """NPS answers of promoters and detractors that no touchpoint followed within the follow-up time.

    Each user's latest answer of the trailing 90 days counts, as it does for NPS. It is open from the follow-up time on,
    until a touchpoint after it closes it: one that names the answer, one with its user, or one that names nobody.
    None where nobody says that loops are closed at all: no follow-up time is set and no touchpoint was ever seen.
    Source: docs/metrics.md, contact.
    """
    contacts, as_of_ms, day, zone = asked.state.contacts, asked.as_of_ms, asked.day, asked.zone
    follow_up_ms = asked.journey.follow_up_ms
    if follow_up_ms is None and not contacts.touchpoints:
        return _UNKNOWN_FEEDBACK
    limit_ms = as_of_ms - (FOLLOW_UP_MS if follow_up_ms is None else follow_up_ms)
    latest = surveys.latest(asked.state.sentiment, "nps", day - FEEDBACK_DAYS + 1, day, zone)
    waiting = [
        answer
        for response_id, answer in latest.values()
        if answer.ms < limit_ms
        and not 7 <= answer.score <= 8
        and not any(one.ms <= as_of_ms and _closes(one, response_id, answer) for one in contacts.touchpoints.values())
    ]
    return {
        "open_feedback": len(waiting),
        "open_detractors": sum([answer.score <= 6 for answer in waiting]),
        "open_promoters": sum([answer.score >= 9 for answer in waiting]),
        "open_feedback_days": max([day - zone.day_of(answer.ms) for answer in waiting], default=0),
    }


def _closes(one: Touchpoint, response_id: str, answer: Answer) -> bool:
    """Whether a touchpoint follows up an answer."""
    if one.ms < answer.ms:
        return False
    if one.response_id:
        return one.response_id == response_id
    return not one.user_id or one.user_id == answer.user_id
