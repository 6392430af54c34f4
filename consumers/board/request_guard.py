"""What every request passes: the host's name, who asks, whose page it comes from; and what every answer carries."""

import math
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consumers.alerting.settings import LOOPBACK_HOSTS
from consumers.board.access_control import SAFE_METHODS, AccessControl, bearer_token, is_own_page
from consumers.board.login_limiter import LoginLimiter
from consumers.board.metrics import BoardMetrics
from consumers.board.settings import BoardOptions
from consumers.trace_context import exemplar_of
from stream.config.logs import get_logger

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
OPEN_PATHS: Final = ("/static/", "/healthz", "/readyz", "/livez", "/login")
BODY_BYTES_MAX: Final = 64 << 10

log = get_logger(__name__)


class Guard:
    """The outermost layer but for the session.

    Args:
        app: what is behind it.
        board: the settings.
        access: who may do what.
        limiter: remembers wrong tokens.
        metrics: counts answers and logins.
    """

    def __init__(
        self, app: ASGIApp, board: BoardOptions, access: AccessControl, limiter: LoginLimiter, metrics: BoardMetrics
    ) -> None:
        self._app = app
        self._access = access
        self._limiter = limiter
        self._metrics = metrics
        self._hosts = frozenset(board.allowed_hosts)
        if not self._hosts and board.on_loopback and not board.asks:
            self._hosts = LOOPBACK_HOSTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
                kind = _kind(scope["path"])
                seconds = time.perf_counter() - started
                self._metrics.answered(kind, message["status"], seconds, exemplar_of(Headers(scope=scope)))
            await send(message)

        refusal = self._refusal(Request(scope))
        await (refusal if refusal is not None else self._app)(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        """Why a request goes no further; None when it does. Leaves the person in the request's state."""
        headers, path = request.headers, request.scope["path"]
        if self._hosts and _host(headers) not in self._hosts:
            return PlainTextResponse("This name is not in board.allowed_hosts.", 421)
        changes = request.method not in SAFE_METHODS
        peer = request.client.host if request.client is not None else None
        address = request.state.address = self._access.client_address(headers, peer)
        if (waiting := self._wait(request, address)) is not None:
            return waiting
        person = request.state.person = self._access.authenticate(headers, peer, request.session)
        if person is None and bearer_token(headers) is not None:
            self._limiter.failed(address, time.monotonic())
            self._metrics.login("wrong")
            log.warning("wrong token", address=address, by="authorization header")
        forwarded_host = headers.get("x-forwarded-host") if self._access.is_from_proxy(peer) else None
        if changes and (person is None or not person.by_token) and not is_own_page(headers, forwarded_host):
            return _refused(path, 403, "the request comes from another site's page")
        if path.startswith(OPEN_PATHS):
            return None
        if person is None:
            if path.startswith("/api/") or request.method != "GET":
                return _refused(path, 401, "say who you are: Authorization: Bearer <token>")
            target = quote(f"{path}?{request.url.query}" if request.url.query else path, safe="")
            return RedirectResponse(f"/login?next={target}", 303)
        if changes and path not in ("/logout", "/me") and not person.may_act:
            return _refused(path, 403, "you may look, and not act")
        return None

    def _wait(self, request: Request, address: str) -> Response | None:
        """The answer to a token, right or wrong, from an address that has guessed too often; None for all else."""
        is_login = request.method == "POST" and request.scope["path"] == "/login"
        if not is_login and bearer_token(request.headers) is None:
            return None
        seconds = self._limiter.wait_seconds(address, time.monotonic())
        if seconds == 0:
            return None
        request.state.person = None
        self._metrics.login("limited")
        refused = _refused(request.scope["path"], 429, "too many wrong tokens came from this address; try again later")
        refused.headers["Retry-After"] = str(math.ceil(seconds))
        return refused


def _refused(path: str, status: int, detail: str) -> Response:
    if path.startswith("/api/"):
        return JSONResponse({"detail": detail}, status)
    return PlainTextResponse(f"{detail[:1].upper()}{detail[1:]}.", status)


def _host(headers: Headers) -> str:
    """The name under which we were asked, without its port.

    >>> _host(Headers({"host": "localhost:8050"})), _host(Headers({"host": "[::1]:8050"}))
    ('localhost', '::1')
    """
    host = headers.get("host", "")
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _kind(path: str) -> str:
    """A closed set of kinds of request, for the metrics."""
    if path.startswith(("/api/", "/static/")):
        return path.split("/")[1]
    return "events" if path == "/events" else "page"
