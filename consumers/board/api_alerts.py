"""The JSON API of alerts: what is open, and what people do about it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import AwareDatetime, BaseModel, Field

from alerts.commands import Command
from alerts.model import Alert, Severity, Signal
from consumers.alerting.command_sender import CommandNotSentError
from consumers.board.account_index import NONE_CHOICE
from consumers.board.board_context import board_of
from consumers.board.command_service import (
    InvalidCommandError,
    build_alert_command,
    build_note,
    build_silence,
    build_silence_end,
)

router = APIRouter(prefix="/api/v1")


class SignalItem(BaseModel):
    """One rule's finding within an alert; resolved_at is null while it fires."""

    rule: str
    severity: str
    channel: str
    headline: str
    reason: str
    since: datetime
    resolved_at: datetime | None


class AlertItem(BaseModel):
    """An account's alert, as it is after its newest step; null is: not so far.

    `rule`, `headline` and `reason` are those of the signal that leads; `signals` has all of them, that one first.
    """

    alert_id: str
    account_id: str
    account_name: str
    rule: str
    severity: str
    channel: str
    status: str
    headline: str
    reason: str
    signals: list[SignalItem]
    owner: str | None
    segment: str | None
    opened_at: datetime
    resolved_at: datetime | None
    score: float | None
    acknowledged_by: str | None
    snoozed_until: datetime | None
    verdict: str | None
    play: str | None


class Note(BaseModel):
    """For the history of the alert."""

    note: str | None = Field(None, max_length=1000)


class AcknowledgeBody(Note):
    """accept: take how things are as the new normal; the alert ends, and opens again when it gets worse."""

    accept: bool = False


class SnoozeBody(BaseModel):
    """One of the two."""

    hours: float | None = Field(None, gt=0)
    until: AwareDatetime | None = None


class VerdictBody(Note):
    """Whether the alert was useful."""

    verdict: Literal["valid", "not_valid"]


class PlayBody(BaseModel):
    """The id of a play of the rule's playbook."""

    play: str = Field(min_length=1, max_length=200)


class SilenceBody(BaseModel):
    """At least one of account_id, segment, owner, rule, severity; and hours or ends_at."""

    why: str = Field(min_length=1, max_length=1000)
    hours: float | None = Field(None, gt=0)
    ends_at: AwareDatetime | None = None
    account_id: str | None = None
    segment: str | None = None
    owner: str | None = None
    rule: str | None = None
    severity: Literal["warning", "critical"] | None = None


class NoteBody(BaseModel):
    """A few words about an account."""

    account_id: str = Field(min_length=1, max_length=256)
    note: str = Field(min_length=1, max_length=1000)


class NoteItem(BaseModel):
    """A note about an account."""

    note: str
    by: str
    at: datetime


class Sent(BaseModel):
    """Kafka has the command; the process that has the account applies it within a second, or says why not."""

    command_id: str


