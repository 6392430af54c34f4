"""One HTTP request: no redirect is followed, no answer is waited for without end, and nobody is told the address."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from consumers.alerting.receivers.delivery import DeliveryResult, no_response

ANSWER_BYTES_MAX: Final = 1 << 16

# httpx2 names the whole address in a line for every request, and httpcore2 the answer's headers, a redirect's address
# among them: both may be the secret. A filter holds whatever level the process logs at.
for _name in ("httpx2", "httpcore2.connection", "httpcore2.http11", "httpcore2.proxy"):
    logging.getLogger(_name).addFilter(lambda record: False)


@dataclass(frozen=True)
class Response:
    """What a server answered.

    Args:
        status: the HTTP status.
        headers: names have no case.
        body: at most its first 64 KB.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """A client for one receiver.

    Args:
        timeout_seconds: for connecting, and for each wait on the answer.
        auth: user and password, if any.
    """

    def __init__(self, timeout_seconds: float, auth: tuple[str, str] | None = None) -> None:
        self._client = httpx2.Client(timeout=timeout_seconds, follow_redirects=False, auth=auth)

    def __repr__(self) -> str:
        return "HttpClient(hidden)"

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response | DeliveryResult:
        """Send a JSON body; the response, or the answer that there was none."""
        sent = {"Content-Type": "application/json", "User-Agent": "heartline", **headers}
        try:
            with self._client.stream("POST", url, content=body, headers=sent) as response:
                return Response(response.status_code, response.headers, _beginning(response))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            return no_response(error)


def _beginning(response: Any) -> bytes:
    """The first bytes of the body."""
    found = b""
    for chunk in response.iter_bytes():
        found += chunk
        if len(found) >= ANSWER_BYTES_MAX:
            break
    return found[:ANSWER_BYTES_MAX]
