"""Where an account stands as of a moment: what each measure adds to the score, what a veto takes, and the score.

Missing data count neither for nor against: their weight is shared out among what is known, and the coverage ratio says
how much was known.
"""

from typing import Final

from msgspec import Struct

from stream.account import AccountState
from stream.measures import Measures
from stream.report import Cap, Contribution, Number
from stream.scorecard import Line, Scorecard

NEW_DAYS: Final = 14  # the usage of an account counts once every weekday was seen twice
# Usage measures that are not None for lack of active users, but because nothing is configured or reached.
NOT_OVER_USERS: Final = {
    *("depth", "time_to_first_value_days", "first_value_waiting_days"),
    *("milestones_reached", "milestones_per_30_days"),
}


class Standing(Struct, gc=False):
    """Where an account stands as of a moment.

    Attributes:
        found: what each measure adds to the score, the largest loss first.
        coverage_ratio: share of the scorecard's weight that has data.
        caps: the vetoes that hold, the one that binds first.
        score: 0..100 to one decimal; None when too little is known.
    """

    found: list[Contribution]
    coverage_ratio: float
    caps: list[Cap]
    score: float | None


def standing(state: AccountState, measures: Measures, scorecard: Scorecard) -> Standing:
    """Where an account stands by these measures."""
    found, coverage_ratio = contributions(state, measures, scorecard)
    score = score_of(found, coverage_ratio, scorecard)
    caps = _caps(state, measures, scorecard, sum([item.points for item in found])) if score is not None else []
    if score is not None and caps:
        score = min(score, caps[0].cap_score)
    return Standing(found, coverage_ratio, caps, score)


def _caps(state: AccountState, measures: Measures, scorecard: Scorecard, points: float) -> list[Cap]:
    """The vetoes that hold, the lowest cap first: that one takes what lies above it, the others take nothing more."""
    if not scorecard.vetoes:
        return []
    seen = _seen(state)
    holding = [v for v in scorecard.vetoes if seen[v.source] and v.holds(measures[v.measure])]
    holding.sort(key=lambda veto: (veto.cap_score, veto.name))
    return [
        Cap(veto.name, veto.measure, measures[veto.measure], veto.cap_score, min(veto.cap_score - points, 0.0))
        if place == 0
        else Cap(veto.name, veto.measure, measures[veto.measure], veto.cap_score, 0.0)
        for place, veto in enumerate(holding)
    ]


def _seen(state: AccountState) -> dict[str, bool]:
    """Which sources ever told anything of the account."""
    return {
        "usage": state.activity.newest_ms is not None,
        "tickets": state.support.newest_ms > 0,
        "surveys": state.sentiment.newest_ms > 0,
    }


def contributions(state: AccountState, measures: Measures, scorecard: Scorecard) -> tuple[list[Contribution], float]:
    """What each measure adds to the score, the largest loss first, and the coverage ratio 0..1.

    An account that was used and has no active user left is not unknown: where a usage measure has no base any more
    (a mean over nobody), it counts as 0 with a score of 0. Only what was never known stays out, and the usage of an
    account that is new: on its first morning every measure of a month looks like neglect.
    """
    seen = _seen(state)
    seen["usage"] = seen["usage"] and measures["days_known"] is not None and measures["days_known"] >= NEW_DAYS
    deserted = seen["usage"] and measures["mau"] == 0
    known: list[tuple[Line, Number | None]] = []
    for line in scorecard.lines:
        value = measures[line.measure]
        lost = value is None and deserted and line.source == "usage" and line.measure not in NOT_OVER_USERS
        if seen[line.source] and (value is not None or lost):
            known.append((line, value))
    total = sum([line.weight for line in scorecard.lines])
    weight = sum([line.weight for line, _ in known])
    found = [_contribution(line, value, weight) for line, value in known]
    found.sort(key=lambda item: (-item.points_lost, item.measure))
    return found, weight / total


def _contribution(line: Line, value: Number | None, weight: float) -> Contribution:
    """One line's share of the score; a value of None is that of a deserted account, 0 with a score of 0."""
    share = line.weight / weight
    score = line.score(value) if value is not None else 0.0
    return Contribution(line.measure, line.group, value if value is not None else 0, score, share, share * score)


def score_of(found: list[Contribution], coverage_ratio: float, scorecard: Scorecard) -> float | None:
    """The score 0..100 before any veto, to one decimal; None when too little is known."""
    if not found or coverage_ratio < scorecard.coverage_min_ratio:
        return None
    return round(sum([item.points for item in found]), 1)
