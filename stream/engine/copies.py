"""The local copies as the engine uses them: opened after the fence, recalled, kept in step, let go.

Invariant: a copy is a help and never a must. It is written only after the checkpoint that it holds was committed, so
it is never ahead; one that can't be read, written or trusted is left out, and the changelog is read, which has it all.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from stream.engine.checkpoint import Snapshot
from stream.engine.contents import VERSION, Contents, Identity, Saved
from stream.engine.frames import TornFrameError
from stream.engine.local_copy import CopyInUseError, LocalCopy
from stream.engine.owned import Owned
from stream.engine.partition import S
from stream.settings import Settings

logger = logging.getLogger(__name__)

# How long another worker on this machine, which has just lost the partition, may take to let go of its copy.
LET_GO_SECONDS: Final = 3.0
# Kafka keeps a tombstone for a day (`delete.retention.ms`). A copy older than that might keep an account that is gone.
STALE_SECONDS: Final = 20 * 3600
# A write of more states than this leaves the event loop's thread.
INLINE_STATES_MAX: Final = 200


async def recall(settings: Settings, owned: Owned[S], now_ms: int) -> None:
    """Fill the partition with what its copy holds, all of it cold; `owned.recalled` says how far that reaches.

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
        return
    if contents is None:
        return
    problem = unfit(contents, owned.changelog_end, now_ms)
    if problem is not None:
        owned.copy.discard(problem)
        return
    partition = owned.partition
    partition.cold = cast(dict[str, bytes], contents.states)  # `load` leaves no account that is gone
    partition.watermark_ms = contents.watermark_ms
    partition.restless = deque((key, None) for key in contents.unjudged)
    owned.recalled = contents.position


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


def unfit(contents: Contents, end: int, now_ms: int) -> str | None:
    """Why a copy can't be caught up from the changelog; None: it can.

    Args:
        contents: of the copy.
        end: of the changelog.
        now_ms: epoch milliseconds.
    """
    if contents.position > end:
        return f"it reaches to offset {contents.position}, the changelog only to {end}: records that it holds were lost"
    # A checkpoint's marker follows its last record: an end beyond that is another checkpoint's.
    age_seconds = (now_ms - contents.saved_ms) / 1000
    if end > contents.position + 1 and age_seconds > STALE_SECONDS:
        return (
            f"it is {age_seconds / 3600:.0f} hours old, and the changelog has grown since: an account that was deleted "
            "meanwhile may be forgotten there already"
        )
    return None


async def keep_recovered(owned: Owned[S], latest: Mapping[str, bytes | None], now_ms: int) -> None:
    """Bring the copy to the changelog's end with what was read of it, in a thread of its own.

    Args:
        owned: the partition, whose states are recovered.
        latest: what was read beyond `recalled`: the last value per account.
        now_ms: epoch milliseconds.
    """
    if owned.copy is None or owned.changelog_end == owned.recalled:
        return
    partition = owned.partition
    unjudged = dict.fromkeys(key for key, _ in partition.restless)
    found = Contents(owned.changelog_end, now_ms, partition.watermark_ms, dict(latest), unjudged)
    try:
        if owned.recalled == 0:
            found.states = {key: value for key, value in found.states.items() if value is not None}
            await asyncio.to_thread(owned.copy.replace, found)
        else:
            await asyncio.to_thread(_append, owned.copy, found, owned.recalled)
    except OSError as error:
        give_up(owned, error)


def _append(copy: LocalCopy, found: Contents, recalled: int) -> None:
    """In frames, of which only the last moves the position: what the others hold, the changelog says again."""
    for part in found.parts():
        part.position = recalled
        copy.save(part)
    copy.save(Saved(found.position, found.saved_ms, found.watermark_ms, {}, []))


async def keep(owned: Owned[S], snapshot: Snapshot, now_ms: int) -> None:
    """Add a checkpoint that was just committed, and have the copy compacted when it is time."""
    copy = owned.copy
    if copy is None or not snapshot.states:
        return
    saved = Saved(owned.changelog_saved, now_ms, snapshot.watermark_ms, snapshot.states, snapshot.unjudged)
    try:
        if len(saved.states) <= INLINE_STATES_MAX:
            copy.save(saved)
        else:
            await asyncio.to_thread(copy.save, saved)
        if copy.wants_compaction and owned.compaction is None:
            owned.compaction = asyncio.create_task(_compact(owned, copy, copy.rotate()))
    except OSError as error:
        give_up(owned, error)


async def _compact(owned: Owned[S], copy: LocalCopy, number: int) -> None:
    try:
        await asyncio.to_thread(copy.compact, number)
    except (OSError, TornFrameError) as error:  # what there was is still there, and is tried again with the next one
        logger.warning("partition %d: its local copy could not be compacted: %s", owned.number, error)
    finally:
        owned.compaction = None


def give_up(owned: Owned[S], error: OSError) -> None:
    """Go on without the copy. It stays where it is: what it holds is right, and the next start catches it up."""
    logger.error(
        "partition %d: its local copy can't be used, going on without it: %s; check the disk behind worker.store",
        owned.number,
        error,
    )
    let_go(owned)


def let_go(owned: Owned[S]) -> None:
    """Close the copy, so that another process may take it."""
    if owned.copy is not None:
        owned.copy.close()
        owned.copy = None
