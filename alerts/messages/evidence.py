"""The evidence of today: at most three lines, the largest first, and nothing that did not move."""

from collections.abc import Sequence
from typing import Final

from alerts.account_facts import AccountFacts
from alerts.messages.report_text import cap_name, cap_value, change_name, change_values
from alerts.model import Alert, Signal
from alerts.rules import declaration
from alerts.text import escape, in_brackets, measure_name, measure_value, points_words, tidy
from stream.contracts.report import Change, HealthReport

LINES_MAX: Final = 3
LINE_CHARS_MAX: Final = 200
NOTICEABLE_POINTS: Final = 1.0
IN_ACCOUNT_LINE: Final = frozenset({"mau"})
LINE_POINTS: Final = 2.0  # a line that costs less than this tells a reader nothing


def evidence(alert: Alert, report: HealthReport, facts: AccountFacts) -> list[str]:
    """What is behind a red flag now, escaped for mrkdwn: its other signals, then what moved the score."""
    firing = alert.firing
    declared = {signal.rule: declaration(signal.rule) for signal in firing}
    lines = _who(firing[0], facts) if firing else []
    lines += [each.reason for each in firing[1:] if not ((known := declared[each.rule]) and known.is_in_account_line)]
    covered = {measure for known in declared.values() if known for measure in known.speaks_of}
    lines += _moves(report, covered)
    lines += _recount(report)
    lines += _shown(
        firing[0].rule if firing else alert.rule, facts, covered | _moved_measures(report) | IN_ACCOUNT_LINE
    )
    if not lines:
        lines = _holds_down(report)
    return [escape(tidy(line, LINE_CHARS_MAX)) for line in dict.fromkeys(lines)][:LINES_MAX]


def moved_measures(report: HealthReport) -> Sequence[str]:
    """Ids of what moved the score, the worst first: plays that answer one of them come first.

    A veto stands for the measure that it looks at.
    """
    looks_at = {cap.name: cap.measure for cap in report.caps}
    moved = (change for change in report.changes_7d if change.points <= -NOTICEABLE_POINTS)
    losses = [looks_at.get(change.measure, change.measure) for change in moved]
    return losses or [part.measure for part in report.contributions if part.points_lost >= NOTICEABLE_POINTS]


def _who(first: Signal, facts: AccountFacts) -> list[str]:
    """Whom the first line is about, where it does not name them."""
    known = declaration(first.rule)
    who = facts.named(*known.people) if known is not None and known.people is not None else ""
    return [f"Who: {who}"] if who and in_brackets(who) not in first.headline else []


def _moves(report: HealthReport, covered: set[str]) -> list[str]:
    """What moved within a week and cost points; what became known or unknown is no move, and costs none."""
    lines = []
    for change in report.changes_7d:
        if change.points > -LINE_POINTS or change.measure in covered or not _moved(change):
            continue
        before, after = change_values(change)
        lines.append(f"{change_name(change)}: {before} → {after} in a week ({points_words(change.points)})")
    return lines


def _moved_measures(report: HealthReport) -> set[str]:
    """What the lines of what moved speak of."""
    return {change.measure for change in report.changes_7d if change.points <= -LINE_POINTS and _moved(change)}


def _recount(report: HealthReport) -> list[str]:
    """That the score counts something else than a week ago, where people see it in the number; it costs no points."""
    recount = report.recount_7d
    if recount is None or abs(recount.points) < LINE_POINTS:
        return []
    lines = []
    if recount.newly_counted:
        lines.append(f"Known now, and counted since: {_labels(recount.newly_counted)}")
    if recount.no_longer_counted:
        lines.append(f"Not known any more, so not counted: {_labels(recount.no_longer_counted)}")
    return lines


def _labels(measures: Sequence[str]) -> str:
    return ", ".join(map(measure_name, measures))


def _moved(change: Change) -> bool:
    """Whether people see two values that differ."""
    if change.label is None and (change.before is None or change.now is None):
        return False
    before, after = change_values(change)
    return before != after


def _shown(rule: str, facts: AccountFacts, named: set[str]) -> list[str]:
    """The measures that the rule shows, as they are now; none that is unknown, or told already."""
    known = declaration(rule)
    lines = []
    for measure in known.shows if known is not None else ():
        value = facts.number(measure)
        if value is not None and measure not in named:
            lines.append(f"{measure_name(measure)}: {measure_value(measure, value)}")
    return lines


def _holds_down(report: HealthReport) -> list[str]:
    """What keeps the score low where nothing moved within a week."""
    lines = [f"{cap_name(cap)}: {cap_value(cap)}" for cap in report.caps if cap.points <= -NOTICEABLE_POINTS]
    for part in report.contributions:
        if part.points_lost >= NOTICEABLE_POINTS:
            value, cost = measure_value(part.measure, part.value), points_words(part.points_lost)
            lines.append(f"{measure_name(part.measure)}: {value} (costs {cost})")
    return lines
