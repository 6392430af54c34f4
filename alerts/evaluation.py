"""One account's turn: every rule looks at its report, and the rules' debts to each other are settled here.

- A report older than the last one judged changes nothing, so a replay changes nothing.
- The rules come the most telling first. While an alert is open of a rule that speaks for another one, as a bad band
  does for a drop, that other rule opens nothing, and an alert that it has open ends without a message of its own.
- Time passes without reports: judging the latest report again at a later moment lets what waited happen. `next_due`
  says when that is worth while.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from alerts.context import AlertContext
from alerts.follow_up import follow_up, follow_up_due, superseded
from alerts.lifecycle import Transition, resolve, step, with_notification
from alerts.model import AccountRecord, Alert, PortfolioMetrics
from alerts.notify_policy import reminder_due, suppress
from alerts.rules import ABOUT_SCORE, Baseline, Firing, Indeterminate, Resolved, Rule, RuleResult
from stream.contracts.report import AlertReportView

DEFAULT_CONTEXT: Final = AlertContext()
DUE_AGAIN: Final = timedelta(minutes=1)


class AccountEvaluation(Struct, frozen=True):
    """What is remembered of the account from now on, and what became of its alerts.

    Args:
        record: None when the account is gone.
        transitions: in the rules' order, one for each rule that has an alert, or waits to have one; follow-ups of
            earlier episodes besides. A rule that is kept, and never was broken, has nothing to say.
        reason: why the report was, or was not, judged.
        is_current: False when the report was too old to count.
    """

    record: AccountRecord | None
    transitions: tuple[Transition, ...]
    reason: str
    is_current: bool = True

    @property
    def changes(self) -> tuple[Transition, ...]:
        """The transitions that are one."""
        return tuple([transition for transition in self.transitions if transition.kind != "nothing"])

    @property
    def is_told(self) -> bool:
        """Whether somebody is to hear of it."""
        return any(transition.notification_id is not None for transition in self.transitions)


def evaluate_rules(
    record: AccountRecord | None,
    report: AlertReportView,
    rules: Sequence[Rule],
    now: datetime,
    context: AlertContext = DEFAULT_CONTEXT,
) -> AccountEvaluation:
    """Judge one report, for the first time or again at a later moment.

    Args:
        record: what is remembered of the account; None when it is new.
        report: its report.
        rules: the most telling first.
        now: the moment of the decision.
        context: the settings, silences, doubt in the data.
    """
    if record is not None and report.as_of < record.evaluated_as_of:
        older = f"older than {record.evaluated_as_of:%Y-%m-%d %H:%M:%S}, which is judged already"
        return AccountEvaluation(record, (), older, is_current=False)
    turn = EvaluationPass(record, report, now, context)
    for rule in rules:
        if not turn.has_nothing_for(rule):
            turn.take(rule)
    after = AccountRecord(
        account_id=report.account_id,
        evaluated_as_of=report.as_of,
        score=report.score,
        band=report.band,
        segment=report.profile.segment,
        alerts=turn.alerts,
        portfolio_metrics=PortfolioMetrics.of(report),
        pending=turn.pending,
        seq=record.seq if record is not None else 0,
    )
    return AccountEvaluation(after, tuple(turn.transitions), "judged")


def delete_account(
    record: AccountRecord | None, now: datetime, context: AlertContext = DEFAULT_CONTEXT
) -> AccountEvaluation:
    """The account was deleted (a tombstone on the topic): its open alerts end, and nothing of it is kept.

    Their end is told at once where people know of them: nothing is kept that could be told later.
    """
    if record is None:
        return AccountEvaluation(None, (), "an account that is not known was deleted")
    frank = AlertContext()
    transitions = tuple(
        with_notification(resolve(alert, "the account was deleted", now, recovered=False), now, frank)
        for alert in record.alerts.values()
        if alert.is_open
    )
    return AccountEvaluation(None, transitions, "the account was deleted")


def next_due(record: AccountRecord, rules: Sequence[Rule], context: AlertContext, now: datetime) -> datetime | None:
    """When to judge the account again if no report comes before; None: never.

    Args:
        record: as it was left.
        rules: the account's.
        context: as it was judged.
        now: when it was judged; what would be due before waits a minute, so that nothing is judged in a circle.
    """
    moments: list[datetime | None] = []
    for rule in rules:
        if (since := record.pending.get(rule.name)) is not None:
            moments.append(since + timedelta(hours=rule.for_hours))
        alert = record.alerts.get(rule.name)
        if alert is not None and alert.clear_since is not None and alert.is_open:
            moments.append(alert.clear_since + timedelta(hours=rule.keep_firing_hours))
    for alert in record.alerts.values():
        moments += [alert.suppressed_until, reminder_due(alert, context)]
        moments.append(follow_up_due(alert, context.lifecycle.follow_up_days))
    coming = [moment for moment in moments if moment is not None]
    return max(min(coming), now + DUE_AGAIN) if coming else None


class EvaluationPass:
    """One account's turn, rule by rule."""

    def __init__(
        self, record: AccountRecord | None, report: AlertReportView, now: datetime, context: AlertContext
    ) -> None:
        self.alerts = dict(record.alerts) if record is not None else {}
        self.pending = dict(record.pending) if record is not None else {}
        self.transitions: list[Transition] = []
        self._report = report
        self._now = now
        self._context = context

    def has_nothing_for(self, rule: Rule) -> bool:
        """Whether a rule without any alert is kept: nearly always, so it is asked before anything else."""
        settled = None
        if self.alerts or self.pending:
            if rule.name in self.alerts or rule.name in self.pending:
                return False
            settled = _baseline(self.alerts) if rule.is_about_score else None
        return not isinstance(rule.evaluate(self._report, None, settled), Firing)

    def take(self, rule: Rule) -> None:
        """One rule's turn: its step, what is told of it, and the follow-up that is due."""
        before = self.alerts.get(rule.name)
        transition = self._step(rule, before)
        days = self._context.lifecycle.follow_up_days
        if transition.kind == "opened" and before is not None and (last := superseded(before, days, self._now)):
            self.transitions.append(last)
        if transition.kind == "nothing" and transition.alert is not None:
            transition = follow_up(transition.alert, self._report.score, days, self._now) or transition
        if transition.notification_kind is None:
            transition = with_notification(transition, self._now, self._context)
        self.transitions.append(transition)
        if transition.alert is not None:
            self.alerts[rule.name] = transition.alert

    def _step(self, rule: Rule, alert: Alert | None) -> Transition:
        """One rule's step, unless another alert already speaks for the account."""
        if (speaker := _inhibitor(rule, self.alerts)) is not None:
            self.pending.pop(rule.name, None)
            reason = f"the red flag {speaker.rule.replace('_', ' ')} speaks for the account ({speaker.alert_id})"
            if alert is not None and alert.is_open:
                return resolve(suppress(alert), reason, self._now, recovered=False)
            return Transition("nothing", alert, reason)
        is_open = alert is not None and alert.is_open
        verdict = rule.evaluate(self._report, alert if is_open else None, _baseline(self.alerts))
        if not is_open:
            verdict = self._lasting(rule, verdict)
        wait = timedelta(hours=rule.keep_firing_hours)
        return step(rule.name, alert, verdict, self._report, self._now, self._context, wait)

    def _lasting(self, rule: Rule, verdict: RuleResult) -> RuleResult:
        """A finding counts once it has lasted for as long as the rule wants."""
        if isinstance(verdict, Resolved):
            self.pending.pop(rule.name, None)
        if not isinstance(verdict, Firing) or rule.for_hours == 0:
            return verdict
        since = self.pending.setdefault(rule.name, self._now)
        opens_at = since + timedelta(hours=rule.for_hours)
        if self._now < opens_at:
            return Indeterminate(
                f"broken since {since:%Y-%m-%d %H:%M}, opens at {opens_at:%Y-%m-%d %H:%M}: {verdict.reason}"
            )
        del self.pending[rule.name]
        return verdict


def _inhibitor(rule: Rule, alerts: dict[str, Alert]) -> Alert | None:
    """The open alert that says enough, so that this rule has nothing to add; None when there is none."""
    for name in rule.inhibited_by:
        alert = alerts.get(name)
        if alert is not None and alert.is_open:
            return alert
    return None


def _baseline(alerts: dict[str, Alert]) -> Baseline | None:
    """Where the account's latest episode about its score ended."""
    over = [alert for name, alert in alerts.items() if name in ABOUT_SCORE and not alert.is_open]
    if not over:
        return None
    last = max(over, key=lambda alert: alert.last_as_of)
    return Baseline(last.last_as_of, last.last_score) if last.last_score is not None else None
