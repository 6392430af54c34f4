"""One message for many: what a storm comes to, the worst first, so that nobody scrolls through it."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from alerts.messages.blocks import Block, Payload, account_name, context, payload, section, sections
from alerts.messages.headline import NAME_CHARS_MAX, glyph
from alerts.model import SEVERITY_RANK, Severity, fingerprint
from alerts.notification import AlertNotification
from alerts.rules import tone_of
from alerts.text import clock, escape, plural, points, tidy

LINES_SHOWN: Final = 15
REASON_CHARS_MAX: Final = 100

_ASIDE: Final = re.compile(r" \([^()]*\)$")


@dataclass(frozen=True)
class DigestLine:
    """One message that is told in a digest instead of by itself.

    Args:
        notification_kind: opened, reopened, updated, resolved, reminded or followed_up.
        account_name: what people call the account.
        rule: of the alert.
        severity: of the alert.
        reason: why.
        score: the account's health, 0..100; None when unknown.
        alert_id: names the episode.
        owner: who looks after the account; None when the feed says nothing.
        account_id: the account; None: it is about none.
    """

    notification_kind: str
    account_name: str
    rule: str
    severity: Severity
    reason: str
    score: float | None
    alert_id: str
    owner: str | None = None
    account_id: str | None = None


def build_digest(lines: Sequence[DigestLine], since: datetime, until: datetime) -> Payload:
    """The message of a storm.

    Args:
        lines: at least one; several about the same alert count as its last.
        since, until: the window that they fell into, aware.
    """
    last = {line.alert_id: line for line in lines}.values()
    up = [line for line in last if line.notification_kind != "resolved" and tone_of(line.rule) != "opportunity"]
    rest = {"resolved": [], "good news": []}  # type: dict[str, list[DigestLine]]
    for line in last:
        if line.notification_kind == "resolved":
            rest["resolved"].append(line)
        elif tone_of(line.rule) == "opportunity":
            rest["good news"].append(line)
    parts = [_how_many(up)] if up else []
    parts += [f"{len(found)} {name}" for name, found in rest.items() if found]
    headline = f"🗂 {', '.join(parts)}"
    blocks: list[Block] = []
    if len(up) > 1:
        blocks.append(section(_by_rule(up)))
    if shown := sorted(up, key=_worst_first)[:LINES_SHOWN]:
        blocks += _by_owner(shown, up)
        if len(up) > len(shown):
            blocks.append(section(f"The worst {len(shown)} are here; `heartline alert list` has all {len(up):,}."))
    blocks += [section(f"*{name.capitalize()}:* {_names(found)}") for name, found in rest.items() if found]
    worst = f": the worst is {tidy(shown[0].account_name, NAME_CHARS_MAX)}" if shown else ""
    small = [f"{since:%H:%M} to {clock(until)}", f"one message instead of {len(lines):,}"]
    if any(line.score is not None for line in shown):
        small.append("the number is the health of 100, higher is healthier")
    return payload(headline, headline + worst, [*blocks, context(small)])


def digest_notification(
    notifications: Sequence[AlertNotification], since: datetime, now: datetime
) -> AlertNotification:
    """The notice of a storm: of no account, over as soon as it is told, named by what is in it.

    Args:
        notifications: at least one, in their order.
        since: when the first of them was written.
        now: the moment.
    """
    name = (
        "hl-digest-"
        + hashlib.sha256("\0".join(notification.id for notification in notifications).encode()).hexdigest()[:16]
    )
    severity = max((notification.severity for notification in notifications), key=lambda each: SEVERITY_RANK[each])
    lines = [
        DigestLine(
            notification_kind=notification.kind,
            account_name=notification.account_name or notification.account_id or "",
            rule=notification.rule,
            severity=notification.severity,
            reason=notification.reason,
            score=notification.score,
            alert_id=notification.alert_id,
            owner=notification.owner,
            account_id=notification.account_id,
        )
        for notification in notifications
    ]
    return AlertNotification(
        id=f"{name}:digest",
        kind="digest",
        alert_id=name,
        fingerprint=fingerprint("", "digest"),
        rule="digest",
        severity=severity,
        episode=1,
        at=now,
        opened_at=since,
        resolved_at=now,
        reason=plural(len(notifications), "message") + " at once",
        evidence={},
        message=build_digest(lines, since, now),
    )


def _how_many(up: Sequence[DigestLine]) -> str:
    """How many red flags, and how many of them can't wait."""
    criticals = sum(line.severity == "critical" for line in up)
    return plural(len(up), "red flag") + (f" ({criticals:,} critical)" if criticals > 0 else "")


def _by_rule(lines: Sequence[DigestLine]) -> str:
    """How many of each kind: a storm of one kind is often one cause."""
    counts = Counter(line.rule for line in lines)
    counted = "  ·  ".join(f"{rule.replace('_', ' ')} {count}" for rule, count in counts.most_common())
    if len(lines) >= 5 and counts.most_common(1)[0][1] >= 0.8 * len(lines):
        counted += "\nNearly all of one kind: look for one cause before calling them all."
    return f"*By kind:* {counted}"


def _by_owner(shown: Sequence[DigestLine], up: Sequence[DigestLine]) -> list[Block]:
    """A paragraph for each owner, whoever has the worst first; one without a name where all have the same owner."""
    owners = list(dict.fromkeys(line.owner for line in shown))
    counts = Counter(line.owner for line in up)
    if len(counts) == 1:
        return sections([_line(line) for line in shown])
    blocks: list[Block] = []
    for owner in owners:
        name = escape(tidy(owner, NAME_CHARS_MAX)) if owner is not None else "Without an owner"
        lines = [_line(line) for line in shown if line.owner == owner]
        more = [f"…  and {counts[owner] - len(lines):,} more"] if counts[owner] > len(lines) else []
        blocks += sections([f"*{name}*  ({counts[owner]:,})", *lines, *more])
    return blocks


def _worst_first(line: DigestLine) -> tuple[int, float, str]:
    return -SEVERITY_RANK[line.severity], line.score if line.score is not None else 101.0, line.account_name


def _line(line: DigestLine) -> str:
    """Who, how well, and why; what stands in parentheses at the end of a reason is for a message of its own."""
    name = account_name(line.account_name, line.account_id, NAME_CHARS_MAX)
    reason = tidy(_ASIDE.sub("", line.reason), REASON_CHARS_MAX)
    score = f"  {points(line.score)}" if line.score is not None else ""
    return f"{glyph(tone_of(line.rule), line.severity)}  {name}{score}  ·  {escape(reason)}"


def _names(lines: Sequence[DigestLine]) -> str:
    shown = [escape(tidy(line.account_name, NAME_CHARS_MAX)) for line in lines[:LINES_SHOWN]]
    more = f" and {len(lines) - len(shown):,} more" if len(lines) > len(shown) else ""
    return ", ".join(shown) + more
