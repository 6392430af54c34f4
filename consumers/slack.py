"""One message to one Slack webhook, and what the answer means.

The webhook's address is the secret: it is in no log line, no error, no repr and no metric. slack-sdk logs it at debug
level, so its logger is silenced here; redirects are not followed, since the host was checked and another was not.
Source: docs.slack.dev, sending messages using incoming webhooks (errors), rate limits (429, Retry-After).
"""

import logging
import ssl
import urllib.request
from dataclasses import dataclass
from enum import Enum
from http.client import HTTPException
from typing import Any, Final

from pydantic import SecretStr
from slack_sdk.webhook import WebhookClient, WebhookResponse

RETRY_AFTER_SECONDS: Final = 30.0
RETRY_AFTER_SECONDS_MAX: Final = 3600.0

_GONE: Final = frozenset({401, 403, 404, 410})


class Outcome(Enum):
    """What became of one attempt; the value is the metric's label."""

    DELIVERED = "delivered"
    FAILED = "failed"  # no answer, or the server's own trouble: try again
    RATE_LIMITED = "rate_limited"  # too fast: try again, when told
    GONE = "gone"  # the webhook itself is refused: no message will pass until an operator mends it
    REFUSED = "refused"  # this message is refused, and will be each time


@dataclass(frozen=True)
class Answer:
    """An attempt's outcome.

    Args:
        outcome: what became of it.
        reason: for logs and the dead letters; holds no secret.
        retry_after_seconds: what the server asked for; None when it did not.
    """

    outcome: Outcome
    reason: str
    retry_after_seconds: float | None = None


class SlackWebhook:
    """A webhook to send to.

    Args:
        url: its address, checked by `SlackSettings`.
        timeout_seconds: for connecting, and for each wait on the answer.
    """

    def __init__(self, url: SecretStr, timeout_seconds: float) -> None:
        silent = logging.Logger("heartline.slack-sdk", logging.CRITICAL + 1)
        self._client = _Client(
            url.get_secret_value(), timeout=max(1, round(timeout_seconds)), logger=silent, retry_handlers=[]
        )

    def __repr__(self) -> str:
        return "SlackWebhook(url=hidden)"

    def send(self, payload: dict[str, Any]) -> Answer:
        """Send one payload; never raises for what the network or the server does."""
        try:
            response = self._client.send_dict(dict(payload))
        except (OSError, HTTPException, ValueError) as error:
            # The text of these errors may hold the address: the kind must do.
            return Answer(Outcome.FAILED, f"no answer: {_kind(error)}")
        return read_answer(response.status_code, response.headers)


def read_answer(status: int, headers: Any) -> Answer:
    """What an HTTP status means for the message.

    >>> read_answer(503, {}).outcome
    <Outcome.FAILED: 'failed'>
    """
    if status == 200:
        return Answer(Outcome.DELIVERED, "status 200")
    reason = f"status {status}"
    if status == 429:
        return Answer(Outcome.RATE_LIMITED, reason, _retry_after(headers))
    if status in _GONE or 300 <= status < 400:
        return Answer(Outcome.GONE, reason)
    if status >= 500 or status == 408:
        return Answer(Outcome.FAILED, reason)
    return Answer(Outcome.REFUSED, reason)


def _retry_after(headers: Any) -> float:
    """Seconds that the server asked for, within reason; a fixed pause when it did not say."""
    for name, value in dict(headers).items():
        if str(name).lower() == "retry-after" and str(value).strip().isdigit():
            return min(float(value), RETRY_AFTER_SECONDS_MAX)
    return RETRY_AFTER_SECONDS


def _kind(error: BaseException) -> str:
    """The error's class; of a URLError, the class of its cause, which says more."""
    cause = getattr(error, "reason", None)
    return type(cause).__name__ if isinstance(cause, BaseException) else type(error).__name__


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other, and not the one we want."""

    def redirect_request(self, *args: Any) -> None:
        return None


class _Client(WebhookClient):
    """slack-sdk's client, except that it follows no redirect."""

    def _perform_http_request_internal(self, url: str, req: urllib.request.Request) -> Any:
        handlers: list[urllib.request.BaseHandler] = [
            _NoRedirect(),
            urllib.request.HTTPSHandler(context=self.ssl or ssl.create_default_context()),
            urllib.request.ProxyHandler({"http": self.proxy, "https": self.proxy} if self.proxy else {}),
        ]
        opener = urllib.request.build_opener(*handlers)
        with opener.open(req, timeout=self.timeout) as response:
            body = response.read(1 << 16).decode("utf-8", "replace")
            return WebhookResponse(url=url, status_code=response.status, body=body, headers=dict(response.headers))
