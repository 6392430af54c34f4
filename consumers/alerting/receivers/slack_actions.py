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
import logging
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from aiohttp import web
from pydantic import SecretStr
from slack_sdk.signature import Clock, SignatureVerifier

from alerts.commands import Acknowledge, Command, GiveVerdict, Snooze
from consumers.alerting.receivers.http import HttpClient, Response
from consumers.alerting.receivers.slack_buttons import Click, read_click, reply, utc_now
from consumers.alerting.settings import LOOPBACK_HOSTS
from stream.contracts.errors import ConfigError, HeartlineError

PATH: Final = "/slack/actions"
BODY_BYTES_MAX: Final = 1 << 18
ANSWER_SECONDS_MAX: Final = 2.5
REPLY_SECONDS_MAX: Final = 5.0
STOP_SECONDS: Final = 5.0
START_SECONDS: Final = 10.0

log = logging.getLogger(__name__)

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
        self._host = host
        self.port = port
        self._now = now
        self._reply_hosts = reply_hosts
        self._http = HttpClient(REPLY_SECONDS_MAX)
        self._replies: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._started = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="slack-actions", daemon=True)

    def start(self) -> None:
        """Begin to listen.

        Raises:
            ConfigError: the port is taken.
        """
        self._thread.start()
        self._started.wait(START_SECONDS)
        if self._failure is not None:
            raise ConfigError(
                f"alerting.actions_host, actions_port = {self._host}:{self.port}: can't listen there "
                f"({self._failure.strerror}); end what listens, or set HEARTLINE_ALERTING__ACTIONS_PORT to another port"
            )
        log.info("Slack's buttons are answered on http://%s:%d%s", self._host, self.port, PATH)

    def stop(self) -> None:
        """Stop listening."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_post(PATH, self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=ANSWER_SECONDS_MAX)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self.port).start()
            self.port = int(runner.addresses[0][1])
        except OSError as error:
            self._failure = error
            return
        finally:
            self._started.set()
            if self._failure is not None:
                await runner.cleanup()
        await self._stopped.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        """One request."""
        body = await request.read()
        if not self._is_slack(body, request):
            return web.Response(status=401, text="the signature is missing, wrong or too old\n")
        try:
            fields = parse_qs(body.decode(), max_num_fields=10)
            click = read_click(json.loads(fields["payload"][0]), self._now())
        except (ValueError, KeyError, RecursionError) as error:  # an UnreadableClick is a ValueError
            log.warning("a click in Slack can't be read: %s", type(error).__name__)
            return web.Response(status=400, text="not a click on one of our buttons\n")
        if click is None:
            return web.Response()
        try:
            await asyncio.wait_for(asyncio.to_thread(self._send, command_of(click)), ANSWER_SECONDS_MAX)
        except (HeartlineError, TimeoutError) as error:
            log.warning("%s by %s on %s not taken: %s", click.choice, click.by, click.alert_id, type(error).__name__)
            return web.Response(status=503, text="not taken; click again\n")
        log.info("%s by %s on %s", click.choice, click.by, click.alert_id)
        task = asyncio.create_task(asyncio.to_thread(self._tell_thread, click))
        self._replies.add(task)
        task.add_done_callback(self._replies.discard)
        return web.Response()

    def _tell_thread(self, click: Click) -> None:
        """Say in the message's thread what was clicked; that it counts does not hang on it."""
        parts = urlsplit(click.response_url or "")
        secure = parts.scheme == "https" or parts.hostname in LOOPBACK_HOSTS
        if click.response_url is None or not secure or parts.hostname not in self._reply_hosts:
            return
        response = self._http.post(click.response_url, json.dumps(reply(click)).encode(), {})
        if not isinstance(response, Response) or response.status != 200:
            log.warning("Slack did not take the answer to a click on %s", click.alert_id)

    def _is_slack(self, body: bytes, request: web.Request) -> bool:
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not timestamp.isascii() or not timestamp.isdigit() or not signature.isascii():
            return False
        try:
            return any(verifier.is_valid(body, timestamp, signature) for verifier in self._verifiers)
        except ValueError:  # a timestamp of a thousand digits, a body that is no text
            return False


class _Clock(Clock):
    """Our clock for slack-sdk."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def now(self) -> float:
        return self._now().timestamp()
