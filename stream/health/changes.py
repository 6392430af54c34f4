"""What moved the score since an earlier moment, measure by measure; the points add up to the change."""

from typing import Final

from stream.account import AccountState, zone_of
from stream.health.standing import Standing, standing
from stream.journey import Journey
from stream.measures import measure
from stream.report import Change, Number
from stream.scorecard import Scorecard

COMPARE_DAYS: Final = 7


def changes_since(
    state: AccountState,
    as_of_ms: int,
    scorecard: Scorecard,
    core_features: frozenset[str],
    now: Standing,
    journey: Journey,
) -> tuple[float | None, list[Change]]:
    """The score at the close of the day a week earlier, and per measure what moved it since.

    The same facts are judged as of then; so an event that arrived late counts then, too.
    """
    zone = zone_of(state)
    day_before = zone.day_of(as_of_ms) - COMPARE_DAYS
    first = state.activity.first_ms
    if first is None or zone.day_of(first) > day_before or now.score is None:
        return None, []
    before_ms = zone.end_of_day_ms(day_before)
    before = standing(state, measure(state, before_ms, core_features, journey, scorecard.uses_trend), scorecard)
    if before.score is None:
        return None, []
    then, current = _parts(before), _parts(now)
    changes = []
    for name in dict.fromkeys([*current, *then]):
        old_value, old_points = then.get(name, (None, 0.0))
        new_value, new_points = current.get(name, (None, 0.0))
        if new_points != old_points or (name in then and name in current and old_value != new_value):
            changes.append(Change(name, old_value, new_value, new_points - old_points))
    changes.sort(key=lambda change: (change.points, change.measure))
    return before.score, changes


def _parts(at: Standing) -> dict[str, tuple[Number, float]]:
    """Value and points of everything that makes the score: the measures, and what a veto takes."""
    parts = {item.measure: (item.value, item.points) for item in at.found}
    parts.update({cap.name: (cap.value, cap.points) for cap in at.caps})
    return parts
