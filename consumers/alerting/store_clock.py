"""The time by which alerting decides: the machine's, as far as Redis' clock bears it out.

When a message is tried again, when it is too old, when a snooze ends: such moments are kept in Redis, and other
processes go by them. Written by a clock that is a week ahead for a minute, a message would wait for a week, or be given
up as too old at once.
"""

import threading
import time
from typing import Final

import redis

from consumers.errors import STORE_AWAY
from stream.calendar.clock import TrustedClock
from stream.config.logs import get_logger

ASK_SECONDS: Final = 300.0
LOOK_SECONDS: Final = 5.0
FIRST_LOOK_SECONDS: Final = 0.2

log = get_logger(__name__)


class StoreClock:
    """Epoch milliseconds when called; see `TrustedClock` for what is believed.

    Args:
        client: from `consumers.redis_client.connect`.
        clock: that Redis bears out, or does not.
    """

    def __init__(self, client: redis.Redis, clock: TrustedClock) -> None:
        self._client = client
        self._clock = clock
        self._has_asked = False
        self._agrees = True

    def __call__(self) -> int:
        """Now."""
        return self._clock.now_ms(None)

    def observe(self) -> bool:
        """Ask Redis for its time; False where it is away, and nothing is known."""
        try:
            seconds, microseconds = self._client.time()
        except STORE_AWAY:
            return False
        store_ms = seconds * 1000 + microseconds // 1000
        agrees = self._clock.observe_broker(store_ms)
        if self._agrees and not agrees:
            log.error(
                "this machine's clock and Redis' differ; alerting goes by Redis', carried on by the monotonic clock, "
                "until they agree. Check the time service (NTP) of both",
                wall_ms=time.time_ns() // 1_000_000,
                store_ms=store_ms,
            )
        elif agrees and not self._agrees:
            log.info("this machine's clock and Redis' agree again")
        self._agrees = agrees
        self._has_asked = True
        return True

    def watch(self, stop: threading.Event) -> None:
        """Ask at the start, every few minutes, and whenever the wall clock steps; until `stop` is set."""
        asked_at: float | None = None
        while True:
            is_due = asked_at is None or time.monotonic() - asked_at >= ASK_SECONDS
            if (is_due or self._clock.offset_ms != 0) and self.observe():
                asked_at = time.monotonic()
            if stop.wait(LOOK_SECONDS if self._has_asked else FIRST_LOOK_SECONDS):
                return

    @property
    def offset_seconds(self) -> float:
        """How far the wall clock is ahead of what is believed; 0: it is believed."""
        return self._clock.offset_ms / 1000
