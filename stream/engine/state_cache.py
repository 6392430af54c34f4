"""Which states are kept as objects (hot), which as the bytes that the changelog has of them, and which on disk alone.

A state as objects takes some ten times the memory of its bytes, and most accounts of a large installation do not change
within an hour. So a partition keeps the states that were saved last hot, up to a number, and the others cold. Where
there is a state store, memory has no more of a cold state than its location there.

Invariant: nothing here changes what a state is, and a location stands for a state only after the store has it. What the
store does not have yet, or never will, because it was disabled or the state fits no record, stays in memory.
"""

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from stream.engine.partition import Partition
from stream.engine.store_files import is_before

EVICT_SLICE: Final = 500


def restore(partition: Partition[Any], key: str, hot_max: int) -> None:
    """Take over a cold state that came back from the changelog, with what it says of itself.

    Args:
        partition: where it is.
        key: whose.
        hot_max: from that many hot states on it stays cold.
    """
    try:
        state = partition.peek(key)
    except Exception as error:
        partition.quarantine(key, "decode", error)
        return
    if state is None:
        return
    partition.on_restored(key, state)
    if len(partition.states) < hot_max:
        partition.promote(key, state)


def touch(partition: Partition[Any], key: str, state: Any, hot_max: int) -> None:
    """A state is being saved: it is the last to be evicted, which matters only where some may have to be.

    What the state store has of it is older.
    """
    partition.saved_at.pop(key, None)
    if len(partition.states) > hot_max // 2:
        del partition.states[key]
        partition.states[key] = state


async def evict(partition: Partition[Any], hot_max: int, encoded: Mapping[str, bytes | None] | None = None) -> None:
    """Make the longest unsaved states cold, as many as are hot beyond the bound, in slices that leave the loop free.

    Nothing may be folded meanwhile, and no state may be dirty: a dirty one has to stay hot.

    Args:
        partition: where they are.
        hot_max: how many may stay hot.
        encoded: states that were encoded just now.
    """
    beyond = len(partition.states) - hot_max
    for count, key in enumerate(list(islice(partition.states, max(0, beyond))), 1):
        if key in partition.dirty:  # it could not be encoded
            continue
        state = partition.states.pop(key)
        location = partition.saved_at.pop(key, None)
        if location is None:
            value = encoded.get(key) if encoded is not None else None
            partition.cold[key] = partition.encode(state) if value is None else value
        else:
            partition.cold[key] = location
        if count % EVICT_SLICE == 0:
            await asyncio.sleep(0)


def on_persisted(partition: Partition[Any], states: Mapping[str, bytes | None], locations: Mapping[str, int]) -> None:
    """The state store has what a checkpoint saved: memory needs only the locations.

    Args:
        partition: whose checkpoint it was.
        states: what it saved.
        locations: of these states.
    """
    hot, cold, saved_at = partition.states, partition.cold, partition.saved_at
    for key, location in locations.items():
        if key in hot:
            saved_at[key] = location  # it may be dirty again: the next checkpoint forgets the location then
        elif cold.get(key) is states[key]:
            cold[key] = location


def on_compacted(partition: Partition[Any], locations: Mapping[str, int], number: int) -> None:
    """The state store was compacted: what lay in older files lies elsewhere.

    Args:
        partition: whose store it is.
        locations: in the new snapshot.
        number: the snapshot's.
    """
    cold, saved_at = partition.cold, partition.saved_at
    for key, location in locations.items():
        before = cold.get(key)
        if before is None:
            before = saved_at.get(key)
            if before is not None and is_before(before, number):
                saved_at[key] = location
        elif isinstance(before, int) and is_before(before, number):
            cold[key] = location
