"""What people should hear of an alert now: the difference between what it is and what they were told, and when.

An alert's state goes its own way; `told_severity` says what people know. Whatever holds a message back (a silence, a
snooze, quiet hours, doubt in the data) only delays the comparison. So what happened meanwhile collapses by itself: a
red flag that came and went in the night is no message, one that came and got worse is one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from msgspec.structs import replace

from alerts.model import SEVERITY_RANK, Alert
from alerts.policy import Surroundings
from alerts.schedule import quiet_until
from alerts.silences import silence_over
from alerts.trouble import MASS_RULES

Says = Literal["opened", "reopened", "updated", "resolved", "reminded", "followed_up"]

SAYS: Final[tuple[Says, ...]] = get_args(Says)

DOUBT_RECHECK: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Hold:
    """Nothing is told before `until`, for a reason."""

    until: datetime
    reason: str


@dataclass(frozen=True)
class Told:
    """What came of comparing.

    Args:
        alert: with what people know from now on, or until when it is held.
        says: what to tell now; None: nothing.
        notification_id: names the message, the same however often the comparison is repeated; None without one.
        reason: why something, or nothing, is told.
    """

    alert: Alert
    says: Says | None
    notification_id: str | None
    reason: str


def tell(alert: Alert, now: datetime, around: Surroundings) -> Told:
    """Compare what the alert is with what people know, and decide what to tell now.

    Args:
        alert: after its step.
        now: the moment of the decision.
        around: silences, quiet hours, doubt in the data.
    """
    says = unsaid(alert, now, around)
    if says is None:
        if alert.held_until is not None:
            alert = replace(alert, held_until=None, held_reason=None)
        return Told(alert, None, None, "people know it")
    hold = held(alert, now, around)
    if hold is not None:
        alert = replace(alert, held_until=hold.until, held_reason=hold.reason)
        return Told(alert, None, None, hold.reason)
    name = message_id(alert, says)
    why = f"after {alert.held_reason}" if alert.held_reason is not None else "nothing holds it"
    known = alert.severity if alert.is_open else None
    alert = replace(alert, told_severity=known, told_at=now, last_notification=name, held_until=None, held_reason=None)
    return Told(alert, says, name, why)


def unsaid(alert: Alert, now: datetime, around: Surroundings) -> Says | None:
    """What people do not know of the alert yet; None when they know all of it."""
    if not alert.is_open:
        return "resolved" if alert.told_severity is not None else None
    if alert.told_severity is None:
        return "reopened" if alert.reopened > 0 and alert.last_notification is not None else "opened"
    if SEVERITY_RANK[alert.severity] > SEVERITY_RANK[alert.told_severity]:
        return "updated"
    due = reminder_due(alert, around)
    return "reminded" if due is not None and due <= now else None


def reminder_due(alert: Alert, around: Surroundings) -> datetime | None:
    """When an open alert is told again; None when never: somebody has it, or its severity is not repeated."""
    pause = around.lifecycle.repeat.pause(alert.severity)
    if pause is None or alert.told_at is None or alert.acknowledged_at is not None or not alert.is_open:
        return None
    return alert.told_at + pause


def held(alert: Alert, now: datetime, around: Surroundings) -> Hold | None:
    """What keeps a message back, with the longest first; None when nothing does."""
    holds = []
    if alert.snoozed_until is not None and now < alert.snoozed_until:
        holds.append(Hold(alert.snoozed_until, f"snoozed by {alert.snoozed_by}"))
    silence = silence_over(alert, around.silences, now)
    if silence is not None:
        holds.append(Hold(silence.ends_at, f"silenced by {silence.by}: {silence.why}"))
    if around.trouble is not None:
        holds.append(Hold(now + DOUBT_RECHECK, f"the data are in doubt: {around.trouble.reason}"))
    if (settles := _settles(alert, now, around)) is not None:
        holds.append(settles)
    quiet = around.lifecycle.quiet
    if not quiet.is_never and alert.severity not in quiet.except_severities:
        until = quiet_until(quiet, alert.owner, now)
        if until is not None:
            holds.append(Hold(until, f"quiet hours of {alert.owner or 'the team'}"))
    return max(holds, key=lambda hold: hold.until, default=None)


def _settles(alert: Alert, now: datetime, around: Surroundings) -> Hold | None:
    """A fall that nobody knows of yet waits while it may be one of a mass drop that begins."""
    wait = timedelta(seconds=around.lifecycle.trouble.settle_seconds)
    if around.settling is None or alert.rule not in MASS_RULES or alert.told_severity is not None or not alert.is_open:
        return None
    return Hold(now + wait, f"a mass drop may begin: {around.settling}") if wait else None


def message_id(alert: Alert, says: Says) -> str:
    """The message's name; judging again what led to it gives the same."""
    again = f":{alert.reopened}" if alert.reopened > 0 else ""
    if says == "updated":
        return f"{alert.alert_id}:updated:{alert.severity}{again}"
    if says == "reminded":
        assert alert.told_at is not None  # a reminder follows a message
        return f"{alert.alert_id}:reminded:{int(alert.told_at.timestamp()):x}"
    return f"{alert.alert_id}:{says}{again}"


def hush(alert: Alert) -> Alert:
    """The alert as if people knew nothing of it: its end needs no message, because another alert speaks."""
    return replace(alert, told_severity=None, held_until=None, held_reason=None)
