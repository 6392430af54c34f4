"""Every Prometheus metric of the board."""

from collections.abc import Callable, Iterable
from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

KINDS: Final = ("page", "api", "events", "static")
LoginResult = Literal["accepted", "wrong", "limited"]
LOGIN_RESULTS: Final[tuple[LoginResult, ...]] = get_args(LoginResult)
STATUSES: Final = ("2xx", "3xx", "4xx", "5xx")
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5)


class BoardMetrics:
    """Counters and histograms.

    Args:
        registry: a fresh one; nothing global is touched.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            "heartline_board_answers",
            "Answers to requests, by what was asked for (page, api, events, static) and status class.",
            ["kind", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "heartline_board_answer_seconds",
            "From a request to the first byte of its answer, in seconds.",
            ["kind"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._logins = Counter(
            "heartline_board_logins",
            "Tokens that came, by what became of them: accepted by the login form, wrong, limited.",
            ["result"],
            registry=registry,
        )
        for result in LOGIN_RESULTS:
            self._logins.labels(result)
        for kind in KINDS:
            self._seconds.labels(kind)
            for status in STATUSES:
                self._answers.labels(kind, status)

    def login(self, result: LoginResult) -> None:
        """A token came."""
        self._logins.labels(result).inc()

    def answered(self, kind: str, status: int, seconds: float, exemplar: dict[str, str] | None = None) -> None:
        """One answer is on its way; the exemplar names the trace that asked."""
        self._answers.labels(kind, f"{status // 100}xx").inc()
        self._seconds.labels(kind).observe(seconds, exemplar)


class BoardCollector(Collector):
    """Gauges, read at the moment of the scrape.

    Args:
        gauges: name to its meaning and what gives its value; None: not known, and no series.
    """

    def __init__(self, gauges: dict[str, tuple[str, Callable[[], float | None]]]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        """One scrape."""
        for name, (meaning, read) in self._gauges.items():
            value = read()
            if value is not None:
                yield GaugeMetricFamily(name, meaning, value=value)
