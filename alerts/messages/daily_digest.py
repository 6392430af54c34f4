"""An owner's daily digest: a page that a person reads in a minute. Worse, due, better, good news. Pure."""

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from alerts.account_facts import AccountFacts
from alerts.daily_digest import DAILY_DIGEST, DigestEntry, DigestItem, Section
from alerts.messages.account_line import money_words
from alerts.messages.blocks import Block, Payload, account_name, context, payload, sections
from alerts.messages.compose import Playbooks, next_play, small
from alerts.messages.headline import GOOD_NEWS, NAME_CHARS_MAX, RECOVERED, glyph
from alerts.model import SEVERITY_RANK, fingerprint
from alerts.notification import AlertNotification, SignalFact
from alerts.red_flag import worst_of
from alerts.rules import ABOUT_SCORE, declaration
from alerts.text import escape, plural, points, tidy, within

NO_PLAYBOOKS: Final[Playbooks] = MappingProxyType({})
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
_OF_ONE: Final[dict[Section, str]] = {
    "worse": "got worse",
    "due": "waits for you",
    "better": "got better",
    "good_news": "has good news",
}
REASON_CHARS_MAX: Final = 200
REASONS_MAX: Final = 3
NEAR_DAYS: Final = 90  # as the second line of a message counts the days from here on


def daily_digest_notification(
    owner: str | None,
    entries: Sequence[DigestEntry],
    due: datetime,
    now: datetime,
    lines_max: int,
    playbooks: Playbooks = NO_PLAYBOOKS,
) -> AlertNotification:
    """The notification of a digest: of no account, over as soon as it is told.

    Args:
        owner: whose it is; None: of the accounts without an owner.
        entries: at least one.
        due: the hour that it is for, which names it.
        now: the moment that it speaks of.
        lines_max: accounts in a section.
        playbooks: by rule, plays in the place of the rule's own.
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
        opened_at=due,
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
        message=build_daily_digest(owner, entries, now, lines_max, playbooks),
        owner=owner,
    )


def waiting_digest(notification: AlertNotification, items: Sequence[DigestItem]) -> AlertNotification:
    """A digest as it waits in the outbox: which changes it tells, and no word or number of them."""
    return replace(notification, message={}, signals=[], items=list(items))


def build_daily_digest(
    owner: str | None,
    entries: Sequence[DigestEntry],
    now: datetime,
    lines_max: int,
    playbooks: Playbooks = NO_PLAYBOOKS,
) -> Payload:
    """The message of a digest.

    Args:
        owner, entries, now, lines_max: as of `daily_digest_notification`.
        playbooks: by rule, plays in the place of the rule's own.
    """
    whose = tidy(owner, NAME_CHARS_MAX) if owner is not None else "Accounts without an owner"
    found: dict[Section, list[str]] = {}
    for name in TITLES:
        lines = _lines([entry for entry in entries if entry.section == name], name, now, playbooks)
        if lines:
            found[name] = lines
    first = f"🗞 {whose}: {_summary(entries, found)}"
    blocks: list[Block] = []
    for name, lines in found.items():
        more = [f"… and {len(lines) - lines_max:,} more on the board"] if len(lines) > lines_max else []
        blocks += sections([f"*{TITLES[name]}*", *lines[:lines_max], *more])
    return payload(first, first, [*blocks, context([f"{now:%a} {now.day} {now:%b %Y}", "health is of 100"])])


def _summary(entries: Sequence[DigestEntry], found: dict[Section, list[str]]) -> str:
    """How many accounts got worse and so on; of one, which."""
    names = {entry.account.account_id: tidy(entry.report.name, NAME_CHARS_MAX) for entry in entries}
    if len(names) == 1 and len(found) == 1:
        return f"{next(iter(names.values()))} {_OF_ONE[next(iter(found))]}"
    return ", ".join(f"{len(lines)} {_COUNTED[name]}" for name, lines in found.items())


def _lines(entries: Sequence[DigestEntry], name: Section, now: datetime, playbooks: Playbooks) -> list[str]:
    """One line an account, whatever is worst first; escaped for mrkdwn."""
    by_account: dict[str, list[DigestEntry]] = {}
    for entry in sorted(entries, key=_worst_first):
        by_account.setdefault(entry.account.account_id, []).append(entry)
    return [_line(found, name, now, playbooks) for found in by_account.values()]


def _line(entries: Sequence[DigestEntry], name: Section, now: datetime, playbooks: Playbooks) -> str:
    """Who, how well, what it is worth, what is new, and what to do."""
    first = entries[0]
    mark = (
        GOOD_NEWS
        if name == "good_news"
        else RECOVERED
        if name == "better"
        else glyph(first.signal.tone, first.signal.severity)
    )
    facts = AccountFacts(first.report, max(now, first.report.as_of))
    known = [f"health {points(first.report.score)}"] if first.report.score is not None else []
    if worth := money_words(facts):
        known.append(worth)
    renewal = facts.days_to_renewal
    if name == "worse" and renewal is not None and 0 <= renewal <= NEAR_DAYS and not _tells_renewal(entries):
        known.append(f"renews in {plural(renewal, 'day')}" if renewal else "renews today")
    aside = f" ({', '.join(known)})" if known else ""
    who = account_name(first.report.name, first.account.account_id, NAME_CHARS_MAX)
    play = next_play(_rule_of_step(first), first.report, playbooks) if name != "better" else None
    step = f". *Next:* {escape(small(play.name))}" if play is not None else ""
    return f"{mark}  {who}{aside}: {escape(_reasons(entries))}{step}"


def _rule_of_step(entry: DigestEntry) -> str:
    """Whose plays fit: of a score that fell, which is no cause, those of what leads the account's red flag."""
    rule, alert = entry.signal.rule, entry.account.alert
    return alert.rule if rule in ABOUT_SCORE and alert is not None and alert.is_open else rule


def _tells_renewal(entries: Sequence[DigestEntry]) -> bool:
    return any((known := declaration(entry.signal.rule)) and known.is_in_account_line for entry in entries)


def _reasons(entries: Sequence[DigestEntry]) -> str:
    """What is new, as many whole reasons as there is room for, and how many more there are."""
    shown: list[str] = []
    for entry in entries:
        reason = tidy(within(entry.signal.reason) if shown else entry.signal.reason, REASON_CHARS_MAX)
        if shown and (len(shown) == REASONS_MAX or len("; ".join([*shown, reason])) > REASON_CHARS_MAX):
            return "; ".join([*shown, f"and {len(entries) - len(shown)} more"])
        shown.append(reason)
    return "; ".join(shown)


def _worst_first(entry: DigestEntry) -> tuple[int, float, str]:
    score = entry.report.score
    return -SEVERITY_RANK[entry.signal.severity], score if score is not None else 101.0, entry.report.name
