"""What the engine counts and times: Prometheus metrics of one worker's process.

Labels are topic names, a closed set.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LATENCY_SECONDS: Final = (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300)


class EngineMetrics:
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
