"""Whom to tell of a step: the routes' receivers, and whoever was told of the episode before. Pure.

A receiver that was told of the opening hears of the rest, even when the account has another owner or segment by then:
nobody is left with a red flag that never ends.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import msgspec

from alerts.evaluation import AccountEvaluation
from alerts.lifecycle import Transition
from alerts.messages.compose import make_notification
from alerts.notification import BY_HAND, AlertNotification, routing_subject
from alerts.playbooks import Play
from alerts.routing import Routes
from consumers.alerting.outbox import OutboxEntry
from stream.contracts.report import HealthReport


@dataclass(frozen=True)
class Recipients:
    """Whom to tell.

    Args:
        routes: who is told of what; none: nobody is told of anything.
        accepts: by receiver, whether a step of a kind is told to it at all.
        playbooks: by rule, what to try.
    """

    routes: Routes
    accepts: Mapping[str, Callable[[str], bool]]
    playbooks: Mapping[str, Sequence[Play]] = field(default_factory=dict)

    def tell(
        self,
        evaluation: AccountEvaluation,
        report: HealthReport | None,
        now: datetime,
        *,
        now_ms: int,
        ingested_ms: int | None = None,
        partition: int | None = None,
    ) -> tuple[AccountEvaluation, list[OutboxEntry]]:
        """The notifications of one account's turn, and the turn with its alerts knowing who was told.

        Args:
            evaluation: what became of the account's alerts.
            report: the report behind it; None when the account was deleted.
            now: the moment of the decision.
            now_ms: the wall clock, epoch milliseconds.
            ingested_ms: Kafka's timestamp of the oldest event behind the report; None: no event brought this turn, but
                time or a command.
            partition: of the health topic.
        """
        steps = evaluation.transitions
        if not steps or all(item.notification_id is None and item.kind not in BY_HAND for item in steps):
            return evaluation, []
        told: list[tuple[AlertNotification, str | None, list[str]]] = []
        transitions = []
        for transition in steps:
            if transition.notification_id is not None:
                notification = make_notification(transition, report, now, self.playbooks)
                transition, receivers = self._mark(transition, notification)
                told.append((notification, transition.after, receivers))
            elif transition.kind in BY_HAND and report is not None:
                told += self._by_hand(transition, report, now)
            transitions.append(transition)
        entries = [
            OutboxEntry(
                id=notification.id,
                receiver=receiver,
                notification=notification,
                after=after,
                partition=partition,
                created_ms=now_ms,
                ingested_ms=ingested_ms,
            )
            for notification, after, receivers in told
            for receiver in receivers
        ]
        return _with_alerts(evaluation, tuple(transitions)), entries

    def _by_hand(
        self, transition: Transition, report: HealthReport, now: datetime
    ) -> Iterator[tuple[AlertNotification, str | None, list[str]]]:
        """What somebody did with an alert: for receivers that know of it, and show who has it."""
        alert = transition.alert
        if alert is None or not alert.is_open or alert.notified_severity is None or transition.command_id is None:
            return
        receivers = [
            name for name in alert.notified_receivers if name in self.accepts and self.accepts[name](transition.kind)
        ]
        if receivers:
            name = f"{alert.alert_id}:{transition.kind}:{transition.command_id}"
            named = replace(transition, notification_id=name)
            yield make_notification(named, report, now, self.playbooks), alert.last_notification, receivers

    def _mark(self, transition: Transition, notification: AlertNotification) -> tuple[Transition, list[str]]:
        """The transition with everybody who now knows of its alert, and those of them who hear of this step."""
        alert = transition.alert
        assert alert is not None  # the transition is to be told
        told = list(
            dict.fromkeys([*alert.notified_receivers, *self.routes.decide(routing_subject(notification)).receivers])
        )
        marked = replace(transition, alert=msgspec.structs.replace(alert, notified_receivers=told))
        return marked, [name for name in told if name in self.accepts and self.accepts[name](notification.kind)]


def _with_alerts(evaluation: AccountEvaluation, transitions: tuple[Transition, ...]) -> AccountEvaluation:
    """The judgement with its transitions' alerts in the record."""
    record = evaluation.record
    if record is not None:
        alerts = record.alerts | {item.alert.rule: item.alert for item in transitions if item.alert is not None}
        record = msgspec.structs.replace(record, alerts=alerts)
    return msgspec.structs.replace(evaluation, record=record, transitions=transitions)


NOBODY: Final = Recipients(Routes(), {})
