"""When a partition is checkpointed, and for how long it may evaluate then.

Invariant: it decides only how much is folded again after a crash, and how old a report is; what a checkpoint holds is
the same at any pace. docs/engine.md has the rules in words.
"""

import asyncio
import contextlib
import time
from collections.abc import Collection
from typing import Final, Generic

from stream.config.settings import Settings
from stream.engine.owned import Owned
from stream.engine.partition import Partition, S

# A checkpoint is taken early when this many accounts wait in one partition: it bounds one transaction's size.
EARLY_DIRTY: Final = 20_000
# The same in a backlog, as far as so many accounts may be hot: whoever moves again until then is saved once.
BACKLOG_DIRTY: Final = 50_000
# What snapshots may take of the time while accounts wait to be evaluated, all partitions together: what folding leaves
# of it, less a reserve for fetching and for transactions, but half of it even where folding wants more.
RESERVE_RATIO: Final = 0.1
EVALUATION_RATIO_MIN: Final = 0.5
# How long one checkpoint may evaluate while its partition waits; and where nothing is folded, as after a backlog
# and in the scan of a quiet hour.
EVALUATION_SECONDS_MAX: Final = 0.1
IDLE_EVALUATION_SECONDS_MAX: Final = 0.2
# While a backlog is folded nothing is published, so checkpoints only bound what a crash repeats: they come when saving
# what is dirty would take a tenth of the time since the last one, within these bounds of intervals.
CATCHING_UP_TIMES: Final = 5
CATCHING_UP_TIMES_MAX: Final = 30
SAVING_RATIO: Final = 0.1
# Processor time of one state into the changelog and the local copy, encoding included.
SAVING_SECONDS: Final = 0.00003
# What snapshots may take of the time where nobody waits to be evaluated; where they would take more, they are rarer.
ENCODING_RATIO: Final = 0.5
RARER_TIMES_MAX: Final = 3
# Processor time of one transaction, as measured with a trickle of events, and what all of them may take of the time.
TRANSACTION_SECONDS: Final = 0.0015
TRANSACTIONS_RATIO: Final = 0.05
# A trickle of events is told this much sooner than the interval says.
SOONER_TIMES_MAX: Final = 5


class Pace(Generic[S]):
    """The pace of the checkpoints of one worker.

    Args:
        settings: the worker's.
        held: the partitions in this worker's hands.
    """

    def __init__(self, settings: Settings, held: Collection[Owned[S]]) -> None:
        self._settings = settings
        self._held = held

    @property
    def hot_max(self) -> int:
        """How many accounts of each partition may be hot."""
        return max(1, self._settings.worker.hot_accounts_max // max(1, len(self._held)))

    def is_full(self, partition: Partition[S]) -> bool:
        """Whether so much of the partition is dirty that its checkpoint should not wait for its time."""
        most = max(EARLY_DIRTY, min(BACKLOG_DIRTY, self.hot_max)) if partition.catching_up else EARLY_DIRTY
        return len(partition.dirty) >= most

    def evaluation_seconds(self, owned: Owned[S], now: float) -> float:
        """A snapshot begins: how long it may evaluate, which is the partition's part of the time since it last did.

        Args:
            owned: whose snapshot; when it began, and what folding took since the last one, is noted there.
            now: monotonic seconds.
        """
        elapsed, owned.evaluation_started_at = now - owned.evaluation_started_at, now
        folding_seconds = sum(each.folding_seconds for each in self._held)
        owned.folding_ratio = (folding_seconds - owned.folding_seconds_then) / max(elapsed, 1e-9)
        owned.folding_seconds_then = folding_seconds
        longest = IDLE_EVALUATION_SECONDS_MAX if owned.folding_ratio <= 0 else EVALUATION_SECONDS_MAX
        return min(longest, self._evaluation_ratio(owned) * elapsed / len(self._held))

    @property
    def drain_evaluation_seconds(self) -> float:
        """How long one snapshot may evaluate in a drain, where nothing else needs the time."""
        return min(EVALUATION_SECONDS_MAX, self.drain_seconds / 8 / len(self._held))

    @property
    def drain_seconds(self) -> float:
        """How long the last checkpoints may take, so that the group does not give up on this worker."""
        return self._settings.worker.rebalance_timeout_seconds / 2

    def _evaluation_ratio(self, owned: Owned[S]) -> float:
        """What snapshots may take of the time while accounts wait to be evaluated."""
        return max(EVALUATION_RATIO_MIN, 1 - max(0.0, owned.folding_ratio) - RESERVE_RATIO)

    def pause_seconds(self, owned: Owned[S]) -> float:
        """How long from the end of the partition's last snapshot to the next."""
        interval = self._settings.worker.checkpoint_interval_seconds
        partition, count = owned.partition, len(self._held)
        if partition.catching_up:
            worth = len(partition.dirty) * SAVING_SECONDS * count / SAVING_RATIO
            return min(max(CATCHING_UP_TIMES * interval, worth), CATCHING_UP_TIMES_MAX * interval)
        waits = bool(partition.pending or partition.scheduled)
        ratio = self._evaluation_ratio(owned) if waits else ENCODING_RATIO
        wanted = owned.taking_seconds * (count / ratio - 1)
        wanted = max(wanted, TRANSACTION_SECONDS * count / TRANSACTIONS_RATIO)
        longest = interval if waits else RARER_TIMES_MAX * interval
        return min(max(interval / SOONER_TIMES_MAX, wanted), longest)

    async def pause(self, owned: Owned[S]) -> None:
        """Wait until the next checkpoint; in a backlog the pause depends on what comes meanwhile."""
        while (rest := owned.taken_at + self.pause_seconds(owned) - time.monotonic()) > 0:
            if owned.partition.catching_up:
                rest = min(rest, CATCHING_UP_TIMES * self._settings.worker.checkpoint_interval_seconds)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await owned.early.wait()
                    return
