"""Whom to tell of a step: the routes' receivers, and whoever was told of the episode before. Pure.

A receiver that was told of the opening hears of the rest, even when the account has another owner or segment by then:
nobody is left with a red flag that never ends.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import msgspec

from alerts.judge import Judgement
from alerts.lifecycle import Transition
from alerts.notice import BY_HAND, Notice, make_notice, subject
from alerts.playbooks import Play
from alerts.routing import Routes
from consumers.alerting.outbox import Notification
from stream.contracts.report import HealthReport


@dataclass(frozen=True)
class Telling:
    """Whom to tell.

    Args:
        routes: who is told of what; none: nobody is told of anything.
        tells: by receiver, whether a step of a kind is told to it at all.
        playbooks: by rule, what to try.
    """

    routes: Routes
    tells: Mapping[str, Callable[[str], bool]]
    playbooks: Mapping[str, Sequence[Play]] = field(default_factory=dict)

    def tell(
        self,
        judgement: Judgement,
        report: HealthReport | None,
        now: datetime,
        *,
        now_ms: int,
        ingested_ms: int | None = None,
        partition: int | None = None,
    ) -> tuple[Judgement, list[Notification]]:
        """The notifications of one account's turn, and the turn with its alerts knowing who was told.

        Args:
            judgement: what became of the account's alerts.
            report: the report behind it; None when the account was deleted.
            now: the moment of the decision.
            now_ms: the wall clock, epoch milliseconds.
            ingested_ms: Kafka's timestamp of the oldest event behind the report; None: no event brought this turn, but
                time or a command.
            partition: of the health topic.
        """
        steps = judgement.transitions
        if not steps or all(item.notification_id is None and item.kind not in BY_HAND for item in steps):
            return judgement, []
        told: list[tuple[Notice, str | None, list[str]]] = []
        transitions = []
        for transition in steps:
            if transition.notification_id is not None:
                notice = make_notice(transition, report, now, self.playbooks)
                transition, receivers = self._mark(transition, notice)
                told.append((notice, transition.after, receivers))
            elif transition.kind in BY_HAND and report is not None:
                told += self._by_hand(transition, report, now)
            transitions.append(transition)
        notifications = [
            Notification(
                id=notice.id,
                receiver=receiver,
                notice=notice,
                after=after,
                partition=partition,
                created_ms=now_ms,
                ingested_ms=ingested_ms,
            )
            for notice, after, receivers in told
            for receiver in receivers
        ]
        return _with_alerts(judgement, tuple(transitions)), notifications

    def _by_hand(
        self, transition: Transition, report: HealthReport, now: datetime
    ) -> Iterator[tuple[Notice, str | None, list[str]]]:
        """What somebody did with an alert: for receivers that know of it, and show who has it."""
        alert = transition.alert
        if alert is None or not alert.is_open or alert.told_severity is None or transition.command_id is None:
            return
        receivers = [name for name in alert.told if name in self.tells and self.tells[name](transition.kind)]
        if receivers:
            name = f"{alert.alert_id}:{transition.kind}:{transition.command_id}"
            named = replace(transition, notification_id=name)
            yield make_notice(named, report, now, self.playbooks), alert.last_notification, receivers

    def _mark(self, transition: Transition, notice: Notice) -> tuple[Transition, list[str]]:
        """The transition with everybody who now knows of its alert, and those of them who hear of this step."""
        alert = transition.alert
        assert alert is not None  # the transition is to be told
        told = list(dict.fromkeys([*alert.told, *self.routes.decide(subject(notice)).receivers]))
        marked = replace(transition, alert=msgspec.structs.replace(alert, told=told))
        return marked, [name for name in told if name in self.tells and self.tells[name](notice.kind)]


def _with_alerts(judgement: Judgement, transitions: tuple[Transition, ...]) -> Judgement:
    """The judgement with its transitions' alerts in the record."""
    record = judgement.record
    if record is not None:
        alerts = record.alerts | {item.alert.rule: item.alert for item in transitions if item.alert is not None}
        record = msgspec.structs.replace(record, alerts=alerts)
    return msgspec.structs.replace(judgement, record=record, transitions=transitions)


NOBODY: Final = Telling(Routes(), {})
