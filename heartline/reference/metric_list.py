"""Every Prometheus metric that a process of Heartline exports, read off the code that exports it.

The registries are built as the processes build them, filled with one made-up account so that labels show, and asked for
what they hold: the page docs/prometheus.md is written from this and a test keeps both the same.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from alerts.evaluation import evaluate_rules
from alerts.rules import default_rules
from consumers.alerting.account_gauges import AccountGauges
from consumers.alerting.metrics import Metrics
from consumers.alerting.metrics import clock_gauge as alerting_clock_gauge
from consumers.alerting.projection import HealthCollector, Projection
from consumers.board.app import make_app
from consumers.board.live_updates import Hub
from consumers.board.read_model import ReadModel
from consumers.board.settings import BoardSettings
from consumers.intake.metrics import IntakeMetrics
from consumers.portfolio.ledger_reader import LedgerReader
from consumers.portfolio.ledger_record import LedgerRecord
from consumers.portfolio.metrics import PortfolioCollector
from consumers.portfolio.service import PortfolioService
from consumers.portfolio.settings import PortfolioOptions
from consumers.portfolio.store import Store
from stream.calendar.clock import TrustedClock
from stream.config.settings import KafkaSettings
from stream.contracts.report import Contribution, HealthReport, Profile
from stream.engine.metrics import EngineMetrics
from stream.engine.partition import Partition
from stream.kinds.state import AccountState
from stream.topics import Topics
from stream.worker.metrics import WorkerCollector, clock_gauge

_AS_OF: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)

# The word of a metric's name that tells its unit, and the unit as people say it. The last one in a name counts.
_UNITS: Final = {
    "seconds": "seconds",
    "ratio": "ratio, 0 to 1",
    "score": "points, 0 to 100",
    "points": "points",
    "records": "records",
    "accounts": "accounts",
    "aliases": "aliases",
    "events": "events",
    "partitions": "partitions",
    "chunks": "chunks",
    "bytes": "bytes",
    "states": "states",
    "users": "users",
    "seats": "seats",
    "alerts": "alerts",
    "commands": "commands",
    "transitions": "steps",
    "signals": "signals",
    "digests": "digests",
    "verdicts": "alerts",
    "ups": "follow-ups",
    "notifications": "attempts",
    "outbox": "messages",
    "messages": "messages",
    "outcomes": "records",
    "promoters": "answers",
    "responses": "answers",
    "retries": "batches",
    "measure": "the measure's own",
    "answers": "answers",
    "logins": "tokens",
    "listeners": "pages",
    "loaded": "0 or 1",
    "ready": "0 or 1",
    "arr": "the company's currency, a year",
    "incident": "0 or 1",
    "info": "always 1",
}


@dataclass(frozen=True)
class MetricLine:
    """One metric as the page tells it: its name as Prometheus stores it, labels, type, unit and meaning."""

    name: str
    labels: tuple[str, ...]
    kind: str
    unit: str
    meaning: str


def metric_list() -> dict[str, list[MetricLine]]:
    """Process to its metrics, each sorted by name."""
    return {process: sorted(_lines(make()), key=lambda line: line.name) for process, make in _PROCESSES.items()}


def page() -> str:
    """The page docs/prometheus.md's tables: one a process."""
    parts = []
    for process, lines in metric_list().items():
        rows = "\n".join(
            f"| `{line.name}{_shown(line.labels)}` | {line.kind} | {line.unit} | {line.meaning} |" for line in lines
        )
        parts.append(f"## {process}\n\n| metric | type | unit | meaning |\n|---|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def unit_of(name: str) -> str:
    """The unit that a metric's name tells.

    >>> unit_of("heartline_outbox_oldest_age_seconds"), unit_of("heartline_outbox_depth")
    ('seconds', 'messages')

    Raises:
        ValueError: no word of the name tells a unit.
    """
    for word in reversed(name.split("_")):
        if word in _UNITS:
            return _UNITS[word]
    raise ValueError(f"{name}: no word of the name tells its unit; the known ones: {', '.join(sorted(_UNITS))}")


def _shown(labels: tuple[str, ...]) -> str:
    return "{" + ",".join(labels) + "}" if labels else ""


def _lines(families: Iterable[Metric]) -> Iterator[MetricLine]:
    for family in families:
        labels = dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le")
        name = family.name + ("_total" if family.type == "counter" else "")
        yield MetricLine(name, tuple(labels), family.type, unit_of(name), family.documentation)


class _View:
    """A worker with one partition that has one account."""

    def partitions(self) -> list[Partition[Any]]:
        partition: Partition[Any] = Partition(0, 1)
        partition.states["acme"] = AccountState()
        partition.watermark_ms = int(_AS_OF.timestamp() * 1000)
        return [partition]

    def without_store(self) -> int:
        return 0

    def unassigned(self) -> frozenset[int]:
        return frozenset()

    def lags(self) -> dict[str, int]:
        return dict.fromkeys(Topics().sources, 0)

    def group_lags(self) -> dict[str, int]:
        return self.lags()


def _worker() -> Iterable[Metric]:
    registry = CollectorRegistry()
    metrics = EngineMetrics(registry)
    for counter in (metrics.records_folded, metrics.records_published):
        counter.labels(Topics().input("usage"))
    registry.register(WorkerCollector(_View(), lambda: {}, 1))
    clock_gauge(registry, TrustedClock())
    return registry.collect()


def _alerting() -> Iterable[Metric]:
    registry = CollectorRegistry()
    rules = default_rules()
    names = [rule.name for rule in rules]
    metrics = Metrics(registry, Topics().health, names)
    metrics.lag({0: 0})
    alerting_clock_gauge(registry, lambda: 0.0)
    report = _report()
    record = evaluate_rules(None, report, rules, _AS_OF + timedelta(seconds=1)).record
    assert record is not None
    projection = Projection()
    projection.load(0, [record])
    health = HealthCollector(projection, names, 1, (), 1)
    registry.register(health)
    registry.register(AccountGauges(health.shown_by_partition, lambda _partition, _accounts: [report]))
    return registry.collect()


def _intake() -> Iterable[Metric]:
    registry = CollectorRegistry()
    IntakeMetrics(registry, ["app"]).refused("app", "missing_field")
    return registry.collect()


def _board() -> Iterable[Metric]:
    registry, hub, settings = CollectorRegistry(), Hub(), BoardSettings()
    make_app(settings, ReadModel(settings, hub), hub, registry)
    return registry.collect()


def _portfolio() -> Iterable[Metric]:
    """A ledger with one customer of more than a year."""
    options = PortfolioOptions()
    store = Store(options.rules)
    began_ms = int((datetime.now(UTC) - timedelta(days=400)).timestamp() * 1000)
    started: dict[str, Any] = {"event_id": "b1", "account_id": "acme", "subscription_id": "s1", "status": "started"}
    body = msgspec.json.encode(started | {"mrr": 100, "timestamp": began_ms})
    store.append([LedgerRecord("subscriptions", 0, 0, "subscription", began_ms, body)])
    store.refresh()
    reader = LedgerReader(KafkaSettings(), store)
    reader.caught_up.set()
    reader.newest_ms = began_ms
    found = list(PortfolioCollector(PortfolioService(options, store, reader), reader).collect())
    store.close()
    return found


def _report() -> HealthReport:
    return HealthReport(
        account_id="acme",
        as_of=_AS_OF,
        score=60.0,
        band="watch",
        coverage_ratio=1.0,
        scorecard="default@1",
        reason="steady",
        contributions=[Contribution("wau", "adoption", 11, 60.0, 1.0, 60.0)],
        score_7d_ago=70.0,
        changes_7d=[],
        history=[],
        measures={"wau": 11},
        profile=Profile(name="Acme"),
    )


_PROCESSES: Final[dict[str, Callable[[], Iterable[Metric]]]] = {
    "The worker (`heartline worker`, port 9101)": _worker,
    "Alerting (`heartline alerting`, port 9102)": _alerting,
    "The board (`heartline board`, port 9103)": _board,
    "The intake (`heartline intake`, port 9104)": _intake,
    "The portfolio (`heartline portfolio serve`, port 9105)": _portfolio,
}
