"""An owner's daily digest: a page that a person reads in a minute. Worse, due, better, good news. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from alerts.account_facts import AccountFacts
from alerts.daily_digest import DAILY_DIGEST, DigestEntry, Section
from alerts.messages.account_line import money_words
from alerts.messages.blocks import Block, Payload, account_name, context, payload, sections
from alerts.messages.headline import GOOD_NEWS, NAME_CHARS_MAX, RECOVERED, glyph
from alerts.model import SEVERITY_RANK, fingerprint
from alerts.notification import AlertNotification, SignalFact
from alerts.red_flag import worst_of
from alerts.text import escape, plural, points, tidy

TITLES: Final[dict[Section, str]] = {
    "worse": "Got worse",
    "due": "To do",
    "better": "Got better",
    "good_news": "Good news",
}
_COUNTED: Final[dict[Section, str]] = {
    "worse": "got worse",
    "due": "to do",
    "better": "got better",
    "good_news": "with good news",
}
REASON_CHARS_MAX: Final = 160


def daily_digest_notification(
    owner: str | None, entries: Sequence[DigestEntry], due: datetime, now: datetime, lines_max: int
) -> AlertNotification:
    """The notification of a digest: of no account, over as soon as it is told.

    Args:
        owner: whose it is; None: of the accounts without an owner.
        entries: at least one.
        due: the hour that it is for, which names it.
        now: the moment that it speaks of.
        lines_max: accounts in a section.
    """
    name = f"hl-daily-{fingerprint(owner or '', DAILY_DIGEST)}-{due:%Y%m%d}"
    risks = [entry.signal.severity for entry in entries if entry.section in ("worse", "due")]
    return AlertNotification(
        id=f"{name}:daily_digest",
        kind="daily_digest",
        alert_id=name,
        fingerprint=fingerprint(owner or "", DAILY_DIGEST),
        rule=DAILY_DIGEST,
        severity=worst_of(risks),
        episode=1,
        at=now,
        opened_at=now,
        resolved_at=now,
        reason=f"news of {plural(len({entry.account.account_id for entry in entries}), 'account')}",
        signals=[
            SignalFact(
                rule=entry.signal.rule,
                severity=entry.signal.severity,
                since=entry.signal.since,
                reason=f"{entry.report.name}: {entry.signal.reason}",
            )
            for entry in entries
        ],
        evidence={},
        message=build_daily_digest(owner, entries, now, lines_max),
        owner=owner,
    )


def build_daily_digest(owner: str | None, entries: Sequence[DigestEntry], now: datetime, lines_max: int) -> Payload:
    """The message of a digest."""
    whose = tidy(owner, NAME_CHARS_MAX) if owner is not None else "Accounts without an owner"
    found: dict[Section, list[str]] = {}
    for name in TITLES:
        lines = _lines([entry for entry in entries if entry.section == name], name, now)
        if lines:
            found[name] = lines
    counts = ", ".join(f"{len(lines)} {_COUNTED[name]}" for name, lines in found.items())
    first = f"🗞 {whose}: {counts}"
    blocks: list[Block] = []
    for name, lines in found.items():
        more = [f"… and {len(lines) - lines_max:,} more on the board"] if len(lines) > lines_max else []
        blocks += sections([f"*{TITLES[name]}*", *lines[:lines_max], *more])
    return payload(first, first, [*blocks, context([f"{now:%a} {now.day} {now:%b %Y}", "health is of 100"])])


def _lines(entries: Sequence[DigestEntry], name: Section, now: datetime) -> list[str]:
    """One line an account, whatever is worst first; escaped for mrkdwn."""
    by_account: dict[str, list[DigestEntry]] = {}
    for entry in sorted(entries, key=_worst_first):
        by_account.setdefault(entry.account.account_id, []).append(entry)
    return [_line(found, name, now) for found in by_account.values()]


def _line(entries: Sequence[DigestEntry], name: Section, now: datetime) -> str:
    """Who, how well, what it is worth, and what is new."""
    first = entries[0]
    mark = (
        GOOD_NEWS
        if name == "good_news"
        else RECOVERED
        if name == "better"
        else glyph(first.signal.tone, first.signal.severity)
    )
    reasons = "; ".join(entry.signal.reason for entry in entries)
    facts = AccountFacts(first.report, max(now, first.report.as_of))
    known = [f"health {points(first.report.score)}"] if first.report.score is not None else []
    if worth := money_words(facts):
        known.append(worth)
    aside = f" ({', '.join(known)})" if known else ""
    who = account_name(first.report.name, first.account.account_id, NAME_CHARS_MAX)
    return f"{mark}  {who}{aside}: {escape(tidy(reasons, REASON_CHARS_MAX))}"


def _worst_first(entry: DigestEntry) -> tuple[int, float, str]:
    score = entry.report.score
    return -SEVERITY_RANK[entry.signal.severity], score if score is not None else 101.0, entry.report.name
