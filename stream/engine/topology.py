"""The shape of the topics that the engine needs: all inputs and the changelog with the same partitions, together.

Invariant: partition n of every input and of the changelog is in the same worker's hands, so that one account has one
state. Topics are made here, explicitly, and what exists is compared before the worker joins its group.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from stream.config.settings import KafkaSettings
from stream.contracts.errors import ConfigError
from stream.engine.connection import client_arguments
from stream.topics import TopicSpec

_ALREADY_EXISTS: Final = TopicAlreadyExistsError.errno


def co_assigned(assigned: Iterable[tuple[str, int]], topics: Sequence[str]) -> tuple[set[int], str | None]:
    """The partition numbers of an assignment, and what is wrong with it, if anything.

    Args:
        assigned: (topic, partition) pairs.
        topics: the topics that must be assigned alike.
    """
    by_topic: dict[str, set[int]] = {topic: set() for topic in topics}
    for topic, partition in assigned:
        if topic in by_topic:
            by_topic[topic].add(partition)
    numbers = set().union(*by_topic.values())
    lacking = {topic: sorted(numbers - held) for topic, held in by_topic.items() if held != numbers}
    if not lacking:
        return numbers, None
    return numbers, (
        f"the group assigned partitions {sorted(numbers)}, but not all of them of every topic; missing: {lacking}. "
        "Workers with different topics are in the same group: stop all of them, then start one version"
    )


def count_mismatch(found: Mapping[str, int], specs: Sequence[TopicSpec]) -> str | None:
    """What is wrong with the topics' partition counts, in one message; None when they are as specified."""
    wrong = [
        f"{spec.name} has {found[spec.name]}" for spec in specs if found.get(spec.name) not in (None, spec.partitions)
    ]
    if not wrong:
        return None
    return (
        f"kafka.partitions = {specs[0].partitions}, but {', '.join(wrong)}: every topic needs the same count, since "
        "the account's key decides the partition. Set kafka.partitions to the count of the topics that exist, or "
        "recreate the topics that differ. An account's state can't follow a changed count: where topics got more "
        "partitions, use a new kafka.topic_prefix with the new count, and replay the old inputs into the new topics"
    )


async def prepare_topics(settings: KafkaSettings) -> None:
    """Create what is missing, if allowed, and refuse what does not fit.

    Raises:
        ConfigError: a count differs, or a topic is missing and `kafka.create_topics` is off, or can't be created.
        KafkaError: the broker can't be reached.
    """
    specs = settings.topics.specs(settings.partitions)
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    try:
        await admin.start()
        existing = set(await admin.list_topics())
        missing = [spec for spec in specs if spec.name not in existing]
        if missing and not settings.create_topics:
            names = ", ".join(spec.name for spec in missing)
            raise ConfigError(f"missing topics: {names}; create them, or set kafka.create_topics to true")
        if missing:
            await _create(admin, missing, settings.replication_factor)
        present = [spec.name for spec in specs if spec.name in existing]
        described = await admin.describe_topics(present) if present else []
        problem = count_mismatch({topic["topic"]: len(topic["partitions"]) for topic in described}, specs)
        if problem is not None:
            raise ConfigError(problem)
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec], replication_factor: int) -> None:
    """Create topics; one that another worker has just created is fine."""
    new = [NewTopic(spec.name, spec.partitions, replication_factor, topic_configs=spec.config) for spec in specs]
    response = await admin.create_topics(new)
    for name, code, *message in response.topic_errors:
        if code not in (0, _ALREADY_EXISTS):
            reason = message[0] if message and message[0] else for_code(code).__name__
            raise ConfigError(f"topic {name} can't be created: {reason}; create it, or check the worker's rights")
