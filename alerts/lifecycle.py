"""What a verdict does to one alert: opened, reopened, updated, resolved, or nothing, always with the reason.

One episode is told once when it opens, again only when it gets worse than what was told, and once when it ends; when it
comes back soon after, it goes on. What is told when is decided in `recipients`, after the step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as change
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from msgspec.structs import replace

from alerts.alert_events import SYSTEM, AlertChange
from alerts.context import AlertContext
from alerts.model import SEVERITY_RANK, Alert, alert_id, fingerprint
from alerts.notify_policy import NotificationKind, decide_notification
from alerts.rules import Firing, Resolved, RuleResult
from stream.contracts.report import AlertReportView

Kind = Literal[AlertChange, "nothing"]
FollowUpResult = Literal["lasted", "ended", "not_recovered", "came_back"]  # of a follow-up

FOLLOW_UP_RESULTS: Final[tuple[FollowUpResult, ...]] = get_args(FollowUpResult)
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

NAME_CHARS_MAX = 200


@dataclass(frozen=True)
class Transition:
    """What became of one alert.

    Args:
        kind: the step; nothing when there is none.
        alert: the alert as it is now; None when there is none.
        reason: why.
        notification_kind: what people are told; None: nothing.
        notification_id: names the message to send, the same however often the step is repeated; None: tell nobody.
        after: the message about the same episode that must come first; None when there is none.
        recovered: on resolved, whether the score came back.
        by: who took the step.
        command_id: the command behind it; None without one.
        follow_up_result: on followed_up, how it went; None else.
    """

    kind: Kind
    alert: Alert | None
    reason: str
    notification_kind: NotificationKind | None = None
    notification_id: str | None = None
    after: str | None = None
    recovered: bool = False
    by: str = SYSTEM
    command_id: str | None = None
    follow_up_result: FollowUpResult | None = None


def step(
    rule: str,
    alert: Alert | None,
    verdict: RuleResult,
    report: AlertReportView,
    now: datetime,
    context: AlertContext,
    before_resolving: timedelta = timedelta(),
) -> Transition:
    """The next state of one alert; nothing is told yet.

    Args:
        rule: the rule's name.
        alert: the rule's alert for this account, open or resolved; None before the first.
        verdict: what the rule says of `report`; a finding has lasted for as long as the rule wants.
        report: a report that is not older than the last one judged.
        now: the moment of the decision.
        context: the settings.
        before_resolving: the rule must be kept for so long before the episode is over.
    """
    if alert is None:
        return _open(rule, None, verdict, report, now) if isinstance(verdict, Firing) else _nothing(None, verdict)
    if not alert.is_open:
        return _after_the_end(rule, alert, verdict, report, now, context)
    if isinstance(verdict, Firing):
        return _go_on(alert, verdict, report)
    alert = _seen(alert, report)
    if not isinstance(verdict, Resolved):
        return _nothing(alert, verdict)
    since = alert.clear_since or now
    if now - since < before_resolving:
        over_at = since + before_resolving
        waiting = replace(alert, clear_since=since)
        return Transition("nothing", waiting, f"{verdict.reason}; over at {over_at:%Y-%m-%d %H:%M} if it lasts")
    return resolve(alert, verdict.reason, now, recovered=verdict.recovered)


def resolve(alert: Alert, reason: str, now: datetime, *, recovered: bool, by: str | None = None) -> Transition:
    """End an open episode.

    Args:
        alert: an open one.
        reason: why it ends.
        now: when.
        recovered: whether the score came back.
        by: who ended it by hand; None: it ended by itself.
    """
    over = replace(
        alert,
        status="resolved",
        resolved_at=now,
        reason=reason,
        recovered=recovered,
        clear_since=None,
        closed_by=by,
        snoozed_until=None,
        snoozed_by=None,
    )
    return Transition("resolved", over, reason, recovered=recovered, by=by or SYSTEM)


def with_notification(transition: Transition, now: datetime, context: AlertContext) -> Transition:
    """The transition with what people are told of it now, if they do not know yet and nothing holds it back."""
    alert = transition.alert
    if alert is None:
        return transition
    told = decide_notification(alert, now, context)
    if told.notification_kind is None:
        held = told.alert.suppressed_until is not None and transition.kind != "nothing"
        reason = f"{transition.reason}; not told yet: {told.reason}" if held else transition.reason
        return change(transition, alert=told.alert, reason=reason)
    kind: Kind = transition.kind
    reason = transition.reason
    if kind == "nothing":
        kind = "reminded" if told.notification_kind == "reminded" else "told"
        reason = f"{alert.reason}; {told.reason}" if kind == "told" else f"nobody has acknowledged it: {alert.reason}"
    return change(
        transition,
        kind=kind,
        alert=told.alert,
        reason=reason,
        notification_kind=told.notification_kind,
        notification_id=told.notification_id,
        after=alert.last_notification if alert.last_notification != told.notification_id else None,
        recovered=alert.recovered,
    )


def _nothing(alert: Alert | None, verdict: RuleResult) -> Transition:
    return Transition("nothing", alert, verdict.reason)


def _after_the_end(
    rule: str, alert: Alert, verdict: RuleResult, report: AlertReportView, now: datetime, context: AlertContext
) -> Transition:
    """An episode is over: does it come back, does a new one begin, or was it closed by hand and goes on unseen?"""
    if not isinstance(verdict, Firing):
        if isinstance(verdict, Resolved) and alert.closed_by is not None and alert.clear_since is None:
            alert = replace(alert, clear_since=now)
        return _nothing(alert, verdict)
    worse = SEVERITY_RANK[verdict.severity] > SEVERITY_RANK[alert.severity]
    if alert.closed_by is not None and alert.clear_since is None and not worse:
        return Transition("nothing", alert, f"closed by {alert.closed_by}, and the same ever since: {verdict.reason}")
    assert alert.resolved_at is not None  # set when it ended
    if now - alert.resolved_at > timedelta(hours=context.lifecycle.reopen_within_hours):
        return _open(rule, alert, verdict, report, now)
    again = replace(
        _seen(alert, report),
        status="open",
        resolved_at=None,
        recovered=False,
        clear_since=None,
        closed_by=None,
        acknowledged_by=None,
        acknowledged_at=None,
        followed_up_days=[],
        reopened=alert.reopened + 1,
        severity=verdict.severity,
        reason=verdict.reason,
        evidence=verdict.evidence,
        ceiling_score=report.score,
        scorecard=report.scorecard,
    )
    return Transition("reopened", again, f"back after {_hours(now - alert.resolved_at)}: {verdict.reason}")


def _open(rule: str, last: Alert | None, finding: Firing, report: AlertReportView, now: datetime) -> Transition:
    """A new episode; its id comes from the report, so that judging the report again can't make a second one."""
    alert = Alert(
        alert_id=alert_id(report.account_id, rule, report.as_of),
        fingerprint=fingerprint(report.account_id, rule),
        account_id=report.account_id,
        account_name=report.name[:NAME_CHARS_MAX],
        rule=rule,
        episode=last.episode + 1 if last is not None else 1,
        severity=finding.severity,
        status="open",
        opened_at=now,
        reason=finding.reason,
        evidence=finding.evidence,
        opening_score=report.score,
        lowest_score=report.score,
        ceiling_score=report.score,
        last_score=report.score,
        last_as_of=report.as_of,
        scorecard=report.scorecard,
        segment=report.profile.segment,
        owner=report.profile.owner,
    )
    return Transition("opened", alert, finding.reason)