@router.get("/alerts", summary="List alerts, open ones first")
def list_alerts(
    request: Request,
    status: Annotated[Literal["open", "resolved"] | None, Query(description="Only these.")] = None,
    account_id: str | None = None,
    owner: Annotated[str | None, Query(description="Only this owner's; `none`: without one.")] = None,
    severity: Annotated[Severity | None, Query(description="Only these.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[AlertItem]:
    """The worst and newest first."""
    log = board_of(request).read_model.alerts
    found = [each.alert for each in log.all(is_open=None if status is None else status == "open")]
    chosen = [
        alert
        for alert in found
        if account_id in (None, alert.account_id)
        and owner in (None, alert.owner or NONE_CHOICE)
        and severity in (None, alert.severity)
    ]
    current = board_of(request).current_alerts.current
    return [_alert_item(current(alert)) for alert in chosen[:limit]]


@router.post("/alerts/{alert_id}/acknowledge", status_code=202, summary="Take an alert on")
def acknowledge(request: Request, alert_id: str, body: AcknowledgeBody) -> Sent:
    """No reminders any more; worse and over are still told."""
    return _sent(request, alert_id, "acknowledge", body)


@router.post("/alerts/{alert_id}/snooze", status_code=202, summary="Say nothing about an alert for a while")
def snooze(request: Request, alert_id: str, body: SnoozeBody) -> Sent:
    """What is then still true is told then."""
    return _sent(request, alert_id, "snooze", body)


@router.post("/alerts/{alert_id}/resolve", status_code=202, summary="End an alert by hand")
def resolve(request: Request, alert_id: str, body: Note) -> Sent:
    """It opens anew only when the rule has been kept meanwhile, or a worse severity comes."""
    return _sent(request, alert_id, "resolve", body)


@router.post("/alerts/{alert_id}/verdict", status_code=202, summary="Say whether an alert was useful")
def give_verdict(request: Request, alert_id: str, body: VerdictBody) -> Sent:
    """Open or over; the last verdict counts."""
    return _sent(request, alert_id, "verdict", body)


@router.post("/alerts/{alert_id}/play", status_code=202, summary="Start a play")
def start_play(request: Request, alert_id: str, body: PlayBody) -> Sent:
    """Follow-ups count from here."""
    return _sent(request, alert_id, "play", body)


@router.get("/notes", summary="List the notes about an account")
def list_notes(request: Request, account_id: Annotated[str, Query(min_length=1)]) -> list[NoteItem]:
    """The newest first."""
    found = board_of(request).read_model.alerts.notes_of(account_id)
    return [NoteItem(note=each.reason, by=each.by, at=each.at) for each in found]


@router.post("/notes", status_code=202, summary="Add a note about an account")
def add_note(request: Request, body: NoteBody) -> Sent:
    """It stands on the account's page; nobody is told."""
    return _send(request, lambda by: build_note(by, body.account_id, body.note))


@router.post("/silences", status_code=202, summary="Add a silence")
def add_silence(request: Request, body: SilenceBody) -> Sent:
    """What matches all that is given is not told; it is kept, exported and evaluated all the same."""
    return _send(request, lambda by: build_silence(by, body.model_dump(), datetime.now(UTC)))


@router.delete("/silences/{silence_id}", status_code=202, summary="End a silence")
def expire_silence(request: Request, silence_id: str) -> Sent:
    """Before its time."""
    return _send(request, lambda by: build_silence_end(by, silence_id))


def _sent(request: Request, alert_id: str, action: str, body: BaseModel) -> Sent:
    """Send the command of an action on an alert."""
    episode = board_of(request).read_model.alerts.get(alert_id)
    if episode is None:
        raise HTTPException(404, f"there is no alert {alert_id!r}")
    return _send(
        request, lambda by: build_alert_command(action, episode.alert, by, body.model_dump(), datetime.now(UTC))
    )


def _send(request: Request, make: Callable[[str], Command]) -> Sent:
    try:
        command = make(request.state.person.name)
        board_of(request).commands.send(command)
    except InvalidCommandError as error:
        raise HTTPException(422, str(error)) from None
    except CommandNotSentError as error:
        raise HTTPException(503, str(error)) from None
    return Sent(command_id=command.command_id)


def _signal_item(signal: Signal) -> SignalItem:
    return SignalItem(
        rule=signal.rule,
        severity=signal.severity,
        channel=signal.channel,
        headline=signal.headline,
        reason=signal.reason,
        since=signal.since,
        resolved_at=signal.resolved_at,
    )


def _alert_item(alert: Alert) -> AlertItem:
    return AlertItem(
        alert_id=alert.alert_id,
        account_id=alert.account_id,
        account_name=alert.account_name,
        rule=alert.rule,
        severity=alert.severity,
        channel=alert.channel,
        status=alert.status,
        headline=alert.headline,
        reason=alert.reason,
        signals=[_signal_item(signal) for signal in alert.signals],
        owner=alert.owner,
        segment=alert.segment,
        opened_at=alert.opened_at,
        resolved_at=alert.resolved_at,
        score=alert.last_score,
        acknowledged_by=alert.acknowledged_by,
        snoozed_until=alert.snoozed_until,
        verdict=alert.verdict,
        play=alert.play,
    )
