"""The alerts page as an inbox: what comes first, what a query leaves, and what is done about several at once."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.alert_events import AlertEvent, encode_alert_event
from alerts.commands import Acknowledge, Command, GiveVerdict, Snooze
from alerts.model import Signal
from consumers.board.alert_log import Episode
from consumers.board.inbox import AlertQuery, inbox, state_of
from consumers.board.pipeline_status import pipeline_problems
from stream.contracts.report import Profile
from tests.reports import MONDAY, make_report
from tests.unit.consumers.board.board_app import FakeBoard
from tests.unit.consumers.board.test_alert_log import alert, step

TOKEN, READ = "t" * 20, "r" * 20


def episodes() -> list[Episode]:
    """Worst and newest first, as the log gives them."""
    later, earlier = MONDAY + timedelta(days=1), MONDAY - timedelta(days=1)
    return [
        Episode(alert(1, "a", owner="Dana", segment="smb", headline="has gone quiet", snoozed_until=later), 1),
        Episode(alert(2, "b", owner="Sam", segment="smb", acknowledged_by="Sam"), 1),
        Episode(alert(3, "c", owner="Dana", severity="warning", snoozed_until=earlier), 1),
        Episode(alert(4, "d", severity="warning"), 1),
    ]


def test_what_nobody_has_comes_first_and_what_is_snoozed_last() -> None:
    found = inbox(episodes(), AlertQuery(), MONDAY)

    assert [each.alert.account_id for each in found.episodes] == ["c", "d", "b", "a"]
    assert found.states == {"unassigned": 2, "acknowledged": 1, "snoozed": 1}
    assert found.owners == [("Dana", 2), ("Sam", 1), ("none", 1)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (AlertQuery(owner="Dana"), ["c", "a"]),
        (AlertQuery(owner="none"), ["d"]),
        (AlertQuery(state="unassigned"), ["c", "d"]),
        (AlertQuery(state="snoozed"), ["a"]),
        (AlertQuery(severity="critical"), ["b", "a"]),
        (AlertQuery(segment="smb", state="acknowledged"), ["b"]),
        (AlertQuery(search="QUIET gone"), ["a"]),
        (AlertQuery(search="nothing like it"), []),
    ],
)
def test_a_query_leaves_what_it_names(query: AlertQuery, expected: list[str]) -> None:
    assert [each.alert.account_id for each in inbox(episodes(), query, MONDAY).episodes] == expected


def test_the_states_are_counted_under_the_other_filters() -> None:
    found = inbox(episodes(), AlertQuery(owner="Dana", state="snoozed"), MONDAY)

    assert found.states == {"unassigned": 1, "snoozed": 1}
    assert found.total == 4


def test_a_snooze_that_has_ended_is_none() -> None:
    assert [state_of(each.alert, MONDAY) for each in episodes()] == [
        "snoozed",
        "acknowledged",
        "unassigned",
        "unassigned",
    ]


class Sent:
    """A board with two open alerts, and what is sent to alerting."""

    def __init__(self, **options: Any) -> None:
        self.board = FakeBoard(**options)
        self.commands: list[Command] = []
        self.board.send = self.take
        for number, name in ((1, "acme"), (2, "bolt")):
            self.board.report(make_report(name, 20.0, profile=Profile(name=name.title(), owner="Dana Fields", mrr=99)))
            self.board.step(step(number, "opened", alert(number, name, owner="Dana Fields")))

    def take(self, command: Command) -> None:
        self.commands.append(command)
        assert isinstance(command, Acknowledge | Snooze | GiveVerdict)
        event = AlertEvent(seq=9, kind="acknowledged", at=MONDAY, reason="so", command_id=command.command_id)
        self.board.read_model.command_results.take(event)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"do": "acknowledge"}, Acknowledge),
        ({"do": "snooze", "hours": "168"}, Snooze),
        ({"do": "verdict", "verdict": "not_valid"}, GiveVerdict),
    ],
)
def test_several_alerts_are_answered_at_once(fields: dict[str, str], kind: type[Command]) -> None:
    sent = Sent()
    client = sent.board.client()
    answer = client.post(
        "/alerts/selected", data={"alert": ["hl-1", "hl-2", "gone"], "back": "/alerts?owner=x", **fields}
    )

    assert answer.headers["location"] == "/alerts?owner=x"
    assert [type(each) for each in sent.commands] == [kind, kind]
    assert "Done for 2 of 2 alerts." in client.get("/alerts").text


@pytest.mark.parametrize("data", [{}, {"do": "acknowledge"}, {"alert": "hl-1"}, {"alert": "hl-1", "do": "explode"}])
def test_nothing_is_sent_without_an_action_and_an_alert(data: dict[str, str]) -> None:
    sent = Sent()
    client = sent.board.client()
    client.post("/alerts/selected", data=data)

    assert sent.commands == []
    assert "Not sent" in client.get("/alerts").text


def test_a_reader_sees_the_inbox_without_a_way_to_act() -> None:
    sent = Sent(host="0.0.0.0", token=TOKEN, read_token=READ)
    client = sent.board.client(base="http://board.example")
    headers = {"Authorization": f"Bearer {READ}"}
    page = client.get("/alerts", headers=headers).text

    assert "Acme" in page
    assert "data-tick" not in page
    assert "data-action" not in page
    assert (
        client.post("/alerts/selected", headers=headers, data={"alert": "hl-1", "do": "acknowledge"}).status_code == 403
    )


def test_whoever_says_who_they_are_has_views_of_their_own() -> None:
    client = Sent().board.client()
    assert ">Mine<" not in client.get("/").text

    client.post("/me", data={"owner": "Dana Fields"})

    assert 'href="/?owner=Dana+Fields"' in client.get("/").text
    assert 'href="/alerts?owner=Dana+Fields"' in client.get("/alerts").text


def test_a_name_from_the_proxy_is_the_owner_of_that_name() -> None:
    sent = Sent(host="0.0.0.0", proxy_user_header="X-User")
    page = sent.board.client().get("/", headers={"X-User": "dana fields"}).text

    assert 'href="/?owner=Dana+Fields"' in page


def test_the_list_as_csv_has_all_rows_of_the_query_and_no_formula() -> None:
    board = FakeBoard(page_accounts=10)
    for number in range(25):
        board.report(make_report(f"acct-{number:02}", 50.0 + number, profile=Profile(name=f"=cmd|{number}", mrr=-5.0)))
    board.report(make_report("none", None, profile=Profile()))
    text = board.client().get("/accounts.csv?sort=health").text
    rows = list(csv.DictReader(io.StringIO(text)))

    assert len(rows) == 26
    assert rows[0]["name"] == "'=cmd|0"
    assert rows[0]["mrr"] == "-5.0"
    assert rows[-1]["health_score"] == ""
    assert len(list(csv.DictReader(io.StringIO(board.client().get("/accounts.csv?search=acct-1").text)))) == 10


@pytest.mark.parametrize(
    ("query", "expected"),
    [("renewal_days=30", ["due", "soon"]), ("flagged=true", ["late"]), ("renewal_days=400&flagged=true", ["late"])],
)
def test_views_leave_what_renews_soon_and_what_has_an_alert(query: str, expected: list[str]) -> None:
    board, now = FakeBoard(), datetime.now(UTC)
    for name, days in (("soon", 20), ("late", 300), ("due", -3)):
        board.report(make_report(name, as_of=now, profile=Profile(name=name, renewal_at=now + timedelta(days=days))))
    board.report(make_report("unknown", as_of=now))
    board.step(step(1, "opened", alert(1, "late")))
    text = board.client().get(f"/accounts.csv?sort=renewal&{query}").text

    assert [row["account_id"] for row in csv.DictReader(io.StringIO(text))] == expected


def test_a_column_is_sorted_by_its_head_and_turned_by_it_again() -> None:
    board = FakeBoard()
    board.report(make_report())
    client = board.client()

    assert 'aria-sort="ascending"><a href="/?reverse=true">Health' in client.get("/").text.replace(" >", ">")
    assert 'href="/?sort=mrr"' in client.get("/").text
    assert 'href="/?sort=mrr&amp;reverse=true"' in client.get("/?sort=mrr").text


def test_every_page_says_when_alerts_are_held_or_a_process_is_gone() -> None:
    board = FakeBoard()
    board.report(make_report())
    client = board.client()
    incident = AlertEvent(seq=5, kind="pipeline_incident_opened", at=MONDAY, reason="no usage of anybody for 3 hours")
    board.step(encode_alert_event(incident))
    board.app.state.board.lags.absent = frozenset({"worker"})
    for path in ("/", "/alerts", "/accounts/acme", "/pipeline"):
        page = client.get(path).text
        assert "Alerts are held since 2 Mar 09:00 UTC: no usage of anybody for 3 hours." in page
        assert "The worker is not running: scores stand still." in page

    over = AlertEvent(seq=6, kind="pipeline_incident_resolved", at=MONDAY, reason="usage is back")
    board.step(encode_alert_event(over))
    board.step(encode_alert_event(incident))  # a record may be written twice
    board.app.state.board.lags.absent = frozenset()
    assert pipeline_problems(board.app.state.board.lags, board.read_model.alerts.pipeline_incident) == []
    assert "Alerts are held" not in client.get("/").text


def test_money_and_renewal_are_the_subscriptions_where_there_are_any() -> None:
    """In the list as in the header, and said which."""
    board = FakeBoard()
    profile = Profile(name="Acme", mrr=100.0, renewal_at=MONDAY + timedelta(days=5))
    board.report(make_report(profile=profile, measures={"mrr_active": 2500, "days_to_renewal": 40}))
    client = board.client()
    (item,) = client.get("/api/v1/accounts").json()["accounts"]
    page = client.get("/accounts/acme").text

    assert (item["mrr"], item["renewal_date"]) == (2500, "2026-04-11")
    assert '2,500 <span class="soft">subscriptions</span>' in page
    assert "11 Apr 2026" in page


def test_the_api_gives_an_alert_with_its_signals_by_owner_and_severity() -> None:
    quiet = Signal(
        rule="silence", tone="risk", severity="critical", channel="page", since=MONDAY, headline="has gone quiet",
        reason="Nobody for 5 days", evidence={}, last_as_of=MONDAY, scorecard="default@2",
    )  # fmt: skip
    board = FakeBoard()
    board.step(step(1, "opened", alert(1, "acme", owner="Dana", headline="has gone quiet", signals=[quiet])))
    board.step(step(2, "opened", alert(2, "bolt", severity="warning")))
    client = board.client()
    (found,) = client.get("/api/v1/alerts?owner=Dana").json()

    assert (found["headline"], found["owner"]) == ("has gone quiet", "Dana")
    assert [(each["rule"], each["resolved_at"]) for each in found["signals"]] == [("silence", None)]
    assert [each["account_id"] for each in client.get("/api/v1/alerts?severity=warning&owner=none").json()] == ["bolt"]


def test_how_things_are_is_accepted_as_the_new_normal() -> None:
    sent = Sent()
    client = sent.board.client()
    client.post("/alerts/hl-1/acknowledge", data={"accept": "true", "note": "they are a seasonal business"})
    client.post("/api/v1/alerts/hl-1/acknowledge", json={"accept": True})
    client.post("/api/v1/alerts/hl-1/acknowledge", json={})

    assert [each.accept for each in sent.commands if isinstance(each, Acknowledge)] == [True, True, False]


def test_whether_it_lives_and_is_ready_anybody_may_ask() -> None:
    board = FakeBoard(host="0.0.0.0", token=TOKEN)
    client = board.client(peer="192.0.2.1")
    assert [client.get(path).status_code for path in ("/livez", "/readyz")] == [200, 200]
    board.read_model.topic_reader.loaded.clear()
    assert [client.get(path).status_code for path in ("/livez", "/readyz")] == [200, 503]
