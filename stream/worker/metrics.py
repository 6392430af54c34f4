"""Every Prometheus metric of the worker, in one place: name, type, unit, meaning.

Labels are closed sets: topic names and the reasons of `stream.contracts.events`. Nothing of an event or an account is
ever a label. The gauges are read from the engine when Prometheus asks, so that the hot path does not touch them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from stream.contracts.events import REASONS
from stream.contracts.topics import KINDS
from stream.engine.partition import Partition

# What can become of records beside folding; each has a series from the start, so that the first one shows as a rise.
OUTCOMES: Final = (
    *(("dead_letter", reason) for reason in REASONS),
    *((outcome, kind) for outcome in ("late", "overflow", "repartitioned", "unknown_account") for kind in KINDS),
    ("repeated", "usage"),
)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LATENCY_SECONDS = (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300)


class WorkerView(Protocol):
    """What the gauges are read from; the engine is one. Called from the thread that serves Prometheus."""

    def partitions(self) -> list[Partition[Any]]:
        """The partitions that are recovered and being folded."""
        ...

    def lags(self) -> dict[str, int]:
        """Per input topic, the records that are in Kafka and not yet folded by this worker."""
        ...

    def without_copy(self) -> int:
        """How many of the partitions should have a local copy that is kept in step, and have none."""
        ...


class WorkerMetrics:
    """The counters and histograms of one worker.

    Args:
        registry: where they are registered; one of its own per process, and one per test.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.records_folded = Counter(
            "heartline_worker_records_folded", "Input records folded into account state.", ["topic"], registry=registry
        )
        self.records_published = Counter(
            "heartline_worker_records_published",
            "Records published by checkpoints: changelog, health, dead letters.",
            ["topic"],
            registry=registry,
        )
        self.stale_chunks = Counter(
            "heartline_worker_stale_chunks",
            "Fetched chunks dropped because a rebalance or seek came between; they are fetched again.",
            registry=registry,
        )
        self.oversized_states = Counter(
            "heartline_worker_oversized_states",
            "Account states too large for a changelog record and therefore not saved.",
            registry=registry,
        )
        self.checkpoint_seconds = Histogram(
            "heartline_worker_checkpoint_seconds",
            "Time of one partition's checkpoint, from evaluation to the accepted commit, in seconds.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.recovery_seconds = Histogram(
            "heartline_worker_recovery_seconds",
            "Time from assignment to ready state, in seconds.",
            buckets=(*_SECONDS, 60, 120, 300),
            registry=registry,
        )
        self.recovered_records = Counter(
            "heartline_worker_recovered_records", "Changelog records read by recoveries.", registry=registry
        )
        self.publish_latency_seconds = Histogram(
            "heartline_worker_publish_latency_seconds",
            "From the Kafka timestamp of the oldest record in a checkpoint to its commit, in seconds.",
            buckets=_LATENCY_SECONDS,
            registry=registry,
        )


class WorkerCollector(Collector):
    """The worker's gauges, read at the moment of the scrape.

    Args:
        view: the engine.
        counts: by (what, label), how often it happened so far; the work keeps count.
    """

    def __init__(self, view: WorkerView, counts: Callable[[], Mapping[tuple[str, str], int]]) -> None:
        self._view = view
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        """One scrape."""
        partitions = self._view.partitions()
        yield GaugeMetricFamily(
            "heartline_worker_partitions", "Partition groups recovered and being folded.", value=len(partitions)
        )
        yield GaugeMetricFamily(
            "heartline_worker_partitions_catching_up",
            "Partition groups that fold a backlog and evaluate nothing until it is folded.",
            value=sum(p.catching_up for p in partitions),
        )
        yield GaugeMetricFamily(
            "heartline_worker_partitions_without_store",
            "Partition groups whose local copy could not be used, or not be written any more: what changes of them "
            "stays in memory.",
            value=self._view.without_copy(),
        )
        yield GaugeMetricFamily(
            "heartline_worker_accounts", "Accounts known.", value=sum(len(p.states) + len(p.cold) for p in partitions)
        )
        yield GaugeMetricFamily(
            "heartline_worker_hot_accounts",
            "Accounts kept as objects in memory; the others are kept encoded, or on the local disk.",
            value=sum(len(p.states) for p in partitions),
        )
        yield GaugeMetricFamily(
            "heartline_worker_dirty_accounts",
            "Accounts whose state is newer than the changelog.",
            value=sum(len(p.dirty) for p in partitions),
        )
        yield GaugeMetricFamily(
            "heartline_worker_pending_accounts",
            "Accounts that wait to be evaluated: something moved, or a scan has not come to them yet.",
            value=sum(len(p.pending) + len(p.scheduled) for p in partitions),
        )
        lag = GaugeMetricFamily(
            "heartline_worker_lag_records", "Records in Kafka and not yet folded.", labels=["topic"]
        )
        for topic, records in sorted(self._view.lags().items()):
            lag.add_metric([topic], records)
        yield lag
        watermarks = [p.watermark_ms for p in partitions if p.watermark_ms is not None]
        if watermarks:
            yield GaugeMetricFamily(
                "heartline_worker_watermark_timestamp_seconds",
                "The newest event time of the partition that is furthest behind, in epoch seconds.",
                value=min(watermarks) / 1000,
            )
        newest = GaugeMetricFamily(
            "heartline_worker_newest_event_timestamp_seconds",
            "The newest event time in an input topic of any account, in epoch seconds.",
            labels=["topic"],
        )
        for topic in sorted({topic for p in partitions for topic in p.newest_ms}):
            newest.add_metric([topic], max(p.newest_ms.get(topic, 0) for p in partitions) / 1000)
        yield newest
        outcomes = CounterMetricFamily(
            "heartline_worker_outcomes",
            "What became of records beside folding: dead_letter by reason; late, overflow, repartitioned, repeated, "
            "unknown_account by kind.",
            labels=["outcome", "label"],
        )
        for (outcome, label), count in sorted((dict.fromkeys(OUTCOMES, 0) | dict(self._counts())).items()):
            outcomes.add_metric([outcome, label], count)
        yield outcomes
