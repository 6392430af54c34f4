"""Which accounts are kept as objects, and which as the bytes that the changelog has of them.

A state as objects takes some ten times the memory of its bytes, and most accounts of a large installation do not move
within an hour. So a partition keeps the accounts that were saved last hot, up to a number, and the others cold.

Invariant: nothing here changes what a state is. Making one hot costs its decoding, making one cold its encoding.
"""

import asyncio
from itertools import islice
from typing import Final

from stream.engine.partition import Partition, S
from stream.engine.work import Work

COOL_SLICE: Final = 500


def adopt(work: Work[S], partition: Partition[S], account_id: str, value: bytes, hot_max: int) -> None:
    """Take up a state that comes back from the changelog, with what it says of itself.

    Args:
        work: decodes it.
        partition: where it belongs.
        account_id: whose.
        value: the state, encoded.
        hot_max: from that many hot accounts on it stays cold.
    """
    state = work.decode(value)
    watermark_ms = work.watermark_ms(state)
    if watermark_ms is not None and watermark_ms > (partition.watermark_ms or 0):
        partition.watermark_ms = watermark_ms
    if work.unjudged(state):
        partition.restless.append((account_id, None))
    if len(partition.states) < hot_max:
        partition.cold.pop(account_id, None)
        partition.states[account_id] = state
    else:
        partition.cold[account_id] = value


def saved(partition: Partition[S], account_id: str, state: S, hot_max: int) -> None:
    """An account is being saved: it is the last to become cold. Done only where some may have to."""
    if len(partition.states) > hot_max // 2:
        del partition.states[account_id]
        partition.states[account_id] = state


async def cool(work: Work[S], partition: Partition[S], hot_max: int) -> None:
    """Make the longest unsaved accounts cold, as many as are hot beyond the bound, in slices that leave the loop free.

    Nothing may be folded meanwhile, and no account may be dirty: a dirty one has to stay hot.
    """
    beyond = len(partition.states) - hot_max
    for count, key in enumerate(list(islice(partition.states, max(0, beyond))), 1):
        partition.cold[key] = work.encode(partition.states.pop(key))
        if count % COOL_SLICE == 0:
            await asyncio.sleep(0)
