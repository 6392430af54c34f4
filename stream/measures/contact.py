"""How we keep in touch with the account, and whether what its people said was answered."""

from typing import Final

from stream.measures.asked import Asked
from stream.measures.tally import Measures
from stream.rolling import DAY_MS
from stream.surveys import Answer
from stream.touchpoints import KINDS, Touchpoint

# Source: docs/metrics.md, contact: within two days of the answer, as closed-loop guides ask.
FOLLOW_UP_MS: Final = 2 * DAY_MS

_NO_CONTACT: Final[Measures] = {"touchpoints_30": 0, "touchpoints_90": 0, "days_since_touchpoint": None}
_UNKNOWN_FEEDBACK: Final[Measures] = dict.fromkeys(
    ("open_feedback", "open_detractors", "open_promoters", "open_feedback_days")
)


def contact(asked: Asked) -> Measures:
    """Touchpoints in the trailing days, and days since the newest. Source: docs/metrics.md, contact."""
    if not asked.touched:
        return _NO_CONTACT
    ages = [age for _, age in asked.touched]
    return {
        "touchpoints_30": sum([age < 30 for age in ages]),
        "touchpoints_90": sum([age < 90 for age in ages]),
        "days_since_touchpoint": min(ages, default=None),
    }


def contact_by_kind(asked: Asked) -> Measures:
    """The same counts by kind of touchpoint, every kind named."""
    kinds = {days: [kind for kind, age in asked.touched if age < days] for days in (30, 90)}
    return {
        f"touchpoints_{days}_by_kind": {name: inside.count(kind) for kind, name in enumerate(KINDS)}
        for days, inside in kinds.items()
    }


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
    waiting = [
        answer
        for response_id, answer in asked.nps_answers.values()
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
