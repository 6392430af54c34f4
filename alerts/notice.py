"""What a receiver is told of one step of one alert, before it takes the shape that the receiver wants.

It is kept in the outbox until it is delivered, so it holds everything that any receiver needs, the Block Kit message
among it; the texts of the other receivers are made from that.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from alerts.lifecycle import Transition
from alerts.messages import build_message
from alerts.model import Number
from alerts.playbooks import Play
from alerts.routing import Subject
from alerts.wording import escape, tidy
from stream.contracts.report import HealthReport

BY_HAND: Final = frozenset({"acknowledged", "snoozed"})  # what a person did, and the account did not
REASON_CHARS_MAX: Final = 300


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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


def make_notice(
    transition: Transition, report: HealthReport | None, now: datetime, playbooks: Mapping[str, Sequence[Play]]
) -> Notice:
    """The notice of a transition that somebody is to be told of.

    Args:
        transition: one with a notification_id.
        report: the report behind it; None when the account was deleted.
        now: the moment of the decision.
        playbooks: by rule, what to try.
    """
    alert = transition.alert
    assert alert is not None  # only nothing comes without an alert
    assert transition.notification_id is not None  # asked by the caller
    profile = report.profile if report is not None else None
    return Notice(
        id=transition.notification_id,
        kind=transition.says or transition.kind,
        alert_id=alert.alert_id,
        fingerprint=alert.fingerprint,
        rule=alert.rule,
        severity=alert.severity,
        episode=alert.episode,
        at=now,
        opened_at=alert.opened_at,
        resolved_at=alert.resolved_at,
        recovered=transition.recovered,
        reason=transition.reason,
        evidence=alert.evidence,
        by=transition.by if transition.kind in BY_HAND else None,
        message=_message(transition, report, now, playbooks),
        account_id=alert.account_id,
        account_name=report.name if report is not None else alert.account_name,
        score=report.score if report is not None else alert.last_score,
        band=report.band if report is not None else None,
        segment=profile.segment if profile is not None else None,
        owner=profile.owner if profile is not None else None,
        lifecycle_stage=profile.lifecycle_stage if profile is not None else None,
        mrr=profile.mrr if profile is not None else None,
        renewal_at=profile.renewal_at if profile is not None else None,
    )


def _message(
    transition: Transition, report: HealthReport | None, now: datetime, playbooks: Mapping[str, Sequence[Play]]
) -> dict[str, Any]:
    """The alert's message; with a line that says who has it, when somebody acknowledged or snoozed it."""
    message = build_message(transition, report, now, playbooks)
    if transition.kind not in BY_HAND:
        return message
    line = {"type": "mrkdwn", "text": f"✋  {escape(tidy(transition.reason, REASON_CHARS_MAX))}", "verbatim": True}
    *blocks, small = message["blocks"]
    return {**message, "blocks": [*blocks, {"type": "context", "elements": [line]}, small]}


def subject(notice: Notice) -> Subject:
    """What routes look at."""
    return Subject(
        rule=notice.rule,
        severity=notice.severity,
        account=notice.account_id,
        segment=notice.segment,
        owner=notice.owner,
        lifecycle_stage=notice.lifecycle_stage,
        band=notice.band,
        mrr=notice.mrr,
    )
