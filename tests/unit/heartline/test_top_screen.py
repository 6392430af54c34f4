"""The terminal's table of accounts, and the file: what they say of given accounts."""

from datetime import timedelta

import pytest
from rich.console import Console

from consumers.board.account_index import AccountQuery
from consumers.board.pipeline_status import Lag
from heartline.report.page import page, summary
from heartline.terminal.top_screen import View, screen
from stream.contracts.report import Profile
from tests.reports import MONDAY, make_report
from tests.unit.consumers.board.board_app import FakeBoard

EVIL = "<b>bold</b>"


def board() -> FakeBoard:
    found = FakeBoard()
    found.report(make_report("fine", 91.0, reason="steady", profile=Profile(name="Fine Ltd")))
    found.report(make_report("bad", 12.0, past=[60.0] * 8, reason="down 48", profile=Profile(name=EVIL)))
    found.report(make_report("new", None, profile=Profile(name="New One"), reason="too little is known"))
    return found


def shown(width: int = 120, height: int | None = None, problem: str | None = None) -> list[str]:
    rows = board().read_model.accounts.find(AccountQuery()).rows
    lags = [] if problem else [Lag("worker", "a", 3, 4), Lag("worker", "b", 4, 4), Lag("alerting", "c", None, 4)]
    view = View(rows, {"bad": 2}, lags, problem, MONDAY, MONDAY + timedelta(seconds=90), True)
    console = Console(width=width, no_color=True)
    with console.capture() as capture:
        console.print(screen(view, width, height))
    return capture.get().splitlines()


def test_the_table_is_worst_first_with_shape_word_movement_and_alerts() -> None:
    lines = shown()

    assert "■ 1 critical" in lines[0]
    assert "⚑ 2 open alerts" in lines[0]
    assert lines[1].startswith("newest report 1 min ago  worker lag 7  alerting lag unknown")
    bad, fine, new = lines[4:7]
    assert bad.split()[:3] == ["12", "■", "critical"]
    assert "▼48" in bad
    assert bad.rstrip().endswith("2  down 48")
    assert fine.split()[:3] == ["91", "●", "healthy"]
    assert new.split()[:3] == ["?", "○", "unknown"]


def test_it_never_grows_beyond_the_terminal() -> None:
    for width in (60, 80, 200):
        assert all(len(line) <= width for line in shown(width, 6))
    assert len(shown(120, 5)) == 5


def test_on_eighty_columns_everything_but_the_days_is_there() -> None:
    lines = shown(80)

    assert "■ 1" in lines[0]
    assert "⚑ 2 open alerts" in lines[0]
    assert lines[3].split() == ["health", "band", "account", "7", "days", "⚑", "why"]
    assert lines[4].split()[:3] == ["12", "■", "critical"]
    assert lines[4].rstrip().endswith("down 48")


def test_a_process_that_does_not_run_is_said_before_everything_else() -> None:
    """A dead worker is perfect calm."""
    rows = board().read_model.accounts.find(AccountQuery()).rows
    told = "The worker is not running: scores stand still."
    view = View(rows, {}, [], None, MONDAY, MONDAY + timedelta(days=2), True, [told])
    console = Console(width=80, no_color=True)
    with console.capture() as capture:
        console.print(screen(view, 80, None))
    assert capture.get().splitlines()[1].startswith(f"{told}  newest report 2 days ago")


def test_when_kafka_is_away_it_says_so() -> None:
    assert "lag unknown: Kafka does not answer" in shown(problem="Kafka does not answer")[1]


def test_the_summary_names_the_losers_and_leaves_the_unknown_out_of_the_median() -> None:
    found = summary(board().read_model)

    assert found.median_score == pytest.approx(51.5)
    assert [row.account_id for row in found.losers] == ["bad"]
    assert found.bands == {"healthy": 1, "watch": 0, "at_risk": 0, "critical": 1, "unknown": 1, "inactive": 0}


def test_the_file_has_a_section_for_the_least_healthy_and_escapes_what_customers_wrote() -> None:
    told: list[tuple[int, int]] = []

    text = page(board().read_model, 2, MONDAY, lambda done, total: told.append((done, total)))

    assert text.count('id="account-') == 2
    assert "the other 1 are in the table" in text
    assert EVIL not in text
    assert "&lt;b&gt;bold" in text
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org", "")
    assert told == [(1, 2), (2, 2)]
