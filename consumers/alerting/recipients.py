"""Who is notified of a step: the routes' receivers, and whoever was notified of the episode before. Pure.

A receiver that was told of the opening hears of the rest, even when the account has another owner or segment by then:
nobody is left with a red flag that never ends.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import msgspec

from alerts.account_facts import AccountFacts
from alerts.context import AlertContext
from alerts.evaluation import DEFAULT_CONTEXT, AccountEvaluation
from alerts.messages.compose import make_notification
from alerts.notification import BY_HAND, AlertNotification, routing_subject
from alerts.notify_policy import manager_of
from alerts.playbooks import Play
from alerts.red_flag import Transition
from alerts.routing import Routes
from consumers.alerting.outbox import OutboxEntry
from stream.contracts.report import HealthReport


@dataclass(frozen=True)
class Recipients:
    """Who is notified.

    Args:
        routes: who is told of what; none: nobody is told of anything.
        accepts: by receiver, whether it is told steps of a kind at all.
        playbooks: by rule, plays in the place of the rule's own.
    """

    routes: Routes
    accepts: Mapping[str, Callable[[str], bool]]
    playbooks: Mapping[str, Sequence[Play]] = field(default_factory=dict)

    def entries_of(
        self,
        evaluation: AccountEvaluation,
        report: HealthReport | None,
        now: datetime,
        *,
        now_ms: int,
        ingested_ms: int | None = None,
        report_ms: int | None = None,
        partition: int | None = None,
        context: AlertContext = DEFAULT_CONTEXT,
    ) -> tuple[AccountEvaluation, list[OutboxEntry]]:
        """The outbox's entries of one account's evaluation, which then knows who was notified.

        Args:
            evaluation: what became of the account's red flag.
            report: the report behind it; None when the account was deleted.
            now: the moment of the decision.
            now_ms: the wall clock, epoch milliseconds.
            ingested_ms: Kafka's timestamp of the oldest event behind the report; None: no event brought this, but time
                or a command.
            report_ms: Kafka's timestamp of the report, the same way.
            partition: of the health topic.
            context: calendars, and the owners' managers.
        """
        steps = evaluation.transitions
        if not steps or all(step.notification_id is None and step.kind not in BY_HAND for step in steps):
            return evaluation, []
        facts = AccountFacts(report, now, context.calendars.of(report.profile.segment)) if report is not None else None
        entries: list[OutboxEntry] = []
        transitions = []
        for step in steps:
            found = self._notified(step, report, facts, context)
            if found is not None:
                step, notification, receivers = found
                entries += [
                    OutboxEntry(
                        id=notification.id,
                        receiver=receiver,
                        notification=notification,
                        after=step.after,
                        partition=partition,
                        created_ms=now_ms,
                        ingested_ms=ingested_ms,
                        report_ms=report_ms,
                    )
                    for receiver in receivers
                ]
            transitions.append(step)
        return _with_alert(evaluation, tuple(transitions)), entries

    def of(self, notification: AlertNotification) -> list[str]:
        """The receivers of a notification by the routes alone."""
        return self._accepting(self.routes.decide(routing_subject(notification)).receivers, notification.kind)

    def _notified(
        self, step: Transition, report: HealthReport | None, facts: AccountFacts | None, context: AlertContext
    ) -> tuple[Transition, AlertNotification, list[str]] | None:
        """A step with everybody who now knows of its alert, its notification, and who hears of this step."""
        alert = step.alert
        if alert is None:
            return None
        if step.notification_id is not None:
            notification = make_notification(step, report, facts, self.playbooks)
            subject = routing_subject(notification)
            if step.notification_kind == "escalated":
                subject = replace(subject, owner=manager_of(alert, context))
            receivers = list(dict.fromkeys([*alert.notified_receivers, *self.routes.decide(subject).receivers]))
            knowing = alert.taken.get(notification.id, ())
            untold = [name for name in self._accepting(receivers, notification.kind) if name not in knowing]
            marked = msgspec.structs.replace(alert, notified_receivers=receivers, last_receivers=untold, taken={})
            return msgspec.structs.replace(step, alert=marked), notification, untold
        if step.kind not in BY_HAND or report is None or not alert.is_open or step.command_id is None:
            return None
        # What somebody did with an alert is for receivers that know of it, and show who has it.
        receivers = self._accepting(alert.notified_receivers, step.kind) if alert.notified_severity is not None else []
        if not receivers:
            return None
        named = msgspec.structs.replace(step, notification_id=f"{alert.alert_id}:{step.kind}:{step.command_id}")
        return (
            msgspec.structs.replace(step, after=alert.last_notification),
            make_notification(named, report, facts, self.playbooks),
            receivers,
        )

    def _accepting(self, receivers: Sequence[str], kind: str) -> list[str]:
        return [name for name in receivers if name in self.accepts and self.accepts[name](kind)]


def _with_alert(evaluation: AccountEvaluation, transitions: tuple[Transition, ...]) -> AccountEvaluation:
    """The evaluation with its last transition's alert in the record."""
    record = evaluation.record
    if record is not None and transitions[-1].alert is not None:
        record = msgspec.structs.replace(record, alert=transitions[-1].alert)
    return msgspec.structs.replace(evaluation, record=record, transitions=transitions)


NOBODY: Final = Recipients(Routes(), {})
