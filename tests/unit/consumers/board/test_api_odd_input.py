"""Whatever is sent to the API, it answers with what is wrong, and never with 500."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.examples import examples
from tests.reports import make_report
from tests.unit.consumers.board.board_app import FakeBoard
from tests.unit.consumers.board.test_alert_log import alert, step

ODD: list[Any] = [
    None, True, 0, -1, 1e308, float("nan"), float("inf"), "", "x", "\ud800", "\0", "9" * 1000,
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-03-02", 10**30, [], {}, [[]], {"a": "\udfff"},
]  # fmt: skip

JSON = st.recursive(
    st.none() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@pytest.fixture(scope="module")
def board() -> FakeBoard:
    board = FakeBoard()
    for name in ("acme", "a/history", "b", "b/history"):
        board.report(make_report(name))
    board.step(step(1, "opened", alert()))
    return board


def alert_id(board: FakeBoard) -> str:
    return str(board.client().get("/api/v1/alerts").json()[0]["alert_id"])


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize(
    ("path", "field", "others"),
    [
        ("/api/v1/alerts/{alert}/acknowledge", "note", {}),
        ("/api/v1/alerts/{alert}/snooze", "hours", {}),
        ("/api/v1/alerts/{alert}/snooze", "until", {}),
        ("/api/v1/alerts/{alert}/verdict", "verdict", {}),
        ("/api/v1/alerts/{alert}/play", "play", {}),
        ("/api/v1/silences", "why", {"hours": 1, "rule": "r"}),
        ("/api/v1/silences", "ends_at", {"why": "w", "rule": "r"}),
        ("/api/v1/silences", "account_id", {"why": "w", "hours": 1}),
        ("/api/v1/silences", "rule", {"why": "w", "hours": 1}),
    ],
)
def test_an_odd_value_in_a_field_is_refused_or_taken(
    board: FakeBoard, path: str, field: str, others: dict[str, Any], odd: Any
) -> None:
    body = json.dumps(others | {field: odd}).encode()
    answer = board.client().post(
        path.format(alert=alert_id(board)), content=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in (202, 422)
    assert "detail" in answer.json() or "command_id" in answer.json()


@examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_answered(board: FakeBoard, body: bytes) -> None:
    answer = board.client().post("/api/v1/silences", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code in (202, 400, 422)


@pytest.mark.parametrize("name", ["\ud800", "%ff", "%00", "a%2Fhistory%2F", "..%2F..", "%F0%9F%98%80", "history"])
@pytest.mark.parametrize("rest", ["", "/history", "/details"])
def test_any_id_is_answered(board: FakeBoard, name: str, rest: str) -> None:
    path = f"/api/v1/accounts/{name.encode('utf-8', 'replace').decode()}{rest}"

    assert board.client().get(path).status_code in (200, 404, 503)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/api/v1/accounts/a%2Fhistory", "a/history"),  # an id that ends so, as a client should write it
        ("/api/v1/accounts/a/history", "a/history"),  # there is no account `a`, so it can only be that
        ("/api/v1/accounts/b%2Fhistory", "b/history"),
    ],
)
def test_an_id_that_ends_like_an_address_has_its_report(board: FakeBoard, path: str, found: str) -> None:
    answer = board.client().get(path).json()

    assert (answer["account_id"], "score" in answer) == (found, True)


@pytest.mark.parametrize("path", ["/api/v1/accounts/b/history", "/api/v1/accounts/b%2Fhistory/history"])
def test_the_history_of_an_account_is_still_its_history(board: FakeBoard, path: str) -> None:
    assert "days" in board.client().get(path).json()


def test_an_alert_of_an_account_without_a_score_is_listed(board: FakeBoard) -> None:
    """A detractor may answer before there is any usage."""
    other = FakeBoard()
    other.step(step(1, "opened", alert(opening_score=None, last_score=None)))

    assert other.client().get("/api/v1/alerts").json()[0]["score"] is None


@pytest.mark.parametrize("query", ["limit=nan", "limit=0", "limit=99999999999999999999", "status=x", "offset=-1"])
def test_an_odd_query_is_refused_with_the_field(board: FakeBoard, query: str) -> None:
    answer = board.client().get(f"/api/v1/{'alerts' if 'status' in query else 'accounts'}?{query}")

    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.json()["detail"][0]["loc"]
