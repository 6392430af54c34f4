"""An account's red flag: its one open episode, which gathers all signals of its time. Pure.

It opens when a signal fires that opens one, joins what fires besides, is as bad as its worst signal was, and is over
when nothing fires any more that could have opened it. When such a signal comes back soon after, the same episode goes
on. What is told of it, and when, is decided in `notify_policy`, after the step.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from alerts.account_facts import AccountFacts
from alerts.alert_events import SYSTEM, AlertChange
from alerts.context import AlertContext
from alerts.model import SEVERITY_RANK, Alert, Severity, Signal, alert_id, fingerprint
from alerts.rules import ORDER
from alerts.text import span_words

Change = Literal[AlertChange, "nothing"]
FollowUpResult = Literal["lasted", "ended", "not_recovered", "came_back"]
NotificationKind = Literal["opened", "reopened", "updated", "resolved", "reminded", "escalated", "followed_up"]

FOLLOW_UP_RESULTS: Final[tuple[FollowUpResult, ...]] = get_args(FollowUpResult)
CHANGES: Final[tuple[Change, ...]] = get_args(Change)
NOTIFICATION_KINDS: Final[tuple[NotificationKind, ...]] = get_args(NotificationKind)

NAME_CHARS_MAX: Final = 200
SIGNALS_KEPT: Final = 30


class Transition(Struct, frozen=True):
    """What became of an account's red flag.

    Args:
        kind: the change; nothing when there is none.
        alert: the alert as it is now; None when there is none.
        reason: why.
        notification_kind: what people are told; None: nothing.
        notification_id: names the message, the same however often the step is repeated; None: tell nobody.
        after: the message about the same episode that must come first; None when there is none.
        recovered: on resolved, whether what was wrong is well again.
        by: who took the step.
        command_id: the command behind it; None without one.
        follow_up_result: on followed_up, how it went; None else.
    """

    kind: Change
    alert: Alert | None
    reason: str
    notification_kind: NotificationKind | None = None
    notification_id: str | None = None
    after: str | None = None
    recovered: bool = False
    by: str = SYSTEM
    command_id: str | None = None
    follow_up_result: FollowUpResult | None = None


def step_red_flag(
    alert: Alert | None, signals: Mapping[str, Signal], facts: AccountFacts, context: AlertContext
) -> Transition:
    """The next state of an account's red flag; nothing is told yet.

    Args:
        alert: the one that is open, or the last one; None before the first.
        signals: by rule, the account's signals after their steps.
        facts: the account as of the moment.
        context: the settings.
    """
    firing = [signal for signal in signals.values() if signal.counts and signal.tone != "opportunity"]
    opening = [signal for signal in firing if signal.opens]
    if alert is not None and alert.is_open:
        return _go_on(alert, signals, firing, opening, facts)
    if not opening:
        return Transition("nothing", alert, "nothing fires that opens a red flag")
    if alert is not None and alert.resolved_at is not None:
        over = facts.now - alert.resolved_at
        if over <= timedelta(hours=context.lifecycle.reopen_within_hours):
            return _reopen(alert, signals, firing, facts, over)
    return _open(alert, firing, facts)


def lead(signals: list[Signal]) -> list[Signal]:
    """Signals in their order: the worst first, pages before others, of equals the rule that says most."""
    if len(signals) < 2:  # nearly always
        return signals
    return sorted(
        signals,
        key=lambda each: (-SEVERITY_RANK[each.severity], not each.is_page, ORDER.get(each.rule, len(ORDER)), each.rule),
    )


def resolve(
    alert: Alert, reason: str, now: datetime, *, recovered: bool, by: str | None = None, headline: str = ""
) -> Transition:
    """End an open episode.

    Args:
        alert: an open one.
        reason: why it ends, a sentence.
        now: when.
        recovered: whether what was wrong is well again.
        by: who ended it by hand; None: it ended by itself.
        headline: the same, to be read after the account's name; empty: the reason is told instead.
    """
    over = replace(
        alert,
        status="resolved",
        resolved_at=now,
        headline=headline,
        reason=reason,
        recovered=recovered,
        closed_by=by,
        snoozed_until=None,
        snoozed_by=None,
    )
    return Transition("resolved", over, reason, recovered=recovered, by=by or SYSTEM)


def _open(last: Alert | None, firing: list[Signal], facts: AccountFacts) -> Transition:
    """A new episode; its id comes from the report, so that evaluating the report again can't make a second one."""
    report, ordered = facts.report, lead(firing)
    first, name = ordered[0], alert_id(report.account_id, report.as_of)
    episode = last.episode + 1 if last is not None else 1
    alert = Alert(
        alert_id=f"{name}-{episode}" if last is not None and last.alert_id == name else name,
        fingerprint=fingerprint(report.account_id),
        account_id=report.account_id,
        account_name=report.name[:NAME_CHARS_MAX],
        rule=first.rule,
        signals=ordered,
        episode=episode,
        severity=first.severity,
        channel="page" if any(signal.is_page for signal in ordered) else "digest",
        status="open",
        opened_at=facts.now,
        headline=first.headline,
        reason=first.reason,
        evidence=first.evidence,
        opening_score=report.score,
        lowest_score=report.score,
        last_score=report.score,
        last_as_of=report.as_of,
        last_active_on=facts.last_active_on,
        scorecard=report.scorecard,
        segment=report.profile.segment,
        owner=report.profile.owner,
    )
    return Transition("opened", alert, first.reason)


