"""The watchdog: quiet while things move or may stand still, and loud otherwise."""

import pytest

from consumers.alerting.stall_watchdog import STALL_SECONDS, StallWatchdog
from consumers.errors import StalledError


class Clock:
    """Moves when told."""

    now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_records_that_wait_while_nothing_moves_are_an_error() -> None:
    """Only after five minutes of it."""
    clock = Clock()
    dog = StallWatchdog(clock)
    dog.look({0: 5}, 3)
    clock.now += STALL_SECONDS
    dog.look({0: 5}, 3)
    clock.now += 1
    with pytest.raises(StalledError, match="4 records"):
        dog.look({0: 5}, 4)


@pytest.mark.parametrize("case", ["moves", "nothing waits", "a known reason"])
def test_it_is_quiet_for_good_reasons(case: str) -> None:
    """However long it takes."""
    clock = Clock()
    dog = StallWatchdog(clock)
    for turn in range(10):
        if case == "a known reason":
            dog.reset()
        dog.look({0: turn if case == "moves" else 5}, 0 if case == "nothing waits" else 3)
        clock.now += STALL_SECONDS - 1
