"""What people do about alerts, from a form or a JSON body to the command on its way."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from alerts.alert_events import AlertEvent, encode_alert_event
from alerts.commands import (
    Acknowledge,
    AddNote,
    AddSilence,
    Command,
    ExpireSilence,
    GiveVerdict,
    Resolve,
    Snooze,
    StartPlay,
)
from consumers.alerting.command_sender import CommandNotSentError
from consumers.board.command_service import InvalidCommandError, build_alert_command, build_silence, result_text
from tests.reports import MONDAY, make_report
from tests.unit.consumers.board.board_app import FakeBoard
from tests.unit.consumers.board.test_alert_log import alert, step


@pytest.mark.parametrize(
    ("action", "fields", "expected"),
    [
        ("acknowledge", {"note": "on it"}, {"note": "on it"}),
        ("acknowledge", {"note": ""}, {"note": None}),
        ("snooze", {"hours": "24"}, {"until": MONDAY + timedelta(days=1)}),
        ("snooze", {"until": MONDAY + timedelta(days=2)}, {"until": MONDAY + timedelta(days=2)}),
        ("resolve", {}, {"note": None}),
        ("verdict", {"verdict": "not_valid"}, {"verdict": "not_valid"}),
        ("play", {"play": "restart_users"}, {"play": "restart_users"}),
    ],
)
def test_an_action_is_a_command(action: str, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    command = build_alert_command(action, alert(), "ann", fields, MONDAY)

    assert isinstance(command, Acknowledge | Snooze | Resolve | GiveVerdict | StartPlay)
    assert (command.by, command.account_id, command.alert_id) == ("ann", "acme", "hl-1")
    assert {name: getattr(command, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("snooze", {}),
        ("snooze", {"hours": "soon"}),
        ("snooze", {"hours": "0"}),
        ("snooze", {"hours": "nan"}),
        ("snooze", {"hours": "99999"}),
        ("verdict", {}),
        ("verdict", {"verdict": "maybe"}),
        ("play", {"play": ""}),
        ("acknowledge", {"note": "x" * 1001}),
    ],
)
def test_what_makes_no_command_is_refused(action: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidCommandError):
        build_alert_command(action, alert(), "ann", fields, MONDAY)


def test_a_silence_needs_a_reason_and_something_to_match() -> None:
    made = build_silence("ann", {"why": "migration", "hours": "24", "segment": "smb", "rule": ""}, MONDAY)

    assert isinstance(made, AddSilence)
    assert made.silence.matchers == {"segment": "smb"}
    assert made.silence.ends_at == MONDAY + timedelta(days=1)
    for wrong in ({"why": "", "hours": "1", "rule": "r"}, {"why": "w", "hours": "1"}, {"why": "w", "rule": "r"}):
        with pytest.raises(InvalidCommandError):
            build_silence("ann", wrong, MONDAY)


class Alerting:
    """Takes commands; answers each at once through the audit log, or not at all."""

    def __init__(self, board: FakeBoard, kind: Any = "acknowledged") -> None:
        self.board, self.kind = board, kind
        self.commands: list[Command] = []

    def __call__(self, command: Command) -> None:
        self.commands.append(command)
        if self.kind is not None:
            self.board.step(step(99, self.kind, alert(acknowledged_by="ann"), command_id=command.command_id))


def alerted(kind: Any = "acknowledged", **options: Any) -> tuple[FakeBoard, Alerting]:
    board = FakeBoard(**options)
    board.report(make_report("acme", 20.0))
    board.step(step(1, "opened", alert()))
    alerting = Alerting(board, kind)
    board.send = alerting
    return board, alerting


def test_a_form_sends_its_command_and_comes_back_with_what_came_of_it() -> None:
    board, alerting = alerted()
    client = board.client()

    answer = client.post("/alerts/hl-1/acknowledge", data={"back": "/accounts/acme"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/accounts/acme")
    assert "Acknowledged: so" in client.get("/accounts/acme").text
    assert "Acknowledged: so" not in client.get("/accounts/acme").text  # once
    assert [type(command) for command in alerting.commands] == [Acknowledge]


def test_a_note_is_written_on_an_account_s_page_with_or_without_an_alert() -> None:
    board = FakeBoard()
    board.report(make_report("acme/eu", 80.0))
    sent: list[Command] = []

    def takes(command: Command) -> None:
        sent.append(command)
        note = AlertEvent(seq=1, kind="noted", at=MONDAY, reason="moves <b>in May", by="ann", account_id="acme/eu")
        board.step(encode_alert_event(replace(note, command_id=command.command_id)))

    board.send = takes
    client = board.client()
    form = {"note": " moves <b>in May ", "back": "/accounts/acme%2Feu"}
    answer = client.post("/accounts/acme%2Feu/notes", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/accounts/acme%2Feu")
    (command,) = sent
    assert isinstance(command, AddNote)
    assert (command.account_id, command.note) == ("acme/eu", "moves <b>in May")
    page = client.get("/accounts/acme%2Feu").text
    assert "Noted: moves" in page
    assert '<p class="note">moves &lt;b&gt;in May <span class="soft">ann' in page
    assert [each["by"] for each in client.get("/api/v1/notes?account_id=acme/eu").json()] == ["ann"]


def test_a_form_with_a_mistake_says_so_and_sends_nothing() -> None:
    board, alerting = alerted()
    client = board.client()

    client.post("/alerts/hl-1/snooze", data={"hours": "soon"})

    assert "Not sent: until or hours: expected" in client.get("/alerts").text
    assert alerting.commands == []


def test_the_api_takes_every_action_and_names_the_command() -> None:
    board, alerting = alerted()
    client = board.client()
    calls = {
        "/api/v1/alerts/hl-1/acknowledge": {},
        "/api/v1/alerts/hl-1/snooze": {"hours": 4},
        "/api/v1/alerts/hl-1/resolve": {"note": "done"},
        "/api/v1/alerts/hl-1/verdict": {"verdict": "valid"},
        "/api/v1/alerts/hl-1/play": {"play": "restart_users"},
        "/api/v1/silences": {"why": "migration", "hours": 4, "account_id": "acme"},
        "/api/v1/notes": {"account_id": "acme", "note": "moves in May"},
    }

    answers = [client.post(path, json=body) for path, body in calls.items()]
    answers.append(client.delete("/api/v1/silences/sl-1"))

    assert [answer.status_code for answer in answers] == [202] * 8
    assert [answer.json()["command_id"] for answer in answers] == [c.command_id for c in alerting.commands]
    kinds = [Acknowledge, Snooze, Resolve, GiveVerdict, StartPlay, AddSilence, AddNote, ExpireSilence]
    assert [type(command) for command in alerting.commands] == kinds


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/v1/alerts/none/acknowledge", {}, 404),
        ("/api/v1/alerts/hl-1/snooze", {}, 422),
        ("/api/v1/alerts/hl-1/verdict", {"verdict": "maybe"}, 422),
        ("/api/v1/silences", {"why": "w", "hours": 1}, 422),
        ("/api/v1/notes", {"account_id": "acme", "note": " "}, 422),
    ],
)
def test_the_api_refuses_what_makes_no_command(path: str, body: dict[str, Any], status: int) -> None:
    board, alerting = alerted()

    assert board.client().post(path, json=body).status_code == status
    assert alerting.commands == []


def test_a_reader_may_look_and_sees_no_buttons() -> None:
    board, alerting = alerted(read_only=True)
    client = board.client()

    assert "data-action" not in client.get("/alerts").text
    assert client.post("/alerts/hl-1/acknowledge").status_code == 403
    assert client.post("/api/v1/alerts/hl-1/acknowledge", json={}).status_code == 403
    assert alerting.commands == []


def test_another_sites_page_sends_nothing() -> None:
    board, alerting = alerted()
    client = board.client()
    evil = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}

    assert client.post("/alerts/hl-1/acknowledge", headers=evil).status_code == 403
    assert client.post("/api/v1/alerts/hl-1/acknowledge", json={}, headers=evil).status_code == 403
    assert alerting.commands == []


def test_when_kafka_does_not_take_it_the_api_says_503_and_the_page_says_so() -> None:
    board, _ = alerted()

    def refuse(command: Command) -> None:
        raise CommandNotSentError("alert-commands: no broker")

    board.send = refuse
    client = board.client()

    assert client.post("/api/v1/alerts/hl-1/acknowledge", json={}).status_code == 503
    client.post("/alerts/hl-1/acknowledge")
    assert "Not sent: alert-commands: no broker" in client.get("/alerts").text


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("snoozed", "Snoozed: so"), ("refused", "Refused: so"), ("told", "Done: so"), (None, "Sent. Alerting has not")],
)
def test_what_came_of_a_command_is_told(kind: Any, expected: str) -> None:
    answer = AlertEvent(seq=1, kind=kind, at=MONDAY, reason="so") if kind is not None else None

    assert result_text(answer).startswith(expected)
