"""What a rule's result does to its signal: it fires, gets worse, goes on with today's words, or is resolved. Pure.

A signal is cheap and mostly silent: who is told of it, and when, is the matter of the account's red flag and of the
owner's daily digest.
"""

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from alerts.account_facts import AccountFacts
from alerts.model import SEVERITY_RANK, Severity, Signal
from alerts.rules import Firing, Indeterminate, Resolved, Rule, RuleResult
from alerts.text import moment_words, within

SignalChange = Literal["firing", "worse", "resolved"]


class SignalStep(Struct, frozen=True):
    """What became of one signal.

    Args:
        signal: as it is now; None before it ever fired.
        change: what happened to it; None: nothing.
        reason: why something, or nothing, happened.
    """

    signal: Signal | None
    change: SignalChange | None
    reason: str


def step_signal(rule: Rule, signal: Signal | None, result: RuleResult, facts: AccountFacts) -> SignalStep:
    """The next state of a rule's signal.

    Args:
        rule: with the account's own settings.
        signal: the one that fires, or the last one; None before the first.
        result: what the rule says; a firing one has lasted for as long as the rule wants.
        facts: what it speaks of.
    """
    if signal is None or not signal.is_firing:
        if isinstance(result, Firing):
            fired = _fire(rule, result, facts)
            return SignalStep(fired, "firing", result.reason)
        return SignalStep(signal, None, result.reason)
    if isinstance(result, Firing):
        return _go_on(rule, signal, result, facts)
    seen = replace(signal, last_as_of=facts.report.as_of, last_score=_score(facts, signal))
    if isinstance(result, Indeterminate):
        return SignalStep(_as_today(seen, result.today), None, result.reason)
    since = signal.clear_since or facts.now
    if facts.now - since < timedelta(hours=rule.keep_firing_hours):
        over_at = since + timedelta(hours=rule.keep_firing_hours)
        reason = f"{result.reason}; over at {moment_words(over_at)} if it lasts"
        headline = f"may be over it: {within(result.reason)}"
        waits = replace(seen, clear_since=since, headline=headline, reason=result.reason)
        return SignalStep(waits, None, reason)
    return SignalStep(end_signal(seen, result, facts.now), "resolved", result.reason)


def end_signal(signal: Signal, result: Resolved, now: datetime) -> Signal:
    """The signal, over."""
    return replace(
        signal,
        resolved_at=now,
        reason=result.reason,
        recovered=result.recovered,
        clear_since=None,
        accepted_by=None,
    )


def accept(signal: Signal, by: str) -> Signal:
    """The signal as somebody takes it for the new normal: it counts again once it ended, or gets worse."""
    return replace(signal, accepted_by=by) if signal.is_firing else signal


def _fire(rule: Rule, result: Firing, facts: AccountFacts) -> Signal:
    report = facts.report
    channel = result.channel or rule.channel_of(result.severity)
    return Signal(
        rule=rule.name,
        tone=rule.tone,
        severity=result.severity,
        channel=channel,
        opens=rule.tone != "opportunity" and channel != "log" and (rule.opens or channel == "page"),
        since=facts.now,
        headline=result.headline,
        reason=result.reason,
        evidence=result.evidence,
        names=list(result.names),
        last_as_of=report.as_of,
        last_score=report.score,
        ceiling_score=report.score,
        scorecard=report.scorecard,
    )


def _go_on(rule: Rule, signal: Signal, result: Firing, facts: AccountFacts) -> SignalStep:
    """It still fires: with today's words and numbers; a change only when it is worse than before."""
    report = facts.report
    worse = SEVERITY_RANK[result.severity] > SEVERITY_RANK[signal.severity]
    now = _fire(rule, result, facts)
    ceiling: float | None
    if signal.scorecard == report.scorecard and signal.ceiling_score is not None:
        ceiling = max(signal.ceiling_score, report.score) if report.score is not None else signal.ceiling_score
    else:
        ceiling = report.score
    names = list(dict.fromkeys([*signal.names, *result.names])) if signal.names else now.names
    after = replace(
        now,
        severity=result.severity if worse else signal.severity,
        channel=now.channel if worse else signal.channel,
        opens=now.opens or signal.opens,
        since=signal.since,
        names=names[:20],
        evidence={**result.evidence, **_kept(signal)},
        last_score=_score(facts, signal),
        ceiling_score=ceiling,
        accepted_by=None if worse else signal.accepted_by,
        eased_to=_eased(signal, result.severity),
    )
    reason = result.reason if worse else f"already known as {signal.severity}: {result.reason}"
    return SignalStep(after, "worse" if worse else None, reason)


def _as_today(signal: Signal, today: Firing | None) -> Signal:
    """A signal that goes on without being as bad as it was, with today's words and numbers."""
    if today is None:
        return signal
    evidence = {**today.evidence, **_kept(signal)}
    eased_to = _eased(signal, today.severity)
    return replace(signal, headline=today.headline, reason=today.reason, evidence=evidence, eased_to=eased_to)


def _eased(signal: Signal, today: Severity) -> Severity | None:
    return today if SEVERITY_RANK[today] < SEVERITY_RANK[signal.severity] else None


# What a rule measures its end against stays as it was when the signal fired.
_MEMORY = ("from_score", "days_before", "users_before", "limit_days")


def _kept(signal: Signal) -> dict[str, int | float]:
    return {name: signal.evidence[name] for name in _MEMORY if name in signal.evidence}


def _score(facts: AccountFacts, signal: Signal) -> float | None:
    return facts.score if facts.score is not None else signal.last_score
