"""Tells receivers at once of a review of a scorecard that somebody took on the board.

The step is on Kafka before anybody is told, so nothing is lost with a message that was not delivered: it waits on the
page of reviews, and `heartline scorecard history --waiting --send` tells of all that wait.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

from alerts.messages.reviews import reviews_notification
from consumers.alerting.receivers.delivery import DeliveryStatus, Receiver
from stream.config.logs import get_logger
from stream.contracts.errors import ConfigError
from stream.contracts.scorecard_review import ScorecardReview

TRIES: Final = 3
PAUSE_SECONDS: Final = 5.0
PAUSE_SECONDS_MAX: Final = 60.0
_PASSES: Final = frozenset({DeliveryStatus.FAILED, DeliveryStatus.RATE_LIMITED})  # another try may pass

log = get_logger(__name__)


class ReviewNotices:
    """Sends in a thread of its own, so that no page waits for a receiver.

    Args:
        names: of the receivers who are told (`board.review_receivers`).
        receivers: those that the alerting configuration has.
        pause: waits for some seconds before the next try.

    Raises:
        ConfigError: there is no receiver of a name.
    """

    def __init__(self, names: Sequence[str], receivers: Sequence[Receiver], pause: Callable[[float], object]) -> None:
        known = {receiver.name: receiver for receiver in receivers}
        for name in names:
            if name not in known:
                there = ", ".join(known) or "none"
                raise ConfigError(f"board.review_receivers: {name}: no such receiver; there are {there}")
        self._receivers = [known[name] for name in names]
        self._pause = pause
        self._thread = ThreadPoolExecutor(1, "review-notices") if names else None

    def tell(self, step: ScorecardReview) -> "Future[None] | None":
        """Send it to everybody, soon; returns what ends with it, None: nobody is to be told."""
        return None if self._thread is None else self._thread.submit(self._send, step)

    def _send(self, step: ScorecardReview) -> None:
        notification = reviews_notification([step], datetime.now(UTC))
        for receiver in self._receivers:
            for tried in range(1, TRIES + 1):
                result = receiver.send(notification, None)
                if result.status not in _PASSES or tried == TRIES:
                    break
                self._pause(min(result.retry_after_seconds or PAUSE_SECONDS, PAUSE_SECONDS_MAX))
            if result.status is not DeliveryStatus.DELIVERED:
                log.warning(
                    "a review was not told; it waits on the page of reviews",
                    receiver=receiver.name,
                    review=step.review_id,
                    reason=result.reason,
                )
