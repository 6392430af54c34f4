"""What a verdict does to one alert: opened, updated, resolved, or nothing, always with the reason.

One episode is told once when it opens, again only when it gets worse than what was told, and once when it ends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from msgspec.structs import replace

from alerts.model import SEVERITY_RANK, Alert, alert_id, fingerprint
from alerts.rules import Clear, Finding, Verdict
from stream.report import HealthReport

Kind = Literal["opened", "updated", "resolved", "nothing"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

NAME_CHARS_MAX = 200


@dataclass(frozen=True)
class Transition:
    """What became of one alert.

    Args:
        kind: opened, updated, resolved, or nothing.
        alert: the alert as it is now; None when there is none.
        reason: why.
        notification_id: names the message to send, the same however often the step is repeated; None: tell nobody.
        after: the message about the same episode that must come first; None when there is none.
        recovered: on resolved, whether the score came back.
    """

    kind: Kind
    alert: Alert | None
    reason: str
    notification_id: str | None = None
    after: str | None = None
    recovered: bool = False


def step(rule: str, alert: Alert | None, verdict: Verdict, report: HealthReport, now: datetime) -> Transition:
    """The next state of one alert.

    Args:
        rule: the rule's name.
        alert: the rule's alert for this account, open or resolved; None before the first.
        verdict: what the rule says of `report`.
        report: a report that is not older than the last one judged.
        now: the moment of the decision.
    """
    if alert is None or not alert.is_open:
        if isinstance(verdict, Finding):
            return _open(rule, alert, verdict, report, now)
        return Transition("nothing", alert, verdict.reason)
    if isinstance(verdict, Finding):
        return _go_on(alert, verdict, report)
    alert = _seen(alert, report)
    if isinstance(verdict, Clear):
        return resolve(alert, verdict.reason, now, recovered=verdict.recovered)
    return Transition("nothing", alert, verdict.reason)


def resolve(alert: Alert, reason: str, now: datetime, *, recovered: bool, tell: bool = True) -> Transition:
    """End an open episode; with tell=False nobody hears of it, because another alert speaks for the account."""
    notification = f"{alert.alert_id}:resolved" if tell else None
    over = replace(
        alert,
        status="resolved",
        resolved_at=now,
        reason=reason,
        last_notification=notification or alert.last_notification,
    )
    return Transition("resolved", over, reason, notification, alert.last_notification, recovered)


def _open(rule: str, last: Alert | None, finding: Finding, report: HealthReport, now: datetime) -> Transition:
    """A new episode; its id comes from the report, so that judging the report again can't make a second one."""
    name = alert_id(report.account_id, rule, report.as_of)
    alert = Alert(
        alert_id=name,
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
        last_notification=f"{name}:opened",
        segment=report.profile.segment,
        owner=report.profile.owner,
    )
    return Transition("opened", alert, finding.reason, alert.last_notification)


def _go_on(alert: Alert, finding: Finding, report: HealthReport) -> Transition:
    """The rule is still broken: told again only when the severity is worse than what was told."""
    same_scorecard = alert.scorecard == report.scorecard
    ceiling = _of_both(max, alert.ceiling_score, report.score) if same_scorecard else report.score
    alert = replace(_seen(alert, report), ceiling_score=ceiling, scorecard=report.scorecard)
    if SEVERITY_RANK[finding.severity] <= SEVERITY_RANK[alert.severity]:
        return Transition("nothing", alert, f"already told as {alert.severity}: {finding.reason}")
    notification = f"{alert.alert_id}:updated:{finding.severity}"
    worse = replace(
        alert,
        severity=finding.severity,
        reason=finding.reason,
        evidence=finding.evidence,
        last_notification=notification,
    )
    return Transition("updated", worse, finding.reason, notification, alert.last_notification)


def _seen(alert: Alert, report: HealthReport) -> Alert:
    """The alert after looking at one more report."""
    if report.score is None:
        return replace(alert, last_as_of=report.as_of)
    return replace(
        alert,
        account_name=report.name[:NAME_CHARS_MAX],
        last_score=report.score,
        last_as_of=report.as_of,
        lowest_score=_of_both(min, alert.lowest_score, report.score),
    )


def _of_both(choose: Callable[[float, float], float], one: float | None, other: float | None) -> float | None:
    """The larger or smaller of two scores; the known one where only one is."""
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)
