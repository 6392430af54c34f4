"""The consumer of the alerting group: reports and commands, each partition pair with one member."""

import threading
from typing import Any

from kafka import KafkaConsumer
from kafka.coordinator.assignors.range import RangePartitionAssignor

from consumers.alerting.settings import AlertingSettings
from consumers.kafka_client import connect, connection, ensure_topics, opened

METADATA_AGE_MS = 30_000


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
            KafkaConsumer,
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
