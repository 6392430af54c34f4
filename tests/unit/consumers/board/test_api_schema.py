"""Requests made of the board's own OpenAPI, what it allows and what it does not: never a 500, and always JSON."""

import contextlib
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core import NOT_SET

from tests.examples import examples
from tests.reports import make_report
from tests.unit.consumers.board.board_app import FakeBoard
from tests.unit.consumers.board.test_alert_log import alert, step

BOARD = FakeBoard()
for _name in ("acme", "a/history", "b"):
    BOARD.report(make_report(_name))
BOARD.step(step(1, "opened", alert()))
CLIENT = BOARD.client()
SCHEMA: Any = schemathesis.openapi.from_dict(BOARD.app.openapi())
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "not allowed"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
def test_whatever_the_schema_leads_to_is_answered(operation: Any, mode: GenerationMode) -> None:
    @seed(7)
    @examples(8, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def every(case: Any) -> None:
        answer = ask(case)
        if answer is not None:
            assert answer.status_code < 500, answer.text
            assert answer.headers["content-type"].startswith(("application/json", "text/html", "text/event-stream"))

    with contextlib.suppress(Unsatisfiable):  # nothing is not allowed where any text will do
        every()


def ask(case: Any) -> Any:
    """Send it; None: no client could."""
    body = {} if case.body is NOT_SET else {"json": case.body}
    headers = {name: str(value) for name, value in (case.headers or {}).items()}
    try:
        return CLIENT.request(case.method, case.formatted_path, params=case.query or {}, headers=headers, **body)
    except (ValueError, TypeError, UnicodeError, RuntimeError):
        return None  # a value that no URL, header or JSON can carry
