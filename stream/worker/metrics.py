"""The worker's Prometheus gauges and outcomes: name, type, unit, meaning. `stream.engine.metrics` has the engine's own.

Labels are closed sets: topic names and the reasons of `stream.contracts.events`. Nothing of an event or an account is
ever a label. The gauges are read when Prometheus asks, so that the hot path does not touch them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from stream.calendar.clock import TrustedClock
from stream.contracts.events import REASONS
from stream.engine.partition import Partition
from stream.topics import KINDS

# What can become of records beside folding; each has a series from the start, so that the first one shows as a rise.
OUTCOMES: Final = (
    *(("dead_letter", reason) for reason in REASONS),
    *(
        (outcome, kind)
        for outcome in (
            "aliased",
            "erased",
            "late",
            "overflow",
            "passed_over",
            "repartitioned",
            "unknown_account",
            "waiting_alias",
        )
        for kind in KINDS
    ),
    ("repeated", "usage"),
)


class WorkerView(Protocol):
    """What the gauges are read from; the partition manager is one. Called from the thread that serves Prometheus."""

    def partitions(self) -> list[Partition[Any]]:
        """The partitions that are recovered and being folded."""
        ...

    def lags(self) -> dict[str, int]:
        """Per input topic, the records that are in Kafka and not yet folded by this worker."""
        ...

    def unassigned(self) -> frozenset[int]:
        """The partitions that no worker of the group has."""
        ...

    def group_lags(self) -> dict[str, int]:
        """Per input topic, the records of all partitions that no worker has checkpointed."""
        ...

    def without_store(self) -> int:
        """How many of the partitions should have a state store that is kept in step, and have none."""
        ...


class WorkerCollector(Collector):
    """The worker's gauges, read at the moment of the scrape.

    Args:
        view: the partition manager.
        counts: by (what, label), how often it happened so far; the processor keeps count.
        expected_partitions: how many all workers together should own.
    """

    def __init__(
        self, view: WorkerView, counts: Callable[[], Mapping[tuple[str, str], int]], expected_partitions: int
    ) -> None:
        self._view = view
        self._counts = counts
        self._expected = expected_partitions

    def collect(self) -> Iterable[Metric]:
        """One scrape."""
        partitions = self._view.partitions()
        yield GaugeMetricFamily(
            "heartline_worker_partitions", "Partition groups recovered and being folded.", value=len(partitions)
        )
        yield GaugeMetricFamily(
            "heartline_worker_partitions_expected",
            "Partition groups that all workers together should own.",
            value=self._expected,
        )
        yield GaugeMetricFamily(
            "heartline_group_unassigned_partitions",
            "Partition groups that no worker of the group has, as the broker says.",
            value=len(self._view.unassigned()),
        )
        yield GaugeMetricFamily(
            "heartline_worker_partitions_catching_up",
            "Partition groups that fold a backlog and evaluate nothing until it is folded.",
            value=sum(p.catching_up for p in partitions),
        )
        yield GaugeMetricFamily(
            "heartline_worker_partitions_without_store",
            "Partition groups whose state store could not be used, or not be written any more: what changes of them "
            "stays in memory.",
            value=self._view.without_store(),
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
            value=sum(p.pending_count for p in partitions),
        )
        yield GaugeMetricFamily(
            "heartline_worker_quarantined_accounts",
            "Accounts whose state or events raise an error: they are left alone until somebody releases them.",
            value=sum(p.quarantined_count for p in partitions),
        )
        waiting = [p.waiting_counts for p in partitions]
        yield GaugeMetricFamily(
            "heartline_worker_waiting_aliases",
            "Ids of other tools whose events wait until somebody says which account they are of.",
            value=sum(aliases for aliases, _ in waiting),
        )
        yield GaugeMetricFamily(
            "heartline_worker_waiting_events",
            "Events that wait until somebody says which account their id is of.",
            value=sum(events for _, events in waiting),
        )
        yield _by_topic(
            "heartline_worker_lag_records",
            "Records in the partitions of this worker that are not yet folded.",
            self._view.lags(),
        )
        yield _by_topic(
            "heartline_group_lag_records",
            "Records in all partitions that no worker has checkpointed; every worker says it of the whole group.",
            self._view.group_lags(),
        )
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
            "What became of records beside folding: dead_letter by reason; aliased, erased (or of who is), late, "
            "overflow, passed_over, repartitioned, repeated, unknown_account, waiting_alias by kind.",
            labels=["outcome", "label"],
        )
        for (outcome, label), count in sorted((dict.fromkeys(OUTCOMES, 0) | dict(self._counts())).items()):
            outcomes.add_metric([outcome, label], count)
        yield outcomes


def clock_gauge(registry: CollectorRegistry, clock: TrustedClock) -> None:
    """How far the wall clock is from what is believed."""
    gauge = Gauge(
        "heartline_worker_clock_offset_seconds",
        "How far the wall clock is ahead of the time by which accounts are evaluated; 0: it is believed.",
        registry=registry,
    )
    gauge.set_function(lambda: clock.offset_ms / 1000)


def _by_topic(name: str, help_text: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    """A gauge with a series for each topic."""
    gauge = GaugeMetricFamily(name, help_text, labels=["topic"])
    for topic, value in sorted(values.items()):
        gauge.add_metric([topic], value)
    return gauge
