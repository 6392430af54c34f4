"""A trace of each notification, from the event behind it to the receiver's answer, in OpenTelemetry's terms.

It is made where it ends, from the moments that records and outbox carry anyway: nothing on the way does anything for
it, an event that notifies nobody costs nothing, and a trace is whole even if the worker was killed in between:

    notification            from the event's record on Kafka to the receiver's yes
      evaluate account      until the worker's report is on Kafka; it waits for its turn within
      evaluate rules        until alerting has written the message into the outbox
      wait in outbox        until the attempt that was answered began; quiet hours, pace and earlier attempts are within
      deliver               the attempt

Where to is the setting `alerting.traces_url`; all else (headers, certificates, time-outs) is set by OpenTelemetry's own
environment variables. Needs the extra `otel`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from consumers.alerting.outbox import OutboxEntry
from stream.contracts.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider

NS_A_MS: Final = 1_000_000


class NotificationTraces:
    """Makes the traces of one process.

    Args:
        provider: what exports them.
    """

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace import set_span_in_context

        self._tracer = provider.get_tracer("heartline")
        self._within = set_span_in_context
        self.stop: Callable[[], None] = provider.shutdown

    def delivered(self, entry: OutboxEntry, started_ms: int, ended_ms: int) -> str:
        """Make the trace of a message that is out; returns its id, 32 hexadecimal digits.

        Args:
            entry: the message.
            started_ms, ended_ms: of the attempt that was answered with yes, epoch milliseconds.
        """
        notification = entry.notification
        begin_ms = next(ms for ms in (entry.ingested_ms, entry.report_ms, entry.created_ms) if ms is not None)
        root = self._tracer.start_span(
            "notification",
            start_time=begin_ms * NS_A_MS,
            attributes={
                "heartline.account_id": notification.account_id or "",
                "heartline.alert_id": notification.alert_id,
                "heartline.notification_id": notification.id,
                "heartline.kind": notification.kind,
                "heartline.receiver": entry.receiver,
                "heartline.attempts": entry.attempts + 1,
            },
        )
        within = self._within(root)
        if entry.report_ms is not None:
            if entry.ingested_ms is not None:
                self._span("evaluate account", entry.ingested_ms, entry.report_ms, within)
            self._span("evaluate rules", entry.report_ms, entry.created_ms, within)
        self._span("wait in outbox", entry.created_ms, started_ms, within)
        self._span("deliver", started_ms, ended_ms, within)
        root.end(end_time=max(ended_ms, begin_ms) * NS_A_MS)
        return f"{root.get_span_context().trace_id:032x}"

    def _span(self, name: str, start_ms: int, end_ms: int, within: "Context") -> None:
        """One part. Its end may seem to be before its beginning, by clocks of two machines: then it is empty."""
        span = self._tracer.start_span(name, context=within, start_time=start_ms * NS_A_MS)
        span.end(end_time=max(start_ms, end_ms) * NS_A_MS)


def make_traces(url: str | None, installation: str) -> NotificationTraces | None:
    """What makes the traces and exports them by OTLP over HTTP, in a thread of its own; None: nothing is asked for.

    Args:
        url: of the collector, as http://collector:4318/v1/traces.
        installation: names the process's resource, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES do.

    Raises:
        ConfigError: the extra is not installed.
    """
    if url is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigError(
            f"alerting.traces_url is set, but {error.name} is not installed: pip install 'heartline[otel]', or take "
            "the setting away"
        ) from None
    resource = Resource.create({"service.name": f"{installation}-alerting"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    return NotificationTraces(provider)
