"""One partition group in this worker's hands: its hot state, the producer that may commit it, what is committed.

Life: fenced (the producer is started) -> ready (states recovered, chunks are folded) ->
released (the producer is stopped; the state is dropped, whoever comes next recovers it).
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

from aiokafka import TopicPartition

from stream.engine.local_copy import LocalCopy
from stream.engine.partition import Partition, S


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True, eq=False)
class Owned(Generic[S]):
    """What the worker holds of one partition group.

    Attributes:
        partition: the hot state.
        producer: the fenced transactional producer.
        changelog_end: the changelog's end offset as of the last assignment: recovery reads up to here.
        topic_ids: the ids of the topics that the partition's checkpoints stand on.
        changelog_saved: the changelog's end, at least, after the last checkpoint.
        committed: the next offsets of the last checkpoint, per input topic.
        ready: the states are recovered.
        lock: held by the checkpoint that runs.
        foldable: set but for the time in which a snapshot is taken.
        early: set when the next checkpoint should not wait for its time.
        evaluation_started_at: when the last checkpoint began to evaluate, monotonic seconds.
        taken_at: when the last snapshot ended, monotonic seconds.
        taking_seconds: how long it took, evaluation and encoding.
        folding_seconds: how long chunks have been folded into it, all in all.
        folding_seconds_then: the same of all partitions of the worker, at the last checkpoint of this one.
        folding_ratio: how much of the time between that and the one before folding took, in all partitions.
        pace: the task that takes checkpoints.
        backlog: where each input topic ended when the partition was taken over; None until that is known.
        copy: the partition's copy on the local disk; None: there is none, or it failed.
        recalled: the changelog's offset up to which that copy had it when the partition was taken over.
        compaction: the thread that compacts the copy.
    """

    partition: Partition[S]
    producer: Any
    changelog_end: int = 0
    topic_ids: dict[str, str] = field(default_factory=dict)
    changelog_saved: int = 0
    committed: dict[str, int] = field(default_factory=dict)
    ready: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    foldable: asyncio.Event = field(default_factory=_set_event)
    early: asyncio.Event = field(default_factory=asyncio.Event)
    evaluation_started_at: float = field(default_factory=time.monotonic)
    taken_at: float = field(default_factory=time.monotonic)
    taking_seconds: float = 0.0
    folding_seconds: float = 0.0
    folding_seconds_then: float = 0.0
    folding_ratio: float = 0.0
    pace: "asyncio.Task[None] | None" = None
    backlog: dict[str, int] | None = None
    copy: LocalCopy | None = None
    recalled: int = 0
    compaction: "asyncio.Task[None] | None" = None

    @property
    def number(self) -> int:
        """The partition number."""
        return self.partition.number

    def observe_ends(self, ends: Mapping[TopicPartition, int]) -> None:
        """Note where the inputs end, the first time that all of them are known.

        An end may lie behind the last record, where a transaction left its marker. A later look finds out, when the
        consumer has passed it: it then takes the last record's end for the end.
        """
        partition = self.partition
        if not partition.catching_up:
            return
        if self.backlog is None:
            found = {topic: ends.get(TopicPartition(topic, self.number)) for topic in partition.next_offsets}
            known = {topic: end for topic, end in found.items() if end is not None}
            self.backlog = known if len(known) == len(found) else None
        for topic in self.backlog or ():
            end = ends.get(TopicPartition(topic, self.number))
            if self.backlog is not None and end is not None:
                self.backlog[topic] = min(self.backlog[topic], end)
        self.look_at_backlog()

    def look_at_backlog(self) -> None:
        """Find out whether what waited at first is folded by now."""
        partition = self.partition
        if partition.catching_up and self.backlog is not None:
            partition.catching_up = any(partition.next_offsets[topic] < end for topic, end in self.backlog.items())
            if not partition.catching_up:
                self.early.set()  # the first evaluations need not wait
