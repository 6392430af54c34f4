"""The Slack message of a transition, as a Block Kit payload: what happened, why, and what to do, in that order.

Pure: report and alert in, plain data out. Whatever a customer's feed supplied is made one line, capped and escaped.
Source: docs.slack.dev, Block Kit: header 150 characters, section text 3,000, 50 blocks.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from alerts.lifecycle import Transition
from alerts.model import Alert
from alerts.playbooks import next_step
from alerts.wording import clip, duration, escape, measure_name, measure_value, plural, points, sparkline, tidy
from stream.report import HealthReport

Payload = dict[str, Any]
Block = dict[str, Any]

HEADER_CHARS_MAX: Final = 150
TEXT_CHARS_MAX: Final = 3000
NAME_CHARS_MAX: Final = 80
REASON_CHARS_MAX: Final = 500
DRIVERS_SHOWN: Final = 3

_FLAG: Final = {"warning": "🚩", "critical": "🚨"}
_BAND: Final = {
    "healthy": "healthy",
    "watch": "on watch",
    "at_risk": "at risk",
    "critical": "critical",
    "unknown": "unknown",
}


def build_message(transition: Transition, report: HealthReport | None, now: datetime) -> Payload:
    """The message of one transition.

    Args:
        transition: opened, updated or resolved.
        report: the report behind it; None when the account was deleted.
        now: the moment of the decision, for spans such as the days to a renewal.
    """
    alert = transition.alert
    assert alert is not None  # only nothing comes without an alert
    if transition.kind == "resolved" or report is None:
        return _resolved(transition, alert, report)
    return _red_flag(transition, alert, report, now)


def _red_flag(transition: Transition, alert: Alert, report: HealthReport, now: datetime) -> Payload:
    name = tidy(report.name, NAME_CHARS_MAX)
    headline = f"{_FLAG[alert.severity]} {name} {_what_happened(transition, alert, report)}"
    drivers = "\n".join(_drivers(report)) or f"*Why:* {escape(tidy(report.reason, REASON_CHARS_MAX))}"
    blocks = [_header(headline), _section(_health_line(alert, report)), _section(drivers)]
    if play := next_step(alert.rule, _moved(report)):
        blocks.append(_section(f"*Next step:* {escape(play)}"))
    blocks.append(_context(_who(report, now), alert))
    return _payload(headline, f"{headline}. {tidy(report.reason, REASON_CHARS_MAX)}", blocks)


def _what_happened(transition: Transition, alert: Alert, report: HealthReport) -> str:
    """The rest of the headline, after the account's name."""
    if alert.rule == "score_dropped":
        again = "keeps falling: " if transition.kind == "updated" else ""
        lost, days = points(alert.evidence["drop_points"]), plural(int(alert.evidence["days"]), "day")
        return f"{again}lost {lost} points of health in {days}"
    band = _BAND[report.band]
    return f"got worse: now {band}" if transition.kind == "updated" else f"is {band}"


def _health_line(alert: Alert, report: HealthReport) -> str:
    """Score, band and the way here; the direction is said each time, since scores elsewhere run both ways."""
    assert report.score is not None  # an alert is about a score
    parts = [f"*Health {points(report.score)} of 100*, {_BAND[report.band]}"]
    if alert.rule == "score_dropped":
        parts.append(f"from {points(alert.evidence['from_score'])}")
    elif report.score_7d_ago is not None and round(report.score_7d_ago) != round(report.score):
        parts.append(f"{points(report.score_7d_ago)} a week ago")
    line = ", ".join(parts) + " (higher is healthier)"
    if len(report.history) > 1:
        days = plural(len(report.history), "day")
        line += f"\n`{sparkline([score for _, score in report.history])}` last {days}"
    return line


