"""The worker's group: whether every partition is in a worker's hands, and how far behind they are."""

import asyncio
from collections.abc import Iterator
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from heartline.doctor.check import Check, broken, note, ok
from heartline.doctor.kafka import TIMEOUT_SECONDS
from stream.config.settings import KafkaSettings
from stream.contracts.denied import denied
from stream.engine.connection import client_arguments
from stream.engine.group import GroupView, look_at_group

# Source: HeartlineLagHigh, which also wants it to grow; one look can't say that.
LAG_RECORDS_HIGH: Final = 100_000
TOPICS_NAMED_MAX: Final = 3


def check_group(kafka: KafkaSettings) -> Iterator[Check]:
    """How the group is; nothing where the broker can't be asked, which has a check of its own."""
    try:
        yield assess(asyncio.run(asyncio.wait_for(_look(kafka), TIMEOUT_SECONDS)))
    except (KafkaError, OSError, TimeoutError) as error:
        if (refused := denied(error)) is not None:
            yield broken("workers", refused, "grant the rights (heartline acls), or name a user who has them")


def assess(view: GroupView) -> Check:
    """What the broker's answer means."""
    lag = sum(view.lags.values())
    most = sorted(view.lags.items(), key=lambda item: -item[1])[:TOPICS_NAMED_MAX]
    where = f" ({', '.join(f'{topic} {count:,}' for topic, count in most if count)})" if lag else ""
    behind = f"{lag:,} records are in no checkpoint yet{where}"
    if view.unassigned is None:
        return note(
            "workers", f"none holds its partitions now; {behind}", "start `heartline worker`, or wait for the rebalance"
        )
    if view.unassigned:
        return broken(
            "workers",
            f"partitions {sorted(view.unassigned)} are assigned to no worker; {behind}",
            "restart the workers; one that owns too little says so by /readyz",
        )
    if lag > LAG_RECORDS_HIGH:
        return note(
            "workers",
            f"all partitions are assigned; {behind}: health is as old as they are",
            "if it grows (HeartlineLagHigh), add a worker, up to one a partition; docs/sizing.md says what one takes",
        )
    return ok("workers", f"all partitions are assigned; {behind}")


async def _look(kafka: KafkaSettings) -> GroupView:
    tps = [TopicPartition(topic, number) for topic in kafka.topics.sources for number in range(kafka.partitions)]
    consumer = AIOKafkaConsumer(**client_arguments(kafka))
    await consumer.start()
    try:
        ends = await consumer.end_offsets(tps)
    finally:
        await consumer.stop()
    return await look_at_group(kafka, ends)
