"""Every Prometheus metric of the intake. Sources are closed sets: names of write keys, and of vendors."""

from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from stream.contracts.events import REASONS

STATUSES: Final = ("202", "204", "401", "404", "413", "415", "422", "429", "503")
_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)


class IntakeMetrics:
    """Counters, a histogram and a gauge.

    Args:
        registry: a fresh one; nothing global is touched.
        sources: who may send: these have their series at 0 from the start.
        waiting_bytes: how much is on its way to Kafka.
    """

    def __init__(
        self, registry: CollectorRegistry, sources: Sequence[str], waiting_bytes: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._accepted = Counter(
            "heartline_intake_accepted_events", "Events that Kafka has, by source.", ["source"], registry=registry
        )
        self._ignored = Counter(
            "heartline_intake_ignored_events",
            "Payloads that say nothing about an account's health, as documented, by source.",
            ["source"],
            registry=registry,
        )
        self._refused = Counter(
            "heartline_intake_refused_events",
            "Events that parse and can't be accepted, by source and reason; they are dead letters.",
            ["source", "reason"],
            registry=registry,
        )
        self._answers = Counter("heartline_intake_answers", "Answers, by status.", ["status"], registry=registry)
        self._seconds = Histogram(
            "heartline_intake_answer_seconds",
            "From a request's arrival to its answer, which waits for Kafka, in seconds.",
            buckets=_SECONDS,
            registry=registry,
        )
        waiting = Gauge("heartline_intake_waiting_bytes", "Bytes on their way to Kafka.", registry=registry)
        waiting.set_function(waiting_bytes)
        for source in sources:
            self._accepted.labels(source)
            self._ignored.labels(source)
        for status in STATUSES:
            self._answers.labels(status)

    def counted(self, source: str, accepted: int, ignored: int) -> None:
        """What became of a request's events."""
        self._accepted.labels(source).inc(accepted)
        self._ignored.labels(source).inc(ignored)

    def refused(self, source: str, reason: str) -> None:
        """One event was refused."""
        self._refused.labels(source, reason if reason in REASONS else "wrong_type").inc()

    def answered(self, status: int, seconds: float, exemplar: dict[str, str] | None = None) -> None:
        """One answer is on its way; the exemplar names the trace that asked."""
        self._answers.labels(str(status)).inc()
        self._seconds.observe(seconds, exemplar)
