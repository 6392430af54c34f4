"""The Slack message of a transition, as a Block Kit payload: what happened, why, and what to do, in that order.

Pure: report and alert in, plain data out. Whatever a customer's feed supplied is made one line, capped and escaped.
`headlines` has the first lines, `facts` what is behind them, `blocks` the shapes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from alerts.lifecycle import Transition
from alerts.messages.blocks import Payload, context, payload, section
from alerts.messages.evidence import drivers, evidence, health_line, moved_measures, whose
from alerts.messages.headline import MATTERS, NAME_CHARS_MAX, noun_of, over, raised, tone_of
from alerts.messages.report_text import reason_beside
from alerts.model import Alert
from alerts.notification import BY_HAND, AlertNotification
from alerts.playbooks import Play, choose
from alerts.rules import ABOUT_SCORE
from alerts.text import day_of_month, duration, escape, ordinal, points, tidy
from stream.contracts.report import HealthReport

REASON_CHARS_MAX: Final = 500
BY_HAND_CHARS_MAX: Final = 300


def make_notification(
    transition: Transition, report: HealthReport | None, now: datetime, playbooks: Mapping[str, Sequence[Play]]
) -> AlertNotification:
    """The notice of a transition that somebody is to be told of.

    Args:
        transition: one with a notification_id.
        report: the report behind it; None when the account was deleted.
        now: the moment of the decision.
        playbooks: by rule, what to try.
    """
    alert = transition.alert
    assert alert is not None  # only nothing comes without an alert
    assert transition.notification_id is not None  # asked by the caller
    profile = report.profile if report is not None else None
    return AlertNotification(
        id=transition.notification_id,
        kind=transition.notification_kind or transition.kind,
        alert_id=alert.alert_id,
        fingerprint=alert.fingerprint,
        rule=alert.rule,
        severity=alert.severity,
        episode=alert.episode,
        at=now,
        opened_at=alert.opened_at,
        resolved_at=alert.resolved_at,
        recovered=transition.recovered,
        reason=transition.reason,
        evidence=alert.evidence,
        by=transition.by if transition.kind in BY_HAND else None,
        message=_message(transition, report, now, playbooks),
        account_id=alert.account_id,
        account_name=report.name if report is not None else alert.account_name,
        score=report.score if report is not None else alert.last_score,
        band=report.band if report is not None else None,
        segment=profile.segment if profile is not None else None,
        owner=profile.owner if profile is not None else None,
        lifecycle_stage=profile.lifecycle_stage if profile is not None else None,
        mrr=profile.mrr if profile is not None else None,
        renewal_at=profile.renewal_at if profile is not None else None,
    )


def _message(
    transition: Transition, report: HealthReport | None, now: datetime, playbooks: Mapping[str, Sequence[Play]]
) -> dict[str, Any]:
    """The alert's message; with a line that says who has it, when somebody acknowledged or snoozed it."""
    message = build_message(transition, report, now, playbooks)
    if transition.kind not in BY_HAND:
        return message
    line = {"type": "mrkdwn", "text": f"✋  {escape(tidy(transition.reason, BY_HAND_CHARS_MAX))}", "verbatim": True}
    *blocks, small = message["blocks"]
    return {**message, "blocks": [*blocks, {"type": "context", "elements": [line]}, small]}


def build_message(
    transition: Transition, report: HealthReport | None, now: datetime, playbooks: Mapping[str, Sequence[Play]]
) -> Payload:
    """The message of one transition.

    Args:
        transition: one that says something.
        report: the report behind it; None when the account was deleted.
        now: the moment of the decision, for spans such as the days to a renewal.
        playbooks: by rule.
    """
    alert = transition.alert
    assert alert is not None  # only nothing comes without an alert
    if transition.notification_kind == "resolved" or report is None:
        return _resolved(transition, alert, report, now)
    if transition.notification_kind == "followed_up":
        return _followed_up(transition, alert, report)
    return _raised(transition, alert, report, now, playbooks.get(alert.rule, ()))


