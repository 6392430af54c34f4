"""A request that belongs to a trace is found again from the histogram of answers."""

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from consumers.board.metrics import BoardMetrics
from consumers.intake.metrics import IntakeMetrics
from consumers.trace_context import exemplar_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("value", "expected", "reason"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", {"trace_id": TRACE}, "as the specification shows it"),
        (f"01-{TRACE}-00f067aa0ba902b7-00-more", {"trace_id": TRACE}, "a later version may have more fields"),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None, "a trace of zeros is none"),
        (f"00-{TRACE}", None, "cut short"),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", None, "capitals are not allowed"),
        ("x" * 5_000, None, "anything may come by HTTP"),
        (None, None, "most requests say nothing"),
    ],
)
def test_only_a_well_formed_trace_becomes_an_exemplar(
    value: str | None, expected: dict[str, str] | None, reason: str
) -> None:
    assert exemplar_of({} if value is None else {"traceparent": value}) == expected, reason


def test_the_histograms_of_answers_name_the_trace_to_a_prometheus_that_asks_for_exemplars() -> None:
    registry = CollectorRegistry()
    BoardMetrics(registry).answered("page", 200, 0.3, {"trace_id": TRACE})
    IntakeMetrics(registry, ["app"]).answered(202, 0.3, {"trace_id": TRACE})
    encode, _ = choose_encoder("application/openmetrics-text; version=1.0.0")
    named = {
        line.split("{")[0] for line in encode(registry).decode().splitlines() if f'# {{trace_id="{TRACE}"}}' in line
    }
    assert named == {"heartline_board_answer_seconds_bucket", "heartline_intake_answer_seconds_bucket"}
