"""A local stand-in for a Slack incoming webhook: keeps what it is sent, answers as scripted, shows it as text.

For the demo and the tests. It listens on loopback only.
"""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

LOOPBACK = "127.0.0.1"
PATH = "/services/standin"
BODY_BYTES_MAX = 1 << 20
_LINK = re.compile(r"<[^<>|]+\|([^<>]*)>")


@dataclass(frozen=True)
class Answer:
    """How one request is answered.

    Args:
        status: the HTTP status.
        retry_after_seconds: sent as Retry-After; None: not sent.
        delay_seconds: the wait before the answer, to provoke a time-out.
        drop: hang up without an answer, after taking the message.
        location: where a 3xx status points; None: not sent.
    """

    status: int = 200
    retry_after_seconds: int | None = None
    delay_seconds: float = 0.0
    drop: bool = False
    location: str | None = None


OK = Answer()


@dataclass(frozen=True)
class Received:
    """One request.

    Args:
        payload: its JSON body.
        answer: how it was answered.
        at_seconds: when it came, on the monotonic clock.
    """

    payload: dict[str, Any]
    answer: Answer
    at_seconds: float = field(default_factory=time.monotonic)


class SlackStandin:
    """A webhook on loopback; use it in a `with` block, or call start and stop.

    Args:
        port: to listen on; 0 for any free one.
        otherwise: the answer when the script is empty.
    """

    def __init__(self, port: int = 0, otherwise: Answer = OK) -> None:
        self.otherwise = otherwise
        self._script: deque[Answer] = deque()
        self._received: list[Received] = []
        self._changed = threading.Condition()
        self._server = _Server((LOOPBACK, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, name="slack-standin", daemon=True)

    @property
    def url(self) -> str:
        """The webhook's address."""
        return f"http://{LOOPBACK}:{self._server.server_port}{PATH}"

    @property
    def received(self) -> list[Received]:
        """Every request so far, whatever was answered."""
        with self._changed:
            return list(self._received)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The payloads that were answered with 200."""
        return [item.payload for item in self.received if item.answer.status == 200 and not item.answer.drop]

    def script(self, *answers: Answer) -> None:
        """The answers to the next requests, one each."""
        with self._changed:
            self._script.extend(answers)

    def wait_for(self, count: int, timeout_seconds: float) -> list[dict[str, Any]]:
        """The delivered payloads, as soon as there are `count` of them.

        Raises:
            TimeoutError: there are fewer when the time is over.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._delivered()) >= count, timeout_seconds):
                found = len(self._delivered())
                raise TimeoutError(f"expected {count} messages within {timeout_seconds} s, got {found}")
            return [item.payload for item in self._delivered()]

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering, and close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def take(self, payload: dict[str, Any]) -> Answer:
        """Note a request and choose its answer."""
        with self._changed:
            answer = self._script.popleft() if self._script else self.otherwise
            self._received.append(Received(payload, answer))
            self._changed.notify_all()
        return answer

    def _delivered(self) -> list[Received]:
        return [item for item in self._received if item.answer.status == 200 and not item.answer.drop]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], standin: SlackStandin) -> None:
        super().__init__(address, _Handler)
        self.standin = standin

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up, as after a time-out, is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """One message."""
        length = int(self.headers.get("Content-Length") or 0)
        if self.path != PATH or length > BODY_BYTES_MAX:
            self._say(404, b"no_service")
            return
        try:
            payload = json.loads(self.rfile.read(length))
        except ValueError:
            self._say(400, b"invalid_payload")
            return
        answer = self.server.standin.take(payload)
        time.sleep(answer.delay_seconds)
        if answer.drop:
            self.close_connection = True
            return
        headers = {}
        if answer.retry_after_seconds is not None:
            headers["Retry-After"] = str(answer.retry_after_seconds)
        if answer.location is not None:
            headers["Location"] = answer.location
        self._say(answer.status, b"ok" if answer.status == 200 else b"error", headers)

    def _say(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the terminal belongs to the demo."""


def render(message: dict[str, Any]) -> RenderableType:
    """A Block Kit message as a panel for the terminal: as much of Slack's look as a terminal has."""
    title, body = Text(), list[RenderableType]()
    for block in message.get("blocks", []):
        if block["type"] == "header":
            title = Text(_plain(block["text"]["text"]), style="bold")
        elif block["type"] == "section":
            body.append(_mrkdwn(block["text"]["text"]))
        elif block["type"] == "context":
            for element in block["elements"]:
                line = _mrkdwn(element["text"])
                line.stylize("dim")
                body.append(line)
    border = (
        "green" if title.plain.startswith(("✅", "☑", "🌱")) else "red" if title.plain.startswith("🚨") else "yellow"
    )
    return Panel(Group(*body), title=title, title_align="left", border_style=border, padding=(0, 1))


def _plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _mrkdwn(text: str) -> Text:
    """Slack's *bold*, `code` and links, the marks that our messages use."""
    line = Text()
    for number, part in enumerate(_LINK.sub(r"\1", text).split("`")):
        if number % 2 == 1:
            line.append(_plain(part), style="cyan")
            continue
        for inner, piece in enumerate(part.split("*")):
            line.append(_plain(piece), style="bold" if inner % 2 == 1 else "")
    return line
