"""How far the customer has come towards what it wants: outcomes against the goals of the account feed."""

from datetime import UTC, datetime
from typing import Any, Final

from stream.calendar.zones import Zone
from stream.contracts.report import GOAL_OFF_TRACK_RATIO, GoalProgress
from stream.kinds.outcome import point_at, value_at
from stream.kinds.state import AccountState
from stream.measures.context import MeasureContext
from stream.measures.milestones import started_day
from stream.measures.registry import Measure, Measures, measures

_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_NO_GOALS: Final[Measures] = {"goals_off_track": None, "goals_unreported": None, "outcome_pace_min": None}


@measures(
    Measure(
        "goals_off_track",
        "goals behind plan",
        "count",
        "goals",
        "goals whose pace is below 0.9",
        none_when="no goal has a pace",
        published="scan",
    ),
    Measure(
        "goals_unreported",
        "goals that nothing was reported of",
        "count",
        "goals",
        "goals with a target and no value yet",
        none_when="no goal has a target",
    ),
    Measure(
        "outcome_pace_min",
        "the furthest behind, against its plan",
        "percent",
        "ratio, may exceed 1",
        "the lowest of them",
        none_when="no goal has a pace",
        published="scan",
    ),
    Measure(
        "outcome_attainment",
        "outcome attainment",
        "mapping",
        "ratio, may exceed 1",
        "by goal: value / target; of one with a start the part of the way from there; where less is better and there "
        "is no start, target / value, at most 1",
        none_when="no target; no value",
        reference="That matter",
    ),
    Measure(
        "outcome_pace",
        "outcome pace",
        "mapping",
        "ratio, may exceed 1",
        "by goal: attainment / where the straight line is at as_of, which goes from 0 on the day the "
        "account began to 1 on the due day, and stays there; the attainment where less is better and there is no start",
        none_when="no target, due date or value; the line has not begun",
        reference="That matter",
        published="scan",
    ),
    source="outcomes",
    available=lambda known: known.goals,
)
def goals(context: MeasureContext) -> Measures:
    """How far each goal has come, and against its plan; how many lag, and how many nobody reports on.

    A goal without target has no pace, and one without a value none either: where no goal has one, None and not 0.
    Source: docs/metrics.md, outcomes.
    """
    state, as_of_ms = context.state, context.as_of_ms
    named = _named(state)
    if not named:
        return _NO_GOALS | {"outcome_attainment": {}, "outcome_pace": {}}
    reached: dict[str, float | None] = dict.fromkeys(named)
    values = {goal["name"]: value_at(state.outcome, goal["name"], as_of_ms) for goal in targets(state)}
    for name, value in values.items():
        reached[name] = _reached(named[name], value) if value is not None else None
    paces = pace(state, as_of_ms, context.day, context.zone)
    known = [at for at in paces.values() if at is not None]
    return {
        "goals_off_track": sum([at < GOAL_OFF_TRACK_RATIO for at in known]) if known else None,
        "goals_unreported": sum([value is None for value in values.values()]) if values else None,
        "outcome_pace_min": min(known, default=None),
        "outcome_attainment": reached,
        "outcome_pace": dict.fromkeys(named) | paces,
    }


def goal_progress(state: AccountState, as_of_ms: int, measures: Measures) -> list[GoalProgress]:
    """What the customer wants and how far each of it has come, the soonest due first; empty where no goal is named.

    Args:
        state: the account's facts.
        as_of_ms: the moment, epoch milliseconds.
        measures: those of `goals` as of the moment.
    """
    named = _named(state)
    if not named:
        return []
    found = []
    for name, goal in named.items():
        told_ms, value = point_at(state.outcome, name, as_of_ms) or (None, None)
        due_at = goal.get("due_at")
        found.append(
            GoalProgress(
                name,
                owner=goal.get("owner"),
                target=goal.get("target"),
                start=goal.get("start"),
                direction=goal.get("direction", "up"),
                due_at=None if due_at is None else datetime.fromisoformat(due_at),
                value=value,
                told_at=None if told_ms is None else datetime.fromtimestamp(told_ms / 1000, UTC),
                attainment=measures["outcome_attainment"][name],
                pace=measures["outcome_pace"][name],
            )
        )
    return sorted(found, key=lambda goal: (goal.due_at is None, goal.due_at or _NEVER, goal.name))


def targets(state: AccountState) -> list[dict[str, Any]]:
    """The goals with a target that something can be measured against: above 0, or where less is better, or on a way."""
    return [
        goal
        for goal in _named(state).values()
        if goal.get("target") is not None
        and (goal["target"] > 0 or goal.get("direction") == "down" or goal.get("start") is not None)
        and goal.get("start") != goal["target"]
    ]


def _reached(goal: dict[str, Any], value: float) -> float:
    """How much of a goal a value is, 1 at its target: of the way from its start, else of the target itself.

    Where less is better and nothing is said of a start, it is target / value: half of it at twice the target.

    >>> _reached({"target": 4, "direction": "down"}, 8), _reached({"target": 4, "direction": "down", "start": 12}, 8)
    (0.5, 0.5)
    >>> _reached({"target": 10}, 5), _reached({"target": 10, "start": 6}, 7)
    (0.5, 0.25)
    """
    target, start = goal["target"], goal.get("start")
    if start is not None:
        return float((value - start) / (target - start))
    if goal.get("direction") != "down":
        return float(value / target)
    return 1.0 if value <= target else float(max(target, 0) / value)


def pace(state: AccountState, as_of_ms: int, day: int, zone: Zone) -> dict[str, float | None]:
    """By goal with target and due date: its newest value / where the straight line is on the day.

    The line goes from the goal's start, or 0, on the day that the account began to the target on the due day, and stays
    there; the pace is None before the line begins, and without a value. Where less is better and nothing is said of a
    start there is no line: the target itself is what the value is held against.
    """
    started = started_day(state)
    found: dict[str, float | None] = {}
    for goal in targets(state):
        due_at = goal.get("due_at")
        if due_at is None:
            continue
        due = zone.day_of(round(datetime.fromisoformat(due_at).timestamp() * 1000))
        share = 1.0
        if day < due:
            share = (day - started) / (due - started) if started is not None and started < day else 0.0
        value = value_at(state.outcome, goal["name"], as_of_ms)
        known = value is not None and share > 0
        found[goal["name"]] = _pace(goal, value, share) if known and value is not None else None
    return found


def _pace(goal: dict[str, Any], value: float, share: float) -> float:
    """A value against where the line is when this share of the time is over."""
    if goal.get("direction") == "down" and goal.get("start") is None:
        return _reached(goal, value)
    if goal.get("start") is None:
        return value / float(goal["target"] * share)
    return _reached(goal, value) / share


def _named(state: AccountState) -> dict[str, dict[str, Any]]:
    """The goals by name; of two of one name the last."""
    return {goal["name"]: goal for goal in state.profile.get("goals", (None, 0))[0] or ()}
