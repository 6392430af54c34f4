"""The nouns of alerting: an alert, its severity and status, and what is remembered of one account."""

import hashlib
from datetime import datetime
from typing import Final, Literal, get_args

import msgspec

from stream.contracts.report import AlertReportView, Band

Severity = Literal["info", "warning", "critical"]
Status = Literal["open", "resolved"]
Number = int | float

SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
SEVERITY_RANK: Final[dict[Severity, int]] = {"info": 0, "warning": 1, "critical": 2}


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One account's trouble under one rule, from its red flag to its end.

    Attributes:
        alert_id: names this episode, in every message about it; the same however often the episode is judged again.
        fingerprint: names the account and rule, the same over all their episodes.
        account_id: the account.
        account_name: what people call it.
        rule: the rule's name.
        episode: 1 for the first time that this account breaks this rule, and so on.
        severity: the worst so far in this episode: what people were told.
        status: open or resolved.
        opened_at: when the red flag was raised.
        resolved_at: when it ended; None before.
        reason: why it was raised or, once resolved, why it ended.
        evidence: the numbers behind the rule's decision when it was raised or got worse.
        opening_score: the score when it was raised; None when unknown, as for an answer of an account without usage.
        lowest_score: the lowest known score of the episode.
        ceiling_score: the highest score at which the rule was still broken; resolving asks for more than this.
        last_score: the last score that was known.
        last_as_of: the moment that the last judged report speaks of.
        scorecard: which scorecard the ceiling belongs to.
        last_notification: id of the last message about this episode; None when nobody was told.
        segment, owner: the account's, for silences and routes; None when the feed says nothing.
        reopened: how often the episode came back within the window for that.
        clear_since: since when the rule is kept again, while that must last for a time; None otherwise.
        recovered: once resolved, whether the score came back.
        notified_severity: the severity that people were told last, while it is open; None: nothing.
        notified_at: when the last message about this episode was written.
        suppressed_until: nothing is told before this; None when nothing is held.
        suppressed_reason: why.
        acknowledged_by, acknowledged_at: who has taken it on; None when nobody has.
        snoozed_until, snoozed_by: nothing is said until then, by whose wish.
        verdict, verdict_by, verdict_note: whether it was worth telling.
        play, play_by, play_at: the play that was started last.
        followed_up_days: the follow-ups that were made, in days after the play or the end.
        closed_by: who ended the episode by hand; None when it ended by itself.
        notified_receivers: who was notified of it so far, and hears of the rest.
    """

    alert_id: str
    fingerprint: str
    account_id: str
    account_name: str
    rule: str
    episode: int
    severity: Severity
    status: Status
    opened_at: datetime
    resolved_at: datetime | None = None
    reason: str
    evidence: dict[str, Number]
    opening_score: float | None
    lowest_score: float | None
    ceiling_score: float | None
    last_score: float | None
    last_as_of: datetime
    scorecard: str
    last_notification: str | None = None
    segment: str | None = None
    owner: str | None = None
    reopened: int = 0
    clear_since: datetime | None = None
    recovered: bool = False
    notified_severity: Severity | None = None
    notified_at: datetime | None = None
    suppressed_until: datetime | None = None
    suppressed_reason: str | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    snoozed_until: datetime | None = None
    snoozed_by: str | None = None
    verdict: Literal["valid", "not_valid"] | None = None
    verdict_by: str | None = None
    verdict_note: str | None = None
    play: str | None = None
    play_by: str | None = None
    play_at: datetime | None = None
    followed_up_days: list[int] = []
    closed_by: str | None = None
    notified_receivers: list[str] = []

    @property
    def is_open(self) -> bool:
        """Whether the episode still runs."""
        return self.status == "open"


class PortfolioMetrics(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The numbers of an account that are added up over a portfolio; None where unknown, and then not in any sum.

    Attributes:
        score_change_7d: the score less the score of seven days earlier, points.
        dau, wau, mau: active users of the trailing 1, 7 and 30 days.
        licensed_seats: seats paid for.
        depth: share of the core features in use, 0..1.
        nps: net promoter score of 90 days, -100..100.
        nps_responses: the answers behind it.
    """

    score_change_7d: float | None = None
    dau: int | None = None
    wau: int | None = None
    mau: int | None = None
    licensed_seats: int | None = None
    depth: float | None = None
    nps: float | None = None
    nps_responses: int | None = None

    @classmethod
    def of(cls, report: AlertReportView) -> "PortfolioMetrics":
        """The vitals that a report tells."""
        get = report.measures.get
        change = None
        if report.score is not None and report.score_7d_ago is not None:
            change = report.score - report.score_7d_ago
        return cls(
            score_change_7d=change,
            dau=get("dau"),
            wau=get("wau"),
            mau=get("mau"),
            licensed_seats=report.profile.licensed_seats,
            depth=get("depth"),
            nps=get("nps"),
            nps_responses=get("nps_responses"),
        )


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What alerting remembers of one account between two reports.

    Attributes:
        account_id: the account.
        evaluated_as_of: the moment that the last judged report speaks of; an older report changes nothing.
        score: the score of that report, 0..100, None when unknown.
        band: its band.
        segment: the account's segment; None when the feed says nothing.
        alerts: by rule name, the open or last resolved alert.
        pending: by rule name, since when it is broken and waits for its `for_hours`.
        seq: of its last step in the audit log; the next one is larger.
        portfolio_metrics: its numbers as of that report.
    """

    account_id: str
    evaluated_as_of: datetime
    score: float | None
    band: Band
    segment: str | None
    alerts: dict[str, Alert]
    portfolio_metrics: PortfolioMetrics = PortfolioMetrics()
    pending: dict[str, datetime] = {}
    seq: int = 0


def fingerprint(account_id: str, rule: str) -> str:
    """The stable name of one account under one rule: 10 hex digits that show nothing of the account.

    >>> fingerprint("acme", "band_entered") == fingerprint("acme", "band_entered")
    True
    """
    return hashlib.sha256(f"{rule}\0{account_id}".encode()).hexdigest()[:10]


def alert_id(account_id: str, rule: str, as_of: datetime) -> str:
    """The id of the episode that a report as of `as_of` opens: judging the same report again gives the same id."""
    return f"hl-{fingerprint(account_id, rule)}-{int(as_of.timestamp()):x}"
