"""The thread that empties one receiver's queue: one message at a time, at its pace, for as long as it takes.

It never runs on the poll thread, and each receiver has its own, so an hour without one of them delays its messages and
nothing else. What the receiver says of the channel (429, trouble, refused credentials) holds the whole channel; what it
says of one message moves only that one.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from alerts.context import DigestSettings
from alerts.digest_policy import DeliveryKind, PendingDelivery, plan_delivery
from alerts.messages.digest import digest_notification
from alerts.notification import AlertNotification
from consumers.alerting.lease_renewal import renewed
from consumers.alerting.metrics import Metrics
from consumers.alerting.notification_traces import NotificationTraces
from consumers.alerting.outbox import OutboxEntry
from consumers.alerting.outbox_queue import Queue
from consumers.alerting.receivers.delivery import DeliveryResult, DeliveryStatus, Receiver, RequiresResend
from consumers.errors import STORE_AWAY
from stream.config.logs import get_logger

IDLE_SECONDS: Final = 0.2
STORE_PAUSE_SECONDS: Final = 1.0
BACKOFF_SECONDS_MIN: Final = 1.0
BACKOFF_SECONDS_MAX: Final = 60.0
UNAUTHORIZED_SECONDS: Final = 300.0
MEASURE_SECONDS: Final = 1.0
DAY_MS: Final = 86_400_000
INDIVIDUAL_MS: Final = 3_600_000  # after a digest was refused, each message goes by itself for so long

log = get_logger(__name__)


def backoff_seconds(attempt: int, random_ratio: float) -> float:
    """The pause before attempt + 1: doubling from a second to a minute, of which the upper half is random.

    >>> backoff_seconds(0, 0.0), backoff_seconds(3, 1.0), backoff_seconds(99, 1.0)
    (0.5, 8.0, 60.0)
    """
    full = min(BACKOFF_SECONDS_MIN * 2.0 ** min(attempt, 16), BACKOFF_SECONDS_MAX)
    return full * (0.5 + 0.5 * random_ratio)


class Sender:
    """Takes from a receiver's queue, sends, and settles.

    Args:
        queue: the receiver's queue.
        receiver: whom to tell.
        metrics: of the process.
        messages_per_second: the pace.
        dead_letter_after_days: how old a message may become before it is given up.
        digest: when many messages become one; None: never.
        current: a message as it is true now; None: nothing of it is.
        traces: makes a trace of each message that is out; None: nobody asks for them.
        clock_ms: the current time, epoch milliseconds.
        random_ratio: 0..1 for each pause, so that many senders don't march in step.
    """

    def __init__(
        self,
        queue: Queue,
        receiver: Receiver,
        metrics: Metrics,
        *,
        messages_per_second: float,
        dead_letter_after_days: float,
        digest: DigestSettings | None = None,
        current: Callable[[OutboxEntry], AlertNotification | None] = lambda entry: entry.notification,
        traces: NotificationTraces | None = None,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random_ratio: Callable[[], float] = random.random,
    ) -> None:
        self._queue = queue
        self._receiver = receiver
        self._metrics = metrics
        self._gap_seconds = 1 / messages_per_second
        self._age_ms_max = dead_letter_after_days * DAY_MS
        self._digest = digest
        self._current = current
        self._traces = traces
        self._clock_ms = clock_ms
        self._random_ratio = random_ratio
        self._pending_ack: Callable[[], None] | None = None
        self._failures = 0
        self._not_before_ms = 0
        self._measured_ms = 0
        self._resent_ms = 0
        self._individual_until_ms = 0
        self._criticals: frozenset[str] = frozenset()

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; a message that is being sent is finished first."""
        name = self._receiver.name
        while not stop.is_set():
            try:
                pause = self.turn()
            except STORE_AWAY as error:
                log.debug("outbox: Redis is away", receiver=name, error=type(error).__name__)
                pause = STORE_PAUSE_SECONDS
            except Exception:  # a fault of ours: the message's lease ends by itself, and it is tried again
                log.exception("outbox: unexpected error; the message stays", receiver=name)
                pause = BACKOFF_SECONDS_MAX
            stop.wait(pause)

    def turn(self) -> float:
        """At most one message, which may be a digest of many; the seconds to wait until the next turn."""
        self._ack()
        self._measure()
        wait_ms = self._not_before_ms - self._clock_ms()
        if wait_ms > 0:
            return min(wait_ms / 1000, MEASURE_SECONDS)
        if self._resend():
            return 0.0
        claimed = self._claim(self._clock_ms())
        if not claimed:
            return IDLE_SECONDS
        if len(claimed) > 1 and not (claimed := self._without_superseded(claimed)):
            return 0.0
        started_ms = self._clock_ms()
        if len(claimed) == 1:
            with renewed(self._queue, claimed, self._clock_ms):
                notification = self._current(claimed[0])
                # After composing: a change that it shows already was stored together with its own message.
                if notification is None or self._superseded(claimed):
                    self._supersede(claimed[0])
                    return 0.0
                result = self._receiver.send(notification, self._queue.memory(claimed[0]))
            self._act_on(claimed[0], result, started_ms)
        else:
            result = self._send_grouped(claimed)
        self._ack()
        return (
            max(self._not_before_ms - self._clock_ms(), 0) / 1000 if result.status is DeliveryStatus.DELIVERED else 0.0
        )

    def _claim(self, now_ms: int) -> list[OutboxEntry]:
        """What goes now: one, or in a storm many as one."""
        if self._digest is not None and now_ms >= self._individual_until_ms and (due := self._queue.due(now_ms)):
            waiting = [PendingDelivery(item.id, item.after, item.notification) for item in due]
            found = plan_delivery(waiting, self._queue.sent(), self._digest, now_ms)
            self._criticals = found.criticals
            if found.is_burst:
                for name in found.individual:
                    if claimed := self._queue.claim_these([name], now_ms):
                        return claimed
                return self._queue.claim_these(found.grouped, now_ms)
        entry = self._queue.claim(now_ms)
        return [entry] if entry is not None else []

    def _superseded(self, claimed: Sequence[OutboxEntry]) -> list[OutboxEntry]:
        """Reminders behind which a later message of their episode waits, and updates behind which another update does.

        Messages speak of the moment in which they leave: after an outage of the receiver, or in a history that is
        replayed, the reminders and updates of several weeks would say the same, or say beside its end that nobody is
        on it.
        """
        candidates = [item for item in claimed if item.notification.kind in ("reminded", "updated")]
        next_kinds = self._queue.next_kinds() if candidates else {}
        return [item for item in candidates if _is_said_by(item.notification.kind, next_kinds.get(item.id))]

    def _without_superseded(self, claimed: list[OutboxEntry]) -> list[OutboxEntry]:
        """Drop what is superseded from what goes as one message."""
        dropped = self._superseded(claimed)
        for item in dropped:
            self._supersede(item)
        return [item for item in claimed if item not in dropped]

    def _supersede(self, entry: OutboxEntry) -> None:
        self._queue.supersede(entry)
        self._metrics.notifications.labels(self._receiver.name, "superseded").inc()

    def _send_grouped(self, claimed: Sequence[OutboxEntry]) -> DeliveryResult:
        """Tell many in one message. Whatever it does not get through for, they are all still there."""
        name, started_ms = self._receiver.name, self._clock_ms()
        since = datetime.fromtimestamp(min(item.created_ms for item in claimed) / 1000, UTC)
        now = datetime.fromtimestamp(started_ms / 1000, UTC)
        notification = digest_notification([self._current(item) or item.notification for item in claimed], since, now)
        with renewed(self._queue, claimed, self._clock_ms):
            result = self._receiver.send(notification, None)
        now_ms = self._clock_ms()
        if result.status is DeliveryStatus.DELIVERED:
            self._failures = 0
            self._hold(self._gap_seconds)
            self._pending_ack = lambda: self._queue.delivered_grouped(claimed, notification.id, now_ms)
            self._metrics.delivered_grouped(name, [item.ingested_ms for item in claimed], now_ms)
            if self._traces is not None:
                for item in claimed:
                    self._traces.delivered(item, started_ms, now_ms)
            return result
        if result.status is DeliveryStatus.REJECTED:
            self._hold(self._gap_seconds)
            self._individual_until_ms = now_ms + INDIVIDUAL_MS
            at_ms, status = now_ms, DeliveryStatus.FAILED
        else:
            held, status = self._hold_for(result), result.status
            attempts = max(item.attempts for item in claimed)
            pause = held if held is not None else backoff_seconds(attempts, self._random_ratio())
            at_ms = now_ms + int(pause * 1000)
        old = [item for item in claimed if now_ms - item.created_ms > self._age_ms_max]
        self._pending_ack = lambda: self._give_back(claimed, old, result.reason, at_ms, now_ms)
        self._metrics.notifications.labels(name, "dead_lettered").inc(len(old))
        self._metrics.notifications.labels(name, status.value).inc()
        log.warning("digest not delivered yet", receiver=name, messages=len(claimed), reason=result.reason)
        return result

    def _give_back(
        self, claimed: Sequence[OutboxEntry], old: Sequence[OutboxEntry], reason: str, at_ms: int, now_ms: int
    ) -> None:
        """Each is tried again, by itself or in the next digest; the old ones are given up."""
        for item in claimed:
            if item in old:
                self._queue.dead_letter(item, reason, now_ms)
            else:
                self._queue.retry(item, at_ms)

    def _resend(self) -> bool:
        """Tell again what is open, where the receiver needs it; True when the channel must wait now."""
        receiver, now_ms = self._receiver, self._clock_ms()
        if not isinstance(receiver, RequiresResend) or now_ms - self._resent_ms < receiver.resend_seconds * 1000:
            return False
        notifications = self._queue.still_open()
        self._resent_ms = now_ms
        if not notifications:
            return False
        result = receiver.resend(notifications, datetime.fromtimestamp(now_ms / 1000, UTC))
        if result.status is DeliveryStatus.DELIVERED:
            return False
        self._resent_ms = 0  # as soon as the channel is free again
        self._hold_for(result)
        log.warning(
            "open alerts not sent again", receiver=receiver.name, alerts=len(notifications), reason=result.reason
        )
        return True

    def _act_on(self, entry: OutboxEntry, result: DeliveryResult, started_ms: int) -> None:
        """Decide what becomes of the message and of the channel; `_ack` writes it down."""
        now_ms, name = self._clock_ms(), self._receiver.name
        if result.status is DeliveryStatus.DELIVERED:
            self._failures = 0
            self._hold(self._gap_seconds)
            keep_open = isinstance(self._receiver, RequiresResend)
            kind: DeliveryKind = "critical" if entry.id in self._criticals else "one"
            sent = (kind, now_ms) if self._digest is not None else None
            self._pending_ack = lambda: self._queue.delivered(entry, result.memory, keep_open=keep_open, sent=sent)
            trace_id = self._traces.delivered(entry, started_ms, now_ms) if self._traces is not None else None
            self._metrics.delivered(name, entry.ingested_ms, now_ms, entry.notification.kind, trace_id)
        elif result.status is DeliveryStatus.REJECTED or now_ms - entry.created_ms > self._age_ms_max:
            self._hold(self._gap_seconds)
            self._pending_ack = lambda: self._queue.dead_letter(entry, result.reason, now_ms)
            self._metrics.notifications.labels(name, "dead_lettered").inc()
            log.error(
                "notification given up; it is kept among the dead letters",
                notification_id=entry.id,
                receiver=name,
                reason=result.reason,
            )
        else:
            held = self._hold_for(result)
            pause = held if held is not None else backoff_seconds(entry.attempts, self._random_ratio())
            at_ms = now_ms + int(pause * 1000)
            self._pending_ack = lambda: self._queue.retry(entry, at_ms)
            self._metrics.notifications.labels(name, result.status.value).inc()
            log.warning("notification not delivered yet", notification_id=entry.id, receiver=name, reason=result.reason)

    def _hold_for(self, result: DeliveryResult) -> float | None:
        """Hold the channel after an answer that was no yes; for how long the message waits, None for its own pause."""
        if result.status is DeliveryStatus.RATE_LIMITED:
            seconds = max(result.retry_after_seconds or 0.0, self._gap_seconds)
        elif result.status is DeliveryStatus.UNAUTHORIZED:
            name = self._receiver.name
            log.error("receiver refuses us: messages are kept; mend its settings", receiver=name, reason=result.reason)
            seconds = UNAUTHORIZED_SECONDS
        else:
            self._hold(backoff_seconds(self._failures, self._random_ratio()))
            self._failures += 1
            return None
        self._hold(seconds)
        return seconds

    def _hold(self, seconds: float) -> None:
        self._not_before_ms = self._clock_ms() + int(seconds * 1000)

    def _ack(self) -> None:
        """Write down what became of the last message; kept until Redis takes it, so that it is not sent again."""
        if self._pending_ack is not None:
            self._pending_ack()
            self._pending_ack = None

    def _measure(self) -> None:
        now_ms = self._clock_ms()
        if now_ms - self._measured_ms >= MEASURE_SECONDS * 1000:
            self._metrics.backlog(self._receiver.name, self._queue.backlog(now_ms))
            self._measured_ms = now_ms


def _is_said_by(kind: str, next_kind: str | None) -> bool:
    """Whether the next message of an episode replaces a reminder or an update; None: none waits."""
    return next_kind is not None and kind in ("reminded", next_kind)
