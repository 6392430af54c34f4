"""One account: every rule looks at it, its red flag follows from what fires, and people are told what they do not know.

- A report older than the last one evaluated changes nothing, so a replay changes nothing.
- While an inhibitor of a rule fires, the rule starts nothing; what fires already goes on.
- Time passes without reports: evaluating the latest report again at a later moment lets what waited happen. `next_due`
  says when that is worth while.
"""

from collections.abc import Container, Sequence, Set
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from alerts.account_facts import AccountFacts
from alerts.context import AlertContext
from alerts.daily_digest import DigestItem, digest_items
from alerts.follow_up import follow_up, follow_up_due, superseded
from alerts.model import AccountRecord, Number, PortfolioMetrics, Signal
from alerts.notify_policy import decide_notification, page_again_at, reminder_due
from alerts.page_budget import LastPage
from alerts.red_flag import Change, Transition, resolve, step_red_flag
from alerts.rules import (
    ABOUT_SCORE,
    AccountRules,
    Baseline,
    Evaluate,
    Firing,
    Indeterminate,
    Resolved,
    Rule,
    RuleResult,
)
from alerts.signals import SignalStep, end_signal, step_signal
from alerts.text import moment_words
from stream.contracts.report import AlertReportView

DEFAULT_CONTEXT: Final = AlertContext()
DUE_AGAIN: Final = timedelta(minutes=1)


class AccountEvaluation(Struct, frozen=True):
    """What is remembered of the account from now on, and what became of its signals and its red flag.

    Args:
        record: None when the account is gone.
        transitions: of the red flag; a follow-up of an episode that a new one superseded comes first.
        signals: the steps of signals that changed, in the rules' order.
        digest: what its owner's next daily digest is to tell.
        reason: why the report was, or was not, evaluated.
        is_current: False when the report was too old to count.
        facts: the account as the rules saw it, with what is remembered from now on; None where no rule looked.
        rules: those of the account; None where none looked.
    """

    record: AccountRecord | None
    transitions: tuple[Transition, ...]
    reason: str
    signals: tuple[SignalStep, ...] = ()
    digest: tuple[DigestItem, ...] = ()
    is_current: bool = True
    facts: AccountFacts | None = None
    rules: AccountRules | None = None

    @property
    def changes(self) -> tuple[Transition, ...]:
        """The transitions that are one."""
        return tuple([transition for transition in self.transitions if transition.kind != "nothing"])

    @property
    def notifies(self) -> bool:
        """Whether somebody is to hear of it."""
        return bool(self.transitions) and any(transition.notification_id is not None for transition in self.transitions)


def evaluate_rules(
    record: AccountRecord | None,
    report: AlertReportView,
    rules: Sequence[Rule],
    now: datetime,
    context: AlertContext = DEFAULT_CONTEXT,
    facts: AccountFacts | None = None,
) -> AccountEvaluation:
    """Evaluate one report, for the first time or again at a later moment.

    Args:
        record: what is remembered of the account; None when it is new.
        report: its report.
        rules: the rules of the account, in their order.
        now: the moment of the decision.
        context: the settings, silences, pipeline incident, calendars.
        facts: the account as of that moment, where it is known already (`account_facts`); None: it is made.
    """
    if record is not None and report.as_of < record.evaluated_as_of:
        older = f"older than {record.evaluated_as_of:%Y-%m-%d %H:%M:%S}, which is evaluated already"
        return AccountEvaluation(record, (), older, is_current=False)
    levels = record.levels if record is not None else {}
    rules = AccountRules(rules)
    facts = facts or account_facts(record, report, now, context)
    found = EvaluationPass(record, facts)
    found.run(rules)
    last = LastPage.of(record)
    alert = record.alert if record is not None else None
    transitions: tuple[Transition, ...] = ()
    if alert is not None or found.signals:
        transitions, last = _red_flag(record, found.signals, facts, context)
        alert = transitions[-1].alert
    facts.levels = _remembered(levels, rules, facts)
    after = AccountRecord(
        account_id=report.account_id,
        evaluated_as_of=report.as_of,
        evaluated_at=now,
        score=report.score,
        band=report.band,
        segment=report.profile.segment,
        alert=alert,
        signals=found.signals,
        pending=found.pending,
        paged_at=last.at if last is not None else None,
        paged_severity=last.severity if last is not None else None,
        paged_rules=list(last.rules) if last is not None else [],
        seq=record.seq if record is not None else 0,
        portfolio_metrics=PortfolioMetrics.of(report, facts.seats),
        levels=facts.levels,
        is_inactive=facts.inactive_because is not None,
    )
    steps = tuple(found.changed)
    notification_kind = transitions[-1].notification_kind if transitions else None
    digest = digest_items(report, alert, steps, notification_kind, now, context) if steps else ()
    return AccountEvaluation(after, transitions, "evaluated", steps, digest, facts=facts, rules=rules)


