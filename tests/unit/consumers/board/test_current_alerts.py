"""An open alert speaks of now, and nothing on the page contradicts it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.evaluation import evaluate_rules
from alerts.model import Alert
from consumers.board.current_alerts import alert_as_of
from stream.contracts.report import HealthReport, Profile
from tests.logged import logged
from tests.reports import MONDAY, make_report
from tests.unit.consumers.board.board_app import FakeBoard
from tests.unit.consumers.board.test_alert_log import alert, step

CONFIG, CONTEXT = AlertingConfig(), AlertContext()


def waiting(requested_days: int, days_later: int = 0, score: float = 60.0) -> HealthReport:
    """An account that asked to cancel so many days before its report."""
    measures = {"cancellation_requested": 1, "cancellation_requested_days": requested_days, "wau": 4}
    profile = Profile(name="Acme", owner="Dana", mrr=500)
    return make_report(score=score, as_of=MONDAY + timedelta(days=days_later), measures=measures, profile=profile)


def opened() -> Alert:
    """The red flag that alerting raises for it."""
    report = waiting(0)
    found = evaluate_rules(None, report, CONFIG.book.choose(report.profile), MONDAY, CONTEXT).record
    assert found is not None
    assert found.alert is not None
    return found.alert


def test_days_that_have_passed_since_the_last_step_are_counted() -> None:
    """Time alone makes no step of an alert, and neither does a report without one."""
    now = MONDAY + timedelta(days=5)
    for report in (waiting(0), waiting(3, 3)):
        found = alert_as_of(opened(), report, now, CONFIG, CONTEXT)

        assert found.alert_id == opened().alert_id
        assert "5 days ago" in found.headline
        assert "ago" not in opened().headline


def test_what_would_end_the_alert_is_left_to_alerting() -> None:
    """It knows what the board does not: for how long something has been well, and what was silenced."""
    well = make_report(score=90.0, as_of=MONDAY + timedelta(days=2), measures={"cancellation_requested": 0})
    found = alert_as_of(opened(), well, MONDAY + timedelta(days=2), CONFIG, CONTEXT)

    assert found.is_open
    churned = make_report(as_of=MONDAY + timedelta(days=2), measures={"lifecycle_stage": "churned"})
    assert alert_as_of(opened(), churned, MONDAY + timedelta(days=2), CONFIG, CONTEXT) == opened()


def test_the_page_shows_the_words_of_now_and_what_to_try() -> None:
    board = FakeBoard()
    board.report(waiting(0))
    board.step(step(1, "opened", opened()))
    client = board.client()
    page = client.get("/alerts").text

    assert "wants to cancel: asked " in page
    assert "What to try:" in page
    assert 'name="play"' in page
    assert client.get("/api/v1/alerts").json()[0]["headline"].startswith("wants to cancel: asked ")


def test_an_alert_with_evidence_of_another_version_is_shown_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    """And takes the page from nobody else."""
    board = FakeBoard()
    board.report(make_report(score=20.0))
    old = replace(opened().signals[0], rule="breadth_collapsed", headline="lost most of its users", evidence={})
    board.step(step(1, "opened", alert(1, headline="lost most of its users", signals=[old])))

    assert "lost most of its users" in board.client().get("/alerts").text
    assert logged(caplog, alert_id="hl-1", level="error")


def test_an_alert_whose_account_is_unknown_is_shown_as_it_was() -> None:
    board = FakeBoard()
    board.step(step(1, "opened", alert(1, "gone", headline="has gone quiet")))

    assert "has gone quiet" in board.client().get("/alerts").text
