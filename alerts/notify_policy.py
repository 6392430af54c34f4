"""What people should hear of an alert now: the difference between what it is and what they were told, and when.

An alert has a state of its own; `notified_severity` says what people know. Whatever suppresses a message (silence,
a snooze, quiet hours, a pipeline incident) only delays the comparison. So what happened meanwhile collapses: a
red flag that came and went in the night is no message, one that came and got worse is one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from msgspec.structs import replace

from alerts.context import AlertContext
from alerts.model import SEVERITY_RANK, Alert
from alerts.pipeline_incident import MASS_RULES
from alerts.quiet_hours import quiet_until
from alerts.silences import silence_over

NotificationKind = Literal["opened", "reopened", "updated", "resolved", "reminded", "followed_up"]

NOTIFICATION_KINDS: Final[tuple[NotificationKind, ...]] = get_args(NotificationKind)

INCIDENT_RECHECK: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Suppression:
    """Nothing is told before `until`, for a reason."""

    until: datetime
    reason: str


@dataclass(frozen=True)
class NotifyDecision:
    """What came of comparing.

    Args:
        alert: with what people know from now on, or until when it is held.
        notification_kind: what to tell now; None: nothing.
        notification_id: names the message, the same however often the comparison is repeated; None without one.
        reason: why something, or nothing, is told.
    """

    alert: Alert
    notification_kind: NotificationKind | None
    notification_id: str | None
    reason: str


def decide_notification(alert: Alert, now: datetime, context: AlertContext) -> NotifyDecision:
    """Compare what the alert is with what people know, and decide what to tell now.

    Args:
        alert: after its step.
        now: the moment of the decision.
        context: silences, quiet hours, doubt in the data.
    """
    notification_kind = pending_kind(alert, now, context)
    if notification_kind is None:
        if alert.suppressed_until is not None:
            alert = replace(alert, suppressed_until=None, suppressed_reason=None)
        return NotifyDecision(alert, None, None, "people know it")
    hold = suppression(alert, now, context)
    if hold is not None:
        alert = replace(alert, suppressed_until=hold.until, suppressed_reason=hold.reason)
        return NotifyDecision(alert, None, None, hold.reason)
    name = notification_name(alert, notification_kind)
    why = f"after {alert.suppressed_reason}" if alert.suppressed_reason is not None else "nothing holds it"
    known = alert.severity if alert.is_open else None
    alert = replace(
        alert,
        notified_severity=known,
        notified_at=now,
        last_notification=name,
        suppressed_until=None,
        suppressed_reason=None,
    )
    return NotifyDecision(alert, notification_kind, name, why)


def pending_kind(alert: Alert, now: datetime, context: AlertContext) -> NotificationKind | None:
    """What people do not know of the alert yet; None when they know all of it."""
    if not alert.is_open:
        return "resolved" if alert.notified_severity is not None else None
    if alert.notified_severity is None:
        return "reopened" if alert.reopened > 0 and alert.last_notification is not None else "opened"
    if SEVERITY_RANK[alert.severity] > SEVERITY_RANK[alert.notified_severity]:
        return "updated"
    due = reminder_due(alert, context)
    return "reminded" if due is not None and due <= now else None


def reminder_due(alert: Alert, context: AlertContext) -> datetime | None:
    """When an open alert is told again; None when never: somebody has it, or its severity is not repeated."""
    pause = context.lifecycle.repeat.pause(alert.severity)
    if pause is None or alert.notified_at is None or alert.acknowledged_at is not None or not alert.is_open:
        return None
    return alert.notified_at + pause


def suppression(alert: Alert, now: datetime, context: AlertContext) -> Suppression | None:
    """What keeps a message back, with the longest first; None when nothing does."""
    holds = []
    if alert.snoozed_until is not None and now < alert.snoozed_until:
        holds.append(Suppression(alert.snoozed_until, f"snoozed by {alert.snoozed_by}"))
    silence = silence_over(alert, context.silences, now)
    if silence is not None:
        holds.append(Suppression(silence.ends_at, f"silenced by {silence.by}: {silence.why}"))
    if context.pipeline_incident is not None:
        holds.append(Suppression(now + INCIDENT_RECHECK, f"the data are in doubt: {context.pipeline_incident.reason}"))
    if (settles := _mass_drop_wait(alert, now, context)) is not None:
        holds.append(settles)
    quiet = context.lifecycle.quiet
    if not quiet.is_never and alert.severity not in quiet.except_severities:
        until = quiet_until(quiet, alert.owner, now)
        if until is not None:
            holds.append(Suppression(until, f"quiet hours of {alert.owner or 'the team'}"))
    return max(holds, key=lambda hold: hold.until, default=None)


def _mass_drop_wait(alert: Alert, now: datetime, context: AlertContext) -> Suppression | None:
    """A fall that nobody knows of yet waits while it may be one of a mass drop that begins."""
    wait = timedelta(seconds=context.lifecycle.pipeline_incident.suspect_seconds)
    if (
        context.mass_drop_suspected is None
        or alert.rule not in MASS_RULES
        or alert.notified_severity is not None
        or not alert.is_open
    ):
        return None
    return Suppression(now + wait, f"a mass drop may begin: {context.mass_drop_suspected}") if wait else None


def notification_name(alert: Alert, notification_kind: NotificationKind) -> str:
    """The message's name; judging again what led to it gives the same."""
    again = f":{alert.reopened}" if alert.reopened > 0 else ""
    if notification_kind == "updated":
        return f"{alert.alert_id}:updated:{alert.severity}{again}"
    if notification_kind == "reminded":
        assert alert.notified_at is not None  # a reminder follows a message
        return f"{alert.alert_id}:reminded:{int(alert.notified_at.timestamp()):x}"
    return f"{alert.alert_id}:{notification_kind}{again}"


def suppress(alert: Alert) -> Alert:
    """The alert as if people knew nothing of it: its end needs no message, because another alert speaks."""
    return replace(alert, notified_severity=None, suppressed_until=None, suppressed_reason=None)
