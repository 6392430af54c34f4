"""The broker: whether it answers, and whether its topics are what the worker needs."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from heartline.doctor.check import Check, broken, note, ok
from stream.config.settings import KafkaSettings
from stream.contracts.denied import denied
from stream.engine.connection import client_arguments
from stream.engine.topology import count_mismatch
from stream.topics import TopicSpec

TIMEOUT_SECONDS: Final = 10.0
_FOR_EVER: Final = "-1"


@dataclass(frozen=True)
class Broker:
    """What the broker says.

    Attributes:
        brokers: how many there are.
        partitions: topic to partition count, of our topics that exist.
        policies: topic to its cleanup.policy, of our topics that exist.
        retentions: topic to its retention.ms, of our topics that exist.
    """

    brokers: int
    partitions: Mapping[str, int]
    policies: Mapping[str, str]
    retentions: Mapping[str, str] = field(default_factory=dict)


async def check_kafka(kafka: KafkaSettings) -> list[Check]:
    """Everything about the broker."""
    specs = kafka.topics.specs(kafka.partitions)
    where = f"{kafka.bootstrap_servers} ({kafka.security_protocol})"
    try:
        broker = await asyncio.wait_for(_ask(kafka, specs), TIMEOUT_SECONDS)
    except TimeoutError:
        return [_unreachable(where, f"no answer within {TIMEOUT_SECONDS:g} s")]
    except (KafkaError, OSError) as error:
        if (refused := denied(error)) is not None:
            return [broken("Kafka", f"{where}: {refused}", "grant the rights, or name a user who has them")]
        return [_unreachable(where, str(error))]
    brokers = "1 broker" if broker.brokers == 1 else f"{broker.brokers} brokers"
    return [ok("Kafka", f"{where}: {brokers}"), *check_topics(specs, broker, kafka.create_topics)]


def _unreachable(where: str, why: str) -> Check:
    return broken(
        "Kafka",
        f"{where} can't be reached: {why}",
        "set KAFKA_BOOTSTRAP_SERVERS to your brokers, or start one: heartline servers run --kafka-port 9092",
    )


def check_topics(specs: Sequence[TopicSpec], broker: Broker, may_create: bool) -> Iterator[Check]:
    """The topics exist, have the same partition count, and those that must be compacted are."""
    missing = [spec.name for spec in specs if spec.name not in broker.partitions]
    if missing and may_create:
        yield note("topics", f"missing: {', '.join(missing)}", "the worker makes them when it first starts")
    elif missing:
        yield broken("topics", f"missing: {', '.join(missing)}", "create them, or set kafka.create_topics to true")
    else:
        yield ok("topics", f"all {len(specs)} exist")
    problem = count_mismatch(broker.partitions, specs)
    if problem is not None:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(broker.partitions.items()))
        yield broken("partitions", counts, problem)
    elif broker.partitions:
        yield ok("partitions", f"{specs[0].partitions} in every topic")
    wrong = [
        f"{spec.name} is {broker.policies[spec.name]!r} instead of {wanted!r}"
        for spec in specs
        if (wanted := spec.config.get("cleanup.policy")) is not None
        and broker.policies.get(spec.name) not in (None, wanted)
    ]
    if wrong:
        advice = "kafka-configs --alter --topic NAME --add-config cleanup.policy=compact; or reports and state expire"
        yield broken("cleanup.policy", "; ".join(wrong), advice)
    elif broker.policies:
        yield ok("cleanup.policy", "reports and state are compacted")
    yield from _check_retention(specs, broker)


def _check_retention(specs: Sequence[TopicSpec], broker: Broker) -> Iterator[Check]:
    """What the portfolio is derived from must not expire."""
    ledger = [spec.name for spec in specs if spec.config.get("retention.ms") == _FOR_EVER]
    expiring = [name for name in ledger if broker.retentions.get(name, _FOR_EVER) != _FOR_EVER]
    if expiring:
        yield note(
            "retention.ms",
            f"records expire in {', '.join(expiring)}",
            "the portfolio forgets what expires: kafka-configs --alter --topic NAME --add-config retention.ms=-1",
        )
    elif broker.retentions:
        yield ok("retention.ms", "nothing of the portfolio's ledger expires")


async def _ask(kafka: KafkaSettings, specs: Sequence[TopicSpec]) -> Broker:
    admin = AIOKafkaAdminClient(**client_arguments(kafka))
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        existing = set(await admin.list_topics())
        names = [spec.name for spec in specs if spec.name in existing]
        described = await admin.describe_topics(names) if names else []
        partitions = {topic["topic"]: len(topic["partitions"]) for topic in described}
        settings = await _settings(admin, names)
        policies = {name: value for (name, key), value in settings.items() if key == "cleanup.policy"}
        retentions = {name: value for (name, key), value in settings.items() if key == "retention.ms"}
        return Broker(len(cluster["brokers"]), partitions, policies, retentions)
    finally:
        await admin.close()


async def _settings(admin: Any, names: Sequence[str]) -> dict[tuple[str, str], str]:
    """(topic, setting) to its value, of the settings that matter."""
    wanted: dict[str, None] = {"cleanup.policy": None, "retention.ms": None}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs=wanted) for name in names]
    if not resources:
        return {}
    found: dict[tuple[str, str], str] = {}
    for response in await admin.describe_configs(resources):
        for _, _, _, name, entries in response.resources:
            found.update(((name, key), value) for key, value, *_ in entries if key in wanted)
    return found
