"""The consumer of the alerting group: reports and commands, each partition pair with one member."""

import threading
from typing import Any

from kafka import KafkaConsumer
from kafka.coordinator.assignors.range import RangePartitionAssignor

from consumers.alerting.settings import AlertingSettings
from consumers.kafka_client import connect, connection, ensure_topics, opened

METADATA_AGE_MS = 30_000
JOIN_MS = 5_000  # how long a poll waits for a rebalance that has begun; a stop is heeded as late


class GroupConsumer(KafkaConsumer):  # type: ignore[misc]  # kafka-python ships no types
    """A KafkaConsumer that ends each rebalance it began.

    A poll that times out leaves the join in flight for the next one. Where it was new metadata that asked for the join
    (topics just made, partitions added), kafka-python then holds the metadata for known and never looks at the join
    again: the member has no partition, sends no heartbeat, is put out of the group and does not notice.
    """

    def poll(self, timeout_ms: int = 0) -> Any:
        """As KafkaConsumer's: records by partition; none while the group still rebalances."""
        if self._coordinator.rejoining:
            self._coordinator.request_rejoin()
            if not self._coordinator.poll(timeout_ms=JOIN_MS):
                return {}
        return super().poll(timeout_ms=timeout_ms)


def make_consumer(settings: AlertingSettings, stop: threading.Event) -> Any:
    """A consumer of reports and commands, subscribed, that commits only what it is told to; None when stopped before.

    No rebalance listener: kafka-python calls it on its I/O thread, where a commit can't wait. The loop looks at the
    assignment between two polls instead.

    Raises:
        ConfigError: no broker answered within a minute.
    """
    kafka, topics = settings.kafka, settings.kafka.topics

    def make() -> Any:
        ensure_topics(kafka, [topics.health, topics.alert_commands, topics.alerts, topics.input("touchpoint")])
        return opened(
            GroupConsumer,
            **connection(kafka),
            group_id=settings.group_id,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            allow_auto_create_topics=False,
            max_poll_records=settings.alerting.batch_records_max,
            session_timeout_ms=int(settings.alerting.session_timeout_seconds * 1000),
            metadata_max_age_ms=METADATA_AGE_MS,
            metrics_enabled=False,
            # Partition n of both topics to the same member, whose transaction holds what comes of both.
            partition_assignment_strategy=(RangePartitionAssignor,),
        )

    consumer = connect(kafka, make, stop)
    if consumer is not None:
        consumer.subscribe([topics.health, topics.alert_commands])
    return consumer
