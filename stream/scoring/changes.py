"""What moved the score since an earlier moment, measure by measure; the points add up to the change.

The same facts are evaluated as of then; so an event that arrived late counts then, too, and the scorecard, its lines
with data, the seats and the rest of the profile are today's on both sides: what moved is the account, and not the
yardstick. A line that was not known then has today's value on both sides, one that is not known any more stands on
neither: so an answer that expires, or a source that is new, reads as no loss of points. It is told beside the changes.
"""

from typing import Final

from msgspec import Struct

from stream.contracts.health_override import HealthOverride, in_force
from stream.contracts.report import Cap, Change, Number, Recount
from stream.measures import Measures
from stream.measures.catalogue import known_at, measured
from stream.measures.context import MeasureContext
from stream.scoring.override import OVERRIDE, overridden
from stream.scoring.result import (
    ScoreBreakdown,
    ScoreResult,
    active_lines,
    caps,
    compute_score,
    may_be_enough,
    on_the_lines_of,
    shares,
)
from stream.scoring.scorecard import Scorecard

WEEK_DAYS: Final = 7
FORTNIGHT_DAYS: Final = 14
MONTH_DAYS: Final = 28

Parts = dict[str, tuple[Number, float]]  # by name its value, and the points that it makes of the score


class Verdict(Struct, gc=False):
    """What is said of an account as of a moment.

    Attributes:
        result: what the scorecard makes of it; `breakdown` tells it.
        override: the override that holds; None without one.
        score: what counts: the override's, else the scorecard's.
        parts: what makes it, from `parts_of`.
    """

    result: ScoreResult
    breakdown: ScoreBreakdown
    override: HealthOverride | None
    score: float | None
    parts: Parts


class Compared(Struct, gc=False):
    """A comparison with an earlier day.

    Attributes:
        days: how many days earlier.
        score: what the lines with data today gave at the close of that day.
        changes: what moved it since, the largest loss first.
        recount: measures that count today and did not then, and the reverse; None: they are the same.
    """

    days: int
    score: float
    changes: list[Change]
    recount: Recount | None = None


def compare(
    context: MeasureContext, days: int, now: Verdict, measures: Measures, scorecard: Scorecard
) -> Compared | None:
    """Compare with the close of the day `days` days before; None where the account, or its score, was not known then.

    Args:
        context: the account as of now.
        days: how far to look back, at most 28.
        now: what is said of the account now.
        measures: its measures now.
        scorecard: what counts.
    """
    account, day_before = context.account, context.day - days
    if account.first_day is None or account.first_day > day_before or now.score is None:
        return None
    before_ms = account.zone.end_of_day_ms(day_before)
    override = in_force(account.state.overrides, before_ms) if account.state.overrides else None
    active = active_lines(account, day_before - account.first_day + 1, scorecard)
    if override is None and not may_be_enough(active, scorecard):
        return None
    then = MeasureContext(account, before_ms)
    known, unknown = known_at(active.measures, context.activity.newest_day - day_before)
    earlier = measured(then, known)
    for name in unknown:
        earlier[name] = measures[name]
    found = compute_score(then, active, earlier, scorecard)
    if overridden(override, found.score, scorecard) is None:
        return None
    result = on_the_lines_of(now.result, found)
    score = overridden(override, result.score, scorecard)
    if score is None:
        return None
    caps_then = caps(result, earlier)
    vetoes = {cap.name: cap for cap in (*caps_then, *now.breakdown.caps)}
    changes = _changes(parts_of(result, caps_then, override, score), now.parts, vetoes)
    return Compared(days, score, changes, _recount(now.result, found, result, override))


def _recount(
    now: ScoreResult, then: ScoreResult, recounted: ScoreResult, override: HealthOverride | None
) -> Recount | None:
    """What counts now and did not then, and the reverse, and what that alone makes of the score of then."""
    if now.score is None or then.score is None or recounted.score is None:
        return None
    if [each.line for each in now.known] == [each.line for each in then.known]:
        return None
    names_now, names_then = ({each.line.measure for each in one.known} for one in (now, then))
    points = recounted.score - then.score if override is None or override.score is None else 0.0
    return Recount(sorted(names_now - names_then), sorted(names_then - names_now), round(points, 1))


def parts_of(result: ScoreResult, caps: list[Cap], override: HealthOverride | None, score: float | None) -> Parts:
    """Value and points of everything that makes a score: the measures, what a veto takes, what an override adds."""
    parts: Parts = {}
    if result.score is not None:
        parts = shares(result)
        for cap in caps:
            parts[cap.name] = (cap.value, cap.points)
    if override is not None and score is not None:
        parts[OVERRIDE] = (score, score - (result.score or 0.0))
    return parts


def _changes(then: Parts, now: Parts, vetoes: dict[str, Cap]) -> list[Change]:
    """Everything that moved, the largest loss first; a veto by the words of its scorecard."""
    moved: list[tuple[float, str, Number | None, Number | None]] = []
    for name, (value, points) in now.items():
        before = then.get(name)
        if before is None:
            if points != 0:
                moved.append((points, name, None, value))
        elif before != (value, points):
            moved.append((points - before[1], name, before[0], value))
    moved += [(-points, name, value, None) for name, (value, points) in then.items() if points != 0 and name not in now]
    moved.sort()  # each name stands once, so that no two values are compared
    changes = []
    for points, name, old, new in moved:
        veto = vetoes.get(name)
        label, unit = (veto.label, veto.unit) if veto is not None else (None, None)
        changes.append(Change(name, old, new, points, label, unit))
    return changes
