"""Goals of either direction: what part is reached, and whether that is on plan."""

from typing import Any

import pytest

from stream.calendar.day import DAY_MS
from stream.measures import measure
from tests.streams import Raw, fold

FIRST = 20_000
HALF: Raw = {"due_at": (FIRST + 100) * DAY_MS}  # measured after 50 of the 100 days


def measured(goal: Raw, value: float) -> dict[str, Any]:
    """The measures on the fiftieth day of an account with one goal."""
    account: Raw = {"type": "account", "account_id": "acme", "started_at": FIRST * DAY_MS, "goals": [goal]}
    outcome: Raw = {"type": "outcome", "event_id": "o", "account_id": "acme", "goal": goal["name"], "value": value}
    _, partition = fold([account, outcome | {"timestamp": (FIRST + 49) * DAY_MS}])
    return measure(partition.states["acme"], (FIRST + 50) * DAY_MS)


@pytest.mark.parametrize(
    ("goal", "value", "attainment", "pace", "why"),
    [
        ({"target": 40}, 20, 0.5, 1.0, "half of it after half of the time"),
        ({"target": 40, "start": 20}, 20, 0.0, 0.0, "it was there at the start"),
        ({"target": 40, "start": 20}, 30, 0.5, 1.0, "half of the way"),
        ({"target": 4, "direction": "down", "start": 24}, 14, 0.5, 1.0, "half of the way down"),
        ({"target": 4, "direction": "down", "start": 24}, 30, -0.3, -0.6, "it got worse"),
        ({"target": 4, "direction": "down"}, 8, 0.5, 0.5, "twice what it should be"),
        ({"target": 4, "direction": "down"}, 3, 1.0, 1.0, "better than it should be"),
        ({"target": 0, "direction": "down"}, 0, 1.0, 1.0, "no incident at all"),
        ({"target": 0, "direction": "down"}, 2, 0.0, 0.0, "and some"),
        ({"target": 0}, 2, None, None, "nothing has to be reached"),
    ],
)
def test_a_goal_is_measured_on_its_way(
    goal: Raw, value: float, attainment: float | None, pace: float | None, why: str
) -> None:
    found = measured({"name": "g"} | HALF | goal, value)
    assert found["outcome_attainment"]["g"] == pytest.approx(attainment), why
    assert found["outcome_pace"]["g"] == pytest.approx(pace), why
    assert found["goals_off_track"] == (None if pace is None else int(pace < 0.9)), why
