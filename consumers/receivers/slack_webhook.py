"""One message to one Slack incoming webhook.

The webhook's address is the secret: it is in no log line, no error, no repr and no metric. slack-sdk logs it at debug
level, so its logger is silenced here; redirects are not followed, since the host was checked and another was not.
Source: docs.slack.dev, sending messages using incoming webhooks (errors), rate limits (429, Retry-After).
"""

import logging
import ssl
import urllib.request
from http.client import HTTPException
from typing import Any, Final

from pydantic import SecretStr
from slack_sdk.webhook import WebhookClient, WebhookResponse

from alerts.notice import Notice
from consumers.receivers.answer import Answer, no_answer, read_answer

# Steps that a person took are not told to the channel: it has no message that could be changed.
_QUIET: Final = frozenset({"acknowledged", "snoozed", "unsnoozed"})


class SlackWebhook:
    """A webhook to send to.

    Args:
        name: as the routes call it.
        url: its address, checked by the settings.
        timeout_seconds: for connecting, and for each wait on the answer.
    """

    def __init__(self, name: str, url: SecretStr, timeout_seconds: float) -> None:
        self.name = name
        self._client = _Client(
            url.get_secret_value(), timeout=max(1, round(timeout_seconds)), logger=silent_logger(), retry_handlers=[]
        )

    def __repr__(self) -> str:
        return f"SlackWebhook({self.name!r}, url=hidden)"

    def tells(self, kind: str) -> bool:
        """Every step but those that a person took."""
        return kind not in _QUIET

    def send(self, notice: Notice, memory: bytes | None) -> Answer:
        """Send the notice's message as it is."""
        try:
            response = self._client.send_dict(dict(notice.message))
        except (OSError, HTTPException, ValueError) as error:
            return no_answer(error)
        return read_answer(response.status_code, response.headers)


def silent_logger() -> logging.Logger:
    """A logger for slack-sdk that nobody hears: its lines hold addresses and payloads."""
    return logging.Logger("heartline.slack-sdk", logging.CRITICAL + 1)


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
