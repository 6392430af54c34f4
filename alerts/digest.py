"""One message for many: what a storm comes to, the worst first, so that nobody scrolls through it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from alerts.blocks import Payload, context, payload, section
from alerts.headlines import FLAG, NAME_CHARS_MAX, tone_of
from alerts.model import SEVERITY_RANK, Severity
from alerts.wording import clock, escape, plural, points, tidy

LINES_SHOWN: Final = 15
REASON_CHARS_MAX: Final = 100


@dataclass(frozen=True)
class DigestLine:
    """One message that is told in a digest instead of by itself.

    Args:
        says: opened, reopened, updated, resolved, reminded or followed_up.
        account_name: what people call the account.
        rule: of the alert.
        severity: of the alert.
        reason: why.
        score: the account's health, 0..100; None when unknown.
        alert_id: names the episode.
    """

    says: str
    account_name: str
    rule: str
    severity: Severity
    reason: str
    score: float | None
    alert_id: str


def build_digest(lines: Sequence[DigestLine], since: datetime, until: datetime) -> Payload:
    """The message of a storm.

    Args:
        lines: at least one; several about the same alert count as its last.
        since, until: the window that they fell into, aware.
    """
    last = {line.alert_id: line for line in lines}.values()
    up = [line for line in last if line.says != "resolved" and tone_of(line.rule) != "opportunity"]
    rest = {"resolved": [], "good news": []}  # type: dict[str, list[DigestLine]]
    for line in last:
        if line.says == "resolved":
            rest["resolved"].append(line)
        elif tone_of(line.rule) == "opportunity":
            rest["good news"].append(line)
    parts = [plural(len(up), "red flag")] if up else []
    parts += [f"{len(found)} {name}" for name, found in rest.items() if found]
    headline = f"🗂 {', '.join(parts)} between {clock(since)} and {clock(until)}"
    blocks = []
    if len(up) > 1:
        blocks.append(section(_by_rule(up)))
    if shown := sorted(up, key=_worst_first)[:LINES_SHOWN]:
        told = [_line(line) for line in shown]
        if len(up) > len(shown):
            told.append(f"…  and {len(up) - len(shown):,} more; `heartline alert list` has all")
        blocks.append(section("\n".join(told)))
    blocks += [section(f"*{name.capitalize()}:* {_names(found)}") for name, found in rest.items() if found]
    worst = f": the worst is {tidy(shown[0].account_name, NAME_CHARS_MAX)}" if shown else ""
    small = context(["one message instead of " + plural(len(lines), "message")])
    return payload(headline, headline + worst, [*blocks, small])


def _by_rule(lines: Sequence[DigestLine]) -> str:
    """How many of each kind: a storm of one kind is often one cause."""
    counts = Counter(line.rule for line in lines)
    told = "  ·  ".join(f"{rule.replace('_', ' ')} {count}" for rule, count in counts.most_common())
    if len(lines) >= 5 and counts.most_common(1)[0][1] >= 0.8 * len(lines):
        told += "\nNearly all of one kind: look for one cause before calling them all."
    return f"*By kind:* {told}"


def _worst_first(line: DigestLine) -> tuple[int, float, str]:
    return -SEVERITY_RANK[line.severity], line.score if line.score is not None else 101.0, line.account_name


def _line(line: DigestLine) -> str:
    name, reason = tidy(line.account_name, NAME_CHARS_MAX), tidy(line.reason, REASON_CHARS_MAX)
    score = f" (health {points(line.score)})" if line.score is not None else ""
    return f"{FLAG[line.severity]}  *{escape(name)}*{score}: {escape(reason)}"


def _names(lines: Sequence[DigestLine]) -> str:
    shown = [escape(tidy(line.account_name, NAME_CHARS_MAX)) for line in lines[:LINES_SHOWN]]
    more = f" and {len(lines) - len(shown):,} more" if len(lines) > len(shown) else ""
    return ", ".join(shown) + more
