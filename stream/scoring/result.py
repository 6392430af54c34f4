"""Where an account stands as of a moment: what each measure adds to the score, what a veto takes, and the score.

Missing data count neither for nor against: their weight is shared out among what is known, and the coverage ratio says
how much was known. `compute_score` is all that a decision needs, and cheap; `break_down` adds
what a report tells.
"""

from typing import Final

from msgspec import Struct

from stream.contracts.report import Cap, Contribution, Number
from stream.measures import Measures
from stream.measures.account_view import AccountView
from stream.measures.catalogue import COUNTS_WHEN_DESERTED
from stream.measures.context import MeasureContext
from stream.measures.inactivity import silence
from stream.measures.lifecycle import unscored_stage
from stream.scoring.scorecard import ActiveLines, Line, Scorecard, Veto
from stream.topics import Source

NEW_DAYS: Final = 14  # the usage of an account counts once every weekday was seen twice
_USAGE: Final[frozenset[Source]] = frozenset({"usage"})
_NEVER_SILENT_DAYS: Final = 4  # silence begins with the fourth working day without use


class KnownLine(Struct, gc=False):
    """A line of a scorecard with data.

    Attributes:
        line: the scorecard's.
        value: its measure's.
        score: the value on the line's curve, 0..100.
        weight: the line's; less where a silent account's other sources count less.
    """

    line: Line
    value: Number
    score: float
    weight: float


class ScoreResult(Struct, gc=False):
    """What a scorecard makes of an account's measures.

    Attributes:
        known: the lines with data.
        weight: of these lines together.
        coverage_ratio: share of the scorecard's weight that has data.
        points: the score before any veto, not rounded; None when too little is known, or the account is not scored.
        vetoes: those that hold, the one that binds first.
        score: 0..100 to one decimal; None like the points.
        is_inactive: whether nobody wants a score of it, whatever is known.
    """

    known: list[KnownLine]
    weight: float
    coverage_ratio: float
    points: float | None
    vetoes: list[Veto]
    score: float | None
    is_inactive: bool = False


class ScoreBreakdown(Struct, gc=False):
    """The same, as a report tells it.

    Attributes:
        found: what each measure adds to the score, the largest loss first.
        coverage_ratio, score: as of `ScoreResult`.
        caps: the vetoes that hold, the one that binds first.
    """

    found: list[Contribution]
    coverage_ratio: float
    caps: list[Cap]
    score: float | None


def active_lines(account: AccountView, days_known: int | None, scorecard: Scorecard) -> ActiveLines:
    """What counts: the sources that ever told anything, but for the usage of an account that is new."""
    sources = account.sources
    return scorecard.lines_for(sources if days_known is not None and days_known >= NEW_DAYS else sources - _USAGE)


def may_be_enough(active: ActiveLines, scorecard: Scorecard) -> bool:
    """Whether so much may be known that there is a score; measuring can only find less."""
    return len(active.lines) > 0 and active.weight / scorecard.weight >= scorecard.coverage_min_ratio


