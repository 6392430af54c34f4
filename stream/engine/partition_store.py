"""The state store of one assigned partition: opened after the fence, loaded, kept in step, released.

Invariant: it is written only after the checkpoint that it holds was committed, so it is never ahead. One that can't be
trusted at a start is left out, and the changelog is read, which has it all. One that can't be written any more is still
read from, and what comes then stays in memory. Only a state that can't be read back ends the process.
"""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, cast

from stream.config.logs import get_logger
from stream.config.settings import Settings
from stream.engine.checkpoint import Checkpoint
from stream.engine.frames import TornFrameError
from stream.engine.partition import Partition
from stream.engine.state_cache import on_compacted, on_persisted
from stream.engine.state_store import StateStore, StoreInUseError
from stream.engine.store_index import VERSION, StoreIdentity, StorePosition

log = get_logger(__name__)

# How long another worker on this machine, which has just lost the partition, may take to release its store.
RELEASE_SECONDS: Final = 3.0
# Kafka keeps a tombstone for a day (`delete.retention.ms`). A store older than that might keep a state that is gone.
STALE_SECONDS: Final = 20 * 3600
# A write of more states than this leaves the event loop's thread.
INLINE_STATES_MAX: Final = 200
# One compaction at a time: after a start all stores want one, and the threads that save must not wait for them.
_COMPACTIONS: Final = ThreadPoolExecutor(1, "compaction")


