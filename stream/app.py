"""The Faust app of the worker: declarations only. What happens to a chunk is in `engine`, to an event in `worker`."""

from typing import Any, Final

import faust
from prometheus_client import CollectorRegistry

from stream.agents import add_agent, raw_topic
from stream.config.settings import Settings
from stream.engine.connection import broker_urls, faust_credentials
from stream.engine.failstop import Stop, fail_stop
from stream.engine.metrics import EngineMetrics
from stream.engine.partition_manager import PartitionManager
from stream.engine.processor import Processor
from stream.worker.metrics import WorkerCollector

# Records of one fetch over all partitions. The more there are of one account, the less each costs (12,000 instead of
# 3,000 of 250 accounts: 3.3 us instead of 4.1), but while they are folded, some 50 ms, the event loop waits.
POLL_RECORDS_MAX: Final = 12_000
# Chunks that wait per input topic before its partitions are no longer fetched, so that no topic takes the whole budget
# of bytes (`worker.in_flight_bytes_max`).
CHUNKS_WAITING_MAX: Final = 8


class WorkerApp(faust.App):  # type: ignore[misc]
    """Faust's app, without the folders for local tables that it makes where the process starts: there are none."""

    def _create_directories(self) -> None:
        """Nothing is kept on disk."""


def make_app(
    settings: Settings, processor: Processor[Any], registry: CollectorRegistry | None = None, stop: Stop = fail_stop
) -> faust.App:
    """The worker's app, not started; `app.partition_manager` has its partitions.

    Args:
        settings: the worker's.
        processor: what is done to the records: `health_processor.make_processor(...)`, or a test's own.
        registry: where its metrics are registered; a new one by default.
        stop: how to leave on an unexpected error.
    """
    kafka, worker = settings.kafka, settings.worker
    registry = CollectorRegistry() if registry is None else registry
    manager = PartitionManager(settings, processor, EngineMetrics(registry), stop)
    registry.register(WorkerCollector(manager, lambda: processor.counts, kafka.partitions))
    app = WorkerApp(
        kafka.installation,
        broker=broker_urls(kafka),
        broker_credentials=faust_credentials(kafka),
        autodiscover=False,
        web_enabled=False,
        store="heartline://",
        processing_guarantee="at_least_once",
        topic_partitions=kafka.partitions,
        topic_replication_factor=kafka.replication_factor,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_buffer_maxsize=CHUNKS_WAITING_MAX,
        stream_wait_empty=True,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=POLL_RECORDS_MAX,
        broker_session_timeout=worker.session_timeout_seconds,
        broker_heartbeat_interval=worker.session_timeout_seconds / 6,
        broker_rebalance_timeout=worker.rebalance_timeout_seconds,
        broker_request_timeout=max(90.0, worker.session_timeout_seconds + 1),
        worker_redirect_stdouts=False,
    )
    app.partition_manager = manager
    for topic in kafka.topics.sources:
        add_agent(app, manager, topic, kafka.partitions)
    changelog = raw_topic(app, kafka.topics.changelog, kafka.partitions, compacting=True)
    app.Table("state", partitions=kafka.partitions, changelog_topic=changelog)
    return app
