"""The local copies as the engine uses them: opened after the fence, recalled, kept in step, let go.

Invariant: it is written only after the checkpoint that it holds was committed, so it is never ahead. One that can't be
trusted at a start is left out, and the changelog is read, which has it all. One that can't be written any more is still
read from, and what comes then stays in memory. Only a state that can't be read back ends the process.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, cast

from stream.config.settings import Settings
from stream.engine.checkpoint import Snapshot
from stream.engine.contents import VERSION, Identity, Moment
from stream.engine.frames import TornFrameError
from stream.engine.local_copy import CopyInUseError, LocalCopy
from stream.engine.owned import Owned
from stream.engine.partition import S
from stream.engine.warmth import move, settle
from stream.worker.priority_queue import PriorityQueue

logger = logging.getLogger(__name__)

# How long another worker on this machine, which has just lost the partition, may take to let go of its copy.
LET_GO_SECONDS: Final = 3.0
# Kafka keeps a tombstone for a day (`delete.retention.ms`). A copy older than that might keep an account that is gone.
STALE_SECONDS: Final = 20 * 3600
# A write of more states than this leaves the event loop's thread.
INLINE_STATES_MAX: Final = 200
# One compaction at a time: after a start all copies want one, and the threads that save must not wait for them.
_COMPACTIONS: Final = ThreadPoolExecutor(1, "compaction")


async def recall(settings: Settings, owned: Owned[S], now_ms: int) -> None:
    """Fill the partition with the places of what its copy holds; `owned.recalled` says how far that reaches.

    Call it when the ids of the topics and the end of the changelog are known.
    """
    if settings.worker.store == "memory":
        return
    try:
        owned.copy = await _open(settings, owned)
        contents = await asyncio.to_thread(owned.copy.load)
    except CopyInUseError as error:
        logger.warning(
            "partition %d: another process holds the local copy in %s; going on without one", owned.number, error
        )
        return
    except OSError as error:
        give_up(owned, error)
        let_go(owned)
        return
    partition = owned.partition
    partition.read, partition.read_ahead = owned.copy.read, owned.copy.read_ahead
    if contents is None:
        return
    problem = unfit(contents.moment, owned.changelog_end, now_ms)
    if problem is not None:
        owned.copy.discard(problem)
        return
    partition.cold = cast(dict[str, bytes | int], contents.places)  # `load` leaves no account that is gone
    partition.watermark_ms = contents.moment.watermark_ms
    partition.pending = PriorityQueue((key, None) for key in contents.needs_evaluation)
    owned.recalled = contents.moment.position


async def _open(settings: Settings, owned: Owned[S]) -> LocalCopy:
    """The partition's copy, once nobody else holds it.

    Raises:
        CopyInUseError: somebody does, for longer than a rebalance would explain.
        OSError: its folder can't be used.
    """
    kafka, number = settings.kafka, owned.number
    changelog = kafka.topics.changelog
    identity = Identity(VERSION, changelog, owned.topic_ids.get(changelog), number, kafka.partitions)
    folder = Path(settings.worker.store) / kafka.app_id / f"{number:03}"
    deadline = time.monotonic() + LET_GO_SECONDS
    while True:
        try:
            return LocalCopy(folder, identity)
        except CopyInUseError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


def unfit(moment: Moment, end: int, now_ms: int) -> str | None:
    """Why a copy can't be caught up from the changelog; None: it can.

    Args:
        moment: how far the copy reaches.
        end: of the changelog.
        now_ms: epoch milliseconds.
    """
    if moment.position > end:
        return f"it reaches to offset {moment.position}, the changelog only to {end}: records that it holds were lost"
    # A checkpoint's marker follows its last record: an end beyond that is another checkpoint's.
    age_seconds = (now_ms - moment.saved_ms) / 1000
    if end > moment.position + 1 and age_seconds > STALE_SECONDS:
        return (
            f"it is {age_seconds / 3600:.0f} hours old, and the changelog has grown since: an account that was deleted "
            "meanwhile may be forgotten there already"
        )
    return None


async def keep_part(owned: Owned[S], states: Mapping[str, bytes | None]) -> dict[str, int]:
    """Add what was read beyond the copy, which does not reach further by it: it may not be all up to anywhere.

    Returns:
        the places of the states; of none where there is no copy, or it was given up.
    """
    copy = owned.copy
    if copy is None or copy.failed:
        return {}
    try:
        return await asyncio.to_thread(copy.save, copy.moment, states, [])
    except OSError as error:
        give_up(owned, error)
        return {}


async def keep_recovered(owned: Owned[S], now_ms: int) -> None:
    """The copy has all parts of what was recovered: it reaches to the changelog's end from now on.

    Args:
        owned: the partition, whose states are recovered.
        now_ms: epoch milliseconds.
    """
    copy = owned.copy
    if copy is None or copy.failed or owned.changelog_end == owned.recalled:
        return
    partition = owned.partition
    moment = Moment(owned.changelog_end, now_ms, partition.watermark_ms)
    try:
        await asyncio.to_thread(copy.save, moment, {}, [key for key, _ in partition.pending])
    except OSError as error:
        give_up(owned, error)


async def keep(owned: Owned[S], snapshot: Snapshot, now_ms: int) -> None:
    """Add a checkpoint that was just committed, and have the copy compacted when it is time."""
    copy = owned.copy
    if copy is None or copy.failed or not snapshot.states:
        return
    states, needs_evaluation = snapshot.states, snapshot.needs_evaluation
    moment = Moment(owned.changelog_saved, now_ms, snapshot.watermark_ms)
    try:
        if len(states) <= INLINE_STATES_MAX:
            places = copy.save(moment, states, needs_evaluation)
        else:
            places = await asyncio.to_thread(copy.save, moment, states, needs_evaluation)
        settle(owned.partition, states, places)
        if copy.wants_compaction and owned.compaction is None:
            owned.compaction = asyncio.create_task(_compact(owned, copy, copy.rotate()))
    except OSError as error:
        give_up(owned, error)


async def _compact(owned: Owned[S], copy: LocalCopy, number: int) -> None:
    try:
        if await asyncio.get_running_loop().run_in_executor(_COMPACTIONS, copy.compact, number):
            for places in copy.new_places(number):
                move(owned.partition, places, number)
                await asyncio.sleep(0)
            copy.forget_before(number)
    except (OSError, TornFrameError) as error:  # what there was is still there, and is tried again with the next one
        logger.warning("partition %d: its local copy could not be compacted: %s", owned.number, error)
    finally:
        owned.compaction = None


def give_up(owned: Owned[S], error: OSError) -> None:
    """Write no more to the copy. What it holds is right and is still read; the next start catches it up."""
    logger.error(
        "partition %d: its local copy can't be used, going on without it: %s; what changes from now on stays in memory "
        "until the worker is restarted. Check the disk behind worker.store",
        owned.number,
        error,
    )
    if owned.copy is not None:
        owned.copy.failed = True


def let_go(owned: Owned[S]) -> None:
    """Close the copy, so that another process may take it; nothing may be asked of the partition any more."""
    if owned.copy is not None:
        owned.copy.close()
        owned.copy = None