def _go_on(alert: Alert, finding: Firing, report: AlertReportView) -> Transition:
    """The rule is still broken: a step only when the severity is worse than before."""
    same_scorecard = alert.scorecard == report.scorecard
    ceiling = _of_both(max, alert.ceiling_score, report.score) if same_scorecard else report.score
    alert = replace(_seen(alert, report), ceiling_score=ceiling, scorecard=report.scorecard, clear_since=None)
    if SEVERITY_RANK[finding.severity] <= SEVERITY_RANK[alert.severity]:
        return Transition("nothing", alert, f"already known as {alert.severity}: {finding.reason}")
    worse = replace(alert, severity=finding.severity, reason=finding.reason, evidence=finding.evidence)
    return Transition("updated", worse, finding.reason)


def _seen(alert: Alert, report: AlertReportView) -> Alert:
    """The alert after looking at one more report."""
    if report.score is None:
        return replace(alert, last_as_of=report.as_of)
    return replace(
        alert,
        account_name=report.name[:NAME_CHARS_MAX],
        segment=report.profile.segment,
        owner=report.profile.owner,
        last_score=report.score,
        last_as_of=report.as_of,
        lowest_score=_of_both(min, alert.lowest_score, report.score),
    )


def _of_both(choose: Callable[[float, float], float], one: float | None, other: float | None) -> float | None:
    """The larger or smaller of two scores; the known one where only one is."""
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)


def _hours(span: timedelta) -> str:
    hours = round(span.total_seconds() / 3600)
    return f"{hours} h" if hours > 0 else "less than an hour"
