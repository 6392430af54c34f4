"""The thread that empties the outbox: one message at a time, at the receiver's pace, for as long as it takes.

It never runs on the poll thread, so an hour without Slack delays messages and nothing else. What the receiver says of
the channel (429, trouble, a refused webhook) holds the whole channel; what it says of one message moves only that one.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from consumers.errors import STORE_AWAY
from consumers.metrics import Metrics
from consumers.outbox import Notification, Outbox
from consumers.slack import Answer, Outcome

IDLE_SECONDS: Final = 0.2
STORE_PAUSE_SECONDS: Final = 1.0
BACKOFF_SECONDS_MIN: Final = 1.0
BACKOFF_SECONDS_MAX: Final = 60.0
GONE_SECONDS: Final = 300.0
MEASURE_SECONDS: Final = 1.0
DAY_MS: Final = 86_400_000

log = logging.getLogger(__name__)


class Channel(Protocol):
    """Where messages go."""

    def send(self, payload: dict[str, object]) -> Answer:
        """Send one; what became of it."""


def backoff_seconds(attempt: int, random_ratio: float) -> float:
    """The pause before attempt + 1: doubling from a second to a minute, of which the upper half is random.

    >>> backoff_seconds(0, 0.0), backoff_seconds(3, 1.0), backoff_seconds(99, 1.0)
    (0.5, 8.0, 60.0)
    """
    full = min(BACKOFF_SECONDS_MIN * 2.0 ** min(attempt, 16), BACKOFF_SECONDS_MAX)
    return full * (0.5 + 0.5 * random_ratio)


class Sender:
    """Takes from the outbox, sends, and settles.

    Args:
        outbox: the outbox.
        channel: the receiver.
        metrics: of the process.
        messages_per_second: the pace.
        dead_letter_after_days: how old a message may become before it is given up.
        clock_ms: the current time, epoch milliseconds.
        random_ratio: 0..1 for each pause, so that many senders don't march in step.
    """

    def __init__(
        self,
        outbox: Outbox,
        channel: Channel,
        metrics: Metrics,
        *,
        messages_per_second: float,
        dead_letter_after_days: float,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random_ratio: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._channel = channel
        self._metrics = metrics
        self._gap_seconds = 1 / messages_per_second
        self._age_ms_max = dead_letter_after_days * DAY_MS
        self._clock_ms = clock_ms
        self._random_ratio = random_ratio
        self._unsettled: Callable[[], None] | None = None
        self._failures = 0
        self._not_before_ms = 0
        self._measured_ms = 0

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; a message that is being sent is finished first."""
        while not stop.is_set():
            try:
                pause = self.turn()
            except STORE_AWAY as error:
                log.debug("outbox: Redis is away (%s)", type(error).__name__)
                pause = STORE_PAUSE_SECONDS
            except Exception as error:
                # Its text might hold a secret. The message's lease ends by itself, and it is tried again.
                log.error("outbox: unexpected %s; the message stays", type(error).__name__)
                pause = BACKOFF_SECONDS_MAX
            stop.wait(pause)

    def turn(self) -> float:
        """At most one message; the seconds to wait until the next turn."""
        self._settle()
        self._measure()
        wait_ms = self._not_before_ms - self._clock_ms()
        if wait_ms > 0:
            return min(wait_ms / 1000, MEASURE_SECONDS)
        notification = self._outbox.claim(self._clock_ms())
        if notification is None:
            return IDLE_SECONDS
        answer = self._channel.send(notification.payload)
        self._judge(notification, answer)
        self._settle()
        return max(self._not_before_ms - self._clock_ms(), 0) / 1000 if answer.outcome is Outcome.DELIVERED else 0.0

    def _judge(self, notification: Notification, answer: Answer) -> None:
        """Decide what becomes of the message and of the channel; `_settle` writes it down."""
        now_ms = self._clock_ms()
        outcome = answer.outcome
        if outcome is Outcome.DELIVERED:
            self._failures = 0
            self._hold(now_ms, self._gap_seconds)
            self._unsettled = lambda: self._outbox.delivered(notification)
            self._metrics.delivered(notification.ingested_ms, now_ms)
        elif outcome is Outcome.REFUSED or now_ms - notification.created_ms > self._age_ms_max:
            self._hold(now_ms, self._gap_seconds)
            self._unsettled = lambda: self._outbox.bury(notification, answer.reason)
            self._metrics.notifications.labels("slack", "dead_lettered").inc()
            log.error("notification %s given up: %s; it is kept among the dead letters", notification.id, answer.reason)
        else:
            at_ms = now_ms + self._pause_ms(notification, answer)
            self._unsettled = lambda: self._outbox.retry(notification, at_ms)
            self._metrics.notifications.labels("slack", outcome.value).inc()
            log.warning("notification %s not delivered yet: %s", notification.id, answer.reason)

    def _pause_ms(self, notification: Notification, answer: Answer) -> int:
        """How long this message waits; the channel is held as well."""
        now_ms = self._clock_ms()
        if answer.outcome is Outcome.RATE_LIMITED:
            seconds = max(answer.retry_after_seconds or 0.0, self._gap_seconds)
            self._hold(now_ms, seconds)
            return int(seconds * 1000)
        if answer.outcome is Outcome.GONE:
            log.error("the Slack webhook is refused (%s): messages are kept; mend slack.webhook_url", answer.reason)
            self._hold(now_ms, GONE_SECONDS)
            return int(GONE_SECONDS * 1000)
        self._hold(now_ms, backoff_seconds(self._failures, self._random_ratio()))
        self._failures += 1
        return int(backoff_seconds(notification.attempts, self._random_ratio()) * 1000)

    def _hold(self, now_ms: int, seconds: float) -> None:
        self._not_before_ms = now_ms + int(seconds * 1000)

    def _settle(self) -> None:
        """Write down what became of the last message; kept until Redis takes it, so that it is not sent again."""
        if self._unsettled is not None:
            self._unsettled()
            self._unsettled = None

    def _measure(self) -> None:
        now_ms = self._clock_ms()
        if now_ms - self._measured_ms >= MEASURE_SECONDS * 1000:
            self._metrics.backlog(*self._outbox.backlog(now_ms))
            self._measured_ms = now_ms