def account_facts(
    record: AccountRecord | None, report: AlertReportView, now: datetime, context: AlertContext
) -> AccountFacts:
    """An account as its rules see it: its report as of a moment, with what is remembered of earlier days."""
    levels = record.levels if record is not None else {}
    return AccountFacts(report, now, context.calendars.of(report.profile.segment), levels)


def _remembered(
    levels: dict[str, list[tuple[int, Number]]], rules: AccountRules, facts: AccountFacts
) -> dict[str, list[tuple[int, Number]]]:
    """What rules compare with earlier days, with today's; each number as its day closed, where it changed."""
    if not rules.comparing:
        return {}
    asked: dict[str, tuple[Number | None, int]] = {}
    for rule in rules.comparing:
        if (found := rule.remembers(facts)) is not None:
            key, value, days = found
            asked[key] = value, max(days, asked[key][1] if key in asked else 0)
    after = {}
    for key, (value, days) in asked.items():
        known = [each for each in levels.get(key, ()) if each[0] != facts.day]
        first = facts.day - days
        older = [each for each in known if each[0] <= first][-1:]
        known = [*older, *(each for each in known if each[0] > first)]
        if value is not None and (not known or known[-1][1] != value):
            known.append((facts.day, value))
        after[key] = known
    return after


def _red_flag(
    record: AccountRecord | None, signals: dict[str, Signal], facts: AccountFacts, context: AlertContext
) -> tuple[tuple[Transition, ...], LastPage | None]:
    """The step of the account's red flag, what is told of it, and the account's last page."""
    before, now = record.alert if record is not None else None, facts.now
    inactive = facts.inactive_because
    if inactive is not None and before is not None and before.is_open:
        step = resolve(before, f"The account {inactive}", now, recovered=False, headline=inactive)
    else:
        step = step_red_flag(before, signals, facts, context)
    found: list[Transition] = []
    days = context.lifecycle.follow_up_days
    if step.kind == "opened" and before is not None and (last := superseded(before, days, now)):
        found.append(last)
    if step.kind == "nothing" and step.alert is not None:
        step = follow_up(step.alert, facts.score, days, now) or step
    page = LastPage.of(record)
    if step.notification_kind is None:
        step, page = with_notification(step, page, now, context)
    return (*found, step), page


def with_notification(
    transition: Transition, last: LastPage | None, now: datetime, context: AlertContext
) -> tuple[Transition, LastPage | None]:
    """The transition with what people are told of it now, and the account's last page after it.

    Args:
        transition: the step, of which nothing is told yet.
        last: the account's last page.
        now: the moment of the decision.
        context: settings, silences, pipeline incident.
    """
    alert = transition.alert
    if alert is None:
        return transition, last
    decision = decide_notification(alert, last, now, context)
    if decision.kind is None:
        suppressed = decision.alert.suppressed_until is not None and transition.kind != "nothing"
        if decision.alert is alert and not suppressed:
            return transition, last
        reason = f"{transition.reason}; not notified yet: {decision.reason}" if suppressed else transition.reason
        return replace(transition, alert=decision.alert, reason=reason), last
    kind: Change = transition.kind
    reason = transition.reason
    if kind in ("nothing", "signal_joined"):
        kind = decision.kind if decision.kind in ("reminded", "escalated") else "notified"
        reason = f"{alert.reason}; {decision.reason}" if kind == "notified" else f"not acknowledged: {alert.reason}"
    notified = replace(
        transition,
        kind=kind,
        alert=decision.alert,
        reason=reason,
        notification_kind=decision.kind,
        notification_id=decision.notification_id,
        after=alert.last_notification if alert.last_notification != decision.notification_id else None,
        recovered=alert.recovered,
    )
    return notified, decision.page or last


