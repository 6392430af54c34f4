"""Where an account stands as of a moment: what each measure adds to the score, what a veto takes, and the score.

Missing data count neither for nor against: their weight is shared out among what is known, and the coverage ratio says
how much was known. `weigh` is all that a decision needs, and cheap; `standing` adds what a report tells of it.
"""

from typing import Final

from msgspec import Struct

from stream.account import AccountState
from stream.measures import Measures
from stream.report import Cap, Contribution, Number
from stream.scorecard import Line, Scorecard, Veto

NEW_DAYS: Final = 14  # the usage of an account counts once every weekday was seen twice
# Usage measures that are not None for lack of active users, but because nothing is configured or reached.
NOT_OVER_USERS: Final = {
    *("depth", "time_to_first_value_days", "first_value_waiting_days"),
    *("milestones_reached", "milestones_per_30_days", "milestone_stuck_days", "launches_unused"),
    *("session_minutes", "components_per_session", "champions", "champions_gone", "breadth_change_ratio"),
}


class Weighed(Struct, gc=False):
    """What a scorecard makes of an account's measures.

    Attributes:
        known: per line with data: the line, the measure's value, and its score on the line's curve.
        weight: of these lines together.
        coverage_ratio: share of the scorecard's weight that has data.
        points: the score before any veto, not rounded; None when too little is known.
        vetoes: those that hold, the one that binds first.
        score: 0..100 to one decimal; None when too little is known.
    """

    known: list[tuple[Line, Number, float]]
    weight: float
    coverage_ratio: float
    points: float | None
    vetoes: list[Veto]
    score: float | None


class Standing(Struct, gc=False):
    """The same, as a report tells it.

    Attributes:
        found: what each measure adds to the score, the largest loss first.
        coverage_ratio, score: as of `Weighed`.
        caps: the vetoes that hold, the one that binds first.
    """

    found: list[Contribution]
    coverage_ratio: float
    caps: list[Cap]
    score: float | None


def weigh(state: AccountState, measures: Measures, scorecard: Scorecard) -> Weighed:
    """Put an account's measures on the scorecard's curves.

    An account that was used and has no active user left is not unknown: where a usage measure has no base any more
    (a mean over nobody), it counts as 0 with a score of 0. Only what was never known stays out, and the usage of an
    account that is new: on its first morning every measure of a month looks like neglect.
    """
    seen = _seen(state)
    days_known = measures["days_known"]
    seen["usage"] = seen["usage"] and days_known is not None and days_known >= NEW_DAYS
    deserted = seen["usage"] and measures["mau"] == 0
    known: list[tuple[Line, Number, float]] = []
    weight = points = 0.0
    for line in scorecard.lines:
        if not seen[line.source]:
            continue
        value = measures[line.measure]
        if value is not None:
            score = line.score(value)
        elif deserted and line.source == "usage" and line.measure not in NOT_OVER_USERS:
            value, score = 0, 0.0
        else:
            continue
        known.append((line, value, score))
        weight += line.weight
        points += line.weight * score
    coverage_ratio = weight / scorecard.weight
    if not known or coverage_ratio < scorecard.coverage_min_ratio:
        return Weighed(known, weight, coverage_ratio, None, [], None)
    points /= weight
    vetoes = _holding(state, measures, scorecard) if scorecard.vetoes else []
    score = min(points, vetoes[0].cap_score) if vetoes else points
    return Weighed(known, weight, coverage_ratio, points, vetoes, round(score, 1))


def standing(weighed: Weighed, measures: Measures) -> Standing:
    """What was weighed, as a report tells it."""
    found = []
    for line, value, score in weighed.known:
        share = line.weight / weighed.weight
        found.append(Contribution(line.measure, line.group, value, score, share, share * score))
    found.sort(key=lambda item: (-item.points_lost, item.measure))
    caps = _caps(weighed.vetoes, measures, weighed.points) if weighed.points is not None else []
    return Standing(found, weighed.coverage_ratio, caps, weighed.score)


def _seen(state: AccountState) -> dict[str, bool]:
    """Which sources ever told anything of the account."""
    return {
        "usage": state.activity.newest_ms is not None,
        "tickets": state.support.newest_ms > 0,
        "surveys": state.sentiment.newest_ms > 0,
        "touchpoints": state.contacts.newest_ms > 0,
        "outcomes": state.outcomes.newest_ms > 0 or "goals" in state.profile,
        "subscriptions": state.subscriptions.newest_ms > 0 or "renewal_at" in state.profile,
    }


def _holding(state: AccountState, measures: Measures, scorecard: Scorecard) -> list[Veto]:
    """The vetoes that hold, the lowest cap first."""
    seen = _seen(state)
    holding = [veto for veto in scorecard.vetoes if seen[veto.source] and veto.holds(measures[veto.measure])]
    holding.sort(key=lambda veto: (veto.cap_score, veto.name))
    return holding


def _caps(vetoes: list[Veto], measures: Measures, points: float) -> list[Cap]:
    """The first takes from the score what lies above its cap, the others take nothing more."""
    return [
        Cap(
            veto.name,
            veto.measure,
            measures[veto.measure],
            veto.cap_score,
            min(veto.cap_score - points, 0.0) if place == 0 else 0.0,
            veto.label,
            veto.unit,
        )
        for place, veto in enumerate(vetoes)
    ]
