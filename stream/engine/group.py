"""The worker's consumer group as the broker has it: which partitions are assigned to no worker, and the group's lag.

A worker that only looks at what it owns calls itself well while nobody owns anything: a leader that joins while the
broker comes back knows of no topics, and assigns none. So what should be owned is compared with what is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from stream.config.settings import KafkaSettings
from stream.engine.committed_offsets import committed_offsets
from stream.engine.connection import client_arguments


@dataclass(frozen=True, slots=True)
class GroupView:
    """The group at one moment.

    Attributes:
        unassigned: partition numbers that no worker has all inputs of; None: a rebalance runs.
        lags: by input topic, the records of all its partitions that are not in a committed checkpoint.
    """

    unassigned: frozenset[int] | None
    lags: dict[str, int] = field(default_factory=dict)


async def look_at_group(settings: KafkaSettings, ends: Mapping[TopicPartition, int]) -> GroupView:
    """Ask the broker.

    Args:
        settings: name the group.
        ends: where every input partition ends.

    Raises:
        KafkaError: it can't be reached, or refuses.
    """
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    await admin.start()
    try:
        (response,) = await admin.describe_consumer_groups([settings.installation])
    finally:
        await admin.close()
    (group,) = response.groups
    state, members = group[2], group[5]
    committed = await committed_offsets(settings, list(ends))
    if state != "Stable":
        return GroupView(None, lags_of(ends, committed))
    assigned = [
        (topic, number)
        for member in members
        if member[4]
        for topic, numbers in ConsumerProtocolMemberAssignment.decode(member[4]).assignment
        for number in numbers
    ]
    return GroupView(unassigned(assigned, settings.topics.sources, settings.partitions), lags_of(ends, committed))


def unassigned(assigned: Iterable[tuple[str, int]], topics: Iterable[str], count: int) -> frozenset[int]:
    """The partition numbers that no worker folds.

    Args:
        assigned: topic and partition of every member's assignment.
        topics: the inputs; one that is missing leaves its partition unassigned.
        count: how many partitions each has.
    """
    there = set(assigned)
    wanted = list(topics)
    return frozenset(number for number in range(count) if any((topic, number) not in there for topic in wanted))


def lags_of(ends: Mapping[TopicPartition, int], committed: Mapping[TopicPartition, int]) -> dict[str, int]:
    """By topic, how many records are behind the committed offsets; a partition without one has everything to go."""
    lags: dict[str, int] = {}
    for tp, end in ends.items():
        lags[tp.topic] = lags.get(tp.topic, 0) + max(0, end - committed.get(tp, 0))
    return lags