def delete_account(
    record: AccountRecord | None, now: datetime, context: AlertContext = DEFAULT_CONTEXT
) -> AccountEvaluation:
    """The account was deleted (a tombstone on the topic): its open red flag ends, and nothing of it is kept.

    Its end is told at once where people know of it: nothing is kept that could be told later.
    """
    if record is None:
        return AccountEvaluation(None, (), "an account that is not known was deleted")
    transitions: tuple[Transition, ...] = ()
    if record.alert is not None and record.alert.is_open:
        over = resolve(record.alert, "The account was deleted", now, recovered=False, headline="was deleted")
        transitions = (with_notification(over, LastPage.of(record), now, AlertContext())[0],)
    return AccountEvaluation(None, transitions, "the account was deleted")


def next_due(
    record: AccountRecord,
    report: AlertReportView,
    rules: Sequence[Rule],
    context: AlertContext,
    now: datetime,
    rules_until: datetime | None = None,
    facts: AccountFacts | None = None,
) -> datetime | None:
    """When to evaluate the account again if no report comes before; None: never.

    Args:
        record: as it was left.
        report: its latest.
        rules: the account's.
        context: as it was evaluated in.
        now: when it was evaluated; what would be due by then waits a minute, so that nothing is evaluated in a circle.
        rules_until: when these are not the account's rules any more (`RuleBook.changes_at`); None: never.
        facts: of that evaluation, which know its days already; None: they are made again.
    """
    rules = AccountRules(rules)
    if facts is None:
        facts = account_facts(record, report, now, context)
    is_active = facts.inactive_because is None
    looking = rules.due.of(report.measures) if is_active else rules.due_churned
    moments = [moment for due in looking if (moment := due(facts)) is not None]
    if rules_until is not None:
        moments.append(rules_until)
    if record.pending or record.signals:
        for name in {*record.pending, *record.signals}:
            if (waiting := rules.by_name.get(name)) is not None:
                moments += _waiting(waiting, record, facts)
    alert = record.alert
    if alert is not None:
        if alert.suppressed_until is not None:
            moments.append(alert.suppressed_until)  # what is due before waits for it
        else:
            told = reminder_due(alert, context), page_again_at(alert, LastPage.of(record), context)
            moments += [moment for moment in told if moment is not None]
        if (follows := follow_up_due(alert, context.lifecycle.follow_up_days)) is not None:
            moments.append(follows)
    if not moments:
        return None
    return soonest if (soonest := min(moments)) > now else now + DUE_AGAIN


def _waiting(rule: Rule, record: AccountRecord, facts: AccountFacts) -> list[datetime]:
    """When what waits for a time under a rule has waited: to fire, or to be over."""
    moments = []
    if (since := record.pending.get(rule.name)) is not None:
        moments.append(since + timedelta(hours=rule.for_hours))
    signal = record.signals.get(rule.name)
    if signal is None or not signal.is_firing:
        return moments
    if signal.clear_since is not None:
        moments.append(signal.clear_since + timedelta(hours=rule.keep_firing_hours))
    ends_at = rule.end_due(facts, signal)
    return [*moments, ends_at] if ends_at is not None else moments


