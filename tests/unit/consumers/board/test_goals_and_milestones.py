"""The account's page: what the customer wants, with owner and due day, and its way from milestone to milestone."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from consumers.board.milestone_vector import MilestoneVector, described, draw, vector_of
from stream.config.settings import ProductSettings
from stream.contracts.report import GoalProgress
from tests.reports import make_report
from tests.unit.consumers.board.board_app import FakeBoard

WAY = ("subscription.trial", "import", "subscription.paid", "reports", "subscription.upsell")
MEASURES: dict[str, Any] = {
    "milestone_days": {"subscription.trial": 0, "import": 3, "subscription.paid": 14},
    "milestone_values": {"subscription.trial": None, "subscription.paid": 1200.0},
    "milestones_per_30_days": 3 * 30 / 60,
    "milestone_next": "reports",
}


def page(measures: dict[str, Any] | None = None, goals: list[GoalProgress] | None = None) -> str:
    board = FakeBoard()
    board.settings.product = ProductSettings(milestones=list(WAY))
    board.report(msgspec.structs.replace(make_report("acme", measures=measures or {}), goals=goals or []))
    return board.client().get("/accounts/acme").text


def test_each_goal_stands_with_its_owner_its_due_day_and_how_it_stands() -> None:
    soon, over = datetime.now(UTC) + timedelta(days=40), datetime.now(UTC) - timedelta(days=2)
    goals = [
        GoalProgress("hours <saved>", "Ada Brown", 40, due_at=over, value=30, attainment=0.75, pace=0.75),
        GoalProgress("answers", None, 4, 24, "down", soon, 6, over, 0.9, 1.2),
    ]
    text = re.sub(r"\s+", " ", page(goals=goals))
    row, other = re.findall(r'<tr><th scope="row">.*?</tr>', text[text.index('id="goals"') :])[:2]
    assert "hours &lt;saved&gt;" in row
    assert "Ada Brown" in row
    assert f"{over.day} {over:%b}" in row
    assert '30 <span class="soft">of 40</span>' in row
    assert '<span class="tag no">overdue</span>' in row
    assert """title="the account's owner">Dana Fields</span>""" in other
    assert "of 4 or less" in other
    assert '<span class="tag yes">on track</span>' in other


def test_the_way_is_a_drawing_that_can_also_be_heard() -> None:
    text = page(MEASURES)
    (label,) = re.findall(r'class="chart vector"[^>]* aria-label="([^"]*)"', text)
    assert label == (
        "Milestones by days from the beginning: trial on day 0; import on day 3; "
        "paid on day 14 · 1,200 a month; next: reports"
    )


def test_without_goals_and_milestones_the_page_has_no_room_for_them() -> None:
    text = page()
    assert 'id="goals"' not in text
    assert 'id="milestones"' not in text


def test_the_sooner_a_milestone_the_steeper_its_line() -> None:
    slopes = []
    for day in (40, 10):
        measures = MEASURES | {"milestone_days": {"import": 0, "reports": day, "later": 60}}
        vector = vector_of(measures, ("import", "reports", "later"))
        assert vector is not None
        lines = re.findall(r'class="line" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', draw(vector, "EUR"))
        x, y, to_x, to_y = map(float, lines[1])
        slopes.append((y - to_y) / (to_x - x))
    assert 0 < slopes[0] < slopes[1]


@pytest.mark.parametrize(
    ("days", "milestones", "following", "why"),
    [
        ({"import": 3}, WAY, "subscription.trial", "a step that was left out is still ahead"),
        ({"subscription.trial": 0, "import": 3}, WAY, "subscription.paid", "a purchase is ahead, too"),
        (dict.fromkeys(WAY, 5), WAY, None, "all are reached"),
        ({"import": 3}, (), "reports", "the board's settings lack it: what the worker says is next"),
    ],
)
def test_what_is_next(days: dict[str, int], milestones: tuple[str, ...], following: str | None, why: str) -> None:
    found = vector_of(MEASURES | {"milestone_days": days}, milestones)
    assert found is not None, why
    assert found.following == following, why


def test_no_way_is_drawn_of_an_account_that_is_not_on_one() -> None:
    assert vector_of({}, WAY) is None
    assert vector_of(MEASURES | {"milestone_days": {}}, WAY) is None
    assert vector_of(MEASURES | {"milestones_per_30_days": None}, WAY) is None


def test_a_milestone_out_of_order_and_a_name_from_outside_are_drawn_as_they_are() -> None:
    measures = MEASURES | {"milestone_days": {"<b>&": 9, "import": 2}}
    vector = vector_of(measures, ("<b>&", "import"))
    assert isinstance(vector, MilestoneVector)
    drawn = draw(vector, None)
    assert "<b>" not in drawn
    assert "&lt;b&gt;&amp; · day 9" in drawn
    assert described(vector, None).endswith("<b>& on day 9; import on day 2")
