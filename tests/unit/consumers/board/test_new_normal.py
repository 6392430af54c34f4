"""The account's page: what an account does now is accepted as its new normal, shown, and taken back."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from stream.contracts.report import AcceptedBaseline
from tests.reports import make_report
from tests.unit.consumers.board.board_app import HERE, FakeBoard

OWN_PAGE = {"origin": HERE}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The updates that are sent."""
    kept: list[dict[str, Any]] = []
    target = "consumers.confirmed_sender.ConfirmedSender.send"
    monkeypatch.setattr(target, lambda _, account_id, update: kept.append(json.loads(update)))
    return kept


def board_with(accepted: AcceptedBaseline | None = None) -> FakeBoard:
    board = FakeBoard()
    report = make_report("acme")
    profile = msgspec.structs.replace(report.profile, accepted_baseline=accepted)
    board.report(msgspec.structs.replace(report, account_id="acme/eu", profile=profile))
    return board


def test_a_new_normal_is_accepted_with_its_reason_and_by_whom(sent: list[dict[str, Any]]) -> None:
    client = board_with().client()
    assert "Accept as the new normal" in client.get("/accounts/acme%2Feu").text
    form = {"do": "accept", "reason": "the second team left", "back": "/accounts/acme%2Feu"}
    answer = client.post("/accounts/acme%2Feu/baseline", data=form, headers=OWN_PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/accounts/acme%2Feu")
    (update,) = sent
    assert update["account_id"] == "acme/eu"
    assert update["accepted_baseline"]["reason"] == "the second team left"
    assert update["accepted_baseline"]["owner"]
    assert "Accepted as the new normal" in client.get("/accounts/acme%2Feu").text


def test_without_a_reason_nothing_is_sent_and_the_page_says_what_is_missing(sent: list[dict[str, Any]]) -> None:
    client = board_with().client()
    client.post("/accounts/acme%2Feu/baseline", data={"do": "accept", "reason": " "}, headers=OWN_PAGE)
    assert sent == []
    assert "expected a reason" in client.get("/").text


def test_what_came_of_an_action_is_told_to_who_acted_even_if_the_page_refreshes_itself_first(
    sent: list[dict[str, Any]],
) -> None:
    """A change arrives from Kafka between the action's answer and the page that it leads to."""
    client = board_with().client()
    client.post("/accounts/acme%2Feu/baseline", data={"do": "undo"}, headers=OWN_PAGE)
    assert "half-year again" not in client.get("/accounts/acme%2Feu", headers={"Board-Refresh": "1"}).text
    assert "half-year again" in client.get("/accounts/acme%2Feu").text
    assert "half-year again" not in client.get("/accounts/acme%2Feu").text  # once


def test_one_that_was_accepted_is_shown_and_can_be_taken_back(sent: list[dict[str, Any]]) -> None:
    accepted = AcceptedBaseline(datetime(2026, 3, 2, tzinfo=UTC), "Dana", "a pilot <ended>")
    client = board_with(accepted).client()
    page = client.get("/accounts/acme%2Feu").text
    assert "accepted by Dana: a pilot &lt;ended&gt;" in page
    client.post("/accounts/acme%2Feu/baseline", data={"do": "undo"}, headers=OWN_PAGE)
    assert sent[0]["accepted_baseline"] is None


def test_who_may_only_look_can_accept_nothing(sent: list[dict[str, Any]]) -> None:
    board = FakeBoard(read_only=True)
    board.report(make_report("acme"))
    client = board.client()
    assert client.post("/accounts/acme/baseline", data={"reason": "x"}, headers=OWN_PAGE).status_code == 403
    assert sent == []
