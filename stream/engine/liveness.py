"""Whether the worker lives and is ready, evaluated by what should be: every partition of the group in a worker's hands.

It is written by the worker's event loop and read by the thread that serves /livez and /readyz, so that an event loop
that hangs can be told from outside.
"""

import time
from collections.abc import Callable
from typing import Final

# While a partition is assigned to no worker the group is looked at whenever the watchdog looks, else this often.
GROUP_LOOK_SECONDS: Final = 15.0


class Liveness:
    """What the worker last knew of itself and of its group.

    Args:
        patience_seconds: how long partitions may be unassigned, and the event loop silent.
        clock: monotonic seconds.
    """

    def __init__(self, patience_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._beat_at = clock()
        self._unassigned: frozenset[int] = frozenset()
        self._unassigned_since: float | None = None
        self._looked_at: float | None = None
        self._not_ready: str | None = "the worker has not joined its group yet"
        self.group_lags: dict[str, int] = {}

    def beat(self, not_ready: str | None) -> None:
        """The event loop moves.

        Args:
            not_ready: why the worker can't fold what it owns, or owns nothing yet; None: it can.
        """
        self._beat_at = self._clock()
        self._not_ready = not_ready

    @property
    def wants_look(self) -> bool:
        """Whether the group should be looked at now."""
        if self._looked_at is None or self._unassigned:
            return True
        return self._clock() - self._looked_at >= GROUP_LOOK_SECONDS

    @property
    def unassigned(self) -> frozenset[int]:
        """The partitions that no worker had at the last look."""
        return self._unassigned

    def observe_group(self, unassigned: frozenset[int] | None, lags: dict[str, int]) -> str | None:
        """The group was looked at.

        Args:
            unassigned: the partitions that no worker has; None: a rebalance runs, which has a watch of its own.
            lags: by input topic, of all its partitions.

        Returns:
            why the process should leave, once partitions have been unassigned for too long; else None.
        """
        now = self._looked_at = self._clock()
        self.group_lags = lags
        if unassigned is None:
            return None
        self._unassigned = unassigned
        if not unassigned:
            self._unassigned_since = None
            return None
        if self._unassigned_since is None:
            self._unassigned_since = now
        seconds = now - self._unassigned_since
        if seconds <= self._patience_seconds:
            return None
        return (
            f"partitions {sorted(unassigned)} have been assigned to no worker of the group for {seconds:.0f} s, though "
            "the topics' metadata was refreshed; a restart joins anew"
        )

    def livez(self) -> str | None:
        """Why the process should be restarted; None: it lives. Any thread may ask."""
        silent = self._clock() - self._beat_at
        if silent > self._patience_seconds:
            return f"the event loop has not moved for {silent:.0f} s"
        return None

    def readyz(self) -> str | None:
        """Why the worker does not do its part; None: it does. Any thread may ask."""
        if self._unassigned:
            return f"partitions {sorted(self._unassigned)} are assigned to no worker of the group"
        never_looked = "its group has not been looked at yet" if self._looked_at is None else None
        return self.livez() or self._not_ready or never_looked
