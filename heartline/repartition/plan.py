"""What moves: each topic under its old and its new name, and up to where the old installation has processed it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import aiokafka
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from stream.config.settings import KafkaSettings
from stream.contracts.errors import ConfigError, HeartlineError
from stream.engine.committed_offsets import committed_offsets
from stream.engine.connection import client_arguments

NOTHING: Final[Mapping[int, int]] = {}


class NotStoppedError(HeartlineError):
    """The installation that is to be moved still runs."""


@dataclass(frozen=True)
class Move:
    """One topic.

    Attributes:
        source, target: its old and new name.
        ends: by old partition, where it ended when the plan was made.
        processed: by old partition, the first offset that the old installation has not processed; a partition that is
            missing has nothing unprocessed that would matter.
    """

    source: str
    target: str
    ends: Mapping[int, int]
    processed: Mapping[int, int] = field(default_factory=dict)

    @property
    def is_split(self) -> bool:
        """Whether somebody goes on in it behind what was processed."""
        return bool(self.processed)


def names(old: KafkaSettings, new: KafkaSettings) -> dict[str, str]:
    """By old name the new one, of all topics of Heartline's own.

    >>> names(KafkaSettings(), KafkaSettings(topic_prefix="b-"))["product-usage"]
    'b-product-usage'
    """
    pairs = zip(old.topics.specs(), new.topics.specs(), strict=True)
    return {one.name: other.name for one, other in pairs}


async def check(old: KafkaSettings, new: KafkaSettings, alerting_group: str) -> None:
    """Whether the installation may be moved.

    Raises:
        ConfigError: old and new are the same, or topics of the installation's own have another partition count.
        NotStoppedError: a worker or an alerting process runs.
        KafkaError: Kafka can't be reached.
    """
    if old.installation == new.installation or old.topic_prefix == new.topic_prefix:
        raise ConfigError(
            f"--to-prefix = {new.topic_prefix!r}: expected another prefix than kafka.topic_prefix = "
            f"{old.topic_prefix!r}: Kafka can't take partitions back, so an installation moves to new topics"
        )
    admin = AIOKafkaAdminClient(**client_arguments(old))
    await admin.start()
    try:
        own = [name for name in old.topics.inputs if name not in names(old, new)]
        for topic in await admin.describe_topics(own) if own else ():
            if len(topic["partitions"]) != new.partitions:
                raise ConfigError(
                    f"{topic['topic']} is a topic of your feeds with {len(topic['partitions'])} partitions; with "
                    f"--partitions {new.partitions} every input needs as many. Give it as many first, or keep the count"
                )
        for group in (old.installation, alerting_group, new.installation):
            (found,) = (await admin.describe_consumer_groups([group]))[0].groups
            members = found[5]
            if members:
                raise NotStoppedError(
                    f"the consumer group {group} has {len(members)} members: stop every worker and alerting process "
                    "first; producers may go on, what they send is moved by the next run"
                )
    finally:
        await admin.close()


async def _counts(kafka: KafkaSettings, names: Collection[str]) -> dict[str, int]:
    """By topic, of those that exist, how many partitions it has."""
    admin = AIOKafkaAdminClient(**client_arguments(kafka))
    await admin.start()
    try:
        existing = sorted(set(names) & set(await admin.list_topics()))
        described = await admin.describe_topics(existing) if existing else []
        return {topic["topic"]: len(topic["partitions"]) for topic in described}
    finally:
        await admin.close()


async def plan(
    old: KafkaSettings, new: KafkaSettings, reports: Mapping[int, int], commands: Mapping[int, int]
) -> list[Move]:
    """Every topic that there is.

    Args:
        old, new: the installation as it is, and as it will be.
        reports, commands: by partition, up to where alerting has processed account-health and alert-commands.

    Raises:
        KafkaError: Kafka can't be reached.
    """
    renamed = names(old, new)
    counts = await _counts(old, renamed)
    tps = [TopicPartition(name, number) for name, count in counts.items() for number in range(count)]
    consumer = aiokafka.AIOKafkaConsumer(**client_arguments(old), isolation_level="read_committed")
    await consumer.start()
    try:
        ends = await consumer.end_offsets(tps)
        begins = await consumer.beginning_offsets(tps)
    finally:
        await consumer.stop()
    sources = set(old.topics.sources)
    folded = await committed_offsets(old, [tp for tp in tps if tp.topic in sources])
    moves = []
    for source, target in renamed.items():
        own = [tp for tp in tps if tp.topic == source]
        processed: dict[int, int] = {}
        if source in sources:
            processed = {tp.partition: folded.get(tp, begins[tp]) for tp in own}
        elif source == old.topics.health:
            processed = {tp.partition: reports.get(tp.partition, begins[tp]) for tp in own}
        elif source == old.topics.alert_commands:
            processed = {tp.partition: commands.get(tp.partition, begins[tp]) for tp in own}
        if own:
            moves.append(Move(source, target, {tp.partition: ends[tp] for tp in own}, processed))
    return moves
