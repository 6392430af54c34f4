"""One partition group that is assigned to this worker: its partition, and the producer that may commit it.

Life: fenced (the producer is started) -> ready (states recovered, chunks are folded) ->
released (the producer is stopped; the state is dropped, whoever comes next recovers it).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import TopicPartition

from stream.config.logs import get_logger
from stream.engine.committed_offsets import CommittedOffsets
from stream.engine.partition import Partition
from stream.engine.partition_store import PartitionStore

log = get_logger(__name__)

STOP_SECONDS: Final = 5.0


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True, eq=False)
class PartitionAssignment:
    """What the worker has of one partition group.

    Attributes:
        partition: the states.
        producer: the fenced transactional producer.
        changelog_end: the changelog's end offset as of the last assignment: recovery reads up to here.
        committed: what its checkpoints have committed.
        store: its state store, if there is one.
        ready: the states are recovered.
        lock: held by the checkpoint that runs.
        ingest_allowed: set but for the time in which a checkpoint is taken, and while as much is dirty as the next may
            hold: where the broker takes long, the fold waits for it.
        checkpoint_requested: set when the next checkpoint should not wait for its time.
        checkpoints: the task that takes them; None: not ready.
        backlog: where each input topic ended when the partition was assigned; None until that is known.
    """

    partition: Partition[Any]
    producer: Any
    changelog_end: int = 0
    committed: CommittedOffsets = field(init=False)
    store: PartitionStore = field(init=False)
    ready: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ingest_allowed: asyncio.Event = field(default_factory=_set_event)
    checkpoint_requested: asyncio.Event = field(default_factory=asyncio.Event)
    checkpoints: "asyncio.Task[None] | None" = None
    backlog: dict[str, int] | None = None

    def __post_init__(self) -> None:
        self.committed = CommittedOffsets(self.partition.count)
        self.store = PartitionStore(self.partition)

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
        self.observe_progress()

    def observe_progress(self) -> None:
        """Find out whether what waited at first is folded by now."""
        partition = self.partition
        if partition.catching_up and self.backlog is not None:
            partition.catching_up = any(partition.next_offsets[topic] < end for topic, end in self.backlog.items())
            if not partition.catching_up:
                self.checkpoint_requested.set()  # the first evaluations need not wait

    async def release(self) -> None:
        """Stop its checkpoints and its producer, close its state store."""
        if self.checkpoints is not None:
            self.checkpoints.cancel()
            await asyncio.wait([self.checkpoints])
        self.ingest_allowed.set()  # whoever waits finds that the partition is gone
        self.store.release()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.producer.stop()
        except Exception as error:  # nothing was in flight: the next owner's fence ends it in any case
            log.warning("the producer did not stop cleanly", partition=self.number, error=repr(error))
