"""What the sentence says of use is found on the chart: the same window, the same numbers, the same people."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from consumers.board.svg import bars
from consumers.board.use_level import use_level
from stream.measures.use_vs_best import WINDOWS
from tests.reports import make_report
from tests.unit.consumers.board.board_app import FakeBoard

MEASURES = {
    "use_vs_best": 0.26,
    "use_vs_best_window_days": 14,
    "user_days_14": 15,
    "expected_14": 75.6,
    "fall_since": "2026-02-20",
    "established_users_lost": 7,
    "established_users_lost_users": ["u1", "u2"],
}


def test_the_window_the_level_and_who_stopped_are_those_of_the_report() -> None:
    report = replace(make_report("acme", 40.0), measures=MEASURES, names={"u1": "Ann"})
    level = use_level(report)
    assert level is not None
    assert (level.days, level.user_days, level.since) == (14, 15, date(2026, 2, 20))
    assert (level.stopped, level.stopped_more) == (["Ann", "u2"], 5)
    assert level.expected_a_day == pytest.approx(5.4)
    board = FakeBoard()
    board.report(report)
    assert board.client().get("/accounts/acme").status_code == 200


@pytest.mark.parametrize("missing", ["use_vs_best", "use_vs_best_window_days", "user_days_14", "expected_14"])
def test_without_one_of_its_numbers_there_is_nothing_to_draw(missing: str) -> None:
    """As of an account that is too young, or in a report of before they were told."""
    assert use_level(replace(make_report("acme", 40.0), measures=MEASURES | {missing: None})) is None


@pytest.mark.parametrize("window_days", [days for days, _ in WINDOWS])
def test_the_window_is_marked_the_level_is_drawn_and_the_fall_is_dated(window_days: int) -> None:
    """Also where the chart is shorter than the window, or than what is expected is high."""
    days = [(date(2026, 1, 1) + timedelta(days=index), 2) for index in range(60)]
    measures = MEASURES | {
        "use_vs_best_window_days": window_days,
        f"user_days_{window_days}": 2 * window_days,
        f"expected_{window_days}": 8.0 * window_days,
    }
    level = use_level(replace(make_report("acme", 40.0), measures=measures))
    drawn = str(bars(days, "users", level))
    assert drawn.count('class="bar recent"') == min(window_days, 60)
    assert f'class="level" d="M{max(60 - window_days, 0)} 0.0H60"' in drawn  # the highest there is
    assert drawn.count('height="15.0"') == 60
    assert 'class="since" d="M50 0V60"' in drawn
    plain = str(bars(days, "users"))
    assert "recent" not in plain
    assert "level" not in plain
