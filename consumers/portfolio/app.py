"""The web application of the portfolio: read-only, behind the board's tokens."""

import base64
import binascii
import secrets
from typing import Final

from fastapi import FastAPI, Request
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consumers.board.access_control import AccessControl
from consumers.board.request_guard import HEADERS
from consumers.board.settings import BoardOptions
from consumers.portfolio import api, pages
from consumers.portfolio.service import PortfolioService

REALM: Final = 'Basic realm="Heartline portfolio: any name, and a token as the password"'


def make_app(service: PortfolioService, board: BoardOptions) -> FastAPI:
    """The application.

    Args:
        service: what answers.
        board: who may see it: the board's tokens and proxies.
    """
    app = FastAPI(
        title="Heartline portfolio",
        version="1",
        description="Retention, churn, renewals and every other figure, and the accounts behind each. Read-only.",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.service = service
    app.state.board_url = board.public_url
    app.include_router(api.router)
    app.add_api_route("/healthz", _healthz, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=pages.BOARD_STATIC), name="static")
    app.mount("/own", StaticFiles(directory=pages.OWN_STATIC), name="own")
    app.include_router(pages.router)
    app.add_exception_handler(HTTPException, _answer_error)
    app.add_middleware(ReadGuard, board=board)
    return app


def _healthz(request: Request) -> Response:
    service: PortfolioService = request.app.state.service
    return PlainTextResponse("ok\n") if service.is_ready else PlainTextResponse("reading Kafka\n", 503)


async def _answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


class ReadGuard:
    """Lets in who may see the board, to look only; a browser is asked for a token as a password.

    Args:
        app: what is behind it.
        board: the settings.
    """

    def __init__(self, app: ASGIApp, board: BoardOptions) -> None:
        self._app = app
        self._access = AccessControl(board, secrets.token_urlsafe(32))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        await (refusal if refusal is not None else self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        if scope["path"] == "/healthz":
            return None
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            return JSONResponse({"detail": "the portfolio is read-only"}, 405)
        peer = scope["client"][0] if scope.get("client") else None
        headers = _with_bearer(Headers(scope=scope))
        if self._access.authenticate(headers, peer, {}) is None:
            detail = "say who you are: Authorization: Bearer <token>"
            return JSONResponse({"detail": detail}, 401, {"WWW-Authenticate": REALM})
        return None


def _with_bearer(headers: Headers) -> dict[str, str]:
    """The headers, with a browser's password as the token that it is."""
    found = dict(headers)
    scheme, _, rest = found.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            password = base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            password = ""
        found["authorization"] = f"Bearer {password}"
    return found
