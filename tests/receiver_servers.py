"""Local stand-ins for the services that receivers speak to: they keep what they get, and answer as scripted."""

import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

LOOPBACK = "127.0.0.1"


class Authority:
    """A certificate authority of the tests' own, and a server certificate from it."""

    def __init__(self) -> None:
        authority = trustme.CA()
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(LOOPBACK).configure_cert(self.server)
        self.client = ssl.create_default_context()
        authority.configure_trust(self.client)


@dataclass(frozen=True)
class Reply:
    """How one request is answered; drop: hang up without an answer, after the delay."""

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    drop: bool = False


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class HttpStandin:
    """A server on loopback.

    Args:
        otherwise: the answer when the script is empty.
    """

    def __init__(self, otherwise: Reply) -> None:
        self.otherwise = otherwise
        self.requests: list[Request] = []
        self._script: deque[Reply] = deque()
        standin = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                standin.requests.append(Request(self.path, dict(self.headers.items()), body))
                reply = standin.take()
                time.sleep(reply.delay_seconds)
                if reply.drop:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that hung up is no news."""

        self._server = Server((LOOPBACK, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Its base."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def script(self, *replies: Reply) -> None:
        """The answers to the next requests, one each."""
        self._script.extend(replies)

    def take(self) -> Reply:
        """The next answer."""
        return self._script.popleft() if self._script else self.otherwise

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class SmtpStandin:
    """A mail server on loopback.

    Args:
        tls: the server's certificate; None: plain text only.
        implicit: TLS from the first byte instead of STARTTLS.
        user, password: what a login must be; None: no login is asked for.
    """

    tls: ssl.SSLContext | None = None
    implicit: bool = False
    user: str | None = None
    password: str | None = None
    replies: deque[str] = field(default_factory=deque)
    recipient_replies: deque[str] = field(default_factory=deque)
    mails: list[EmailMessage] = field(default_factory=list)
    attempts: int = 0
    delay_seconds: float = 0.0
    encrypted: list[bool] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """One recipient."""
        if self.recipient_replies:
            reply = self.recipient_replies.popleft()
            if not reply.startswith("250"):
                return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """One mail."""
        self.attempts += 1
        time.sleep(self.delay_seconds)
        reply = self.replies.popleft() if self.replies else "250 OK"
        if reply.startswith("250"):
            self.encrypted.append(session.ssl is not None or self.implicit)
            self.mails.append(BytesParser(policy=default).parsebytes(cast(bytes, envelope.content)))
        return reply

    def _login(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        expected = LoginPassword((self.user or "").encode(), (self.password or "").encode())
        return AuthResult(success=data == expected, handled=False)

    def __enter__(self) -> Self:
        options: dict[str, Any] = {"server_hostname": "mail.example"}
        if self.user is not None:
            options |= {"authenticator": self._login, "auth_require_tls": not self.implicit}
            options |= {"auth_required": True}
        if self.tls is not None:
            options |= {"ssl_context": self.tls} if self.implicit else {"tls_context": self.tls}
        # Port 0 confuses the controller's own check that it answers, so a free one is looked for.
        from heartline.embedded.ports import free_ports

        self.port = free_ports(1)[0]
        self._controller = Controller(self, hostname=LOOPBACK, port=self.port, **options)
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()
