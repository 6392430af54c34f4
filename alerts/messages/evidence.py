"""The lines of a message that say what is behind it: the numbers of its rule, what moved the score, and whose it is."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from alerts.messages.report_text import cap_name, cap_value, change_name, change_values, override_told
from alerts.rules import ABOUT_SCORE, SHOWN_BY
from alerts.text import escape, measure_name, measure_value, money, plural, points, sparkline, tidy
from stream.contracts.report import Cap, Change, HealthReport

NAME_CHARS_MAX: Final = 80
VETO_CHARS_MAX: Final = 160
NAMES_SHOWN: Final = 3
DRIVERS_SHOWN: Final = 3
NOTICEABLE_POINTS: Final = 0.5


def health_line(report: HealthReport) -> str:
    """The score and the way here; its direction is said each time, since scores elsewhere run both ways."""
    if report.score is None:
        return "*Health unknown*: too little of the scorecard has data"
    line = f"*Health {points(report.score)} of 100* (higher is healthier)"
    if len(report.history) > 1:
        line += f"   `{sparkline([score for _, score in report.history])}`  {plural(len(report.history), 'day')}"
    by_hand = override_told(report)
    return line if by_hand is None else f"{line}\n✋  {escape(by_hand)}"


def evidence(rule: str, report: HealthReport) -> list[str]:
    """The numbers that stand beside a rule's reason, then and now where they moved; none for one about the score."""
    if rule in ABOUT_SCORE:
        return []
    before = {change.measure: change.before for change in report.changes_7d}
    lines = []
    for measure in SHOWN_BY.get(rule, ()):
        value = report.measures.get(measure)
        if not isinstance(value, (int, float)):
            continue
        told = measure_value(measure, value)
        if before.get(measure) is not None and measure_value(measure, before[measure]) != told:
            told = f"{measure_value(measure, before[measure])} → {told}"
        lines.append(f"•  {measure_name(measure)}: *{told}*")
    return lines + [f"•  {escape(what)}: *{escape(who)}*" for what, who in _named(rule, report.measures)]


def _named(rule: str, measures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Who and what a rule means by name; customers' words, made safe by the caller."""
    users = measures.get("champions_gone_users")
    if rule == "champion_gone" and isinstance(users, list) and users:
        yield "Not seen", ", ".join(tidy(str(user), NAME_CHARS_MAX) for user in users[:NAMES_SHOWN])
    following = measures.get("milestone_next")
    if rule in ("milestone_stuck", "onboarding_stuck") and isinstance(following, str):
        yield "Next milestone", tidy(following, NAME_CHARS_MAX)
    pace = measures.get("outcome_pace")
    if rule == "outcome_off_track" and isinstance(pace, dict):
        known = [(value, str(goal)) for goal, value in pace.items() if isinstance(value, (int, float))]
        for value, goal in sorted(known)[:NAMES_SHOWN]:
            yield tidy(goal, NAME_CHARS_MAX), f"{value:.0%} of its plan"


def drivers(report: HealthReport) -> list[str]:
    """What moved the score, the worst first; where no week-old score exists, what holds it down."""
    losses = [change for change in report.changes_7d if change.points <= -NOTICEABLE_POINTS][:DRIVERS_SHOWN]
    if losses:
        lines = ["*What changed in a week*"]
        for change in losses:
            before, after = change_values(change)
            lines.append(f"•  {_moved(change, report)}: *{before} → {after}*  ({points(change.points)} points)")
        return lines
    held = [_capped(cap) for cap in report.caps if cap.points <= -NOTICEABLE_POINTS]
    for part in [part for part in report.contributions if part.points_lost >= NOTICEABLE_POINTS][:DRIVERS_SHOWN]:
        value, cost = measure_value(part.measure, part.value), points(part.points_lost)
        held.append(f"•  {_label(part.measure, report)}: *{value}*  (costs {cost} points)")
    return ["*What holds it down*", *held[:DRIVERS_SHOWN]] if held else []


def moved_measures(report: HealthReport) -> Sequence[str]:
    """Ids of what moved the score, the worst first: plays that answer one of them come first.

    A veto stands for the measure that it looks at.
    """
    looks_at = {cap.name: cap.measure for cap in report.caps}
    moved = (change for change in report.changes_7d if change.points <= -NOTICEABLE_POINTS)
    losses = [looks_at.get(change.measure, change.measure) for change in moved]
    return losses or [part.measure for part in report.contributions if part.points_lost >= NOTICEABLE_POINTS]


def whose(report: HealthReport, now: datetime) -> list[str]:
    """Owner, segment, revenue, renewal: whatever the account feed says."""
    profile = report.profile
    parts = []
    if profile.owner is not None:
        parts.append(f"Owner *{escape(tidy(profile.owner, NAME_CHARS_MAX))}*")
    if profile.segment is not None:
        parts.append(escape(tidy(profile.segment, NAME_CHARS_MAX)))
    if profile.mrr is not None:
        parts.append(f"{money(profile.mrr)} a month")
    if profile.renewal_at is not None:
        days = (profile.renewal_at - now).days
        when = f"in {plural(days, 'day')}" if days >= 0 else f"{plural(-days, 'day')} ago"
        parts.append(f"renewal {when} ({profile.renewal_at.day} {profile.renewal_at:%b %Y})")
    return parts


def _moved(change: Change, report: HealthReport) -> str:
    """What a change is called: a measure, or a veto in its scorecard's words."""
    if change.label is None:
        return _label(change.measure, report)
    return escape(tidy(change_name(change), VETO_CHARS_MAX))


def _capped(cap: Cap) -> str:
    """A veto that takes points."""
    told, cost = escape(tidy(cap_name(cap), VETO_CHARS_MAX)), points(-cap.points)
    return f"•  Held at {cap.cap_score:g} or below. {told}: *{cap_value(cap)}*  (costs {cost} points)"


def _label(measure: str, report: HealthReport) -> str:
    """What a driver is called; silence also says how long it has been."""
    days = report.measures.get("days_since_active")
    if measure == "silence_ratio" and isinstance(days, int) and days > 0:
        return f"Nobody active for {plural(days, 'day')}, against what is usual here"
    return escape(tidy(measure_name(measure), NAME_CHARS_MAX))
