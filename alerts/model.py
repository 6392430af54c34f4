"""The nouns of alerting: a signal, an account's alert (its red flag), and what is remembered of one account."""

import hashlib
from datetime import date, datetime
from typing import Final, Literal, get_args

import msgspec

from stream.contracts.report import AlertReportView, Band

Severity = Literal["info", "warning", "critical"]
Status = Literal["open", "resolved"]
# page: its owner is told now; digest: it is in the owner's next daily digest; log: the board and the API have it.
Channel = Literal["page", "digest", "log"]
# risk: something got worse, and may recover; task: somebody waits for an answer; opportunity: good news.
Tone = Literal["risk", "task", "opportunity"]
Number = int | float

SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
SEVERITY_RANK: Final[dict[Severity, int]] = {"info": 0, "warning": 1, "critical": 2}

ALERT: Final = "red_flag"  # what the fingerprint of an account's alert is made of


class Signal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule's finding about one account: what Alertmanager calls an alert.

    Attributes:
        rule: the rule's name.
        tone: what kind of news it is.
        severity: the worst since it fires.
        channel: where it is told, for this account and severity.
        opens: whether it opens the account's red flag, or only joins one that is open.
        since: since when it fires.
        resolved_at: when it ended; None while it fires.
        headline: what happened, to be read after the account's name; true as of `last_as_of`.
        reason: the same as a sentence of its own or, once resolved, why it ended.
        evidence: the numbers behind it, and what the rule measures its end against.
        names: the people it is about, who stay the reason until they are back or replaced.
        last_as_of: the moment that the last evaluated report speaks of.
        last_score: the score then; None when unknown.
        ceiling_score: the highest score at which the rule still fired.
        scorecard: which scorecard the ceiling belongs to.
        clear_since: since when the rule is kept again, while that must last for a time; None otherwise.
        recovered: once resolved, whether what was wrong is well again.
        accepted_by: who takes it as the new normal: it counts again when it ended meanwhile, or gets worse.
        eased_to: the severity of today's finding, where that is less than it was; None: it is as bad as ever.
    """

    rule: str
    tone: Tone
    severity: Severity
    channel: Channel
    opens: bool = False
    since: datetime
    resolved_at: datetime | None = None
    headline: str
    reason: str
    evidence: dict[str, Number]
    names: list[str] = []
    last_as_of: datetime
    last_score: float | None = None
    ceiling_score: float | None = None
    scorecard: str
    clear_since: datetime | None = None
    recovered: bool = False
    accepted_by: str | None = None
    eased_to: Severity | None = None

    @property
    def severity_now(self) -> Severity:
        """How bad it is today; `severity` is the worst that it was."""
        return self.eased_to or self.severity

    @property
    def is_firing(self) -> bool:
        """Whether the rule's finding holds."""
        return self.resolved_at is None

    @property
    def counts(self) -> bool:
        """Whether it holds, and nobody takes it as the new normal."""
        return self.resolved_at is None and self.accepted_by is None

    @property
    def is_page(self) -> bool:
        """Whether its owner is told at once."""
        return self.channel == "page"


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An account's red flag: its one open episode, from its opening to its end, with all signals of that time.

    Attributes:
        alert_id: names this episode, in every message about it.
        fingerprint: names the account, the same over all its episodes.
        account_id: the account.
        account_name: what people call it.
        rule: of the signal that leads: the worst, of equals the first rule.
        signals: all signals of the episode, those that lead first; those that ended stay until the episode ends.
        episode: 1 for the account's first time, and so on.
        severity: the worst so far in this episode.
        channel: where it is told: page once any of its signals was to be.
        status: open or resolved.
        opened_at: when the red flag was raised.
        resolved_at: when it ended; None before.
        headline: of the signal that leads, to be read after the account's name.
        reason: why it is up, as a sentence or, once resolved, why it ended.
        evidence: the numbers behind the signal that leads.
        opening_score: the score when it was raised; None when unknown.
        lowest_score: the lowest known score of the episode.
        last_score: the last score that was known.
        last_as_of: the moment that the last evaluated report speaks of.
        last_active_on: the day on which anyone was active last; None when nobody was, or it is not known.
        scorecard: which scorecard evaluated it.
        last_notification: id of the last message about this episode; None when nobody was told.
        segment, owner: the account's, for silences and routes; None when unknown.
        reopened: how often the episode came back within the window for that.
        recovered: once resolved, whether what was wrong is well again.
        notified_severity: the severity that people were told last, while it is open; None: nothing.
        notified_at: when the last message about this episode was written.
        reminders: how many reminders were sent since somebody last did something.
        escalated_at: when the owner's manager was told; None: not.
        suppressed_until: nothing is told before this; None when nothing is suppressed.
        suppressed_reason: why.
        acknowledged_by, acknowledged_at: who has taken it on; None when nobody has.
        snoozed_until, snoozed_by: nothing is said until then, by whose wish.
        verdict, verdict_by, verdict_note: whether it was useful.
        play, play_by, play_at: the play that was started last.
        followed_up_days: the follow-ups that were made, in days after the play or the end.
        closed_by: who ended the episode by hand; None when it ended by itself.
        notified_receivers: who was notified of it so far, and hears of the rest.
        last_receivers: who `last_notification` was written for; None where an earlier release wrote it.
        taken: after the store was lost, by the id of a message that must be told again, who knows it already.
    """

    alert_id: str
    fingerprint: str
    account_id: str
    account_name: str
    rule: str
    signals: list[Signal] = []
    episode: int
    severity: Severity
    channel: Channel = "digest"
    status: Status
    opened_at: datetime
    resolved_at: datetime | None = None
    headline: str = ""
    reason: str
    evidence: dict[str, Number]
    opening_score: float | None
    lowest_score: float | None
    last_score: float | None
    last_as_of: datetime
    last_active_on: date | None = None
    scorecard: str
    last_notification: str | None = None
    segment: str | None = None
    owner: str | None = None
    reopened: int = 0
    recovered: bool = False
    notified_severity: Severity | None = None
    notified_at: datetime | None = None
    reminders: int = 0
    escalated_at: datetime | None = None
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
    last_receivers: list[str] | None = None
    taken: dict[str, list[str]] = {}

    @property
    def is_open(self) -> bool:
        """Whether the episode still runs."""
        return self.status == "open"

    @property
    def firing(self) -> list[Signal]:
        """Its signals that hold and count, those that lead first."""
        return [signal for signal in self.signals if signal.counts]


class PortfolioMetrics(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The numbers of an account that are added up over a portfolio; None where unknown, and then not in any sum.

    Attributes:
        score_change_7d: the score less the score of seven days earlier, points.
        dau, wau, mau: active users of the trailing 1, 7 and 30 days.
        licensed_seats: seats paid for, of the subscriptions, else of the account feed.
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
    def of(cls, report: AlertReportView, seats: Number | None) -> "PortfolioMetrics":
        """The metrics that a report carries.

        Args:
            report: the account's.
            seats: that it pays for (`AccountFacts.seats`); None when unknown.
        """
        get = report.measures.get
        change = None
        if report.score is not None and report.score_7d_ago is not None:
            change = report.score - report.score_7d_ago
        return cls(
            score_change_7d=change,
            dau=get("dau"),
            wau=get("wau"),
            mau=get("mau"),
            licensed_seats=None if seats is None else round(seats),
            depth=get("depth"),
            nps=get("nps"),
            nps_responses=get("nps_responses"),
        )


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What alerting remembers of one account between two reports.

    Attributes:
        account_id: the account.
        evaluated_as_of: the moment that the last evaluated report speaks of; an older report changes nothing.
        evaluated_at: the moment for which it was evaluated last; None in a record made from the audit log.
        score: the score of that report, 0..100, None when unknown.
        band: its band.
        segment: the account's segment; None when unknown.
        alert: the red flag that is open, else the last one; None before the first.
        signals: by rule name, the signal that fires, or the last one.
        pending: by rule name, since when it is broken and waits for its `for_hours`.
        paged_at: when the last page about the account was written; None: never.
        paged_severity, paged_rules: of that page.
        seq: of its last event in the audit log; the next one is larger.
        portfolio_metrics: its numbers as of that report.
        levels: by what a rule compares with earlier days, (day, value) of the days on which it changed, oldest first.
        is_inactive: whether it has churned, is ignored or paused: no gauge of the living counts it.
    """

    account_id: str
    evaluated_as_of: datetime
    evaluated_at: datetime | None = None
    score: float | None
    band: Band
    segment: str | None
    alert: Alert | None = None
    signals: dict[str, Signal] = {}
    pending: dict[str, datetime] = {}
    paged_at: datetime | None = None
    paged_severity: Severity | None = None
    paged_rules: list[str] = []
    seq: int = 0
    portfolio_metrics: PortfolioMetrics = PortfolioMetrics()
    levels: dict[str, list[tuple[int, Number]]] = {}
    is_inactive: bool = False


def fingerprint(account_id: str, what: str = ALERT) -> str:
    """The stable name of one account's alerts: 10 hex digits that show nothing of the account.

    >>> fingerprint("acme") == fingerprint("acme")
    True
    """
    return hashlib.sha256(f"{what}\0{account_id}".encode()).hexdigest()[:10]


def alert_id(account_id: str, as_of: datetime, what: str = ALERT) -> str:
    """The id of the episode that a report as of `as_of` opens: evaluating the same report again gives the same id."""
    return f"hl-{fingerprint(account_id, what)}-{int(as_of.timestamp()):x}"