class EvaluationPass:
    """One account's rules, one after the other.

    Args:
        record: what is remembered of the account; None when it is new.
        facts: the account as of the moment.

    Attributes:
        signals: by rule, after the pass.
        pending: by rule, since when it is broken and waits.
        changed: the steps of the signals that changed.
    """

    def __init__(self, record: AccountRecord | None, facts: AccountFacts) -> None:
        self.signals = dict(record.signals) if record is not None else {}
        self.pending = dict(record.pending) if record is not None else {}
        self.changed: list[SignalStep] = []
        self._facts = facts

    def run(self, rules: AccountRules) -> None:
        """Every rule in turn; an account that is not alive has no signals."""
        facts, inactive = self._facts, self._facts.inactive_because
        looking: Sequence[tuple[Rule, Evaluate]]
        if inactive is None:
            known = {*self.signals, *self.pending}
            looking = (rules.every if known else rules.living).of(facts.report.measures, known)
        else:
            looking = rules.churned if facts.stage == "churned" else ()
            self._end_all(Resolved(f"The account {inactive}", recovered=False), {rule.name for rule, _ in looking})
            known = {*self.signals, *self.pending}
        baseline = _baseline(self.signals) if self.signals else None
        for rule, evaluate in looking:
            if (not known or rule.name not in known) and evaluate(facts, None, baseline).__class__ is not Firing:
                continue  # nearly always
            self._take(rule, baseline)
        if known:
            self._end_unknown(rules.names if inactive is None else {rule.name for rule, _ in looking})

    def _take(self, rule: Rule, baseline: Baseline | None) -> None:
        signal = self.signals.get(rule.name)
        fires = signal is not None and signal.is_firing
        if not fires and any(_fires(self.signals, name) for name in rule.inhibited_by):
            self.pending.pop(rule.name, None)
            return
        result = rule.severe_enough(rule.evaluate(self._facts, signal if fires else None, baseline))
        if not fires:
            result = self._lasting(rule, result)
        step = step_signal(rule, signal, result, self._facts)
        if step.signal is not None:
            self.signals[rule.name] = step.signal
        if step.change is not None:
            self.changed.append(step)

    def _lasting(self, rule: Rule, result: RuleResult) -> RuleResult:
        """A firing rule counts once it has lasted for as long as the rule wants."""
        if isinstance(result, Resolved):
            self.pending.pop(rule.name, None)
        if not isinstance(result, Firing) or rule.for_hours == 0:
            return result
        now = self._facts.now
        since = self.pending.setdefault(rule.name, now)
        fires_at = since + timedelta(hours=rule.for_hours)
        if now < fires_at:
            reason = f"broken since {moment_words(since)}, fires at {moment_words(fires_at)}: {result.reason}"
            return Indeterminate(reason)
        del self.pending[rule.name]
        return result

    def _end_all(self, result: Resolved, but: Container[str]) -> None:
        for name in [name for name in self.pending if name not in but]:
            del self.pending[name]
        for name, signal in self.signals.items():
            if signal.is_firing and name not in but:
                self._end(name, signal, result)

    def _end_unknown(self, known: Set[str]) -> None:
        """A rule that is switched off, or not there any more, has no signal."""
        for name in self.pending.keys() - known:
            del self.pending[name]
        for name in self.signals.keys() - known:
            if self.signals[name].is_firing:
                self._end(name, self.signals[name], Resolved("The rule does not hold for this account", False))

    def _end(self, name: str, signal: Signal, result: Resolved) -> None:
        over = self.signals[name] = end_signal(signal, result, self._facts.now)
        self.changed.append(SignalStep(over, "resolved", result.reason))


def _fires(signals: dict[str, Signal], rule: str) -> bool:
    signal = signals.get(rule)
    return signal is not None and signal.is_firing


def _baseline(signals: dict[str, Signal]) -> Baseline | None:
    """Where the account's latest signal about its score ended."""
    over = [signal for name, signal in signals.items() if name in ABOUT_SCORE and not signal.is_firing]
    if not over:
        return None
    last = max(over, key=lambda signal: signal.last_as_of)
    return Baseline(last.last_as_of, last.last_score) if last.last_score is not None else None
