"""One account's turn: every rule looks at its report, and the rules' debts to each other are settled here.

- A report older than the last one judged changes nothing, so a replay changes nothing.
- The rules come the most telling first. While an alert is open of a rule that speaks for another one, as a bad band
  does for a drop, that other rule opens nothing, and an alert that it has open ends without a message of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.lifecycle import Transition, resolve, step
from alerts.model import AccountRecord, Alert, Vitals
from alerts.rules import ABOUT_SCORE, Rule, Settled
from stream.report import HealthReport


@dataclass(frozen=True)
class Judgement:
    """What is remembered of the account from now on, and what became of its alerts.

    Args:
        record: None when the account is gone.
        transitions: one per rule, in the rules' order; empty when the report was too old to count.
        reason: why the report was, or was not, judged.
    """

    record: AccountRecord | None
    transitions: tuple[Transition, ...]
    reason: str

    @property
    def changes(self) -> tuple[Transition, ...]:
        """The transitions that are one."""
        return tuple(transition for transition in self.transitions if transition.kind != "nothing")


def judge(record: AccountRecord | None, report: HealthReport, rules: Sequence[Rule], now: datetime) -> Judgement:
    """Judge one report.

    Args:
        record: what is remembered of the account; None when it is new.
        report: its report.
        rules: the most telling first.
        now: the moment of the decision.
    """
    if record is not None and report.as_of < record.judged_as_of:
        return Judgement(record, (), f"older than {record.judged_as_of:%Y-%m-%d %H:%M:%S}, which is judged already")
    alerts = dict(record.alerts) if record is not None else {}
    transitions: list[Transition] = []
    for rule in rules:
        transition = _turn(rule, alerts, report, now)
        transitions.append(transition)
        if transition.alert is not None:
            alerts[rule.name] = transition.alert
    after = AccountRecord(
        account_id=report.account_id,
        judged_as_of=report.as_of,
        score=report.score,
        band=report.band,
        segment=report.profile.segment,
        alerts=alerts,
        vitals=Vitals.of(report),
    )
    return Judgement(after, tuple(transitions), "judged")


def forget(record: AccountRecord | None, now: datetime) -> Judgement:
    """The account was deleted (a tombstone on the topic): its open alerts end, and nothing of it is kept."""
    if record is None:
        return Judgement(None, (), "an account that is not known was deleted")
    transitions = tuple(
        resolve(alert, "the account was deleted", now, recovered=False)
        for alert in record.alerts.values()
        if alert.is_open
    )
    return Judgement(None, transitions, "the account was deleted")


def _turn(rule: Rule, alerts: dict[str, Alert], report: HealthReport, now: datetime) -> Transition:
    """One rule's turn, unless another alert already speaks for the account."""
    alert = alerts.get(rule.name)
    is_open = alert is not None and alert.is_open
    if (speaker := _speaker(rule, alerts)) is not None:
        reason = f"{speaker.alert_id} ({speaker.rule}) speaks for the account"
        if alert is not None and is_open:
            return resolve(alert, reason, now, recovered=False, tell=False)
        return Transition("nothing", alert, reason)
    verdict = rule.evaluate(report, alert if is_open else None, _settled(alerts))
    return step(rule.name, alert, verdict, report, now)


def _speaker(rule: Rule, alerts: dict[str, Alert]) -> Alert | None:
    """The open alert that says enough, so that this rule has nothing to add; None when there is none."""
    for name in rule.spoken_for_by:
        alert = alerts.get(name)
        if alert is not None and alert.is_open:
            return alert
    return None


def _settled(alerts: dict[str, Alert]) -> Settled | None:
    """Where the account's latest episode about its score ended."""
    over = [alert for name, alert in alerts.items() if name in ABOUT_SCORE and not alert.is_open]
    if not over:
        return None
    last = max(over, key=lambda alert: alert.last_as_of)
    return Settled(last.last_as_of, last.last_score) if last.last_score is not None else None
