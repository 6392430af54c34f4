"""The whole move: topics, what was processed, where it goes on, what was not, and what alerting remembers."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import TopicPartition

from consumers.alerting.settings import AlertingSettings
from heartline.repartition import redis_move
from heartline.repartition.copier import Rewriter, copy_partition, move_group
from heartline.repartition.offsets import ends_of, hand_over, keep, known
from heartline.repartition.plan import Move, check, names, plan
from stream.config.settings import KafkaSettings
from stream.engine.topology import prepare_topics

SIDE_BY_SIDE: Final = 4

# (records so far, records in all, what is being moved)
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Moved:
    """What a run did.

    Attributes:
        records: that were copied by this run.
        accounts: that alerting remembers, moved by this run.
        topics: by old name the new one.
    """

    records: int
    accounts: int
    topics: dict[str, str]


class _Counter:
    """How far all copies together are."""

    def __init__(self, most: int, tell: Progress) -> None:
        self.done, self._most, self._tell = 0, most, tell

    def for_topic(self, topic: str) -> Callable[[int], None]:
        def moved(count: int) -> None:
            self.done += count
            self._tell(self.done, max(self._most, self.done), topic)

        return moved


async def repartition(
    settings: AlertingSettings,
    new: KafkaSettings,
    client: Any,
    new_key_prefix: str,
    left_out: Collection[str],
    tell: Progress,
) -> Moved:
    """Move an installation that is stopped; what a run that was cut off had done is not done again.

    Args:
        settings: of the installation as it is.
        new: its Kafka settings as they will be: another prefix, and as many partitions as it shall have.
        client: of Redis; None: alerting is not used.
        new_key_prefix: of alerting's keys.
        left_out: accounts whose records do not come along.
        tell: called as records are copied.

    Raises:
        ConfigError, NotStoppedError: it can't be moved like this, or still runs.
        KafkaError, RedisError: one of them can't be reached; run it again.
    """
    old = settings.kafka
    await check(old, new, settings.group_id)
    await prepare_topics(new)
    old_count = await _count(old)
    reports, commands = (
        redis_move.processed(client, settings.redis.key_prefix, old_count) if client is not None else ({}, {})
    )
    moves = await plan(old, new, reports, commands)
    counter = _Counter(sum(sum(move.ends.values()) for move in moves), tell)
    rewriter = Rewriter(old, new, names(old, new), frozenset(left_out))
    boundaries: dict[str, dict[int, int]] = {}
    for move in moves:
        boundaries[move.target] = await _move_topic(rewriter, move, counter)
    sources = {topic: offsets for topic, offsets in boundaries.items() if topic in new.topics.sources}
    if await known(new, new.topics.changelog, _handed_over(new)) is None:
        await hand_over(old, new, sources)
        await keep(new, _handed_over(new), new.topics.changelog, dict.fromkeys(range(new.partitions), 0))
    accounts = 0
    if client is not None:
        health, orders = boundaries.get(new.topics.health, {}), boundaries.get(new.topics.alert_commands, {})
        counts = old_count, new.partitions
        accounts = redis_move.move(client, settings.redis.key_prefix, new_key_prefix, counts, health, orders)
    return Moved(counter.done, accounts, {move.source: move.target for move in moves})


def _handed_over(new: KafkaSettings) -> str:
    """A group whose offsets say that the worker's were committed: once, or a later run would take it back."""
    return f"{move_group(new)}-done"


async def _count(old: KafkaSettings) -> int:
    """How many partitions the installation has."""
    from consumers.kafka_client import partition_count

    return await asyncio.to_thread(partition_count, old, old.topics.changelog)


async def _move_topic(rewriter: Rewriter, move: Move, counter: _Counter) -> dict[int, int]:
    """Copy one topic; by new partition where what was processed ends, of topics that somebody goes on in."""
    new, group = rewriter.new, move_group(rewriter.new)
    boundary = await known(new, move.target, group) if move.is_split else {}
    if boundary is None:
        await _copy(rewriter, move, {at: min(move.processed.get(at, 0), end) for at, end in move.ends.items()}, counter)
        boundary = await ends_of(new, move.target)
        await keep(new, group, move.target, boundary)
    await _copy(rewriter, move, move.ends, counter)
    return boundary


async def _copy(rewriter: Rewriter, move: Move, until: Any, counter: _Counter) -> None:
    """Copy every partition up to an offset of it, some side by side."""
    waiting = sorted(until.items())
    limit = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(number: int, end: int) -> None:
        async with limit:
            source = TopicPartition(move.source, number)
            await copy_partition(rewriter, source, move.target, end, counter.for_topic(move.source))

    async with asyncio.TaskGroup() as group:
        for number, end in waiting:
            if end > 0:
                group.create_task(one(number, end))


def next_steps(settings: AlertingSettings, new: KafkaSettings, moved: Moved) -> Sequence[str]:
    """What is left to do, for a person."""
    return (
        f"{moved.records} records copied, {moved.accounts} accounts of alerting's memory moved.",
        f"Now set kafka.topic_prefix = {new.topic_prefix!r} and kafka.partitions = {new.partitions} for every process.",
        "Turn the producers over, run this once more for what they sent meanwhile, and start the worker and alerting.",
        "Delete portfolio.file, if there is one: it is derived again. Keep the old topics until all is well.",
    )
