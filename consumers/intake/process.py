"""The intake's process: one loop that listens, writes to Kafka, and follows what other intakes learn."""

import asyncio
import contextlib
import signal
import sys
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError
from prometheus_client import CollectorRegistry

from consumers.async_kafka import async_connection
from consumers.intake.acceptance import Acceptance
from consumers.intake.app import Intake, make_app
from consumers.intake.memberships import Memberships
from consumers.intake.metrics import IntakeMetrics
from consumers.intake.rate import RateLimit
from consumers.intake.settings import IntakeSettings, check_entrances
from consumers.intake.writer import Writer
from consumers.web_server import Limits, WebServer
from stream.config.logs import configure_logging, get_logger
from stream.config.metrics_server import serve_metrics
from stream.config.settings import KafkaSettings
from stream.contracts.errors import ConfigError
from stream.kinds.decode import Decoder
from stream.kinds.feeds import FieldMapping
from stream.topics import KINDS

CLIENT_ID: Final = "heartline-intake"
CONNECT_SECONDS_MAX: Final = 60.0
CONNECT_AGAIN_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 30
BATCH_BYTES: Final = 256 << 10

log = get_logger(__name__)


def run_intake(settings: IntakeSettings) -> None:
    """Serve until SIGTERM or SIGINT; what was answered with 202 is on Kafka.

    Prints `intake ready on <address>` once it listens.

    Raises:
        ConfigError: nobody could send anything, no broker answered, or a port is taken.
    """
    configure_logging(settings.logs, ("aiokafka", "uvicorn"))
    check_entrances(settings.intake)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # the server ends on both, and then raises them again
    asyncio.run(_run(settings))


async def _run(settings: IntakeSettings) -> None:
    options, kafka = settings.intake, settings.kafka
    memberships, topic = Memberships(), kafka.topics.prefix + "intake-memberships"
    producer = await _connected(kafka)
    writer = Writer(producer, options.in_flight_bytes_max, options.kafka_timeout_seconds)
    registry = CollectorRegistry()
    metrics = IntakeMetrics(registry, [*options.write_keys, *options.vendors], lambda: writer.waiting_bytes)
    plain = Acceptance({kind: Decoder(kind) for kind in KINDS})
    feeds = Acceptance(
        {kind: Decoder(kind, FieldMapping(settings.feeds[kind]) if kind in settings.feeds else None) for kind in KINDS}
    )
    rate = RateLimit(options.events_per_second_max)
    app = make_app(Intake(options, kafka.topics, plain, feeds, memberships, topic, writer, metrics, rate))
    server = WebServer(
        app,
        options.host,
        options.port,
        "intake.host, intake.port",
        limits=Limits(options.connections_max, idle_seconds=IDLE_SECONDS),
        on_started=lambda: _say_ready(server.url),
    )
    stop_metrics = serve_metrics("intake", options.metrics_host, options.metrics_port, registry)
    follower: asyncio.Task[None] | None = None
    try:
        await _ensure_topics(kafka, topic)
        follower = asyncio.create_task(_follow(kafka, topic, memberships))
        writer.start()
        await server.serve()
    finally:
        if follower is not None:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)
        await writer.stop()
        await producer.stop()
        stop_metrics()
    log.info("intake stopped")


def _say_ready(address: str) -> None:
    """For whoever started us and waits."""
    sys.stdout.write(f"intake ready on {address}\n")
    sys.stdout.flush()


def make_producer(kafka: KafkaSettings, **more: Any) -> AIOKafkaProducer:
    """A producer, not started yet.

    Without idempotence: aiokafka gives up a batch whose partition has no leader for too long, and every later one is
    refused by the brokers as out of order, until the producer is made again. What comes twice counts once by its
    event's id, and within a partition one batch is on its way at a time, so that the order stays.
    """
    sizes = {"max_batch_size": BATCH_BYTES, "linger_ms": 0}
    return AIOKafkaProducer(**async_connection(kafka, CLIENT_ID), acks="all", **sizes, **more)


async def _connected(kafka: KafkaSettings) -> AIOKafkaProducer:
    """A producer that has found its brokers."""
    deadline = asyncio.get_running_loop().time() + CONNECT_SECONDS_MAX
    while True:
        producer = make_producer(kafka)
        try:
            await producer.start()
        except KafkaConnectionError:
            await producer.stop()
            if asyncio.get_running_loop().time() > deadline:
                raise ConfigError(
                    f"kafka.bootstrap_servers = {kafka.bootstrap_servers!r}: no broker answered within "
                    f"{CONNECT_SECONDS_MAX:.0f} seconds; check the address (KAFKA_BOOTSTRAP_SERVERS) and the broker"
                ) from None
            await asyncio.sleep(CONNECT_AGAIN_SECONDS)
        else:
            return producer


async def _ensure_topics(kafka: KafkaSettings, memberships_topic: str) -> None:
    """Make what is missing of the topics that it writes, if we may, so that processes can start in any order."""
    if not kafka.create_topics:
        return
    wanted = {*kafka.topics.inputs, kafka.topics.dead_letters}
    new = [
        NewTopic(spec.name, spec.partitions, kafka.replication_factor, topic_configs=spec.config)
        for spec in kafka.topics.specs(kafka.partitions)
        if spec.name in wanted
    ]
    compacted = {"cleanup.policy": "compact"}
    new.append(NewTopic(memberships_topic, 1, kafka.replication_factor, topic_configs=compacted))
    admin = AIOKafkaAdminClient(**async_connection(kafka, CLIENT_ID))
    await admin.start()
    try:
        there = set(await admin.list_topics())
        for topic in new:
            if topic.name not in there:
                with contextlib.suppress(TopicAlreadyExistsError):
                    await admin.create_topics([topic])
    finally:
        await admin.close()


async def _follow(kafka: KafkaSettings, topic: str, memberships: Memberships) -> None:
    """Learn who belongs to which account, from the beginning on, and from other intakes as they learn it."""
    while True:
        # Without a group it reads all partitions, and says so when the brokers do not know the topic yet.
        consumer = AIOKafkaConsumer(
            topic, **async_connection(kafka, CLIENT_ID), enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await consumer.start()
            async for record in consumer:
                if record.key is not None:
                    account = record.value.decode("utf-8", "replace") if record.value is not None else None
                    memberships.learn([(record.key.decode("utf-8", "replace"), account)])
        except (KafkaError, OSError) as error:
            log.warning("following failed, trying again", topic=topic, error=str(error))
            await asyncio.sleep(CONNECT_AGAIN_SECONDS)
        finally:
            await consumer.stop()
