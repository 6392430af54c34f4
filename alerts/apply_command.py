"""What a command does to an account's red flag: acknowledged, snoozed, closed by hand, rated, or refused with a reason.

A command is applied in the transaction that also moves its offset, so each counts once; giving the same one again finds
its effect already there.
"""

from datetime import datetime

from msgspec.structs import replace

from alerts.commands import Acknowledge, AlertCommand, GiveVerdict, Resolve, Snooze, StartPlay
from alerts.context import AlertContext
from alerts.evaluation import DEFAULT_CONTEXT, AccountEvaluation, with_notification
from alerts.model import AccountRecord, Alert
from alerts.page_budget import LastPage
from alerts.red_flag import Transition, resolve
from alerts.signals import accept
from alerts.text import clock, day_of_month, moment_words


def apply_command(
    record: AccountRecord | None, command: AlertCommand, now: datetime, context: AlertContext = DEFAULT_CONTEXT
) -> AccountEvaluation:
    """Apply one command to the account that it is about.

    Args:
        record: what is remembered of the account; None when it is not known.
        command: about its red flag.
        now: the moment of the decision.
        context: what decides about notifying.
    """
    alert = record.alert if record is not None else None
    if record is None or alert is None or alert.alert_id != command.alert_id:
        reason = f"no such alert of {command.account_id!r:.80}, or its episode is long over: {command.alert_id!r:.80}"
        return AccountEvaluation(record, (_refused(None, reason, command),), "refused")
    step, last = with_notification(_apply(alert, command, now), LastPage.of(record), now, context)
    transition = replace(step, by=command.by, command_id=command.command_id)
    assert transition.alert is not None  # a command about an alert leaves it there
    after = replace(record, alert=transition.alert)
    if last is not None:
        after = replace(after, paged_at=last.at, paged_severity=last.severity, paged_rules=list(last.rules))
    if transition.kind == "resolved" or (isinstance(command, Acknowledge) and command.accept):
        # Whoever closes it, or takes it as the new normal, accepts what fires: it counts again once it is worse.
        accepted = {
            name: accept(each, command.by) if _of(alert, name) else each for name, each in record.signals.items()
        }
        after = replace(after, signals=accepted)
    return AccountEvaluation(after, (transition,), transition.kind)


def _of(alert: Alert, rule: str) -> bool:
    return any(signal.rule == rule for signal in alert.signals)


def _apply(alert: Alert, command: AlertCommand, now: datetime) -> Transition:
    match command:
        case GiveVerdict():
            words = "useful" if command.verdict == "valid" else "not useful"
            after = replace(
                alert, verdict=command.verdict, verdict_by=command.by, verdict_note=command.note or alert.verdict_note
            )
            return Transition("verdict", after, f"{command.by} found it {words}" + _note(command.note))
        case StartPlay():
            return _start_play(alert, command, now)
        case _ if not alert.is_open:
            return _refused(alert, "the episode is over", command)
        case Acknowledge() if command.accept:
            reason = f"{command.by} accepts it as the new normal{_note(command.note)}"
            return resolve(alert, reason, now, recovered=False, by=command.by, headline="is accepted as the new normal")
        case Acknowledge():
            if alert.acknowledged_by is not None:
                return _refused(alert, f"{alert.acknowledged_by} has acknowledged it already", command)
            after = replace(alert, acknowledged_by=command.by, acknowledged_at=now)
            return Transition("acknowledged", after, f"{command.by} is on it" + _note(command.note))
        case Snooze():
            if command.until <= now:
                return _refused(alert, f"{moment_words(command.until)} is over", command)
            after = replace(alert, snoozed_until=command.until, snoozed_by=command.by)
            return Transition(
                "snoozed", after, f"{command.by} snoozed it until {day_of_month(command.until)}, {clock(command.until)}"
            )
        case Resolve():
            reason = f"Closed by {command.by}{_note(command.note)}"
            return resolve(alert, reason, now, recovered=False, by=command.by)


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
