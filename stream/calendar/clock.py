"""Which "now" accounts are evaluated by: the wall's when live, the events' own when history is replayed."""

import time
from collections.abc import Callable
from typing import Final, Protocol


class Clock(Protocol):
    """A source of "now" in epoch milliseconds."""

    def now_ms(self, watermark_ms: int | None) -> int | None:
        """The moment to evaluate as of, given up to which event time the partition is read; None: not known yet."""
        ...


class WallClock:
    """Live: now is now, whatever the events say."""

    def now_ms(self, watermark_ms: int | None) -> int:
        return time.time_ns() // 1_000_000


class TrustedClock:
    """Live, by a wall clock that is believed only as far as another clock bears it out.

    A wall clock that is days ahead for a minute (a wrong time server, a virtual machine that was resumed) would date
    reports into the future, and whoever reads them would pass over the right ones until then. So a step of the wall
    clock counts only once the broker's clock says the same; until then time goes on by the monotonic clock. When the
    wall clock comes back, it is believed again by itself.

    Invariant: what it says is within STEP_MAX_MS of the wall clock, or of the broker's clock as last heard, carried on
    by the monotonic clock. It goes backwards only by more than STEP_MAX_MS, which is a correction.

    Args:
        wall_ms: the machine's time, epoch milliseconds.
        monotonic_ms: milliseconds that never step.
    """

    # More than time servers let clocks step in passing, and less than moves any measure.
    STEP_MAX_MS: Final = 60_000

    def __init__(
        self,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        self._wall_ms = wall_ms
        self._monotonic_ms = monotonic_ms
        self._base_ms, self._base_at = wall_ms(), monotonic_ms()
        self._is_confirmed = False
        self._latest_ms = self._base_ms

    def _expected_ms(self) -> int:
        """The last time that was borne out, carried on by the monotonic clock."""
        return self._base_ms + self._monotonic_ms() - self._base_at

    @property
    def offset_ms(self) -> int:
        """How far the wall clock is ahead of what is believed; 0: it is believed."""
        offset = self._wall_ms() - self._expected_ms()
        return offset if abs(offset) > self.STEP_MAX_MS else 0

    def now_ms(self, watermark_ms: int | None) -> int:
        """Now, as far as it is believed."""
        wall, expected = self._wall_ms(), self._expected_ms()
        now = wall if abs(wall - expected) <= self.STEP_MAX_MS else expected
        if 0 < self._latest_ms - now <= self.STEP_MAX_MS:
            return self._latest_ms  # a small step back: time stands still until it is made up for
        self._latest_ms = now
        return now

    def observe_broker(self, broker_ms: int) -> bool:
        """The broker's clock says so just now; returns whether the wall clock agrees with it.

        Where it does not, the first broker heard is believed, and later ones only if they confirm what is: one broker
        of several may be wrong, too.
        """
        wall, expected = self._wall_ms(), self._expected_ms()
        if abs(wall - broker_ms) <= self.STEP_MAX_MS:
            self._rebase(wall)
            return True
        if not self._is_confirmed or abs(expected - broker_ms) <= self.STEP_MAX_MS:
            self._rebase(broker_ms)
        return False

    def _rebase(self, now_ms: int) -> None:
        self._base_ms, self._base_at, self._is_confirmed = now_ms, self._monotonic_ms(), True


class EventClock:
    """Replay: now is the newest event up to which all topics are read, so that history is evaluated as if live."""

    def now_ms(self, watermark_ms: int | None) -> int | None:
        return watermark_ms


class ManualClock:
    """Tests and simulations: now is what was set."""

    def __init__(self, now_ms: int) -> None:
        self.current_ms = now_ms

    def now_ms(self, watermark_ms: int | None) -> int | None:
        return self.current_ms

    def advance(self, *, seconds: float = 0, days: float = 0) -> None:
        """Move forward."""
        self.current_ms += round((seconds + days * 86_400) * 1000)
