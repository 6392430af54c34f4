"""Which accounts are kept as objects, which as the bytes that the changelog has of them, and which on the disk alone.

A state as objects takes some ten times the memory of its bytes, and most accounts of a large installation do not move
within an hour. So a partition keeps the accounts that were saved last hot, up to a number, and the others cold. Where
there is a local copy, memory has no more of a cold account than its place there.

Invariant: nothing here changes what a state is, and a place stands for a state only after the copy has it. What it does
not have yet, or never will, because it was given up or the state fits no record, stays in memory.
"""

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import Final

from stream.engine.copy_files import is_before
from stream.engine.partition import Partition, S
from stream.engine.work import Work

COOL_SLICE: Final = 500


def adopt(work: Work[S], partition: Partition[S], account_id: str, hot_max: int) -> None:
    """Take up a cold state that came back from the changelog, with what it says of itself.

    Args:
        work: asked about it.
        partition: where it is.
        account_id: whose.
        hot_max: from that many hot accounts on it stays cold.
    """
    state = partition.peek(account_id)
    if state is None:
        return
    watermark_ms = work.watermark_ms(state)
    if watermark_ms is not None and watermark_ms > (partition.watermark_ms or 0):
        partition.watermark_ms = watermark_ms
    if work.needs_evaluation(state):
        partition.pending.append((account_id, None))
    if len(partition.states) < hot_max:
        partition.warm(account_id, state)


def saved(partition: Partition[S], account_id: str, state: S, hot_max: int) -> None:
    """An account is being saved: it is the last to become cold, which matters only where some may have to.

    What the local copy has of it is older.
    """
    partition.kept.pop(account_id, None)
    if len(partition.states) > hot_max // 2:
        del partition.states[account_id]
        partition.states[account_id] = state


async def cool(
    work: Work[S], partition: Partition[S], hot_max: int, encoded: Mapping[str, bytes | None] | None = None
) -> None:
    """Make the longest unsaved accounts cold, as many as are hot beyond the bound, in slices that leave the loop free.

    Nothing may be folded meanwhile, and no account may be dirty: a dirty one has to stay hot.

    Args:
        work: encodes.
        partition: where they are.
        hot_max: how many may stay hot.
        encoded: states that were encoded just now.
    """
    beyond = len(partition.states) - hot_max
    for count, key in enumerate(list(islice(partition.states, max(0, beyond))), 1):
        state = partition.states.pop(key)
        place = partition.kept.pop(key, None)
        if place is None:
            value = encoded.get(key) if encoded is not None else None
            partition.cold[key] = work.encode(state) if value is None else value
        else:
            partition.cold[key] = place
        if count % COOL_SLICE == 0:
            await asyncio.sleep(0)


def settle(partition: Partition[S], states: Mapping[str, bytes | None], places: Mapping[str, int]) -> None:
    """The local copy has what a checkpoint saved: memory needs only the places.

    Args:
        partition: whose checkpoint it was.
        states: what it saved.
        places: of these states.
    """
    hot, cold, kept = partition.states, partition.cold, partition.kept
    for key, place in places.items():
        if key in hot:
            kept[key] = place  # it may be dirty again: the next checkpoint forgets the place then
        elif cold.get(key) is states[key]:
            cold[key] = place


def move(partition: Partition[S], places: Mapping[str, int], number: int) -> None:
    """The local copy was compacted: what lay in older files lies elsewhere.

    Args:
        partition: whose copy it is.
        places: in the new base.
        number: the base's.
    """
    cold, kept = partition.cold, partition.kept
    for key, place in places.items():
        before = cold.get(key)
        if before is None:
            before = kept.get(key)
            if before is not None and is_before(before, number):
                kept[key] = place
        elif isinstance(before, int) and is_before(before, number):
            cold[key] = place
