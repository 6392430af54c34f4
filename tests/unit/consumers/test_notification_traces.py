"""Traces of notifications: the parts of each, their moments, and that a collector gets them."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, cast

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from consumers.alerting.metrics import Metrics
from consumers.alerting.notification_traces import NotificationTraces, make_traces
from stream.contracts.errors import ConfigError
from tests.notifications import make_entry

INGESTED, REPORTED, CREATED, STARTED, ENDED = 1_000, 1_400, 1_500, 9_000, 9_250


def spans_of(ingested_ms: int | None, report_ms: int | None, started_ms: int = STARTED) -> dict[str, ReadableSpan]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    entry = make_entry("n1", CREATED, ingested_ms=ingested_ms, report_ms=report_ms)
    trace_id = NotificationTraces(provider).delivered(entry, started_ms, ENDED)
    found = {span.name: span for span in exporter.get_finished_spans()}
    assert {f"{span.context.trace_id:032x}" for span in found.values() if span.context} == {trace_id}
    return found


def moments(spans: dict[str, ReadableSpan]) -> dict[str, tuple[int, int]]:
    return {
        name: (cast(int, span.start_time) // 1_000_000, cast(int, span.end_time) // 1_000_000)
        for name, span in spans.items()
    }


@pytest.mark.parametrize(
    ("ingested_ms", "report_ms", "expected", "why"),
    [
        (
            INGESTED,
            REPORTED,
            {
                "notification": (INGESTED, ENDED),
                "evaluate account": (INGESTED, REPORTED),
                "evaluate rules": (REPORTED, CREATED),
                "wait in outbox": (CREATED, STARTED),
                "deliver": (STARTED, ENDED),
            },
            "an event brought it",
        ),
        (
            None,
            REPORTED,
            {
                "notification": (REPORTED, ENDED),
                "evaluate rules": (REPORTED, CREATED),
                "wait in outbox": (CREATED, STARTED),
                "deliver": (STARTED, ENDED),
            },
            "the worker's scan brought it",
        ),
        (
            None,
            None,
            {"notification": (CREATED, ENDED), "wait in outbox": (CREATED, STARTED), "deliver": (STARTED, ENDED)},
            "time alone brought it, or the entry is of the release before",
        ),
    ],
)
def test_a_trace_has_a_part_for_each_station_that_is_known(
    ingested_ms: int | None, report_ms: int | None, expected: dict[str, tuple[int, int]], why: str
) -> None:
    spans = spans_of(ingested_ms, report_ms)
    assert moments(spans) == expected, why
    root = spans["notification"]
    parts = [span for name, span in spans.items() if name != "notification"]
    assert all(
        span.parent is not None and root.context and span.parent.span_id == root.context.span_id for span in parts
    )
    assert root.attributes is not None
    assert root.attributes["heartline.receiver"] == "slack"


def test_a_part_that_ends_before_it_begins_by_another_machines_clock_is_empty() -> None:
    assert moments(spans_of(INGESTED, CREATED + 40))["evaluate rules"] == (CREATED + 40, CREATED + 40)


@pytest.fixture
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """A collector of OTLP over HTTP, and what it was sent."""
    requests: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", requests
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_collector_has_every_trace_once_the_process_has_ended(
    collector: tuple[str, list[ExportTraceServiceRequest]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, requests = collector
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
    traces = make_traces(url, "acme-heartline")
    assert traces is not None
    trace_id = traces.delivered(make_entry("n1", CREATED, ingested_ms=INGESTED, report_ms=REPORTED), STARTED, ENDED)
    traces.stop()
    resources = [resource for request in requests for resource in request.resource_spans]
    names = {each.key: each.value.string_value for each in resources[0].resource.attributes}
    assert names["service.name"] == "acme-heartline-alerting"
    assert names["deployment.environment.name"] == "staging"
    spans = [span for resource in resources for scope in resource.scope_spans for span in scope.spans]
    assert {span.trace_id.hex() for span in spans} == {trace_id}
    assert len(spans) == 5


def test_without_the_extra_the_setting_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigError, match=r"alerting\.traces_url is set.*pip install 'heartline\[otel\]'"):
        make_traces("http://collector:4318/v1/traces", "acme")
    assert make_traces(None, "acme") is None


def test_the_delay_of_a_traced_message_leads_to_its_trace() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, "account-health", [], ["slack"])
    metrics.delivered("slack", 0, 2_400, trace_id="ab" * 16)
    metrics.alerted(report_ms=300, ingested_ms=0, now_ms=800, alert_id="hl-1")
    encode, _ = choose_encoder("application/openmetrics-text; version=1.0.0")  # as a Prometheus asks for exemplars
    page = encode(registry).decode().splitlines()
    (line,) = [line for line in page if "trace_id" in line]
    assert line.startswith("heartline_ingested_to_delivered_seconds_bucket")
    assert '# {trace_id="abababababababababababababababab"} 2.4' in line
    named = {line.split("{")[0]: line.split("# ")[1] for line in page if "alert_id" in line}
    assert named["heartline_report_to_alert_seconds_bucket"].startswith('{alert_id="hl-1"} 0.5')
    assert named["heartline_ingested_to_alert_seconds_bucket"].startswith('{alert_id="hl-1"} 0.8')
