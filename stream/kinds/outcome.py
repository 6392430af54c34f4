"""How far an account has come towards its goals: per goal the newest value of each of its last days with one.

Of two values of one day the later holds, and of two at one moment the one that arrived later, a correction.
"""

from typing import Final

from msgspec import Struct
from pydantic import Field

from stream.calendar.day import day_of
from stream.contracts.events import DatedEvent, Id, Level
from stream.kinds.kind import EventKind

DAYS_KEPT: Final = 40  # days with a value, per goal: a report looks back 28 days
GOALS_MAX: Final = 50  # as many as the account feed may name

Point = tuple[int, float]


class OutcomeEvent(DatedEvent):
    """How far the account has come towards one of its goals; the newest value of a goal holds."""

    goal: Id = Field(description="the name of a goal of the account feed")
    value: Level = Field(
        description="the level reached at that moment, in the unit of the goal's target; not an increment"
    )


class OutcomeState(Struct, array_like=True, gc=False):
    """The outcomes of an account.

    Attributes:
        goals: goal to day (since 1970-01-01) to (epoch ms, value).
        newest_ms: the newest outcome seen; 0 before the first.
        late: outcomes of days before the DAYS_KEPT newest ones of their goal.
        overflow: outcomes of goals that were not kept because there were GOALS_MAX already.
    """

    goals: dict[str, dict[int, Point]] = {}
    newest_ms: int = 0
    late: int = 0
    overflow: int = 0


def fold(outcomes: OutcomeState, event: OutcomeEvent) -> bool:
    """Count one outcome in; returns whether it changed anything."""
    goal, ms, value = event.goal, event.timestamp, event.value
    points = outcomes.goals.get(goal)
    if points is None:
        if len(outcomes.goals) >= GOALS_MAX:
            outcomes.overflow += 1
            return False
        points = outcomes.goals[goal] = {}
    outcomes.newest_ms = max(outcomes.newest_ms, ms)
    day, point = day_of(ms), (ms, value)
    known = points.get(day)
    if known is not None and (ms < known[0] or point == known):
        return False
    if known is None and len(points) >= DAYS_KEPT:
        oldest = min(points)
        if day < oldest:
            outcomes.late += 1
            return False
        del points[oldest]
    points[day] = point
    return True


def merge(kept: OutcomeState, other: OutcomeState) -> None:
    """Take another account's outcomes in, as if one account had had all of them."""
    for goal, theirs in other.goals.items():
        if goal not in kept.goals and len(kept.goals) >= GOALS_MAX:
            kept.overflow += len(theirs)
            continue
        points = kept.goals.setdefault(goal, {})
        for day, point in theirs.items():
            if day not in points or point[0] > points[day][0]:
                points[day] = point
        for day in sorted(points)[:-DAYS_KEPT]:
            del points[day]
    kept.late += other.late
    kept.overflow += other.overflow
    kept.newest_ms = max(kept.newest_ms, other.newest_ms)


def value_at(outcomes: OutcomeState, goal: str, as_of_ms: int) -> float | None:
    """A goal's newest value as of a moment; None before its first, or before the oldest that is kept.

    >>> outcomes = OutcomeState()
    >>> outcomes.goals["seats live"] = {0: (5, 10.0), 1: (90_000_000, 12.0)}
    >>> value_at(outcomes, "seats live", 9), value_at(outcomes, "seats live", 4)
    (10.0, None)
    """
    point = point_at(outcomes, goal, as_of_ms)
    return None if point is None else point[1]


def point_at(outcomes: OutcomeState, goal: str, as_of_ms: int) -> Point | None:
    """The same with its moment."""
    return max([point for point in outcomes.goals.get(goal, {}).values() if point[0] <= as_of_ms], default=None)


KIND = EventKind(
    name="outcome",
    topic="outcomes",
    contract=OutcomeEvent,
    state=OutcomeState,
    fold=fold,
    merge=merge,
    source="outcomes",
)
