"""What a command does to an account's alerts: acknowledged, snoozed, closed by hand, judged, or refused with a reason.

A command is applied in the transaction that also moves its offset, so each counts once; giving the same one again finds
its effect already there.
"""

from dataclasses import replace as change
from datetime import datetime

from msgspec.structs import replace

from alerts.commands import Acknowledge, AlertCommand, GiveVerdict, Resolve, Snooze, StartPlay
from alerts.context import AlertContext
from alerts.evaluation import DEFAULT_CONTEXT, AccountEvaluation
from alerts.lifecycle import Transition, resolve, with_notification
from alerts.model import AccountRecord, Alert


def apply_command(
    record: AccountRecord | None, command: AlertCommand, now: datetime, context: AlertContext = DEFAULT_CONTEXT
) -> AccountEvaluation:
    """Apply one command to the account that it is about.

    Args:
        record: what is remembered of the account; None when it is not known.
        command: about one of its alerts.
        now: the moment of the decision.
        context: what decides about telling.
    """
    alert = _find(record, command.alert_id)
    if record is None or alert is None:
        reason = f"no such alert of {command.account_id!r:.80}, or its episode is long over: {command.alert_id!r:.80}"
        return AccountEvaluation(record, (_refused(None, reason, command),), "refused")
    transition = with_notification(_apply(alert, command, now), now, context)
    transition = change(transition, by=command.by, command_id=command.command_id)
    assert transition.alert is not None  # a command about an alert leaves it there
    after = replace(record, alerts=record.alerts | {alert.rule: transition.alert})
    return AccountEvaluation(after, (transition,), transition.kind)


def _find(record: AccountRecord | None, alert_id: str) -> Alert | None:
    """The alert of that name, open or the rule's last one."""
    known = record.alerts.values() if record is not None else ()
    return next((alert for alert in known if alert.alert_id == alert_id), None)


def _apply(alert: Alert, command: AlertCommand, now: datetime) -> Transition:
    match command:
        case GiveVerdict():
            words = "was worth telling" if command.verdict == "valid" else "was not worth telling"
            after = replace(
                alert, verdict=command.verdict, verdict_by=command.by, verdict_note=command.note or alert.verdict_note
            )
            return Transition("verdict", after, f"{command.by}: it {words}" + _note(command.note))
        case StartPlay():
            return _start_play(alert, command, now)
        case _ if not alert.is_open:
            return _refused(alert, "the episode is over", command)
        case Acknowledge():
            if alert.acknowledged_by is not None:
                return _refused(alert, f"{alert.acknowledged_by} has acknowledged it already", command)
            after = replace(alert, acknowledged_by=command.by, acknowledged_at=now)
            return Transition("acknowledged", after, f"{command.by} has taken it on" + _note(command.note))
        case Snooze():
            if command.until <= now:
                return _refused(alert, f"{command.until:%Y-%m-%d %H:%M} is over", command)
            after = replace(alert, snoozed_until=command.until, snoozed_by=command.by)
            return Transition("snoozed", after, f"{command.by}: nothing until {command.until:%Y-%m-%d %H:%M %Z}")
        case Resolve():
            return resolve(alert, f"closed by {command.by}{_note(command.note)}", now, recovered=False, by=command.by)


def _start_play(alert: Alert, command: StartPlay, now: datetime) -> Transition:
    """Whoever starts a play has taken the alert on; follow-ups count from now."""
    after = replace(
        alert,
        play=command.play,
        play_by=command.by,
        play_at=now,
        followed_up_days=[],
        acknowledged_by=alert.acknowledged_by or command.by,
        acknowledged_at=alert.acknowledged_at or now,
    )
    return Transition("play_started", after, f"{command.by} has started the play {command.play}")


def _refused(alert: Alert | None, reason: str, command: AlertCommand) -> Transition:
    return Transition("refused", alert, reason, by=command.by, command_id=command.command_id)


def _note(note: str | None) -> str:
    return f": {note}" if note else ""
