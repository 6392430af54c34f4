"""What is drawn on the terminal: at every width, for every report, and never a lie about the unknown."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from heartline.demo.slack_standin import OK, Received
from heartline.demo.view import Moment, dashboard
from heartline.demo.watch import Seen
from heartline.processes.scrape import parse
from heartline.terminal.account_panel import account_panel
from heartline.terminal.terminal_format import account_table, movement, why, worst_first
from heartline.topics.current_reports import alike
from stream.contracts.report import Cap, Change, Contribution, Freshness, GoalProgress, Override, Profile
from tests.examples import examples
from tests.reports import MONDAY, make_report

MOMENT = Moment(12, 60, MONDAY, 51_234, 31.4, "41,852 events of 60 days follow")


def drawn(thing: RenderableType, width: int = 120, height: int = 40) -> str:
    """As plain text."""
    console = Console(width=width, height=height, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(thing)
    return capture.get()


def test_the_worst_come_first_and_the_unknown_last() -> None:
    """Among equals by name, so that rows do not dance."""
    reports = [make_report("b", 40.0), make_report("a", 40.0), make_report("x", None), make_report("c", 3.0)]
    ordered = worst_first({report.account_id: report for report in reports})
    assert [report.account_id for report in ordered] == ["c", "a", "b", "x"]


@pytest.mark.parametrize(
    ("score", "before", "expected"),
    [
        (60.0, 74.6, "▼15"),
        (74.0, 60.0, "▲14"),
        (74.0, 73.4, "·"),  # less than a point is no movement
        (74.0, None, ""),  # unknown then
        (None, 74.0, ""),  # unknown now
    ],
)
def test_movement_is_shown_where_it_is_known(score: float | None, before: float | None, expected: str) -> None:
    """With its direction."""
    assert movement(make_report(score=score, score_7d_ago=before)).plain == expected


def test_why_names_what_cost_points_or_what_holds_down() -> None:
    """Falling: the week's losses. Steady and not healthy: what is missing. Steady and healthy: nothing."""
    assert why(make_report(score=60.0, score_7d_ago=80.0)) == "Weekly active users −14 · Urgent tickets open −6"
    assert why(make_report(score=40.0, score_7d_ago=40.0)) == "Weekly active users −40"
    assert why(make_report(score=90.0, score_7d_ago=90.0)) == ""
    assert why(make_report(score=None, reason="too little is known")) == "too little is known"


def test_the_table_shows_every_account_once_with_its_score() -> None:
    """An unknown score is a question mark, never a 0."""
    text = drawn(account_table([make_report("a", 41.6), make_report("x", None, profile=Profile(name="Void"))], 120))
    assert "42" in text
    assert "at risk" in text
    assert next(line for line in text.splitlines() if line.startswith("Void")).split()[1] == "?"


def test_an_override_is_seen_in_the_table_and_told_in_the_panel() -> None:
    """With what the scorecard says, so that nobody takes a person's word for the model's."""
    by_hand = Override("Dana", "merger in progress", MONDAY, band="watch")
    report = make_report("a", 30.0, band="watch", override=by_hand, model_score=30.0, model_band="at_risk")
    assert "watch ✋" in drawn(account_table([report], 120))
    panel = drawn(account_panel(report))
    assert "✋ set by Dana until 2 Mar 2026 (merger in progress), the scorecard says 30, at risk" in panel


def test_a_veto_is_shown_in_the_words_of_its_scorecard() -> None:
    """In the panel and in the table; an override that the reason begins with is told once."""
    words = ("an escalation is stuck", "hours")
    by_hand = Override("Dana", "merger", MONDAY, score=30.0)
    report = make_report(
        "a",
        30.0,
        score_7d_ago=30.0,
        caps=[Cap("cap-7", "escalation_running_hours", 80.0, 40, -12.0, *words)],
        changes_7d=[Change("cap-7", None, 80.0, -12.0, *words), Change("cap-8", 3.0, None, 12.0, "quiet", "days")],
        override=by_hand,
        model_score=30.0,
        model_band="at_risk",
        reason="set by Dana until 2 Mar 2026 (merger), the scorecard says 30, at risk; steady",
    )
    panel = drawn(account_panel(report), height=80)
    assert "cap-" not in panel
    assert panel.count("set by Dana") == 1
    lines = [" ".join(line.strip("│╭╰ ").split()) for line in panel.splitlines()]
    assert "Held at 40: An escalation is stuck 80 h 12.0" in lines
    assert "An escalation is stuck not so 80 h −12.0" in lines
    assert "Quiet 3 days no longer +12.0" in lines
    assert why(report).startswith("An escalation is stuck −12 · ")


def test_the_panel_says_when_each_source_was_heard_of_and_which_is_silent_for_everybody() -> None:
    """So that a broken feed is not taken for a quiet customer."""
    usage = Freshness(MONDAY - timedelta(days=6), 6.0, is_stale=True)
    report = make_report("a", freshness={"tickets": Freshness(MONDAY, 0.01), "usage": usage})
    panel = drawn(account_panel(report))
    assert "no usage of any account for days" in panel
    assert (
        "last heard: usage 6 days ago · tickets just now · surveys, touchpoints, outcomes, subscriptions never" in panel
    )
    assert "last heard" not in drawn(account_panel(make_report("a")))