class PartitionStore:
    """The state store of one partition, if there is one.

    Args:
        partition: whose states it holds.

    Attributes:
        loaded_offset: the changelog's offset up to which the store had it when the partition was assigned; 0: nothing.
        compaction: the compaction that runs; None: none does.
    """

    def __init__(self, partition: Partition[Any]) -> None:
        self._partition = partition
        self._store: StateStore | None = None
        self._erase_soon = False  # what was erased is in the files until a compaction
        self.loaded_offset = 0
        self.compaction: asyncio.Task[None] | None = None

    @property
    def usable(self) -> bool:
        """Whether there is a store that is kept in step."""
        return self._store is not None and not self._store.failed

    async def open(self, settings: Settings, changelog_id: str | None, changelog_end: int, now_ms: int) -> None:
        """Fill the partition with the locations of what the store holds; `loaded_offset` says how far that reaches.

        Args:
            settings: say where stores are; memory: there are none.
            changelog_id: the id of the changelog topic; None: the broker has none.
            changelog_end: where the changelog partition ends.
            now_ms: epoch milliseconds.
        """
        if settings.worker.store == "memory":
            return
        try:
            store = self._store = await self._unlocked(settings, changelog_id)
            index = await asyncio.to_thread(store.load)
        except StoreInUseError as error:
            log.warning(
                "another process holds the state store; going on without one",
                partition=self._partition.number,
                folder=str(error),
            )
            return
        except OSError as error:
            self.disable(error)
            self.release()
            return
        partition = self._partition
        partition.read, partition.read_ahead = store.read, store.read_ahead
        if index is None:
            return
        problem = unfit(index.position, changelog_end, now_ms)
        if problem is not None:
            store.discard(problem)
            return
        partition.cold = cast(dict[str, bytes | int], index.locations)  # `load` leaves no state that is gone
        partition.watermark_ms = index.position.watermark_ms
        partition.restore_pending(index.pending)
        self.loaded_offset = index.position.offset

    async def _unlocked(self, settings: Settings, changelog_id: str | None) -> StateStore:
        """The partition's store, once no other process holds it.

        Raises:
            StoreInUseError: one does, for longer than a rebalance would explain.
            OSError: its folder can't be used.
        """
        kafka, partition = settings.kafka, self._partition
        identity = StoreIdentity(VERSION, kafka.topics.changelog, changelog_id, partition.number, partition.count)
        folder = Path(settings.worker.store) / kafka.installation / f"{partition.number:03}"
        deadline = time.monotonic() + RELEASE_SECONDS
        while True:
            try:
                return StateStore(folder, identity)
            except StoreInUseError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)

    async def append_replayed(self, states: Mapping[str, bytes | None]) -> dict[str, int]:
        """Add what was read beyond the store, whose position does not move by it: it may not be complete up to any.

        Returns:
            the locations of the states; of none where there is no store, or it was disabled.
        """
        store = self._store
        if store is None or store.failed:
            return {}
        try:
            return await asyncio.to_thread(store.save, store.position, states, [])
        except OSError as error:
            self.disable(error)
            return {}

    async def finish_replay(self, changelog_end: int, now_ms: int) -> None:
        """All that was replayed has been added: the store reaches to the changelog's end from now on.

        Args:
            changelog_end: where that is.
            now_ms: epoch milliseconds.
        """
        store = self._store
        if store is None or store.failed or changelog_end == self.loaded_offset:
            return
        position = StorePosition(changelog_end, now_ms, self._partition.watermark_ms)
        try:
            await asyncio.to_thread(store.save, position, {}, self._partition.pending_keys())
        except OSError as error:
            self.disable(error)

    async def append(self, checkpoint: Checkpoint, changelog_end: int, now_ms: int) -> None:
        """Add a checkpoint that was just committed, and have the store compacted when it is time.

        Args:
            checkpoint: what was committed.
            changelog_end: the changelog's end, at least, after it.
            now_ms: epoch milliseconds.
        """
        store, states = self._store, checkpoint.states
        if store is None or store.failed or not states:
            return
        position = StorePosition(changelog_end, now_ms, checkpoint.watermark_ms)
        try:
            if len(states) <= INLINE_STATES_MAX:
                locations = store.save(position, states, checkpoint.pending)
            else:
                locations = await asyncio.to_thread(store.save, position, states, checkpoint.pending)
            on_persisted(self._partition, states, locations)
            self._erase_soon = self._erase_soon or checkpoint.erases
            if (store.wants_compaction or self._erase_soon) and self.compaction is None:
                self._erase_soon = False
                self.compact()
        except OSError as error:
            self.disable(error)

    def compact(self) -> None:
        """Begin a compaction of all that the store has so far.

        Raises:
            OSError: the disk is full or broken.
        """
        if self._store is not None:
            self.compaction = asyncio.create_task(self._compact(self._store, self._store.rotate()))

    async def _compact(self, store: StateStore, number: int) -> None:
        try:
            if await asyncio.get_running_loop().run_in_executor(_COMPACTIONS, store.compact, number):
                for locations in store.new_locations(number):
                    on_compacted(self._partition, locations, number)
                    await asyncio.sleep(0)
                store.forget_before(number)
        except (OSError, TornFrameError) as error:  # what there was is still there, and is tried again with the next
            log.warning("the state store could not be compacted", partition=self._partition.number, error=str(error))
        finally:
            self.compaction = None

    def disable(self, error: OSError) -> None:
        """Write no more to the store. What it holds is right and is still read; the next start catches it up."""
        log.error(
            "the state store can't be used, going on without it; what changes from now on stays in memory until the "
            "worker is restarted. Check the disk behind worker.store",
            partition=self._partition.number,
            error=str(error),
        )
        if self._store is not None:
            self._store.failed = True

    def release(self) -> None:
        """Close the store, so that another process may take it; nothing may be asked of the partition any more."""
        if self._store is not None:
            self._store.close()
            self._store = None


def unfit(position: StorePosition, end: int, now_ms: int) -> str | None:
    """Why a store can't be caught up from the changelog; None: it can.

    Args:
        position: how far the store reaches.
        end: of the changelog.
        now_ms: epoch milliseconds.
    """
    if position.offset > end:
        return f"it reaches to offset {position.offset}, the changelog only to {end}: records that it holds were lost"
    # A checkpoint's marker follows its last record: an end beyond that is another checkpoint's.
    age_seconds = (now_ms - position.saved_ms) / 1000
    if end > position.offset + 1 and age_seconds > STALE_SECONDS:
        return (
            f"it is {age_seconds / 3600:.0f} hours old, and the changelog has grown since: a state that was deleted "
            "meanwhile may be compacted away there already"
        )
    return None
