"""slack-sdk's clients as we want them: silent, and following no redirect.

slack-sdk logs addresses and payloads at debug level. A redirect would hand the token, or the message, to a host that
nobody checked.
"""

import logging
import ssl
import urllib.request
from dataclasses import dataclass
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient, WebhookResponse

ANSWER_BYTES_MAX: Final = 1 << 20


def silent_logger() -> logging.Logger:
    """A logger that nobody hears."""
    return logging.Logger("heartline.slack-sdk", logging.CRITICAL + 1)


@dataclass(frozen=True)
class _Response:
    status: int
    headers: dict[str, str]
    body: str


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other, and not the one we want."""

    def redirect_request(self, *args: Any) -> None:
        return None


class PlainWebhookClient(WebhookClient):
    """For incoming webhooks."""

    def _perform_http_request_internal(self, url: str, req: urllib.request.Request) -> Any:
        response = _open(req, self.timeout, self.ssl, self.proxy)
        return WebhookResponse(url=url, status_code=response.status, body=response.body, headers=response.headers)


class PlainWebClient(WebClient):
    """For the Web API."""

    def _perform_urllib_http_request_internal(self, url: str, req: urllib.request.Request) -> Any:
        response = _open(req, self.timeout, self.ssl, self.proxy)
        return {"status": response.status, "headers": response.headers, "body": response.body}


def _open(req: urllib.request.Request, timeout: float, context: ssl.SSLContext | None, proxy: str | None) -> _Response:
    """Send a request, and read the answer.

    Raises:
        HTTPError: the status is not 2xx, a redirect's included; OSError: there was no answer.
    """
    handlers: list[urllib.request.BaseHandler] = [
        _NoRedirect(),
        urllib.request.HTTPSHandler(context=context or ssl.create_default_context()),
        urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else {}),
    ]
    opener = urllib.request.build_opener(*handlers)
    with opener.open(req, timeout=timeout) as response:
        body = response.read(ANSWER_BYTES_MAX).decode("utf-8", "replace")
        return _Response(response.status, dict(response.headers), body)