def _raised(
    transition: Transition, alert: Alert, report: HealthReport, now: datetime, plays: Sequence[Play]
) -> Payload:
    """An alert that is up: opened, worse, come back, or nobody has taken it on."""
    headline = raised(transition, alert, report)
    blocks = [section(text) for text in (_again(transition, alert, now), *_why(alert, report)) if text is not None]
    chosen = choose(plays, moved_measures(report))
    blocks += [section(text) for text in _what_to_do(chosen)]
    small = [*whose(report, now), *_which_time(alert), alert.alert_id]
    return payload(headline, f"{headline}. Why: {tidy(report.reason, REASON_CHARS_MAX)}", [*blocks, context(small)])


def _why(alert: Alert, report: HealthReport) -> list[str]:
    """The score, the numbers behind the rule, what moved, and why it matters."""
    found = ["\n".join(evidence(alert.rule, report)), health_line(report)]
    moving = "\n".join(drivers(report)) if tone_of(alert.rule) == "trouble" else ""
    if alert.rule in ABOUT_SCORE and not moving:
        moving = f"*Why:* {escape(tidy(reason_beside(report), REASON_CHARS_MAX))}"
    matters = MATTERS.get(alert.rule)
    found += [moving, f"*Why it matters:* {matters}." if matters is not None else ""]
    return [text for text in found if text]


def _what_to_do(plays: Sequence[Play]) -> list[str]:
    """The next step, and what else could be tried."""
    if not plays:
        return []
    first = plays[0]
    who = "" if first.who == "owner" else f"  ({escape(first.who)})"
    texts = [f"👉  *Next step: {escape(first.name)}.* {escape(first.do)}{who}"]
    if len(plays) > 1:
        texts[0] += "\n      Or: " + "  ·  ".join(escape(play.name) for play in plays[1:])
    return texts


def _again(transition: Transition, alert: Alert, now: datetime) -> str | None:
    """Why people hear of an episode that they know: it got worse, came back, or nobody has taken it on."""
    up = duration(max(now - alert.opened_at, timedelta()))
    noun = noun_of(alert.rule)
    if transition.notification_kind == "updated":
        return f"⤵  Its {noun} is up since {day_of_month(alert.opened_at)} ({up})."
    if transition.notification_kind == "reopened":
        return f"↩  It was over, and came back: its first {noun} was {up} ago."
    if transition.notification_kind == "reminded":
        return f"⏰  Up for {up}, and nobody has acknowledged it yet."
    return None


def _followed_up(transition: Transition, alert: Alert, report: HealthReport) -> Payload:
    """Whether what was done has helped, for whoever did it."""
    headline = f"🔎 {tidy(report.name, NAME_CHARS_MAX)}: did it help?"
    told = tidy(transition.reason, REASON_CHARS_MAX)
    lines = [f"{_capital(escape(told))}.", health_line(report)]
    return payload(headline, f"{headline} {told}", [section("\n".join(lines)), context([alert.alert_id])])


def _resolved(transition: Transition, alert: Alert, report: HealthReport | None, now: datetime) -> Payload:
    """An alert that is over: well, or otherwise."""
    headline = over(transition, alert, report)
    assert alert.resolved_at is not None  # set by the transition
    lasted = duration(alert.resolved_at - alert.opened_at)
    lowest = ""
    if tone_of(alert.rule) == "trouble" and alert.lowest_score is not None:
        lowest = f"; the lowest health was {points(alert.lowest_score)}"
    lines = [health_line(report)] if report is not None and report.score is not None else []
    stood = "It waited" if tone_of(alert.rule) == "task" else f"Its {noun_of(alert.rule)} was up"
    lines.append(f"{stood} for {lasted}{lowest}.")
    if alert.acknowledged_by is not None and transition.recovered:
        lines.append(f"Taken on by {escape(tidy(alert.acknowledged_by, NAME_CHARS_MAX))}. Thank you.")
    small = [*(whose(report, now)[:2] if report is not None else []), *_which_time(alert), alert.alert_id]
    return payload(headline, f"{headline}, after {lasted}", [section("\n".join(lines)), context(small)])


def _which_time(alert: Alert) -> list[str]:
    """How often this account had this alert, from the second time on."""
    return [f"{ordinal(alert.episode)} time"] if alert.episode > 1 else []


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
