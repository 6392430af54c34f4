"""The forms of the pages: what people do about an alert. Each answers with the page that it was on."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from alerts.commands import Command
from consumers.alerting.command_sender import CommandNotSentError
from consumers.board.access_control import own_path
from consumers.board.board_context import board_of
from consumers.board.command_service import (
    ACTIONS,
    InvalidCommandError,
    build_alert_command,
    build_silence,
    build_silence_end,
)

router = APIRouter(include_in_schema=False)


@router.post("/alerts/{alert_id}/{action}")
async def act(request: Request, alert_id: str, action: str) -> Response:
    """Acknowledge, snooze, end, judge, or start a play."""
    episode = board_of(request).read_model.alerts.get(alert_id)
    if episode is None or action not in ACTIONS:
        raise HTTPException(404, "there is no such alert, or no such action")
    return await _submitted(
        request, lambda by, fields, now: build_alert_command(action, episode.alert, by, fields, now)
    )


@router.post("/silences")
async def add_silence(request: Request) -> Response:
    """Say nothing for a while."""
    return await _submitted(request, build_silence)


@router.post("/silences/{silence_id}/end")
async def expire_silence(request: Request, silence_id: str) -> Response:
    """Speak again."""
    return await _submitted(request, lambda by, fields, now: build_silence_end(by, silence_id))


async def _submitted(request: Request, make: Callable[[str, dict[str, Any], datetime], Command]) -> Response:
    """Make the command of a form, send it, and go back with what came of it."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    try:
        command = make(request.state.person.name, form, datetime.now(UTC))
        said = await run_in_threadpool(board_of(request).commands.submit, command)
    except (InvalidCommandError, CommandNotSentError) as error:
        said = f"Not sent: {error}"
    request.session["told"] = said[:400]
    return RedirectResponse(own_path(form.get("back", "/alerts")), 303)