@pytest.mark.parametrize(("width", "height"), [(60, 20), (80, 24), (100, 30), (132, 40), (200, 60)])
def test_the_dashboard_fills_the_terminal_and_no_more(width: int, height: int) -> None:
    """Whatever its size; a line too many would scroll the whole."""
    seen = Seen(reports={f"a{n:02}": make_report(f"a{n:02}", float(n)) for n in range(50)}, published=1234)
    seen.messages = [Received({"text": "x", "blocks": []}, OK)]
    lines = drawn(dashboard(MOMENT, seen, width, height), width, height).splitlines()
    assert len(lines) == height
    assert max(len(line) for line in lines) <= width
    assert "51,234 events" in lines[2]
    board = "http://127.0.0.1:8050"
    looking = replace(MOMENT, board=board, phase=f"the board is at {board}")
    for moment in (looking, replace(looking, phase="waiting")):
        assert drawn(dashboard(moment, seen, 132, 40), 132, 40).count(board) == 1, "the address is told once"


def test_the_dashboard_counts_what_the_metrics_pages_say() -> None:
    """Opened and resolved are the alerting process's own numbers."""
    page = """
# TYPE heartline_alert_transitions counter
heartline_alert_transitions_total{rule="band_entered",kind="opened"} 2.0
heartline_alert_transitions_total{rule="score_dropped",kind="opened"} 5.0
heartline_alert_transitions_total{rule="score_dropped",kind="resolved"} 3.0
# TYPE heartline_notifications counter
heartline_notifications_total{receiver="slack",outcome="delivered"} 9.0
heartline_notifications_total{receiver="slack",outcome="failed"} 4.0
"""
    seen = Seen(alerting=parse(page))
    assert (seen.alerts("opened"), seen.alerts("resolved"), seen.delivered) == (7, 3, 9)
    text = drawn(dashboard(MOMENT, seen, 120, 30))
    assert "7 red flags opened   3 resolved   9 Slack messages" in text


def test_all_is_settled_only_when_what_was_sent_has_come_out() -> None:
    """Lag alone says nothing before the first record was read."""

    def seen(folded: int, dirty: int = 0, pending: int = 0, lag: int = 0, outbox: int = 0) -> Seen:
        worker = (
            f'heartline_worker_records_folded_total{{topic="t"}} {folded}\nheartline_worker_dirty_accounts {dirty}\n'
            f"heartline_worker_pending_accounts {pending}\n"
        )
        alerting = f"heartline_alerting_lag_records {lag}\nheartline_outbox_depth {outbox}\n"
        return Seen(worker=parse(worker), alerting=parse(alerting))

    assert seen(100).caught_up(100)
    assert not seen(99).caught_up(100)
    assert not seen(100, dirty=1).caught_up(100)
    assert not seen(100, pending=1).caught_up(100)
    assert not seen(100, lag=1).caught_up(100)
    assert not seen(100, outbox=1).caught_up(100)
    assert not Seen().caught_up(0)


def test_the_panel_of_an_account_says_what_is_known_of_it() -> None:
    """Score, reason, losses, changes, measures, and who looks after it."""
    report = make_report(
        score=61.0,
        past=[80.0] * 10,
        measures={"wau": 11, "nps": None, "csat": 0.75, "features": {"a": 1}},
        profile=Profile(name="Acme", segment="smb", owner="csm-1", licensed_seats=1200, renewal_at=MONDAY),
        last_event_at=MONDAY,
    )
    text = drawn(account_panel(report))
    for words in (
        "Acme",
        "61 of 100",
        "watch",
        "▼19",
        "csm-1",
        "1,200 seats",
        "In 7 days, from 80.0 to 61.0",
        "−14.0",
        "75%",
    ):
        assert words in text


names = st.text(max_size=300)
numbers = st.none() | st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6)


@examples(60)
@given(
    name=names,
    reason=names,
    measure=names,
    value=numbers,
    score=st.none() | st.floats(0, 100),
    width=st.integers(40, 200),
)
def test_no_report_breaks_the_drawing(
    name: str, reason: str, measure: str, value: Any, score: float | None, width: int
) -> None:
    """Customers choose their names; markup and control characters are theirs to try."""
    report = make_report(
        score=score,
        reason=reason,
        profile=Profile(name=name, segment=name, owner=name),
        measures={measure: value},
        contributions=[Contribution(measure, "g", 1.0, 50.0, 1.0, 50.0)],
        changes_7d=[Change(measure, None, None, -3.0)],
    )
    for thing in (account_panel(report), account_table([report], width)):
        assert "\x1b" not in drawn(thing, width)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("ridge robotics", ["ridge-robotics"]),  # a space for a dash
        ("RIDGE-ROBOTICS", ["ridge-robotics"]),  # case
        ("robotics", ["ridge-robotics", "onyx-robotics"]),  # a part
        ("zzz", []),
    ],
)
def test_names_that_look_alike_are_offered(wanted: str, expected: list[str]) -> None:
    """The nearest first, and none that is far."""
    known = {name: name for name in ("ridge-robotics", "onyx-robotics", "alder-foods")}
    assert set(alike(wanted, known)) >= set(expected)
    assert bool(alike(wanted, known)) == bool(expected)


def test_a_metrics_page_is_summed_over_the_labels_that_are_not_asked_for() -> None:
    """And a name that is not there is unknown, not 0."""
    page = parse('a_total{k="x",l="1"} 2.0\na_total{k="x",l="2"} 3.0\na_total{k="y",l="1"} 4.0\n')
    assert page.total("a_total") == 9.0
    assert page.total("a_total", k="x") == 5.0
    assert page.total("a_total", k="z") is None
    assert page.total("b_total") is None


def test_goals_stand_with_owner_due_day_and_standing() -> None:
    due_at = MONDAY + timedelta(days=30)
    goals = [GoalProgress("hours saved", None, 40, due_at=due_at, value=12.5, attainment=0.3, pace=0.5)]
    lines = drawn(account_panel(make_report("acme", goals=goals)), height=80).splitlines()
    (line,) = (line for line in lines if "hours saved" in line)
    assert re.search(rf"Dana Fields +{due_at:%d %b %Y} +12.5 +40 +off track", line)
