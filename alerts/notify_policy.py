"""What people are notified of now: the difference between what a red flag is and what they were told, and when. Pure.

A red flag has a state of its own; `notified_severity` says what people know. Whatever suppresses a message (a silence,
a snooze, quiet hours, the page budget, a pipeline incident) only delays the comparison. So what happened meanwhile
collapses: a red flag that came and went in the night is no message, one that came and got worse is one.

Only pages are messages of their own. A red flag that is no page is told by its owner's daily digest.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from alerts.context import AlertContext
from alerts.model import SEVERITY_RANK, Alert, Signal
from alerts.page_budget import LastPage, over_budget
from alerts.pipeline_incident import MASS_RULES
from alerts.quiet_hours import quiet_until
from alerts.red_flag import NotificationKind
from alerts.silences import silence_over

INCIDENT_RECHECK: Final = timedelta(minutes=1)
_PAGES: Final[frozenset[NotificationKind]] = frozenset({"opened", "reopened", "updated"})


class Suppression(Struct, frozen=True):
    """Nothing is told before `until`, for a reason."""

    until: datetime
    reason: str


class NotifyDecision(Struct, frozen=True):
    """What came of comparing.

    Args:
        alert: with what people know from now on, or until when it is suppressed.
        kind: what to tell now; None: nothing.
        notification_id: names the message, the same however often the comparison is repeated; None without one.
        page: the page that this is, for the budget; None: it is none.
        reason: why something, or nothing, is told.
    """

    alert: Alert
    kind: NotificationKind | None
    notification_id: str | None
    reason: str
    page: LastPage | None = None


def decide_notification(alert: Alert, last: LastPage | None, now: datetime, context: AlertContext) -> NotifyDecision:
    """Compare what the alert is with what people know, and decide what to tell now.

    Args:
        alert: after its step.
        last: the account's last page.
        now: the moment of the decision.
        context: settings, silences, pipeline incident.
    """
    kind = pending_kind(alert, last, now, context)
    if kind is None:
        if alert.suppressed_until is not None:
            alert = replace(alert, suppressed_until=None, suppressed_reason=None)
        return NotifyDecision(alert, None, None, "people know it")
    found = suppression(alert, kind, last, now, context)
    if found is not None:
        alert = replace(alert, suppressed_until=found.until, suppressed_reason=found.reason)
        return NotifyDecision(alert, None, None, found.reason)
    name = notification_name(alert, kind)
    why = f"after: {alert.suppressed_reason}" if alert.suppressed_reason is not None else "nothing suppresses it"
    paging = _paging(alert)
    page = LastPage(now, paging[0].severity, tuple(each.rule for each in paging)) if kind in _PAGES else None
    return NotifyDecision(_notified(alert, kind, name, now), kind, name, why, page)


def _notified(alert: Alert, kind: NotificationKind, name: str, now: datetime) -> Alert:
    """The alert as people know it from now on."""
    known = alert.severity if alert.is_open else None
    reminders = alert.reminders + 1 if kind == "reminded" else 0 if kind in _PAGES else alert.reminders
    return replace(
        alert,
        notified_severity=known,
        notified_at=now,
        last_notification=name,
        reminders=reminders,
        escalated_at=now if kind == "escalated" else alert.escalated_at,
        suppressed_until=None,
        suppressed_reason=None,
    )


def pending_kind(alert: Alert, last: LastPage | None, now: datetime, context: AlertContext) -> NotificationKind | None:
    """What people do not know of the alert yet; None when they know all that is told by itself."""
    if not alert.is_open:
        return "resolved" if alert.notified_severity is not None else None
    paging = _paging(alert)
    if alert.notified_severity is None:
        if not paging:
            return None
        return "reopened" if alert.reopened > 0 and alert.last_notification is not None else "opened"
    # The last page is of this episode, and what it spoke of may have been milder than the red flag was.
    known = last.severity if last is not None else alert.notified_severity
    if paging and SEVERITY_RANK[paging[0].severity] > SEVERITY_RANK[known]:
        return "updated"
    always = context.lifecycle.pages.always
    if last is not None and any(each.rule in always and each.since > last.at for each in paging):
        return "updated"
    if paging and (again := page_again_at(alert, last, context)) is not None and again <= now:
        return "updated"
    due = reminder_due(alert, context)
    if due is None or due > now:
        return None
    return "reminded" if alert.reminders < context.lifecycle.reminders.reminders_max else "escalated"


def page_again_at(alert: Alert, last: LastPage | None, context: AlertContext) -> datetime | None:
    """When a red flag that is up, and that nobody acknowledges, is a page again; None: not as things are.

    Only with something new: somebody was active since the last page, and the account is in trouble nevertheless. Who
    is silent since then was told of once.
    """
    if last is None or alert.acknowledged_at is not None or not alert.is_open or alert.notified_severity is None:
        return None
    if not _paging(alert) or alert.last_active_on is None or alert.last_active_on <= last.at.date():
        return None
    return last.at + timedelta(days=context.lifecycle.pages.again_days)


def reminder_due(alert: Alert, context: AlertContext) -> datetime | None:
    """When an open alert is told again, or its owner's manager is told; None when never.

    Never: nobody was told, somebody has it, its severity is not repeated, or all reminders were sent.
    """
    settings = context.lifecycle.reminders
    if alert.notified_severity not in settings.severities or alert.acknowledged_at is not None or not alert.is_open:
        return None
    if alert.reminders >= settings.reminders_max:
        names_manager = settings.escalate and manager_of(alert, context) is not None
        if not names_manager or alert.escalated_at is not None or settings.reminders_max == 0:
            return None
    return alert.notified_at + timedelta(days=settings.every_days) if alert.notified_at is not None else None


def manager_of(alert: Alert, context: AlertContext) -> str | None:
    """Who is told when its owner does not answer; None: nobody is named."""
    return context.lifecycle.reminders.managers.get(alert.owner or "")


def suppression(
    alert: Alert, kind: NotificationKind, last: LastPage | None, now: datetime, context: AlertContext
) -> Suppression | None:
    """What keeps a message back, the one that lasts longest first; None when nothing does."""
    found = []
    if kind in _PAGES and (budget := over_budget(last, _paging(alert), now, context.lifecycle.pages)) is not None:
        found.append(Suppression(budget.until, budget.reason))
    if alert.snoozed_until is not None and now < alert.snoozed_until:
        found.append(Suppression(alert.snoozed_until, f"snoozed by {alert.snoozed_by}"))
    silence = silence_over(alert, context.silences, now)
    if silence is not None:
        found.append(Suppression(silence.ends_at, f"silenced by {silence.by}: {silence.why}"))
    if context.pipeline_incident is not None:
        found.append(
            Suppression(now + INCIDENT_RECHECK, f"the data can not be trusted: {context.pipeline_incident.reason}")
        )
    if (wait := _mass_drop_wait(alert, now, context)) is not None:
        found.append(wait)
    quiet = context.lifecycle.quiet
    if not quiet.is_never and alert.severity not in quiet.except_severities:
        until = quiet_until(quiet, alert.owner, now)
        if until is not None:
            found.append(Suppression(until, f"quiet hours of {alert.owner or 'the team'}"))
    return max(found, key=lambda each: each.until, default=None)


def _mass_drop_wait(alert: Alert, now: datetime, context: AlertContext) -> Suppression | None:
    """A fall that nobody knows of yet waits while it may be one of a mass drop that begins."""
    wait = timedelta(seconds=context.lifecycle.pipeline_incident.suspect_seconds)
    if context.mass_drop_suspected is None or alert.rule not in MASS_RULES or not alert.is_open:
        return None
    if alert.notified_severity is not None or not wait:
        return None
    return Suppression(now + wait, f"a mass drop may begin: {context.mass_drop_suspected}")


def notification_name(alert: Alert, kind: NotificationKind) -> str:
    """The message's name; evaluating again what led to it gives the same."""
    again = f":{alert.reopened}" if alert.reopened > 0 else ""
    if kind == "updated":
        assert alert.notified_at is not None  # it follows a message
        return f"{alert.alert_id}:updated:{alert.severity}:{int(alert.notified_at.timestamp()):x}"
    if kind in ("reminded", "escalated"):
        assert alert.notified_at is not None  # a reminder follows a message
        return f"{alert.alert_id}:{kind}:{int(alert.notified_at.timestamp()):x}"
    return f"{alert.alert_id}:{kind}{again}"


def is_page(notification_id: str) -> bool:
    """Whether a message of this name is a page, by which the budget is counted."""
    return notification_id.split(":")[1] in _PAGES


def _paging(alert: Alert) -> list[Signal]:
    """Its signals that are to be a page, the worst first."""
    return [signal for signal in alert.signals if signal.counts and signal.is_page]
