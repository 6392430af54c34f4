"""The whole message about a red flag, as a Block Kit payload, and the notification that carries it. Pure.

Four lines: who and what; health, worth and renewal; today's evidence; the next step. Whatever a customer's feed
supplied is made one line, capped and escaped. Every word and number speaks of the moment `facts.now`: the message is
composed when it leaves the outbox.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from alerts.account_facts import AccountFacts
from alerts.follow_up import result_of
from alerts.messages.account_line import account_line
from alerts.messages.blocks import Payload, context, payload, section
from alerts.messages.evidence import evidence, moved_measures
from alerts.messages.headline import NAME_CHARS_MAX, headline, open_for
from alerts.model import Alert
from alerts.notification import BY_HAND, AlertNotification, SignalFact
from alerts.playbooks import Play, choose
from alerts.red_flag import NotificationKind, Transition
from alerts.rules import RULES, declaration
from alerts.text import day_of_month, escape, names_of, ordinal, points, tidy, within
from stream.contracts.report import HealthReport

REASON_CHARS_MAX: Final = 500
BY_HAND_CHARS_MAX: Final = 300
PEOPLE_MAX: Final = 2
REASONS_LEFT_MAX: Final = 2

Playbooks = Mapping[str, Sequence[Play]]


def make_notification(
    transition: Transition, report: HealthReport | None, facts: AccountFacts | None, playbooks: Playbooks
) -> AlertNotification:
    """The notification of a transition that somebody is to be told of.

    Args:
        transition: one with a notification_id.
        report: the account's report; None when the account was deleted.
        facts: the account as of the moment; None when it was deleted.
        playbooks: by rule, plays in the place of the rule's own.
    """
    alert = transition.alert
    assert alert is not None  # only nothing comes without an alert
    assert transition.notification_id is not None  # asked by the caller
    kind = transition.notification_kind or "opened"
    return notification_of(
        alert,
        transition.kind if transition.kind in BY_HAND else kind,
        transition.notification_id,
        report,
        facts,
        playbooks,
        reason=transition.reason,
        by=transition.by if transition.kind in BY_HAND else None,
        recovered=transition.recovered,
    )


def notification_of(
    alert: Alert,
    kind: Any,
    name: str,
    report: HealthReport | None,
    facts: AccountFacts | None,
    playbooks: Playbooks,
    *,
    reason: str,
    by: str | None = None,
    recovered: bool = False,
) -> AlertNotification:
    """The notification about an alert as it is now.

    Args:
        alert: with signals of the moment.
        kind: what it tells.
        name: its id.
        report, facts: the account's; None when it was deleted.
        playbooks: by rule, plays in the place of the rule's own.
        reason: why the step was made.
        by: who acknowledged or snoozed it.
        recovered: on resolved, whether what was wrong is well again.
    """
    profile = report.profile if report is not None else None
    at = facts.now if facts is not None else (alert.resolved_at or alert.last_as_of)
    shown_kind: NotificationKind = kind if kind not in BY_HAND else "opened"
    message = build_message(shown_kind, alert, report, facts, playbooks, reason)
    play = next_play(alert.rule, report, playbooks) if report is not None and alert.is_open else None
    return AlertNotification(
        id=name,
        kind=kind,
        alert_id=alert.alert_id,
        fingerprint=alert.fingerprint,
        rule=alert.rule,
        severity=alert.severity,
        episode=alert.episode,
        at=at,
        opened_at=alert.opened_at,
        resolved_at=alert.resolved_at,
        recovered=recovered,
        reason=reason,
        by=by,
        signals=[
            SignalFact(rule=each.rule, severity=each.severity, since=each.since, reason=each.reason)
            for each in alert.firing
        ],
        evidence=alert.evidence,
        message=_with_line(message, reason) if kind in BY_HAND else message,
        account_id=alert.account_id,
        account_name=report.name if report is not None else alert.account_name,
        score=report.score if report is not None else alert.last_score,
        band=report.band if report is not None else None,
        segment=profile.segment if profile is not None else None,
        owner=profile.owner if profile is not None else alert.owner,
        lifecycle_stage=facts.stage if facts is not None else None,
        mrr=facts.mrr if facts is not None else None,
        currency=facts.currency if facts is not None else None,
        renewal_at=facts.renewal_at if facts is not None else None,
        days_to_renewal=facts.days_to_renewal if facts is not None else None,
        play=play.id if play is not None and alert.play is None else None,
    )


def build_message(
    kind: NotificationKind,
    alert: Alert,
    report: HealthReport | None,
    facts: AccountFacts | None,
    playbooks: Playbooks,
    reason: str = "",
) -> Payload:
    """The message about an alert.

    Args:
        kind: what it tells.
        alert: with signals of the moment.
        report, facts: the account's; None when it was deleted.
        playbooks: by rule, plays in the place of the rule's own.
        reason: why the step was made; what a follow-up found.
    """
    first = headline(kind, alert)
    if kind == "resolved" or report is None or facts is None:
        return _resolved(first, alert, report, facts)
    if kind == "followed_up":
        days = max(alert.followed_up_days, default=0)
        reason_text = tidy(
            result_of(alert, facts.score, days, _play_name(alert.play, playbooks)).sentence, REASON_CHARS_MAX
        )
        lines = [f"{escape(reason_text[:1].upper() + reason_text[1:])}.", account_line(report, facts)]
        return payload(first, f"{first} {reason_text}", [section("\n".join(lines)), context(_whose(report))])
    return _raised(first, kind, alert, report, facts, playbooks)


def _raised(
    first: str, kind: NotificationKind, alert: Alert, report: HealthReport, facts: AccountFacts, playbooks: Playbooks
) -> Payload:
    """A red flag that is up: opened, worse, come back, or waiting for somebody."""
    texts = [account_line(report, facts)]
    if lines := evidence(alert, report, facts):
        texts.append("\n".join(f"•  {line}" for line in lines))
    if step := next_step(alert, report, playbooks):
        texts.append(step + whom_to_ask(alert.rule, facts, first, lines))
    since = f"First flagged {day_of_month(alert.opened_at)}" if kind != "opened" else ""
    small = [part for part in (since, *_whose(report), *_which_time(alert)) if part]
    fallback = f"{first}. {' '.join(line for line in [*lines[:1]])}".strip()
    return payload(first, fallback, [*(section(text) for text in texts), context(small)])


def next_play(rule: str, report: HealthReport, playbooks: Playbooks) -> Play | None:
    """The play that fits the cause, for the rule that leads; None where there is none."""
    known = declaration(rule)
    plays = playbooks.get(rule) or (known.plays if known is not None else ())
    return next(iter(choose(plays, moved_measures(report))), None)


def _play_name(play: str | None, playbooks: Playbooks) -> str | None:
    """What people call a play; None for one that nobody declares any more."""
    shipped = (plays for rule in RULES for plays in (rule.plays,))
    return next((each.name for plays in (*playbooks.values(), *shipped) for each in plays if each.id == play), None)


def next_step(alert: Alert, report: HealthReport, playbooks: Playbooks) -> str:
    """What to do now, escaped for mrkdwn; empty where there is no play."""
    first = next_play(alert.rule, report, playbooks)
    if first is None:
        return ""
    who = "" if first.who == "owner" else f" ({escape(first.who)})"
    return f"👉  *Next: {escape(small(first.name))}.* {escape(first.do)}{who}"


def whom_to_ask(rule: str, facts: AccountFacts, first: str, lines: Sequence[str]) -> str:
    """Who knows the account best, by name, escaped; empty where nobody is named, or the message names people already.

    Args:
        rule: that leads.
        facts: the account as of the moment.
        first, lines: the message's first line and evidence.
    """
    known = declaration(rule)
    if known is not None and (known.tone == "task" or (known.people is not None and facts.texts(known.people[0]))):
        return ""
    top = facts.report.measures.get("top_user")
    ids = [*([top] if isinstance(top, str) else []), *facts.texts("key_users_active")]
    names = [facts.report.names[each] for each in dict.fromkeys(ids) if each in facts.report.names]
    told = " ".join([first, *lines])
    unnamed = [name for name in names if escape(tidy(name, 40)) not in told][:PEOPLE_MAX]
    return f"\nUsed it most: {escape(names_of(unnamed)).rstrip('.')}." if unnamed else ""


def _resolved(first: str, alert: Alert, report: HealthReport | None, facts: AccountFacts | None) -> Payload:
    """A red flag that is over: well, or otherwise."""
    lines = [line] if report is not None and facts is not None and (line := account_line(report, facts)) else []
    low = alert.lowest_score
    lowest = ""
    if low is not None and alert.recovered and alert.last_score is not None and round(low) < round(alert.last_score):
        lowest = f"; the lowest health was {points(low)}"
    lines.append(f"{open_for(alert)}{lowest}.")
    is_alive = facts is not None and facts.inactive_because is None
    left = [each.reason for each in alert.firing if each.tone != "opportunity"][:REASONS_LEFT_MAX]
    if left and is_alive:
        lines.append(
            f"Not over: {escape(tidy('; '.join(within(each) for each in left), REASON_CHARS_MAX)).rstrip('.')}."
        )
    if alert.acknowledged_by is not None and alert.recovered:
        lines.append(f"{escape(tidy(alert.acknowledged_by, NAME_CHARS_MAX))} was on it. Thank you.")
    small = [*(_whose(report) if report is not None else []), *_which_time(alert)]
    return payload(first, first, [section("\n".join(lines)), *([context(small)] if small else [])])


def _with_line(message: Payload, reason: str) -> Payload:
    """The message with a line that says who has it."""
    line = {"type": "mrkdwn", "text": f"✋  {escape(tidy(reason, BY_HAND_CHARS_MAX))}", "verbatim": True}
    *blocks, small = message["blocks"]
    return {**message, "blocks": [*blocks, {"type": "context", "elements": [line]}, small]}


def _whose(report: HealthReport) -> list[str]:
    """Owner and segment."""
    profile = report.profile
    owner = escape(tidy(profile.owner, NAME_CHARS_MAX)) if profile.owner is not None else "nobody yet"
    parts = [f"Owner: *{owner}*"]
    if profile.segment is not None:
        parts.append(escape(tidy(profile.segment, NAME_CHARS_MAX)))
    return parts


def _which_time(alert: Alert) -> list[str]:
    """How often this account had a red flag, from the second time on."""
    return [f"{ordinal(alert.episode)} red flag"] if alert.episode > 1 else []


def small(text: str) -> str:
    """The name of a play within a sentence."""
    return text[:1].lower() + text[1:]
