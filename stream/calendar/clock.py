"""Which "now" the worker judges by: the wall's when live, the events' own when history is replayed."""

import time
from typing import Protocol


class Clock(Protocol):
    """A source of "now" in epoch milliseconds."""

    def now_ms(self, watermark_ms: int | None) -> int | None:
        """The moment to judge as of, given the newest event time of the partition; None: not known yet."""
        ...


class WallClock:
    """Live: now is now, whatever the events say."""

    def now_ms(self, watermark_ms: int | None) -> int:
        return time.time_ns() // 1_000_000


class EventClock:
    """Replay: now is the newest event seen on the partition, so that history is judged as it would have been live."""

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
