"""Goals of either direction: what part is reached, and whether that is on plan."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stream.calendar.day import DAY_MS
from stream.contracts.report import GoalProgress, decode_report, encode_report
from stream.measures import measure
from stream.scoring.evaluation import build_report, evaluate
from stream.scoring.publish_policy import profile_digest
from stream.scoring.shipped import DEFAULT
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


def test_the_report_names_each_goal_with_its_owner_and_due_day_the_soonest_first() -> None:
    goals: list[Raw] = [
        {"name": "someday", "target": 5},
        {"name": "later", "target": 10, "due_at": (FIRST + 200) * DAY_MS},
        {"name": "soon", "target": 40, "due_at": (FIRST + 100) * DAY_MS, "owner": "Dana", "start": 20},
    ]
    account: Raw = {"type": "account", "account_id": "acme", "started_at": FIRST * DAY_MS, "goals": goals}
    outcome: Raw = {"type": "outcome", "event_id": "o", "account_id": "acme", "goal": "soon", "value": 30}
    _, partition = fold([account, outcome | {"timestamp": (FIRST + 49) * DAY_MS}])
    report = build_report("acme", partition.states["acme"], (FIRST + 50) * DAY_MS, DEFAULT)
    soon, later, someday = decode_report(encode_report(report)).goals
    assert (soon.name, soon.owner, soon.value, soon.attainment, soon.pace) == ("soon", "Dana", 30, 0.5, 1.0)
    assert (soon.due_at, soon.told_at) == (moment(FIRST + 100), moment(FIRST + 49))
    assert (later.name, later.value, later.attainment) == ("later", None, None)
    assert (someday.name, someday.due_at) == ("someday", None)


def moment(day: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)


@pytest.mark.parametrize(
    ("goal", "standing", "why"),
    [
        ({"target": 4, "value": 4, "attainment": 1.0, "due_at": -1}, "reached", "also when its day is over"),
        ({"target": 4, "value": 3, "attainment": 0.75, "pace": 0.75, "due_at": -1}, "overdue", "its day is over"),
        ({"target": 4, "value": 3, "attainment": 0.75, "pace": 0.95, "due_at": 9}, "on track", "nearly on its line"),
        ({"target": 4, "value": 3, "attainment": 0.75, "pace": 0.89, "due_at": 9}, "off track", "behind its line"),
        ({"target": 4, "value": 3, "attainment": 0.75}, "under way", "nobody said until when"),
        ({"target": 4, "due_at": 9}, "no outcome yet", "nobody reports on it"),
        ({"due_at": 9}, "no target", "nothing to measure"),
    ],
)
def test_how_a_goal_stands_is_one_word_or_two(goal: dict[str, Any], standing: str, why: str) -> None:
    now = moment(FIRST)
    due_at = {"due_at": now + timedelta(days=goal["due_at"])} if "due_at" in goal else {}
    assert GoalProgress("g", **(goal | due_at)).standing(now) == standing, why


def test_a_goal_that_changes_is_news_by_itself() -> None:
    account: Raw = {"type": "account", "account_id": "acme", "started_at": FIRST * DAY_MS}
    before = {"name": "g", "target": 9, "owner": "Dana"}
    digests = set()
    for goal in (before, before | {"owner": "Sam"}, before | {"due_at": (FIRST + 9) * DAY_MS}):
        _, partition = fold([account | {"goals": [goal]}])
        digests.add(profile_digest(evaluate(partition.states["acme"], (FIRST + 1) * DAY_MS, DEFAULT)))
    assert len(digests) == 3
