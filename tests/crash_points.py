"""Named instants at which a test's worker kills itself, as a power cut would: no handler runs, nothing is flushed.

Only `tests.tally` reads the environment variable CRASH_AT ("committing:3": at the third time); the product knows of
none of this.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka.cluster import ClusterMetadata

from stream.engine import fence, partition_manager, state_store
from stream.engine.frames import FrameFile
from stream.engine.partition_manager import PartitionManager
from stream.engine.partition_store import PartitionStore
from stream.engine.recovery import ChangelogReplay
from stream.engine.store_compaction import SnapshotWriter
from stream.engine.store_files import Kind, StoreFiles
from stream.engine.transport import ConsumerThread

# Before, within and after the transaction of a checkpoint.
TRANSACTION = ("before", "written", "offsets", "committing", "committed")
# While the last checkpoints run, and while states come back.
OTHERS = ("drain", "recovery")
# Before and within what is written to the state store, and before and after a snapshot takes the old files' place.
STORE = ("append", "torn", "compacting", "compacted")


class CrashPoint:
    """Counts how often its instant has come, and ends the process when it is time."""

    def __init__(self, name: str, times: int) -> None:
        assert name in (*TRANSACTION, *OTHERS, *STORE), name
        self.name = name
        self._left = times

    def reached(self, name: str) -> None:
        """The process is at this instant."""
        if name != self.name:
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def is_next(self) -> bool:
        """Whether the process ends at the instant's next time."""
        return self._left == 1

    def wrap(self, producer: Any) -> Any:
        """Watch a producer's transactions."""
        begin, add_offsets, commit = (
            producer.begin_transaction,
            producer.send_offsets_to_transaction,
            producer.commit_transaction,
        )

        async def begin_transaction() -> None:
            self.reached("before")
            await begin()

        async def send_offsets_to_transaction(*arguments: Any) -> None:
            self.reached("written")
            await add_offsets(*arguments)
            self.reached("offsets")

        async def commit_transaction() -> None:
            committing = asyncio.ensure_future(commit())
            if self.name == "committing":  # the request is on its way, the answer is not here
                await asyncio.wait([committing], timeout=0.002)
                self.reached("committing")
            await committing
            self.reached("committed")

        producer.begin_transaction = begin_transaction
        producer.send_offsets_to_transaction = send_offsets_to_transaction
        producer.commit_transaction = commit_transaction
        return producer


def install(crash_at: str) -> None:
    """Let this process end itself at the instant named "name:times"."""
    name, _, times = crash_at.partition(":")
    point = CrashPoint(name, int(times or 1))
    if name in STORE:
        _install_in_store(point)
    fenced_producer: Callable[..., Awaitable[Any]] = fence.fenced_producer
    checkpoint, drain, finish = PartitionManager.checkpoint, PartitionManager.drain, ChangelogReplay.finish

    async def wrapped_producer(*arguments: Any) -> Any:
        return point.wrap(await fenced_producer(*arguments))

    async def wrapped_drain(self: Any) -> None:
        async def draining(number: int) -> None:
            await checkpoint(self, number)
            point.reached("drain")

        self.checkpoint = draining
        await drain(self)
        del self.checkpoint

    async def wrapped_finish(*arguments: Any) -> None:
        await finish(*arguments)
        point.reached("recovery")

    partition_manager.fenced_producer = wrapped_producer  # type: ignore[assignment,attr-defined]
    PartitionManager.drain = wrapped_drain  # type: ignore[method-assign]
    ChangelogReplay.finish = wrapped_finish  # type: ignore[assignment,method-assign]


def hide_topics(until: str) -> None:
    """Let this process's metadata lack all topics, as a leader's that joins while the broker starts.

    Args:
        until: "refresh": until the worker refreshes it; "never": for good.
    """
    partitions_of, refresh = ClusterMetadata.partitions_for_topic, ConsumerThread.refresh_metadata
    hidden = True

    def partitions_for_topic(self: ClusterMetadata, topic: str) -> set[int] | None:
        return None if hidden else partitions_of(self, topic)

    async def refresh_metadata(self: ConsumerThread) -> None:
        nonlocal hidden
        hidden = until == "never"
        await refresh(self)

    ClusterMetadata.partitions_for_topic = partitions_for_topic
    ConsumerThread.refresh_metadata = refresh_metadata  # type: ignore[method-assign]


def _install_in_store(point: CrashPoint) -> None:
    """The instants around the state store, whose segments are compacted early for it."""
    append, write = PartitionStore.append, FrameFile._write
    finish, delete = SnapshotWriter.finish, StoreFiles.delete

    async def wrapped_append(*arguments: Any) -> None:
        point.reached("append")
        await append(*arguments)

    def torn_write(self: FrameFile, data: bytes) -> None:
        if point.name == "torn" and "segment" in self.path.name and len(data) > 100:
            if point.is_next():
                write(self, data[: len(data) // 2])
            point.reached("torn")
        write(self, data)

    def wrapped_finish(self: SnapshotWriter) -> None:
        point.reached("compacting")
        finish(self)

    def wrapped_delete(self: StoreFiles, kind: Kind, number: int) -> None:
        point.reached("compacted")
        delete(self, kind, number)

    PartitionStore.append = wrapped_append  # type: ignore[assignment,method-assign]
    FrameFile._write = torn_write  # type: ignore[method-assign]
    SnapshotWriter.finish = wrapped_finish  # type: ignore[method-assign]
    StoreFiles.delete = wrapped_delete  # type: ignore[method-assign]
    state_store.SEGMENT_BYTES_MIN = 2_000  # type: ignore[misc]
