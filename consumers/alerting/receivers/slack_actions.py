"""The way back from Slack: an endpoint that turns a click on a button into a command.

Slack signs every request; without its signature, or with one older than five minutes, nothing happens. Slack wants an
answer within three seconds: 200 once Kafka has the command, and 503 when it has not by then, so that whoever clicked
sees that it did not work. The same click gives the same command id, so a repeat changes nothing. Once it counts, the
message's thread is told who did what.
Source: docs.slack.dev, verifying requests from Slack; handling user interaction (3 seconds, `payload` in a form).
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr
from slack_sdk.signature import Clock, SignatureVerifier
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from alerts.commands import Acknowledge, Command, GiveVerdict, Snooze, StartPlay
from consumers.alerting.receivers.http import HttpClient
from consumers.alerting.receivers.http import Response as HttpResponse
from consumers.alerting.receivers.slack_buttons import Click, read_click, reply, utc_now
from consumers.alerting.settings import LOOPBACK_HOSTS
from consumers.web_server import BodyLimit, WebServer
from stream.config.logs import get_logger
from stream.contracts.errors import HeartlineError

PATH: Final = "/slack/actions"
BODY_BYTES_MAX: Final = 1 << 18
ANSWER_SECONDS_MAX: Final = 2.5
REPLY_SECONDS_MAX: Final = 5.0

log = get_logger(__name__)

Send = Callable[[Command], None]


def command_of(click: Click) -> Command:
    """The command that a click stands for; clicked again, or sent again by Slack, it has the same id."""
    digest = hashlib.sha256(f"{click.alert_id}\0{click.choice}\0{click.by}\0{click.action_ts}".encode()).hexdigest()
    common: dict[str, Any] = {
        "command_id": f"slack-{digest[:32]}",
        "by": click.by,
        "at": click.at,
        "account_id": click.account_id,
        "alert_id": click.alert_id,
    }
    match click.choice:
        case "acknowledge":
            return Acknowledge(**common)
        case "start_play":
            return StartPlay(**common, play=click.play or "")
        case "snooze":
            return Snooze(**common, until=click.snooze_until)
        case "not_valid":
            return GiveVerdict(**common, verdict="not_valid")


class SlackActions:
    """The endpoint, on a thread of its own.

    Args:
        secrets: signing secrets of the Slack apps, any of which a request may be signed with.
        send: takes a command and returns once it is kept; blocks, and raises HeartlineError when it could not.
        host, port: where to listen; port 0 is any free one.
        now: the current time.
        reply_hosts: where Slack may want answers for the channel.

    Raises:
        ConfigError: the port is taken.
    """

    def __init__(
        self,
        secrets: Sequence[SecretStr],
        send: Send,
        host: str,
        port: int,
        now: Callable[[], datetime] = utc_now,
        reply_hosts: Collection[str] = ("hooks.slack.com",),
    ) -> None:
        clock = _Clock(now)
        self._verifiers = [SignatureVerifier(secret.get_secret_value(), clock) for secret in secrets]
        self._send = send
        self._now = now
        self._reply_hosts = reply_hosts
        self._http = HttpClient(REPLY_SECONDS_MAX)
        app = Starlette(
            routes=[Route(PATH, self._answer, methods=["POST"])],
            middleware=[Middleware(BodyLimit, bytes_max=BODY_BYTES_MAX)],
        )
        self._server = WebServer(app, host, port, "alerting.actions_host, alerting.actions_port")
        self.port = self._server.port

    def start(self) -> None:
        """Begin to answer."""
        self._server.start("slack-actions")
        log.info("Slack's buttons are answered", url=f"{self._server.url}{PATH}")

    def stop(self) -> None:
        """Stop listening."""
        self._server.stop()

    async def _answer(self, request: Request) -> Response:
        """One request."""
        body = await request.body()
        if not self._is_slack(body, request):
            return PlainTextResponse("the signature is missing, wrong or too old\n", 401)
        try:
            fields = parse_qs(body.decode(), max_num_fields=10)
            click = read_click(json.loads(fields["payload"][0]), self._now())
        except (ValueError, KeyError, RecursionError) as error:  # an UnreadableClick is a ValueError
            log.warning("a click in Slack can't be read", error=type(error).__name__)
            return PlainTextResponse("not a click on one of our buttons\n", 400)
        if click is None:
            return Response()
        try:
            await asyncio.wait_for(asyncio.to_thread(self._send, command_of(click)), ANSWER_SECONDS_MAX)
        except (HeartlineError, TimeoutError) as error:
            log.warning("click not taken", **_fields(click), error=type(error).__name__)
            return PlainTextResponse("not taken; click again\n", 503)
        log.info("click taken", **_fields(click))
        return Response(background=BackgroundTask(self._tell_thread, click))

    def _tell_thread(self, click: Click) -> None:
        """Say in the message's thread what was clicked; that it counts does not hang on it."""
        parts = urlsplit(click.response_url or "")
        secure = parts.scheme == "https" or parts.hostname in LOOPBACK_HOSTS
        if click.response_url is None or not secure or parts.hostname not in self._reply_hosts:
            return
        response = self._http.post(click.response_url, json.dumps(reply(click)).encode(), {})
        if not isinstance(response, HttpResponse) or response.status != 200:
            log.warning("Slack did not take the answer to a click", alert_id=click.alert_id)

    def _is_slack(self, body: bytes, request: Request) -> bool:
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not timestamp.isascii() or not timestamp.isdigit() or not signature.isascii():
            return False
        try:
            return any(verifier.is_valid(body, timestamp, signature) for verifier in self._verifiers)
        except ValueError:  # a timestamp of a thousand digits, a body that is no text
            return False


def _fields(click: Click) -> dict[str, str]:
    """A click, as the fields of its log line."""
    return {"choice": click.choice, "by": click.by, "alert_id": click.alert_id, "account_id": click.account_id}


class _Clock(Clock):
    """Our clock for slack-sdk."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def now(self) -> float:
        return self._now().timestamp()
