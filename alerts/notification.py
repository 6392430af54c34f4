"""What a receiver is told of one step of one alert, before it takes the shape that the receiver wants.

It is kept in the outbox until it is delivered, so it holds everything that any receiver needs, the Block Kit message
among it; the texts of the other receivers are made from that.
"""

from datetime import datetime
from typing import Any, Final

import msgspec

from alerts.model import Number
from alerts.routing import Subject

BY_HAND: Final = frozenset({"acknowledged", "snoozed"})  # what a person did, and the account did not


class AlertNotification(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of one alert.

    Attributes:
        id: names the step; the same however often the step is told.
        kind: what it says: opened, reopened, updated, resolved, reminded or followed_up; acknowledged or snoozed.
        alert_id: names the episode.
        fingerprint: names the account and rule over all episodes.
        rule, severity: of the alert.
        episode: 1 for the first time, and so on.
        at: when the step was decided.
        opened_at: when the episode began.
        resolved_at: when it ended; None while it runs.
        recovered: on resolved, whether the score came back.
        reason: why the step was made, one sentence.
        by: who acknowledged or snoozed it; None for any other step.
        evidence: the numbers behind the rule's decision.
        message: the Block Kit message, `text` and `blocks`.
        account_id, account_name: None for an alert about the installation itself.
        score: 0..100, None when unknown; band: its band.
        segment, owner, lifecycle_stage, mrr, renewal_at: what the account feed says; None where it says nothing.
    """

    id: str
    kind: str
    alert_id: str
    fingerprint: str
    rule: str
    severity: str
    episode: int
    at: datetime
    opened_at: datetime
    resolved_at: datetime | None = None
    recovered: bool = False
    reason: str
    by: str | None = None
    evidence: dict[str, Number]
    message: dict[str, Any]
    account_id: str | None = None
    account_name: str | None = None
    score: float | None = None
    band: str | None = None
    segment: str | None = None
    owner: str | None = None
    lifecycle_stage: str | None = None
    mrr: float | None = None
    renewal_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the alert's trouble goes on after this step."""
        return self.resolved_at is None


def routing_subject(notification: AlertNotification) -> Subject:
    """What routes look at."""
    return Subject(
        rule=notification.rule,
        severity=notification.severity,
        account=notification.account_id,
        segment=notification.segment,
        owner=notification.owner,
        lifecycle_stage=notification.lifecycle_stage,
        band=notification.band,
        mrr=notification.mrr,
    )
