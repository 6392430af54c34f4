"""Kafka for the processes that read what the worker writes: how to connect, topics that are missing, a topic's whole.

Everything reads committed records only.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError
from kafka.net.sasl.oauth import AbstractTokenProvider

from consumers.errors import TopicMissingError, TopicUnreadableError
from stream.config.bearer_token import BearerToken, bearer_token_of
from stream.config.logs import get_logger
from stream.config.settings import KafkaSettings
from stream.contracts.errors import ConfigError
from stream.topics import TopicSpec

CONNECT_SECONDS_MAX: Final = 60.0
CONNECT_TRY_MS: Final = 3_000  # short, so that a signal is heeded while no broker answers
STALLED_SECONDS_MAX: Final = 60.0
POLL_MS: Final = 500

log = get_logger(__name__)

T = TypeVar("T")


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # kafka-python ships no types
    """Tokens as kafka-python asks for them."""

    def __init__(self, source: BearerToken) -> None:
        super().__init__()
        self._source = source

    def token(self) -> str:
        """A token that is valid."""
        return self._source.get()


def connection(kafka: KafkaSettings, client_id: str = "heartline-alerting") -> dict[str, Any]:
    """How to reach and trust the brokers, in kafka-python's words."""
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers.split(","),
        "security_protocol": kafka.security_protocol,
        "client_id": client_id,
        "bootstrap_timeout_ms": CONNECT_TRY_MS,
    }
    if kafka.uses_tls:
        options["ssl_context"] = kafka.ssl_context()
    if kafka.uses_sasl:
        options["sasl_mechanism"] = kafka.sasl_mechanism
        if kafka.sasl_mechanism == "OAUTHBEARER":
            options["sasl_oauth_token_provider"] = TokenProvider(bearer_token_of(kafka))
        else:
            password = kafka.sasl_password.get_secret_value() if kafka.sasl_password is not None else None
            options |= {"sasl_plain_username": kafka.sasl_username, "sasl_plain_password": password}
    return options


def opened(client_class: Any, **options: Any) -> Any:
    """A KafkaConsumer or KafkaAdminClient; where no broker answers nothing of it stays.

    kafka-python starts its I/O thread before it looks for a broker, and leaves it running when none answers.

    Raises:
        KafkaTimeoutError: no broker answered within `bootstrap_timeout_ms`.
    """
    client = client_class.__new__(client_class)
    try:
        client_class.__init__(client, **options)
    except Exception:
        if (network := getattr(client, "_net", None)) is not None:
            network.stop()
        raise
    return client


def committed_consumer(kafka: KafkaSettings, client_id: str, **more: Any) -> Any:
    """A consumer that belongs to no group, commits nothing, and is assigned its partitions by hand.

    Raises:
        KafkaTimeoutError: no broker answered within three seconds.
    """
    options: dict[str, Any] = {
        "group_id": None,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }
    return opened(KafkaConsumer, **connection(kafka, client_id), **(options | more))


def partitions_there(consumer: Any, topics: Sequence[str]) -> list[TopicPartition]:
    """All partitions of some topics, as far as the brokers know them by now."""
    there = consumer.topics()
    return [
        TopicPartition(topic, number)
        for topic in topics
        if topic in there
        for number in sorted(consumer.partitions_for_topic(topic) or ())
    ]


def connect(kafka: KafkaSettings, make: Callable[[], T], stop: threading.Event | None = None) -> T | None:
    """What `make` connects, tried again while no broker answers; None when stopped before.

    Raises:
        ConfigError: no broker answered within a minute.
    """
    deadline = time.monotonic() + CONNECT_SECONDS_MAX
    while stop is None or not stop.is_set():
        try:
            return make()
        except KafkaTimeoutError:
            if time.monotonic() > deadline:
                raise ConfigError(
                    f"kafka.bootstrap_servers = {kafka.bootstrap_servers!r}: no broker answered within "
                    f"{CONNECT_SECONDS_MAX:.0f} seconds; check the address (KAFKA_BOOTSTRAP_SERVERS) and the broker"
                ) from None
    return None