def _drivers(report: HealthReport) -> Iterator[str]:
    """What moved the score, the worst first; where no week-old score exists, what holds it down."""
    losses = [change for change in report.changes_7d if change.points <= -0.5][:DRIVERS_SHOWN]
    if losses:
        yield "*What moved it, in a week*"
        for change in losses:
            before, after = measure_value(change.measure, change.before), measure_value(change.measure, change.now)
            yield f"•  {_label(change.measure)}: *{before} → {after}*  ({points(change.points)} points)"
        return
    held = [part for part in report.contributions if part.points_lost >= 0.5][:DRIVERS_SHOWN]
    if held:
        yield "*What holds it down*"
        for part in held:
            value = measure_value(part.measure, part.value)
            yield f"•  {_label(part.measure)}: *{value}*  (costs {points(part.points_lost)} points)"


def _moved(report: HealthReport) -> list[str]:
    """Ids of what `_drivers` shows, in its order."""
    losses = [change.measure for change in report.changes_7d if change.points <= -0.5]
    return losses or [part.measure for part in report.contributions if part.points_lost >= 0.5]


def _who(report: HealthReport, now: datetime) -> list[str]:
    """Owner, segment, renewal: whatever the account feed says."""
    profile = report.profile
    parts = []
    if profile.owner is not None:
        parts.append(f"Owner *{escape(tidy(profile.owner, NAME_CHARS_MAX))}*")
    if profile.segment is not None:
        parts.append(escape(tidy(profile.segment, NAME_CHARS_MAX)))
    if profile.renewal_at is not None:
        days = (profile.renewal_at - now).days
        when = f"in {plural(days, 'day')}" if days >= 0 else f"{plural(-days, 'day')} ago"
        parts.append(f"renewal {when} ({profile.renewal_at:%d %b %Y})")
    return parts


def _resolved(transition: Transition, alert: Alert, report: HealthReport | None) -> Payload:
    name = tidy(report.name if report is not None else alert.account_name, NAME_CHARS_MAX)
    assert alert.resolved_at is not None  # set by the transition
    lasted = duration(alert.resolved_at - alert.opened_at)
    if transition.recovered:
        headline = f"✅ {name} has recovered"
    elif report is None:
        headline = f"☑️ {name}: red flag closed, {transition.reason}"
    else:
        headline = f"☑️ {name} has stopped falling"
    low = f"lowest {points(alert.lowest_score)}"
    if report is not None and report.score is not None:
        low = f"*Health {points(report.score)} of 100*, {_BAND[report.band]}, {low} (higher is healthier)"
    if report is not None and len(report.history) > 1:
        low += f"\n`{sparkline([score for _, score in report.history])}` last {plural(len(report.history), 'day')}"
    blocks = [_header(headline), _section(f"{low}\nThe red flag was up for {lasted}.")]
    blocks.append(_context([], alert))
    return _payload(headline, f"{headline}, after {lasted}", blocks)


def _label(measure: str) -> str:
    return escape(tidy(measure_name(measure), NAME_CHARS_MAX))


def _payload(headline: str, fallback: str, blocks: list[Block]) -> Payload:
    """`text` is what notifications and screen readers use."""
    return {"text": clip(escape(fallback), TEXT_CHARS_MAX), "blocks": blocks}


def _header(text: str) -> Block:
    short = text if len(text) <= HEADER_CHARS_MAX else text[: HEADER_CHARS_MAX - 1] + "…"
    return {"type": "header", "text": {"type": "plain_text", "text": short, "emoji": False}}


def _section(mrkdwn: str) -> Block:
    """`verbatim` keeps Slack from making links and mentions out of plain text."""
    text = {"type": "mrkdwn", "text": clip(mrkdwn, TEXT_CHARS_MAX), "verbatim": True}
    return {"type": "section", "text": text}


def _context(parts: list[str], alert: Alert) -> Block:
    """The small print, with the id that every message of the episode carries."""
    again = [f"{_ordinal(alert.episode)} time"] if alert.episode > 1 else []
    line = "  ·  ".join([*parts, *again, f"`{alert.alert_id}`"])
    text = {"type": "mrkdwn", "text": clip(line, TEXT_CHARS_MAX), "verbatim": True}
    return {"type": "context", "elements": [text]}


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
