"""When a partition is checkpointed, and for how long it may evaluate then.

Invariant: it decides only how much is folded again after a crash, and how old a report is; what a checkpoint holds is
the same whatever it decides. docs/engine.md has the rules in words.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from stream.config.settings import Settings
from stream.engine.partition import Partition

# A checkpoint is requested early when this many keys are dirty in one partition, which bounds one transaction's size,
# and when as many are as may be hot: what is dirty stays in memory, however few may be.
EARLY_DIRTY: Final = 20_000
# The same in a backlog: what changes again until then is saved once.
BACKLOG_DIRTY: Final = 50_000
# With fewer each transaction would cost more than what it holds.
EARLY_DIRTY_MIN: Final = 1_000
# So many until a transaction has shown what the brokers take: no time-out of a transaction is near with them.
EARLY_DIRTY_FIRST: Final = 2_000
# What a transaction may take: with a slow broker, or large states, it holds less. A third of the time in which the
# broker, and the worker itself, would give it up; after that a restart would find the same again.
TRANSACTION_SECONDS_MAX: Final = 10.0
# What snapshots may take of the time while accounts wait to be evaluated, all partitions together: what folding leaves
# of it, less a reserve for fetching and for transactions, but half of it even where folding wants more.
RESERVE_RATIO: Final = 0.1
EVALUATION_RATIO_MIN: Final = 0.5
# How long one checkpoint may evaluate while its partition waits; and where nothing is folded, as after a backlog and in
# the scan of a quiet hour.
EVALUATION_SECONDS_MAX: Final = 0.1
IDLE_EVALUATION_SECONDS_MAX: Final = 0.2
# While a backlog is folded nothing is published, so checkpoints only bound what a crash repeats: they come when saving
# what is dirty would take a tenth of the time since the last one, within these bounds of intervals.
CATCHING_UP_TIMES: Final = 5
CATCHING_UP_TIMES_MAX: Final = 30
SAVING_RATIO: Final = 0.1
# Processor time of one state into the changelog and the state store, encoding included.
SAVING_SECONDS: Final = 0.00003
# What snapshots may take of the time where no account waits; where they would take more, they are rarer.
ENCODING_RATIO: Final = 0.5
RARER_TIMES_MAX: Final = 3
# Processor time of one transaction, as measured with a trickle of events, and what all of them may take of the time.
TRANSACTION_SECONDS: Final = 0.0015
TRANSACTIONS_RATIO: Final = 0.05
# A trickle of events is published this much sooner than the interval says.
SOONER_TIMES_MAX: Final = 5


@dataclass(slots=True)
class CheckpointTimes:
    """When one partition was checkpointed, and what that took.

    Attributes:
        evaluation_started_at: when the last checkpoint began to evaluate, monotonic seconds.
        snapshot_ended_at: when the last snapshot ended, monotonic seconds.
        snapshot_seconds: how long it took, evaluation and encoding, without what was folded meanwhile.
        fold_seconds_before: the worker's fold seconds at the last checkpoint.
        fold_ratio: how much of the time between that and the one before folding took, in all partitions.
        states_max: how many states the partition's next transaction may hold.
    """

    evaluation_started_at: float = field(default_factory=time.monotonic)
    snapshot_ended_at: float = field(default_factory=time.monotonic)
    snapshot_seconds: float = 0.0
    fold_seconds_before: float = 0.0
    fold_ratio: float = 0.0
    states_max: int = EARLY_DIRTY_FIRST


class CheckpointScheduler:
    """The times of all checkpoints of one worker.

    Args:
        settings: the worker's.

    Attributes:
        fold_seconds: how long chunks have been folded, all partitions together since the start; the fold adds to it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._times: dict[int, CheckpointTimes] = {}
        self.fold_seconds = 0.0

    def add(self, number: int) -> None:
        """A partition was assigned."""
        self._times[number] = CheckpointTimes(fold_seconds_before=self.fold_seconds)

    def remove(self, number: int) -> None:
        """A partition was released."""
        self._times.pop(number, None)

    def times(self, number: int) -> CheckpointTimes:
        """Those of a partition that was added."""
        return self._times[number]

    @property
    def hot_max(self) -> int:
        """How many accounts of each partition may be hot."""
        return max(1, self._settings.worker.hot_accounts_max // max(1, len(self._times)))

    def is_full(self, partition: Partition[Any]) -> bool:
        """Whether so much of the partition is dirty that nothing more is folded into it before its next snapshot."""
        most = BACKLOG_DIRTY if partition.catching_up else EARLY_DIRTY
        most = min(most, self.hot_max, self._times[partition.number].states_max)
        return len(partition.dirty) >= max(EARLY_DIRTY_MIN, most)

    def begin_snapshot(self, number: int, now: float) -> float:
        """A snapshot begins: how long it may evaluate, which is the partition's share of the time since it last did.

        Args:
            number: the partition.
            now: monotonic seconds.
        """
        times = self._times[number]
        elapsed, times.evaluation_started_at = now - times.evaluation_started_at, now
        times.fold_ratio = (self.fold_seconds - times.fold_seconds_before) / max(elapsed, 1e-9)
        times.fold_seconds_before = self.fold_seconds
        longest = IDLE_EVALUATION_SECONDS_MAX if times.fold_ratio <= 0 else EVALUATION_SECONDS_MAX
        return min(longest, self._evaluation_ratio(times) * elapsed / len(self._times))

    @contextlib.contextmanager
    def snapshot_measured(self, number: int) -> Iterator[None]:
        """Note how long a snapshot takes. What is folded into other partitions meanwhile is in `fold_ratio` already."""
        started_at, fold_seconds = time.monotonic(), self.fold_seconds
        try:
            yield
        finally:
            times = self._times[number]
            times.snapshot_ended_at = time.monotonic()
            folded = self.fold_seconds - fold_seconds
            times.snapshot_seconds = max(0.0, times.snapshot_ended_at - started_at - folded)

    def end_transaction(self, number: int, states: int, seconds: float) -> None:
        """A transaction of so many states took so long; too few of them say nothing about more."""
        if states >= EARLY_DIRTY_MIN:
            self._times[number].states_max = int(
                min(states * TRANSACTION_SECONDS_MAX / max(seconds, 0.001), BACKLOG_DIRTY)
            )

    def postpone(self, number: int) -> None:
        """No snapshot may be taken now: wait as if one had been."""
        self._times[number].snapshot_ended_at = time.monotonic()

    @property
    def drain_evaluation_seconds(self) -> float:
        """How long one snapshot may evaluate in a drain, where nothing else needs the time."""
        return min(EVALUATION_SECONDS_MAX, self.drain_seconds / 8 / max(1, len(self._times)))

    @property
    def drain_seconds(self) -> float:
        """How long the last checkpoints may take, so that the group does not give up on this worker."""
        return self._settings.worker.rebalance_timeout_seconds / 2

    def _evaluation_ratio(self, times: CheckpointTimes) -> float:
        """What snapshots may take of the time while accounts wait to be evaluated."""
        return max(EVALUATION_RATIO_MIN, 1 - max(0.0, times.fold_ratio) - RESERVE_RATIO)

    def pause_seconds(self, partition: Partition[Any]) -> float:
        """How long from the end of the partition's last snapshot to the next."""
        interval = self._settings.worker.checkpoint_interval_seconds
        count, times = len(self._times), self._times[partition.number]
        if partition.catching_up:
            worth = len(partition.dirty) * SAVING_SECONDS * count / SAVING_RATIO
            return min(max(CATCHING_UP_TIMES * interval, worth), CATCHING_UP_TIMES_MAX * interval)
        waits = partition.pending_count > 0
        ratio = self._evaluation_ratio(times) if waits else ENCODING_RATIO
        wanted = times.snapshot_seconds * (count / ratio - 1)
        wanted = max(wanted, TRANSACTION_SECONDS * count / TRANSACTIONS_RATIO)
        longest = interval if waits else RARER_TIMES_MAX * interval
        return min(max(interval / SOONER_TIMES_MAX, wanted), longest)

    async def pause(self, partition: Partition[Any], requested: asyncio.Event) -> None:
        """Wait until the next checkpoint; in a backlog the pause depends on what comes meanwhile.

        Args:
            partition: whose.
            requested: set when it should not wait any longer.
        """
        times, interval = self._times[partition.number], self._settings.worker.checkpoint_interval_seconds
        while (rest := times.snapshot_ended_at + self.pause_seconds(partition) - time.monotonic()) > 0:
            if partition.catching_up:
                rest = min(rest, CATCHING_UP_TIMES * interval)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await requested.wait()
                    return
