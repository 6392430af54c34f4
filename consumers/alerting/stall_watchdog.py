"""Notices a consumer that has stopped receiving without saying so."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from consumers.errors import StalledError

# Longer than a transaction can stay open (Kafka's default is one minute) and than a rebalance takes.
STALL_SECONDS: Final = 300.0


class StallWatchdog:
    """Raises when records wait and the position has not moved for five minutes.

    kafka-python 3.0 had versions in which an assigned partition was never returned from poll again (its issues 3131 and
    3106). A process that ends is restarted; one that only looks alive is not.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._positions: Mapping[Any, int] = {}
        self._since = clock()

    def reset(self) -> None:
        """There is a known reason for standing still, such as a store that is away: count anew."""
        self._since = self._clock()

    def look(self, positions: Mapping[Any, int], lag: int) -> None:
        """Compare with the last look.

        Args:
            positions: by partition, the next offset to be polled.
            lag: records that wait, over all partitions.

        Raises:
            StalledError: nothing has moved for too long.
        """
        if lag == 0 or positions != self._positions:
            self._positions = dict(positions)
            self.reset()
        elif (seconds := self._clock() - self._since) > STALL_SECONDS:
            raise StalledError(f"{lag} records of the health topic wait and none arrived for {seconds:.0f} seconds")
