"""What a receiver is told of one step of a red flag, before it takes the shape that the receiver wants.

It is kept in the outbox until it is delivered, so it holds everything that any receiver needs, the Block Kit message
among it; the texts of the other receivers are made from that.
"""

from datetime import datetime
from typing import Any, Final, Literal, get_args

import msgspec

from alerts.daily_digest import DigestItem
from alerts.model import Number, Severity
from alerts.red_flag import NotificationKind
from alerts.routing import Subject

# What people are told: of a red flag, of what a person did with it, or of many things at once.
DeliveredKind = Literal[NotificationKind, "acknowledged", "snoozed", "digest", "daily_digest"]

DELIVERED_KINDS: Final[tuple[DeliveredKind, ...]] = get_args(DeliveredKind)
BY_HAND: Final = frozenset({"acknowledged", "snoozed"})  # what a person did, and the account did not
DIGESTS: Final = frozenset({"digest", "daily_digest"})  # of no account


class SignalFact(msgspec.Struct, frozen=True, kw_only=True):
    """One signal of the red flag, as receivers show it.

    Attributes:
        rule, severity: of the signal.
        since: since when it fires.
        reason: a sentence of its own, true as of the notification.
    """

    rule: str
    severity: Severity
    since: datetime
    reason: str


class AlertNotification(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of one red flag.

    Attributes:
        id: names the step; the same however often the step is told.
        kind: what it tells.
        alert_id: names the episode.
        fingerprint: names the account over all episodes.
        rule: of the signal that leads.
        severity: of the red flag.
        episode: 1 for the first time, and so on.
        at: the moment that the message speaks of.
        opened_at: when the episode began.
        resolved_at: when it ended; None while it runs.
        recovered: on resolved, whether what was wrong is well again.
        reason: why the step was made, one sentence.
        by: who acknowledged or snoozed it; None for any other step.
        signals: what fires, those that lead first.
        evidence: the numbers behind the signal that leads.
        message: the Block Kit message, `text` and `blocks`; empty while a daily digest waits.
        account_id, account_name: None for one about the installation itself, and for a digest.
        score: 0..100, None when unknown; band: its band.
        segment, owner, lifecycle_stage: the account's; None when unknown. A digest has an owner only.
        mrr: money a month, of the subscriptions, else of the account feed; None when unknown.
        currency: of it (ISO 4217); None where nobody says it.
        renewal_at: when it renews, of the subscriptions, else of the account feed; None when unknown.
        days_to_renewal: calendar days until then, negative once it has passed.
        play: id of the play that the message names as the next step; None: it names none.
        items: of a daily digest, the changes that it tells; it is composed of them when it leaves the outbox.
    """

    id: str
    kind: DeliveredKind
    alert_id: str
    fingerprint: str
    rule: str
    severity: Severity
    episode: int
    at: datetime
    opened_at: datetime
    resolved_at: datetime | None = None
    recovered: bool = False
    reason: str
    by: str | None = None
    signals: list[SignalFact] = []
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
    days_to_renewal: int | None = None
    play: str | None = None
    items: list[DigestItem] = []
    currency: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the red flag is up after this step."""
        return self.resolved_at is None


def notice(
    name: str, rule: str, reason: str, message: dict[str, Any], at: datetime, since: datetime | None = None
) -> AlertNotification:
    """A notification of no account, told once: a month's summary, scorecards that wait.

    Args:
        name: its id, by which a repeat is known as one.
        rule: what receivers see as its rule.
        reason: one line.
        message: Block Kit.
        at: the moment.
        since: since when it is so; None: since now.
    """
    return AlertNotification(
        id=name,
        kind="daily_digest",
        alert_id=name,
        fingerprint=name,
        rule=rule,
        severity="warning",
        episode=1,
        at=at,
        opened_at=since or at,
        reason=reason,
        evidence={},
        message=message,
    )


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
        currency=notification.currency,
        days_to_renewal=notification.days_to_renewal,
        rules=tuple(signal.rule for signal in notification.signals),
    )
