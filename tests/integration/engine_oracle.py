"""What the engine should have made of the input topics, counted independently, and what it made of them.

The expectation is read back from the input topics with a plain consumer. So it knows nothing of the feed, and a
producer that repeats a record does not fool it.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiokafka
import msgspec
from aiokafka import TopicPartition

from stream.config.settings import Settings
from stream.engine.committed_offsets import committed_offsets
from tests.deadlines import HANG_SECONDS
from tests.tally import Tally, digest


@dataclass
class Outcome:
    """The result of a run, expected or actual.

    Attributes:
        states: account id to its tally, from the input topics or the last record per key of the changelog.
        reports: account id to its counts, likewise from the health topic.
        dead_letters: how often each refused record ("topic[partition]@offset") was dead-lettered.
    """

    states: dict[str, Tally] = field(default_factory=dict)
    reports: dict[str, dict[str, int]] = field(default_factory=dict)
    dead_letters: Counter[str] = field(default_factory=Counter)


async def read_all(settings: Settings, topic: str) -> list[Any]:
    """Every committed record of a topic, in order within each partition."""
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_partition_fetch_bytes=8 << 20,
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        tps = [TopicPartition(topic, number) for number in range(settings.kafka.partitions)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        records: list[Any] = []
        while [tp for tp in tps if await consumer.position(tp) < ends[tp]]:
            for chunk in (await consumer.getmany(timeout_ms=100)).values():
                records.extend(chunk)
        return records
    finally:
        await consumer.stop()


async def expected(settings: Settings) -> Outcome:
    """Fold the input topics by hand."""
    outcome = Outcome()
    for topic in settings.kafka.topics.inputs:
        for record in await read_all(settings, topic):
            value = record.value.strip()
            if value == b"noop":
                continue
            if not value.isdigit():
                outcome.dead_letters[f"{topic}[{record.partition}]@{record.offset}"] += 1
                continue
            tally = outcome.states.setdefault(record.key.decode(), Tally({}, {}))
            tally.counts[topic] = tally.counts.get(topic, 0) + 1
            tally.digests[topic] = digest(tally.digests.get(topic, 0), int(value))
    outcome.reports = {account_id: tally.counts for account_id, tally in outcome.states.items()}
    return outcome


async def actual(settings: Settings) -> Outcome:
    """What the worker's own topics say."""
    topics = settings.kafka.topics
    outcome = Outcome()
    for record in await read_all(settings, topics.changelog):
        outcome.states[record.key.decode()] = msgspec.msgpack.decode(record.value, type=Tally)
    for record in await read_all(settings, topics.health):
        outcome.reports[record.key.decode()] = msgspec.json.decode(record.value, type=dict[str, int])
    outcome.dead_letters = Counter(record.value.decode() for record in await read_all(settings, topics.dead_letters))
    return outcome


async def wait_until_folded(settings: Settings, seconds: float = 40.0) -> None:
    """Wait until the group's committed offsets are the ends of every input partition."""
    tps = [TopicPartition(t, n) for t in settings.kafka.topics.inputs for n in range(settings.kafka.partitions)]
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=settings.kafka.bootstrap_servers)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(tps)
    finally:
        await consumer.stop()
    seconds = max(seconds, HANG_SECONDS)
    deadline = time.monotonic() + seconds
    behind = dict(ends)
    while behind:
        committed = await committed_offsets(settings.kafka, tps)
        behind = {tp: (committed.get(tp), end) for tp, end in ends.items() if committed.get(tp, 0) != end}
        assert not behind or time.monotonic() < deadline, f"not folded within {seconds} s: {behind}"
        await asyncio.sleep(0.1)


async def assert_exact(settings: Settings, seconds: float = 40.0) -> None:
    """Everything that was fed is folded once: nothing lost, nothing doubled, nothing out of order."""
    await wait_until_folded(settings, seconds)
    should, is_ = await expected(settings), await actual(settings)
    deadline = time.monotonic() + HANG_SECONDS
    while is_ != should and time.monotonic() < deadline:  # the last evaluations may come a checkpoint later
        await asyncio.sleep(0.2)
        is_ = await actual(settings)
    assert should.states, "the feed was empty: nothing would be proven"
    wrong = {key: (should.states.get(key), is_.states.get(key)) for key in should.states | is_.states}
    wrong = {key: pair for key, pair in wrong.items() if pair[0] != pair[1]}
    assert not wrong, f"{len(wrong)} of {len(should.states)} accounts are wrong, such as {list(wrong.items())[:3]}"
    assert is_.reports == should.reports
    assert is_.dead_letters == should.dead_letters
