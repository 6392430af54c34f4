"""Whether alerting lives and does its part: written by its loop, read by the thread that serves /livez and /readyz.

A loop that hangs can't say so itself, and one that waits for Redis or Kafka looks alive and tells nobody.
"""

import time
from collections.abc import Callable

from consumers.alerting.stall_watchdog import STALL_SECONDS

NOT_JOINED = "alerting has not joined its group yet"


class Liveness:
    """What the loop last knew.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beat_at = clock()
        self._not_ready: str | None = NOT_JOINED

    def beat(self, not_ready: str | None) -> None:
        """The loop moves.

        Args:
            not_ready: why it can't evaluate what is its own; None: it can, or others have all partitions.
        """
        self._beat_at = self._clock()
        self._not_ready = not_ready

    def livez(self) -> str | None:
        """Why the process should be restarted; None: it lives. Any thread may ask."""
        silent = self._clock() - self._beat_at
        return f"the loop has not moved for {silent:.0f} s" if silent > STALL_SECONDS else None

    def readyz(self) -> str | None:
        """Why it does not do its part; None: it does. Any thread may ask."""
        return self.livez() or self._not_ready
