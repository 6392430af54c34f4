"""The Slack message of a transition, as a Block Kit payload: what happened, why, and what to do, in that order.

Pure: report and alert in, plain data out. Whatever a customer's feed supplied is made one line, capped and escaped.
Source: docs.slack.dev, Block Kit: header 150 characters, section text 3,000, 50 blocks.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from alerts.lifecycle import Transition
from alerts.model import Alert
from alerts.playbooks import Play, choose
from alerts.rules import ABOUT_SCORE
from alerts.wording import (
    clip,
    duration,
    escape,
    measure_name,
    measure_value,
    override_told,
    plural,
    points,
    sparkline,
    tidy,
)
from stream.report import HealthReport

Payload = dict[str, Any]
Block = dict[str, Any]

HEADER_CHARS_MAX: Final = 150
TEXT_CHARS_MAX: Final = 3000
NAME_CHARS_MAX: Final = 80
REASON_CHARS_MAX: Final = 500
DRIVERS_SHOWN: Final = 3

_FLAG: Final = {"info": "🌱", "warning": "🚩", "critical": "🚨"}
_BAND: Final = {
    "healthy": "healthy",
    "watch": "on watch",
    "at_risk": "at risk",
    "critical": "critical",
    "unknown": "unknown",
}


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
    if transition.says == "resolved" or report is None:
        return _resolved(transition, alert, report)
    if transition.says == "followed_up":
        return _followed_up(transition, alert, report)
    return _red_flag(transition, alert, report, now, playbooks.get(alert.rule, ()))


def _red_flag(
    transition: Transition, alert: Alert, report: HealthReport, now: datetime, plays: Sequence[Play]
) -> Payload:
    name = tidy(report.name, NAME_CHARS_MAX)
    headline = f"{_FLAG[alert.severity]} {name}{_what_happened(transition, alert, report)}"
    drivers = "\n".join(_drivers(report)) or f"*Why:* {escape(tidy(report.reason, REASON_CHARS_MAX))}"
    blocks = [_header(headline), _section(_health_line(report)), _section(drivers)]
    if again := _again(transition, alert, now):
        blocks.insert(1, _section(again))
    if chosen := choose(plays, moved_measures(report)):
        blocks.append(_section(f"👉  *Next step:* {escape(chosen[0].do)}"))
    blocks.append(_context(_who(report, now), alert))
    return _payload(headline, f"{headline}. Why: {tidy(report.reason, REASON_CHARS_MAX)}", blocks)


def _what_happened(transition: Transition, alert: Alert, report: HealthReport) -> str:
    """The rest of the headline, after the account's name: state, score and fall, readable at a glance."""
    if alert.rule not in ABOUT_SCORE or report.score is None:
        return f": {alert.reason}"
    now, band = points(report.score), _BAND[report.band]
    if alert.rule == "score_dropped":
        again = "keeps falling, " if transition.says == "updated" else ""
        lost, days = points(alert.evidence["drop_points"]), plural(int(alert.evidence["days"]), "day")
        return f" {again}lost {lost} points of health in {days}: now {now}, {band}"
    state = f"got worse, now {band}" if transition.says == "updated" else f"is {band}"
    fall = round(report.score_7d_ago) - round(report.score) if report.score_7d_ago is not None else 0
    return f" {state}: health {now}" + (f", down {fall} in a week" if fall > 0 else "")


def _again(transition: Transition, alert: Alert, now: datetime) -> str | None:
    """Why people hear of an episode that they know: it came back, or nobody has taken it on."""
    up = duration(max(now - alert.opened_at, timedelta()))
    if transition.says == "reopened":
        return f"↩  It was over, and came back: its first red flag was {up} ago."
    if transition.says == "reminded":
        return f"⏰  Up for {up}, and nobody has acknowledged it yet."
    return None


def _followed_up(transition: Transition, alert: Alert, report: HealthReport) -> Payload:
    """Whether what was done has helped, for whoever did it."""
    headline = f"🔎 {tidy(report.name, NAME_CHARS_MAX)}: did it help?"
    lines = [_capital(escape(tidy(transition.reason, REASON_CHARS_MAX))) + ".", _health_line(report)]
    blocks = [_header(headline), _section("\n".join(lines)), _context([], alert)]
    return _payload(headline, f"{headline} {tidy(transition.reason, REASON_CHARS_MAX)}", blocks)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _health_line(report: HealthReport) -> str:
    """The score and the way here; its direction is said each time, since scores elsewhere run both ways."""
    if report.score is None:
        return "*Health unknown*: too little of the scorecard has data"
    line = f"*Health {points(report.score)} of 100* (higher is healthier)"
    if len(report.history) > 1:
        line += f"   `{sparkline([score for _, score in report.history])}`  {plural(len(report.history), 'day')}"
    by_hand = override_told(report)
    return line if by_hand is None else f"{line}\n✋  {escape(by_hand)}"


def _drivers(report: HealthReport) -> Iterator[str]:
    """What moved the score, the worst first; where no week-old score exists, what holds it down."""
    losses = [change for change in report.changes_7d if change.points <= -0.5][:DRIVERS_SHOWN]
    if losses:
        yield "*Why: what changed in a week*"
        for change in losses:
            before, after = measure_value(change.measure, change.before), measure_value(change.measure, change.now)
            yield f"•  {_label(change.measure, report)}: *{before} → {after}*  ({points(change.points)} points)"
        return
    held = [part for part in report.contributions if part.points_lost >= 0.5][:DRIVERS_SHOWN]
    if held:
        yield "*Why: what holds it down*"
        for part in held:
            value = measure_value(part.measure, part.value)
            yield f"•  {_label(part.measure, report)}: *{value}*  (costs {points(part.points_lost)} points)"


def moved_measures(report: HealthReport) -> list[str]:
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
        parts.append(f"renewal {when} ({profile.renewal_at.day} {profile.renewal_at:%b %Y})")
    return parts


def _resolved(transition: Transition, alert: Alert, report: HealthReport | None) -> Payload:
    name = tidy(report.name if report is not None else alert.account_name, NAME_CHARS_MAX)
    assert alert.resolved_at is not None  # set by the transition
    lasted = duration(alert.resolved_at - alert.opened_at)
    if report is None or report.score is None or alert.closed_by is not None:
        headline, lines = f"◽ {name}: red flag closed, {tidy(alert.reason, NAME_CHARS_MAX)}", []
    else:
        what = "✅ {} has recovered" if transition.recovered else "◽ {} has stopped falling"
        headline = f"{what.format(name)}: health {points(report.score)}, {_BAND[report.band]}"
        lines = [_health_line(report)]
    lowest = f"; the lowest health was {points(alert.lowest_score)}" if alert.lowest_score is not None else ""
    lines.append(f"Its red flag was up for {lasted}{lowest}.")
    blocks = [_header(headline), _section("\n".join(lines)), _context([], alert)]
    return _payload(headline, f"{headline}, after {lasted}", blocks)


def _label(measure: str, report: HealthReport) -> str:
    """What a driver is called; silence also says how long it has been."""
    days = report.measures.get("days_since_active")
    if measure == "silence_ratio" and isinstance(days, int) and days > 0:
        return f"Nobody active for {plural(days, 'day')}, against their usual pause"
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
    line = "  ·  ".join([*parts, *again, alert.alert_id])
    text = {"type": "mrkdwn", "text": clip(line, TEXT_CHARS_MAX), "verbatim": True}
    return {"type": "context", "elements": [text]}


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
