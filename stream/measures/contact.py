"""How we keep in touch with the account, and whether what its people said was answered."""

from collections.abc import Iterable
from typing import Final

from stream.calendar.day import DAY_MS
from stream.contracts.events import iso
from stream.kinds.touchpoint import CONTACTS, KEPT_DAYS, Touchpoint
from stream.measures.context import MeasureContext
from stream.measures.registry import Measure, Measures, measures

# Source: docs/metrics.md, contact: within two days of the answer, as closed-loop guides ask.
FOLLOW_UP_MS: Final = 2 * DAY_MS
USERS_SHOWN: Final = 3

# A play is ours, and a webinar is for many: neither answers a person.
_NO_ANSWER: Final = frozenset(CONTACTS.index(kind) for kind in ("play", "webinar"))

_NO_CONTACT: Final[Measures] = {"touchpoints_30": 0, "touchpoints_90": 0, "days_since_touchpoint": None}
_UNKNOWN_FEEDBACK: Final[Measures] = dict.fromkeys(
    ("open_feedback", "open_detractors", "open_promoters", "open_feedback_days", "open_detractor_days")
) | {"open_detractor_users": [], "open_detractor_at": None}


@measures(
    Measure(
        "touchpoints_30",
        "contacts in a month",
        "count",
        "touchpoints",
        "touchpoints in the trailing 30 days",
        reference="Math, Festival",
    ),
    Measure(
        "touchpoints_90",
        "contacts in three months",
        "count",
        "touchpoints",
        "touchpoints in the trailing 90 days",
        reference="Math, Festival",
    ),
    Measure(
        "days_since_touchpoint",
        "days since the last contact",
        "count",
        "days",
        "days since the newest",
        none_when=f"there was none; as of before the newest, where the one before came over {KEPT_DAYS} days earlier",
        published="clock",
    ),
    source="touchpoints",
    available=lambda known: known.touchpoints,
)
def contact(context: MeasureContext) -> Measures:
    """Touchpoints in the trailing days, and days since the newest. Source: docs/metrics.md, contact."""
    if not context.touched:
        return _NO_CONTACT
    ages = [age for _, age in context.touched]
    return {
        "touchpoints_30": len([age for age in ages if age < 30]),
        "touchpoints_90": len([age for age in ages if age < 90]),
        "days_since_touchpoint": min(ages, default=None),
    }


@measures(
    Measure(
        "touchpoints_30_by_kind",
        "touchpoints 30 by kind",
        "mapping",
        "touchpoints",
        "touchpoints_30 by kind: call, email, qbr, training, onsite, play",
        reference="Math, Festival",
    ),
    Measure(
        "touchpoints_90_by_kind",
        "touchpoints 90 by kind",
        "mapping",
        "touchpoints",
        "touchpoints_90 by kind",
        reference="Math, Festival",
    ),
    source="touchpoints",
    available=lambda known: known.touchpoints,
)
def contact_by_kind(context: MeasureContext) -> Measures:
    """The same counts by kind of touchpoint, every kind named."""
    kinds = {days: [kind for kind, age in context.touched if age < days] for days in (30, 90)}
    return {
        f"touchpoints_{days}_by_kind": {name: inside.count(kind) for kind, name in enumerate(CONTACTS)}
        for days, inside in kinds.items()
    }


