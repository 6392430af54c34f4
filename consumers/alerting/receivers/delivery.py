"""What a receiver is, what became of one attempt to tell it, and what an HTTP status says of that."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, Protocol, runtime_checkable

from alerts.notification import AlertNotification
from stream.config.redact import redact

RETRY_AFTER_SECONDS: Final = 30.0
RETRY_AFTER_SECONDS_MAX: Final = 3600.0
SAID_CHARS_MAX: Final = 160

# Kinds of steps that a person took, and that change nothing of the account.
BY_HAND: Final = frozenset({"acknowledged", "snoozed", "unsnoozed", "verdict", "play_started"})
# Kinds of notices that speak of no alert that opens and ends.
WITHOUT_END: Final = frozenset({"digest", "daily_digest", "followed_up"})

_UNAUTHORIZED: Final = frozenset({401, 403, 404, 410})


class DeliveryStatus(Enum):
    """What became of one attempt; the value is the metric's label."""

    DELIVERED = "delivered"
    FAILED = "failed"  # no answer, or the server's own trouble: try again
    RATE_LIMITED = "rate_limited"  # too fast: try again, when told
    UNAUTHORIZED = "gone"  # the address or the credentials are refused: no message will pass until an operator mends it
    REJECTED = "refused"  # this message is refused, and will be each time


@dataclass(frozen=True)
class DeliveryResult:
    """An attempt's outcome.

    Args:
        status: what became of it.
        reason: for logs and the dead letters; holds no secret.
        retry_after_seconds: what the server asked for; None when it did not.
        memory: what the receiver wants to be given with the next message of this episode; None: what it has.
    """

    status: DeliveryStatus
    reason: str
    retry_after_seconds: float | None = None
    memory: bytes | None = None


class Receiver(Protocol):
    """Somebody who is told. Its methods never raise for what the network or the server does."""

    @property
    def name(self) -> str:
        """As the routes call it; a label of metrics."""

    def accepts(self, kind: str) -> bool:
        """Whether a step of this kind is told to it at all."""

    def send(self, notification: AlertNotification, memory: bytes | None) -> DeliveryResult:
        """Tell it one step.

        Args:
            notification: what to tell.
            memory: what an earlier answer of this episode asked to remember; None when there is nothing.
        """


@runtime_checkable
class RequiresResend(Protocol):
    """A receiver that forgets an alert of which it does not hear again."""

    @property
    def resend_seconds(self) -> float:
        """How often it must hear."""

    def resend(self, notifications: Sequence[AlertNotification], now: datetime) -> DeliveryResult:
        """Tell it again of every alert that is open.

        Args:
            notifications: the last notice of each.
            now: the current time.
        """


def result_of_status(
    status: int, headers: Mapping[str, str], delivered: frozenset[int] = frozenset({200}), body: bytes = b""
) -> DeliveryResult:
    """What an HTTP status means for the message, with what the receiver says of it.

    Args:
        status: of the response.
        headers: of the response; names have no case.
        delivered: the statuses that say yes.
        body: the beginning of the response's.

    >>> result_of_status(503, {}).status
    <DeliveryStatus.FAILED: 'failed'>
    """
    reason = f"status {status}"
    if status in delivered:
        return DeliveryResult(DeliveryStatus.DELIVERED, reason)
    if said := error_text(body):
        reason = f"{reason}: {said}"
    if status == 429:
        return DeliveryResult(DeliveryStatus.RATE_LIMITED, reason, retry_after(headers))
    if status in _UNAUTHORIZED or 300 <= status < 400:
        return DeliveryResult(DeliveryStatus.UNAUTHORIZED, reason)
    if status >= 500 or status == 408:
        return DeliveryResult(DeliveryStatus.FAILED, reason)
    return DeliveryResult(DeliveryStatus.REJECTED, reason)


def error_text(body: bytes) -> str:
    """What a receiver says of a message that it refuses, in one short line without secrets; empty: nothing to read.

    >>> error_text(b"invalid_blocks"), error_text(b'{"status": "invalid event", "errors": ["summary is missing"]}')
    ('invalid_blocks', 'invalid event; summary is missing')
    >>> error_text(b"<html>Bad Gateway</html>")
    ''
    """
    text = body.decode("utf-8", "replace").strip()
    with contextlib.suppress(ValueError, RecursionError):
        parsed = json.loads(text)
        if isinstance(parsed, dict):
            found = [parsed.get(name) for name in ("status", "error", "message", "errors", "detail")]
            words = [each for item in found for each in (item if isinstance(item, list) else [item])]
            text = "; ".join([word for word in words if isinstance(word, str)])
    if text.startswith("<"):
        return ""
    text = redact(" ".join("".join(letter if letter.isprintable() else " " for letter in text).split()))
    return text if len(text) <= SAID_CHARS_MAX else text[: SAID_CHARS_MAX - 1] + "…"


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that the server asked for, within reason; a fixed pause when it did not say."""
    for name, value in dict(headers).items():
        if str(name).lower() == "retry-after" and str(value).strip().isdigit():
            return min(float(value), RETRY_AFTER_SECONDS_MAX)
    return RETRY_AFTER_SECONDS


def no_response(error: BaseException) -> DeliveryResult:
    """The attempt ended in an error of the network: named by its kind, since its text may hold the address."""
    cause = getattr(error, "reason", None)  # a URLError's cause says more
    kind = type(cause) if isinstance(cause, BaseException) else type(error)
    return DeliveryResult(DeliveryStatus.FAILED, f"no answer: {kind.__name__}")
