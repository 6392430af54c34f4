"""The web application: what is known, behind the guard, as pages and as JSON."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse, Response

from alerts.commands import Command
from alerts.config import read_config
from consumers.board import api_accounts, api_alerts, forms, pages
from consumers.board.access_control import signing_key
from consumers.board.board_context import Board, board_of, make_templates
from consumers.board.command_service import CommandService
from consumers.board.live_updates import Hub
from consumers.board.metrics import BoardCollector, BoardMetrics
from consumers.board.pipeline_status import LagMonitor, groups
from consumers.board.read_model import ReadModel
from consumers.board.request_guard import Guard
from consumers.board.settings import BoardSettings

SESSION_SECONDS: Final = 12 * 3600
STATIC: Final = Path(__file__).with_name("static")


def make_app(
    settings: BoardSettings,
    read_model: ReadModel,
    hub: Hub,
    registry: CollectorRegistry,
    send: Callable[[Command], None] | None = None,
) -> FastAPI:
    """The application.

    Args:
        settings: everything.
        read_model: what the pages show; the caller runs its feed.
        hub: tells open pages what changed.
        registry: where the metrics go.
        send: takes commands to alerting; by default onto Kafka.

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
    board = Board(
        settings,
        read_model,
        hub,
        LagMonitor(settings.kafka, groups(settings), read_model.topic_reader.next_offsets),
        CommandService(settings.kafka, read_model.command_results, send),
        read_config(settings.alerting.config).playbooks,
        make_templates(),
    )
    app.state.board = board
    app.include_router(api_accounts.router)
    app.include_router(api_alerts.router)
    app.include_router(forms.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]  # FastAPI's own way to add to it
    app.add_exception_handler(HTTPException, _told)
    app.add_middleware(Guard, board=settings.board, metrics=_metrics(board, registry))
    app.add_middleware(
        SessionMiddleware,
        secret_key=signing_key(settings.board),
        session_cookie="heartline",
        max_age=SESSION_SECONDS,
        same_site="strict",
        https_only=settings.board.secure_cookies,
    )
    return app


def _metrics(board: Board, registry: CollectorRegistry) -> BoardMetrics:
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
    return BoardMetrics(registry)


def _described(app: FastAPI) -> dict[str, Any]:
    """OpenAPI, with the schemas of the contracts that are answered as they are."""
    if app.openapi_schema is None:
        app.openapi_schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        app.openapi_schema["components"]["schemas"] |= api_accounts.schemas()
    return app.openapi_schema


async def _told(request: Request, error: Exception) -> Response:
    """An error as the reader wants it: JSON for a program, a page for a person."""
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
    return board_of(request).page(request, "error.html", error.status_code, code=error.status_code, detail=error.detail)
