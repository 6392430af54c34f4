"""Whatever somebody clicks on, there is a page."""

from datetime import timedelta

from stream.contracts.report import Profile
from tests.page_links import follow_all
from tests.reports import MONDAY, make_report
from tests.unit.consumers.board.board_app import FakeBoard
from tests.unit.consumers.board.test_alert_log import alert, step


def test_every_link_and_every_choice_of_the_board_leads_to_a_page() -> None:
    board = FakeBoard()
    renewal_at = MONDAY + timedelta(days=20)
    for number, score in enumerate((12.0, 40.0, 60.0, 90.0, None)):
        profile = Profile(name=f"A & B {number}", segment=f"s{number % 2}", owner="Dana", renewal_at=renewal_at)
        board.report(make_report(f"acme/{number}", score, past=[score or 0.0] * 8, profile=profile))
    for number, severity in enumerate(("critical", "warning")):
        flagged = alert(number, f"acme/{number}", owner="Dana", segment="s0", severity=severity)
        board.step(step(number, "opened", flagged))
    found = follow_all(board.client(), "/", 120)
    assert [path for path, status in found.items() if status != 200] == []
    paths = {path.partition("?")[0] for path in found}
    assert {"/", "/alerts", "/alerts/resolved", "/pipeline", "/accounts/acme%2F0"} <= paths
    asked = {name for path in found for name in path.partition("?")[2].replace("&", "=").split("=")[::2]}
    assert {"band", "sort", "reverse", "segment", "owner", "state", "severity"} <= asked
