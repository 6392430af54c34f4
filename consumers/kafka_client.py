"""The Kafka side of the process: its consumer, and the topic that it reads."""

import threading
import time
from collections.abc import Sequence
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaTimeoutError, TopicAlreadyExistsError

from consumers.alerting.settings import AlertingSettings
from stream.config.logs import get_logger
from stream.config.settings import KafkaSettings
from stream.contracts.errors import ConfigError
from stream.contracts.topics import TopicSpec

CONNECT_SECONDS_MAX = 60.0
CONNECT_TRY_MS = 3000  # short, so that a signal is heeded while no broker answers
METADATA_AGE_MS = 30_000

log = get_logger(__name__)


def make_consumer(settings: AlertingSettings, stop: threading.Event) -> Any:
    """A consumer of reports and commands, subscribed, that commits only what it is told to; None when stopped before.

    No rebalance listener: kafka-python calls it on its I/O thread, where a commit can't wait. The loop looks at the
    assignment between two polls instead.

    Raises:
        ConfigError: no broker answered within a minute.
    """
    kafka = settings.kafka
    options: dict[str, Any] = {
        "group_id": settings.group_id,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "allow_auto_create_topics": False,
        "max_poll_records": settings.alerting.batch_records_max,
        "session_timeout_ms": int(settings.alerting.session_timeout_seconds * 1000),
        "metadata_max_age_ms": METADATA_AGE_MS,
        "metrics_enabled": False,
        # Partition n of both topics to the same member, whose transaction holds what comes of both.
        "partition_assignment_strategy": (RangePartitionAssignor,),
    }
    deadline = time.monotonic() + CONNECT_SECONDS_MAX
    while not stop.is_set():
        try:
            topics = kafka.topics
            ensure_topics(kafka, [topics.health, topics.alert_commands, topics.alerts, topics.input("touchpoint")])
            consumer = KafkaConsumer(**connection(kafka), **options)
        except KafkaTimeoutError:
            if time.monotonic() < deadline:
                continue
            raise ConfigError(
                f"kafka.bootstrap_servers = {kafka.bootstrap_servers!r}: no broker answered within "
                f"{CONNECT_SECONDS_MAX:.0f} seconds; check the address (KAFKA_BOOTSTRAP_SERVERS) and the broker's log"
            ) from None
        consumer.subscribe([kafka.topics.health, kafka.topics.alert_commands])
        return consumer
    return None


def ensure_topics(kafka: KafkaSettings, names: Sequence[str]) -> None:
    """Create what is missing of some topics, if we may, so that the processes can start in any order."""
    if not kafka.create_topics:
        return
    admin = KafkaAdminClient(**connection(kafka))
    try:
        there = set(admin.list_topics())
        for spec in kafka.topics.specs(kafka.partitions):
            if spec.name in names and spec.name not in there:
                _create(admin, kafka, spec)
    finally:
        admin.close()


def _create(admin: KafkaAdminClient, kafka: KafkaSettings, spec: TopicSpec) -> None:
    options = {
        "num_partitions": spec.partitions,
        "replication_factor": kafka.replication_factor,
        "configs": spec.config,
    }
    try:
        admin.create_topics({spec.name: options}, wait_for_metadata=True)
        log.info("created a topic", topic=spec.name, partitions=spec.partitions)
    except TopicAlreadyExistsError:
        log.debug("the topic was just created by another process", topic=spec.name)


def connection(kafka: KafkaSettings) -> dict[str, Any]:
    """How to reach and trust the brokers, in kafka-python's words."""
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers.split(","),
        "security_protocol": kafka.security_protocol,
        "client_id": "heartline-alerting",
        "bootstrap_timeout_ms": CONNECT_TRY_MS,
    }
    if kafka.ssl_ca_file is not None:
        options["ssl_cafile"] = str(kafka.ssl_ca_file)
    if kafka.security_protocol == "SASL_SSL":
        password = kafka.sasl_password.get_secret_value() if kafka.sasl_password is not None else None
        options |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.sasl_username,
            "sasl_plain_password": password,
        }
    return options