def _reopen(
    alert: Alert, signals: Mapping[str, Signal], firing: list[Signal], facts: AccountFacts, over: timedelta
) -> Transition:
    """Back within the window: the same episode goes on, unacknowledged."""
    again = replace(
        _seen(alert, signals, firing, facts),
        status="open",
        resolved_at=None,
        recovered=False,
        closed_by=None,
        acknowledged_by=None,
        acknowledged_at=None,
        followed_up_days=[],
        reminders=0,
        escalated_at=None,
        reopened=alert.reopened + 1,
        severity=lead(firing)[0].severity,
        channel="page" if any(signal.is_page for signal in firing) else "digest",
    )
    return Transition("reopened", again, f"back after {span_words(over)}: {again.reason}")


def _go_on(
    alert: Alert, signals: Mapping[str, Signal], firing: list[Signal], opening: list[Signal], facts: AccountFacts
) -> Transition:
    """The episode runs: over without anything that opens one, worse with a worse signal, else as before."""
    seen = _seen(alert, signals, firing, facts)
    if not opening:
        accepted = next((each.accepted_by for each in signals.values() if each.is_firing and each.accepted_by), None)
        ended = [each for each in seen.signals if not each.is_firing and each.opens]
        last = max(ended, key=lambda each: each.resolved_at or facts.now, default=None)
        if accepted is not None and last is None:
            return resolve(seen, f"{accepted} accepts it as the new normal", facts.now, recovered=False, by=accepted)
        if last is None:
            return resolve(seen, "Nothing fires any more", facts.now, recovered=False)
        return resolve(seen, _how_it_ended(last, ended), facts.now, recovered=last.recovered)
    worst = lead(firing)[0].severity
    channel = "page" if any(signal.is_page for signal in firing) else seen.channel
    if SEVERITY_RANK[worst] > SEVERITY_RANK[alert.severity]:
        worse = replace(seen, severity=worst, channel=channel)
        return Transition("updated", worse, worse.reason)
    known = {signal.rule for signal in alert.signals if signal.is_firing}
    joined = [signal for signal in firing if signal.rule not in known]
    if joined or (channel == "page" and alert.channel != "page"):
        reasons = "; ".join(signal.reason for signal in joined) or seen.reason
        return Transition("signal_joined", replace(seen, channel=channel), reasons)
    return Transition("nothing", seen, f"already known as {alert.severity}: {seen.reason}")


def _how_it_ended(last: Signal, ended: list[Signal]) -> str:
    """Why an episode is over: for the signal that ended last, and before it for the one that led, which people know."""
    first = next((each for each in lead(ended) if each.recovered == last.recovered), last)
    return "; ".join(dict.fromkeys((first.reason, last.reason)))


def _seen(alert: Alert, signals: Mapping[str, Signal], firing: list[Signal], facts: AccountFacts) -> Alert:
    """The alert with today's signals, words and numbers."""
    report = facts.report
    of_alert = {signal.rule for signal in alert.signals}
    gathered = [signals[rule] for rule in of_alert if rule in signals] + [
        signal for signal in firing if signal.rule not in of_alert
    ]
    ordered = lead([each for each in gathered if each.counts]) + lead([each for each in gathered if not each.counts])
    words: Alert | Signal = lead(firing)[0] if firing else alert
    known = report.score is not None
    return replace(
        alert,
        rule=words.rule,
        headline=words.headline,
        reason=words.reason,
        evidence=words.evidence,
        account_name=report.name[:NAME_CHARS_MAX],
        segment=report.profile.segment,
        owner=report.profile.owner,
        signals=ordered[:SIGNALS_KEPT],
        last_score=report.score if known else alert.last_score,
        lowest_score=_lower(alert.lowest_score, report.score),
        last_as_of=report.as_of,
        last_active_on=facts.last_active_on,
        scorecard=report.scorecard,
    )


def _lower(one: float | None, other: float | None) -> float | None:
    """The lower of two scores; the known one where only one is."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def worst_of(severities: list[Severity]) -> Severity:
    """The worst severity; info of none."""
    return max(severities, key=lambda each: SEVERITY_RANK[each], default="info")