@measures(
    Measure(
        "open_feedback",
        "answers that wait",
        "count",
        "users",
        "users whose latest NPS answer of 90 days is a promoter's or a detractor's, is older than the"
        " follow-up time, and was not followed by a contact with that user, or one that names the answer",
        none_when="neither `product.follow_up_days` is set, nor was there ever a touchpoint",
        reference="Festival",
    ),
    Measure(
        "open_detractors",
        "unhappy answers that wait",
        "count",
        "users",
        "those whose answer is 0 to 6",
        none_when="neither `product.follow_up_days` is set, nor was there ever a touchpoint",
        reference="Festival",
        published="scan",
    ),
    Measure(
        "open_promoters",
        "glad answers that wait",
        "count",
        "users",
        "those whose answer is 9 or 10",
        none_when="neither `product.follow_up_days` is set, nor was there ever a touchpoint",
        reference="Festival",
        published="scan",
    ),
    Measure(
        "open_detractor_days",
        "days that the oldest unhappy answer waits",
        "count",
        "days",
        "days since the oldest of the answers of 0 to 6 that wait; 0 when there is none",
        none_when="neither `product.follow_up_days` is set, nor was there ever a touchpoint",
        reference="Festival",
        published="clock",
    ),
    Measure(
        "open_detractor_users",
        "whose unhappy answer waits",
        "list",
        "user ids",
        "at most three of them, who waits longest first",
        published="scan",
    ),
    Measure(
        "open_feedback_days",
        "days that the oldest waits",
        "count",
        "days",
        "days since the oldest of these answers; 0 when there is none",
        none_when="neither `product.follow_up_days` is set, nor was there ever a touchpoint",
        published="clock",
    ),
    Measure(
        "open_detractor_at",
        "oldest of these answers given at",
        "word",
        "ISO time, UTC",
        "when the oldest of these answers was given",
        none_when="there is none",
        published="scan",
    ),
    source="touchpoints",
    available=lambda known: known.touchpoints or known.follow_up,
    moved_by=("answers",),
)
def feedback(context: MeasureContext) -> Measures:
    """NPS answers of promoters and detractors that no touchpoint followed within the follow-up time.

    Each user's latest answer of the trailing 90 days counts, as it does for NPS. It is open from the follow-up time on,
    until a touchpoint after it closes it: one that names the answer, or a contact with its user. One that names nobody,
    a play or a webinar answers nobody. An anonymous answer waits for nobody: there is no one to call.
    None where nobody says that loops are closed at all: no follow-up time is set and no touchpoint was ever seen.
    Source: docs/metrics.md, contact.
    """
    contacts, as_of_ms, day, zone = context.state.touchpoint, context.as_of_ms, context.day, context.zone
    follow_up_ms = context.account.product.follow_up_ms
    if follow_up_ms is None and not contacts.touchpoints:
        return _UNKNOWN_FEEDBACK
    limit_ms = as_of_ms - (FOLLOW_UP_MS if follow_up_ms is None else follow_up_ms)
    closed_ms = _closings(contacts.touchpoints.values(), as_of_ms)
    waiting = [
        answer
        for response_id, answer in context.nps_answers.values()
        if answer.user_id
        and answer.ms < limit_ms
        and not 7 <= answer.score <= 8
        and answer.ms > closed_ms.get((response_id, ""), -1)
        and answer.ms > closed_ms.get(("", answer.user_id), -1)
    ]
    unhappy = sorted(
        [answer for answer in waiting if answer.score <= 6], key=lambda answer: (answer.ms, answer.user_id)
    )
    return {
        "open_feedback": len(waiting),
        "open_detractors": len(unhappy),
        "open_detractor_days": day - zone.day_of(unhappy[0].ms) if unhappy else 0,
        "open_detractor_users": [answer.user_id for answer in unhappy[:USERS_SHOWN]],
        "open_detractor_at": iso(unhappy[0].ms) if unhappy else None,
        "open_promoters": len([answer for answer in waiting if answer.score >= 9]),
        "open_feedback_days": max([day - zone.day_of(answer.ms) for answer in waiting], default=0),
    }


def _closings(touchpoints: Iterable[Touchpoint], as_of_ms: int) -> dict[tuple[str, str], int]:
    """When the newest touchpoint was that names an answer (its response_id first), or that was with a user of none."""
    newest_ms: dict[tuple[str, str], int] = {}
    for one in touchpoints:
        if one.ms <= as_of_ms and (one.response_id or (one.user_id and one.kind not in _NO_ANSWER)):
            names = (one.response_id, "" if one.response_id else one.user_id)
            newest_ms[names] = max(newest_ms.get(names, -1), one.ms)
    return newest_ms