def compute_score(
    context: MeasureContext, active: ActiveLines, measures: Measures, scorecard: Scorecard
) -> ScoreResult:
    """Put what counts of an account's measures on the scorecard's curves.

    An account that was used and has no active user left is not unknown: where a usage measure has no base any more
    (a mean over nobody), it counts with a score of 0, as the measure declares. Only what was never known stays out, and
    the usage of an account that is new: on its first morning every measure of a month looks like neglect.

    Args:
        context: the account as of a moment.
        active: from `active_lines`.
        measures: those of `active` as of the moment.
        scorecard: what counts.
    """
    others_ratio = _others_ratio(context, active, scorecard)
    known: list[KnownLine] = []
    covered = weight = points = 0.0
    for line in active.lines:
        value = measures[line.measure]
        if value is not None:
            if line.answers_min > 1 and not line.has_enough(measures):
                continue
            score = line.score(value)
        elif line.source == "usage" and line.measure in COUNTS_WHEN_DESERTED and context.mau == 0:
            value, score = 0, 0.0
        else:
            continue
        line_weight = line.weight if line.source == "usage" else line.weight * others_ratio
        known.append(KnownLine(line, value, score, line_weight))
        covered += line.weight
        weight += line_weight
        points += line_weight * score
    coverage_ratio = covered / scorecard.weight
    is_inactive = unscored_stage(context) is not None
    if weight <= 0 or coverage_ratio < scorecard.coverage_min_ratio or is_inactive:
        return ScoreResult(known, weight, coverage_ratio, None, [], None, is_inactive)
    points /= weight
    vetoes = _holding(context.account.sources, measures, scorecard) if scorecard.vetoes else []
    score = min(points, vetoes[0].cap_score) if vetoes else points
    return ScoreResult(known, weight, coverage_ratio, points, vetoes, round(score, 1))


def on_the_lines_of(now: ScoreResult, then: ScoreResult) -> ScoreResult:
    """The earlier result on the lines, and with the weights, of today's; what was not known then is as it is today."""
    if now.points is None or then.points is None:
        return then
    known_then = {each.line.measure: each for each in then.known}
    known = []
    for each in now.known:
        was = known_then.get(each.line.measure, each)
        known.append(KnownLine(each.line, was.value, was.score, each.weight))
    points = sum([each.weight * each.score for each in known]) / now.weight
    score = min(points, then.vetoes[0].cap_score) if then.vetoes else points
    return ScoreResult(known, now.weight, now.coverage_ratio, points, then.vetoes, round(score, 1))


def _others_ratio(context: MeasureContext, active: ActiveLines, scorecard: Scorecard) -> float:
    """What is left of the weight of the lines that are not about usage: less once the account is silent."""
    if scorecard.silent_weight_ratio == 1 or not active.is_mixed:
        return 1.0
    if 0 <= context.day - context.activity.newest_day <= _NEVER_SILENT_DAYS:
        return 1.0
    silent = silence(context)
    quiet_days, limit_days = silent["silence_working_days"], silent["silence_limit_days"]
    return scorecard.silent_weight_ratio if quiet_days is not None and quiet_days > limit_days else 1.0


def break_down(result: ScoreResult, measures: Measures) -> ScoreBreakdown:
    """What was computed, as a report tells it."""
    found = []
    for each in result.known:
        line, share = each.line, each.weight / result.weight if result.weight > 0 else 0.0
        points = share * each.score
        item = Contribution(line.measure, line.group, each.value, each.score, share, points)
        found.append((points - share * 100, line.measure, item))
    found.sort()  # by the points lost; each measure has one line, so that no two items are compared
    return ScoreBreakdown([item for _, _, item in found], result.coverage_ratio, caps(result, measures), result.score)


def shares(result: ScoreResult) -> dict[str, tuple[Number, float]]:
    """By measure its value, and its points as a contribution to the score has them."""
    return {each.line.measure: (each.value, each.weight / result.weight * each.score) for each in result.known}


def caps(result: ScoreResult, measures: Measures) -> list[Cap]:
    """The first veto takes from the score what lies above its cap, the others take nothing more."""
    points = result.points
    if points is None:
        return []
    return [
        Cap(
            veto.name,
            veto.measure,
            measures[veto.measure],
            veto.cap_score,
            min(veto.cap_score - points, 0.0) if index == 0 else 0.0,
            veto.label,
            veto.unit,
        )
        for index, veto in enumerate(result.vetoes)
    ]


def _holding(sources: frozenset[Source], measures: Measures, scorecard: Scorecard) -> list[Veto]:
    """The vetoes that hold, the lowest cap first."""
    holding = [veto for veto in scorecard.vetoes if veto.source in sources and veto.holds(measures[veto.measure])]
    holding.sort(key=lambda veto: (veto.cap_score, veto.name))
    return holding
