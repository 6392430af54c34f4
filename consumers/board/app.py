"""The web application: what is known, behind the guard, as pages and as JSON."""

import getpass
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse, Response

from alerts.commands import Command
from alerts.config import AlertingConfig, read_config
from consumers.alerting.receivers.from_settings import make_receivers
from consumers.board import api_accounts, api_alerts, forms, pages, review_routes
from consumers.board.access_control import AccessControl
from consumers.board.board_context import Board, board_of, make_templates
from consumers.board.command_service import CommandService
from consumers.board.current_alerts import CurrentAlerts
from consumers.board.live_updates import Hub
from consumers.board.login_limiter import LoginLimiter
from consumers.board.metrics import BoardCollector, BoardMetrics
from consumers.board.pipeline_status import LagMonitor, groups
from consumers.board.read_model import ReadModel
from consumers.board.recent_events import RecentEvents
from consumers.board.request_guard import BODY_BYTES_MAX, Guard
from consumers.board.review_notices import ReviewNotices
from consumers.board.settings import BoardSettings
from consumers.confirmed_sender import ConfirmedSender
from consumers.web_server import BodyLimit

SESSION_SECONDS: Final = 12 * 3600
STATIC: Final = Path(__file__).with_name("static")


def make_app(
    settings: BoardSettings,
    read_model: ReadModel,
    hub: Hub,
    registry: CollectorRegistry,
    send: Callable[[Command], None] | None = None,
    cookie_key: str | None = None,
) -> FastAPI:
    """The application.

    Args:
        settings: everything.
        read_model: what the pages show; the caller runs its feed.
        hub: tells open pages what changed.
        registry: where the metrics go.
        send: takes commands to alerting; by default onto Kafka.
        cookie_key: signs the sessions; by default a random one.

    Raises:
        ConfigError: the alerting configuration, whose plays are shown, is wrong.
    """
    app = FastAPI(
        title="Heartline board",
        version="1",
        description="Accounts by health, why, and what to do: the board's data and its actions.",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    cookie_key = cookie_key or secrets.token_urlsafe(32)
    alerting = read_config(settings.alerting.config)
    board = Board(
        settings,
        read_model,
        hub,
        LagMonitor(settings.kafka, groups(settings), read_model.topic_reader.next_offsets),
        RecentEvents(settings),
        CommandService(settings.kafka, read_model.command_results, send),
        ConfirmedSender(settings.kafka, settings.kafka.topics.input("account"), "the update"),
        ConfirmedSender(settings.kafka, settings.kafka.topics.scorecard_reviews, "the review"),
        _review_notices(settings, alerting),
        CurrentAlerts(
            read_model,
            alerting,
            settings.calendar.calendars(),
            event_clock=settings.alerting.clock == "event",
        ),
        make_templates(),
        AccessControl(settings.board, cookie_key, _login_name()),
        LoginLimiter(),
        BoardMetrics(registry),
    )
    _register_gauges(board, registry)
    app.state.board = board
    app.include_router(api_accounts.router)
    app.include_router(api_alerts.router)
    app.include_router(review_routes.api)
    app.include_router(review_routes.router)
    app.include_router(forms.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]  # FastAPI's own way to add to it
    app.add_exception_handler(HTTPException, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_middleware(BodyLimit, bytes_max=BODY_BYTES_MAX)
    app.add_middleware(
        Guard, board=settings.board, access=board.access, limiter=board.login_limiter, metrics=board.metrics
    )
    app.add_middleware(
        SessionMiddleware,
        secret_key=cookie_key,
        session_cookie="heartline",
        max_age=SESSION_SECONDS,
        same_site="strict",
        https_only=settings.board.secure_cookies,
    )
    return app


def _review_notices(settings: BoardSettings, alerting: AlertingConfig) -> ReviewNotices:
    """Those who are told of reviews; where nobody is, no receiver's secret is read."""
    names = settings.board.review_receivers
    made = make_receivers(alerting, settings.slack).channels if names else ()
    return ReviewNotices(names, [each.receiver for each in made], time.sleep)


def _register_gauges(board: Board, registry: CollectorRegistry) -> None:
    read_model = board.read_model
    registry.register(
        BoardCollector(
            {
                "heartline_board_accounts": ("Accounts on the board.", lambda: len(read_model.accounts)),
                "heartline_board_listeners": ("Open pages that are told of changes.", lambda: board.hub.listeners),
                "heartline_board_records_read": (
                    "Records read since the start.",
                    lambda: read_model.topic_reader.records,
                ),
                "heartline_board_loaded": (
                    "1 when everything that was there at the start is read.",
                    lambda: float(read_model.topic_reader.loaded.is_set()),
                ),
            }
        )
    )


def _described(app: FastAPI) -> dict[str, Any]:
    """OpenAPI, with the schemas of the contracts that are answered as they are."""
    if app.openapi_schema is None:
        app.openapi_schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        app.openapi_schema["components"]["schemas"] |= api_accounts.schemas()
    return app.openapi_schema


async def _answer_error(request: Request, error: Exception) -> Response:
    """An error as the reader wants it: JSON for a program, a page for a person."""
    assert isinstance(error, HTTPException)
    detail = _printable(error.detail)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": detail}, error.status_code, error.headers)
    return board_of(request).page(request, "error.html", error.status_code, code=error.status_code, detail=detail)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    """What is wrong with each field; not what it was: that may be NaN, or half of a character, which JSON can't say."""
    assert isinstance(error, RequestValidationError)
    problems = [
        {"loc": [_printable(str(part)) for part in each["loc"]], "msg": _printable(each["msg"]), "type": each["type"]}
        for each in error.errors()
    ]
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": problems}, 422)
    first = f"{problems[0]['loc'][-1]}: {problems[0]['msg']}"
    return board_of(request).page(request, "error.html", 422, code=422, detail=first)


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _login_name() -> str:
    """What the system calls whoever runs the board: it stands in the audit log where nobody is asked."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "local"