def read_to_end(
    kafka: KafkaSettings, topic: str, partitions: Sequence[int] | None = None, client_id: str = "heartline-cli"
) -> Iterator[Any]:
    """Every record that a topic holds now, each partition's in order.

    Args:
        kafka: where.
        topic: its name.
        partitions: which; None: all.
        client_id: by which the brokers' logs name us.

    Raises:
        TopicUnreadableError: no broker answers, the topic is missing, or its end is not reached: the broker stopped
            answering, or a transaction has been open for long.
    """
    with _reading(kafka, topic, client_id) as consumer:
        numbers = partitions if partitions is not None else _partitions(consumer, kafka, topic)
        yield from _read(consumer, topic, [TopicPartition(topic, number) for number in numbers])


def partition_count(kafka: KafkaSettings, topic: str, client_id: str = "heartline-cli") -> int:
    """How many partitions a topic has.

    Raises:
        TopicUnreadableError: no broker answers, or the topic is missing.
    """
    with _reading(kafka, topic, client_id) as consumer:
        return len(_partitions(consumer, kafka, topic))


def latest_values(kafka: KafkaSettings, topic: str) -> dict[bytes, bytes]:
    """The last committed value of each key of a compacted topic; without keys that were deleted.

    Raises:
        TopicUnreadableError: see `read_to_end`.
    """
    values = {record.key: record.value for record in read_to_end(kafka, topic)}
    return {key: value for key, value in values.items() if value is not None}


def topic_id_of(kafka: KafkaSettings, topic: str) -> str | None:
    """The id of a topic, which one of the same name made later does not have; None: it has none, or can't be had."""
    admin: Any = None
    try:
        admin = opened(KafkaAdminClient, **connection(kafka))
        (found,) = admin.describe_topics([topic])
    except (KafkaError, ValueError) as error:
        log.warning("the topic's id could not be asked", topic=topic, error=repr(error))
        return None
    finally:
        if admin is not None:
            admin.close()
    topic_id = found.get("topic_id")
    return str(topic_id) if topic_id is not None and topic_id != uuid.UUID(int=0) else None


def ensure_topics(kafka: KafkaSettings, names: Sequence[str]) -> None:
    """Create what is missing of some topics, if we may, so that the processes can start in any order."""
    if not kafka.create_topics:
        return
    admin = opened(KafkaAdminClient, **connection(kafka))
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


@contextmanager
def _reading(kafka: KafkaSettings, topic: str, client_id: str) -> Iterator[Any]:
    """A consumer, closed at the end; Kafka's errors become ours."""
    consumer: Any = None
    try:
        consumer = committed_consumer(kafka, client_id)
        yield consumer
    except KafkaError as error:
        raise TopicUnreadableError(
            f"Kafka at {kafka.bootstrap_servers} can't be read ({type(error).__name__} on topic {topic}); check the "
            "address (KAFKA_BOOTSTRAP_SERVERS) and that the broker runs"
        ) from None
    finally:
        if consumer is not None:
            consumer.close(autocommit=False)


def _partitions(consumer: Any, kafka: KafkaSettings, topic: str) -> Sequence[int]:
    found: set[int] | None = consumer.partitions_for_topic(topic)
    if not found:
        raise TopicMissingError(
            f"Kafka at {kafka.bootstrap_servers} has no topic {topic}; the worker and alerting make their topics when "
            "they first start"
        )
    return sorted(found)


def _read(consumer: Any, topic: str, partitions: Sequence[TopicPartition]) -> Iterator[Any]:
    if not partitions:
        return
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    moved = time.monotonic()
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        batches = consumer.poll(timeout_ms=POLL_MS)
        if batches:
            moved = time.monotonic()
        elif time.monotonic() - moved > STALLED_SECONDS_MAX:
            raise TopicUnreadableError(
                f"{topic}: nothing new for {STALLED_SECONDS_MAX:.0f} seconds, and its end is not reached; check the "
                "broker's log, and whether a transaction has been open for long (`heartline doctor`)"
            )
        for records in batches.values():
            yield from records
