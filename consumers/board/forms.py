"""The forms of the pages: what people do about an alert. Each answers with the page that it was on."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from alerts.commands import Command
from consumers.account_updates import encode_baseline, encode_baseline_undone
from consumers.alerting.command_sender import CommandNotSentError
from consumers.board.access_control import NAME_CHARS, own_path
from consumers.board.board_context import board_of
from consumers.board.command_service import (
    ACTIONS,
    InvalidCommandError,
    build_alert_command,
    build_note,
    build_silence,
    build_silence_end,
)
from consumers.confirmed_sender import RecordNotSentError
from stream.contracts.errors import ConfigError

router = APIRouter(include_in_schema=False)

SELECTED_MAX = 500


@router.post("/me")
async def choose_me(request: Request) -> Response:
    """As whose owner somebody looks at the board: `mine` is theirs."""
    form = await request.form()
    request.session["me"] = str(form.get("owner", ""))[:NAME_CHARS]
    return RedirectResponse(own_path(str(form.get("back", "/"))), 303)


@router.post("/accounts/{account_id:account}/baseline")
async def accept_baseline(request: Request, account_id: str) -> Response:
    """Take what an account does now as its new normal, or take that back."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    board, now = board_of(request), datetime.now(UTC)
    try:
        if form.get("do") == "undo":
            update, said = encode_baseline_undone(account_id, now), "Compared with its best half-year again"
        else:
            reason = form.get("reason", "").strip()
            if not reason:
                raise InvalidCommandError("expected a reason, for whoever reads the score next")
            update = encode_baseline(account_id, request.state.person.name, reason, now)
            said = "Accepted as the new normal; the score follows with the next evaluation"
        await run_in_threadpool(board.account_updates.send, account_id, update)
    except (ConfigError, InvalidCommandError, RecordNotSentError) as error:
        said = f"Not sent: {error}"
    request.session["flash"] = said[:400]
    return RedirectResponse(own_path(form.get("back", "/")), 303)


@router.post("/accounts/{account_id:account}/notes")
async def add_note(request: Request, account_id: str) -> Response:
    """Keep a few words about an account."""
    return await _submitted(request, lambda by, fields, now: build_note(by, account_id, fields.get("note", "")))


@router.post("/alerts/selected")
async def act_on_selected(request: Request) -> Response:
    """The same about each alert that was ticked."""
    form = await request.form()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    board, now = board_of(request), datetime.now(UTC)
    names = [name for name in form.getlist("alert") if isinstance(name, str)][:SELECTED_MAX]
    found = [episode for name in names if (episode := board.read_model.alerts.get(name)) is not None]
    try:
        action = fields.get("do", "")
        if not found or action not in ACTIONS:
            raise InvalidCommandError("expected an action, and at least one alert that is ticked")
        commands = [
            build_alert_command(action, episode.alert, request.state.person.name, fields, now) for episode in found
        ]
        said = await run_in_threadpool(board.commands.submit_all, commands)
    except (InvalidCommandError, CommandNotSentError) as error:
        said = f"Not sent: {error}"
    request.session["flash"] = said[:400]
    return RedirectResponse(own_path(fields.get("back", "/alerts")), 303)


@router.post("/alerts/{alert_id}/{action}")
async def act(request: Request, alert_id: str, action: str) -> Response:
    """Acknowledge, snooze, end, rate, or start a play."""
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
    request.session["flash"] = said[:400]
    return RedirectResponse(own_path(form.get("back", "/alerts")), 303)
