"""Tells a worker that has nothing to do from one that is stuck.

Invariant: a worker with work waiting either makes progress within the limit or leaves the process. Consumers that are
alive and consume nothing are a known end of lost connections and interrupted rebalances.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

WATCH_SECONDS: Final = 5.0
# Evaluation waits for the end of a catch-up, so that is looked for more often.
CATCH_UP_SECONDS: Final = 0.5


@dataclass(slots=True)
class Watchdog:
    """Remembers when the worker last moved.

    Attributes:
        stall_seconds: how long waiting work may lie untouched.
    """

    stall_seconds: float
    _progress: Hashable = None
    _moved_at: float | None = None

    def idle_seconds(self, now: float, waiting: bool, progress: Hashable) -> float | None:
        """How long nothing moved although work waits, once that is too long; else None.

        Args:
            now: monotonic seconds.
            waiting: whether there is something to do.
            progress: any value that changes when the worker moves.
        """
        if self._moved_at is None or not waiting or progress != self._progress:
            self._progress, self._moved_at = progress, now
            return None
        idle = now - self._moved_at
        return idle if idle > self.stall_seconds else None
