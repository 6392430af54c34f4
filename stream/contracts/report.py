"""The contract of `account-health`: one account's evaluation, as every consumer reads it.

Keyed by account_id, compacted: the last record per key is the account's current report. The worker writes it in the
transaction that also writes the state behind it, so read it with isolation level read_committed.
"""

from datetime import datetime
from typing import Any, Final, Literal, get_args

import msgspec

from stream.contracts.values import decode_or_reject

Band = Literal["healthy", "watch", "at_risk", "critical", "unknown", "inactive"]

# Where an account is in its life as a customer; of UNSCORED stages nobody wants a score.
LifecycleStage = Literal[
    "trial", "onboarding", "active", "renewing", "returned", "churned", "expired_trial", "paused", "ignored"
]

UNSCORED_STAGES: Final[frozenset[LifecycleStage]] = frozenset({"churned", "expired_trial", "paused", "ignored"})

BANDS: Final[tuple[Band, ...]] = get_args(Band)
LIVING_BANDS: Final[tuple[Band, ...]] = BANDS[:-1]  # inactive is the band of the unscored stages

# How bad a band is; unknown and inactive are not on this line, so they have no severity.
SEVERITY: Final[dict[Band, int]] = {"healthy": 0, "watch": 1, "at_risk": 2, "critical": 3}

FACT_DIGITS: Final = 2  # decimals of a measure that count: a change beyond them is not published by itself

# How a goal stands on a day.
GoalStanding = Literal["reached", "on track", "off track", "overdue", "under way", "no outcome yet", "no target"]
GOAL_OFF_TRACK_RATIO: Final = 0.9  # of the straight line: outcomes are told in steps, a line is not

Number = int | float


class Contribution(msgspec.Struct, frozen=True):
    """What one measure adds to the score.

    Attributes:
        measure: its id, as in docs/metrics.md.
        group: the scorecard's group that it belongs to.
        value: the measure's own value, in its own unit.
        measure_score: the value on the measure's curve, 0..100.
        weight_ratio: its share of the weight that has data, 0..1; all shares add up to 1.
        points: weight_ratio x measure_score; all points add up to the score.
    """

    measure: str
    group: str
    value: Number
    measure_score: float
    weight_ratio: float
    points: float

    @property
    def points_lost(self) -> float:
        """How far this measure alone keeps the score from 100."""
        return self.weight_ratio * 100 - self.points


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one measure moved the score since an earlier moment; the points of all changes add up to the score's change.

    Attributes:
        measure: its id; a veto's name.
        before, now: its value then and now; None where it was or is unknown, and while a veto did not hold.
        points: what the move did to the score, negative for a loss.
        label, unit: of a veto, as its scorecard says them; None for a measure.
    """

    measure: str
    before: Number | None
    now: Number | None
    points: float
    label: str | None = None
    unit: str | None = None


class Recount(msgspec.Struct, frozen=True):
    """What a score counts by another rule than before: neither a gain nor a loss of the account's.

    Attributes:
        newly_counted: measures that count now and were not known then.
        no_longer_counted: measures that counted then and are not known any more.
        points: what that does to the score by itself; the changes since are apart from it.
    """

    newly_counted: list[str]
    no_longer_counted: list[str]
    points: float


class Cap(msgspec.Struct, frozen=True, omit_defaults=True):
    """A veto of the scorecard that holds: it keeps the score from rising above its cap.

    Attributes:
        name: the veto's.
        measure, value: what it looks at, and the value now.
        cap_score: the most that the score can be while it holds.
        points: what it takes from the score, 0 or less; with the contributions' points it adds up to the score.
        label, unit: what people are told, and how the value is shown, as the scorecard says; None in older reports.
    """

    name: str
    measure: str
    value: Number
    cap_score: float
    points: float
    label: str | None = None
    unit: str | None = None


class Override(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person's verdict in the place of the scorecard's, until it expires.

    Attributes:
        owner: who set it.
        reason: why, in their words.
        expires_at: when the scorecard's verdict holds again.
        score: the score that is set, 0..100; None: the scorecard's stands.
        band: the band that is set; None: the one that the score falls into.
    """

    owner: str
    reason: str
    expires_at: datetime
    score: float | None = None
    band: Band | None = None


class Freshness(msgspec.Struct, frozen=True, omit_defaults=True):
    """How recent what one source told of the account is.

    Attributes:
        last_event_at: when the source's newest event of this account happened; None before the first.
        age_days: how long before the report's moment that was; None before the first.
        is_stale: whether the source is silent for everyone, so that the account's own silence says nothing.
    """

    last_event_at: datetime | None = None
    age_days: float | None = None
    is_stale: bool = False


class AcceptedBaseline(msgspec.Struct, frozen=True):
    """A person's word that what an account does now is its new normal; it holds until it is taken back.

    Attributes:
        accepted_at: when; the eight weeks up to then are the beginning of what its use is compared with.
        owner: who says so.
        reason: why, in their words.
    """

    accepted_at: datetime
    owner: str
    reason: str


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the account feed says of the account, and where it is silent its subscriptions; None where neither does.

    `traits` are the feed's further fields; `currency` (ISO 4217) is that of the money which counts: of the
    subscriptions that run, where they tell any, else of `mrr`.
    """

    name: str | None = None
    segment: str | None = None
    lifecycle_stage: str | None = None
    licensed_seats: int | None = None
    owner: str | None = None
    started_at: datetime | None = None
    renewal_at: datetime | None = None
    mrr: float | None = None
    currency: str | None = None
    timezone: str | None = None
    accepted_baseline: AcceptedBaseline | None = None
    traits: dict[str, str | float | bool] = {}
    aliases: list[str] = []


class GoalProgress(msgspec.Struct, frozen=True, omit_defaults=True):
    """A result that the customer wants, and how far it has come; None: nobody says, or it can't be told.

    Attributes:
        owner: who answers for it; None: whoever owns the account.
        value: the newest outcome, in the unit of the target.
        told_at: when that was.
        attainment: the part that is reached, 1 at the target (measure `outcome_attainment`).
        pace: the same against the straight line to the due day (measure `outcome_pace`).
    """

    name: str
    owner: str | None = None
    target: float | None = None
    start: float | None = None
    direction: Literal["up", "down"] = "up"
    due_at: datetime | None = None
    value: float | None = None
    told_at: datetime | None = None
    attainment: float | None = None
    pace: float | None = None

    def standing(self, now: datetime) -> GoalStanding:
        """How it stands: a goal that nobody can measure is none of the good or bad ones."""
        if self.attainment is not None and self.attainment >= 1:
            return "reached"
        if self.due_at is not None and self.due_at <= now:
            return "overdue"
        if self.value is None:
            return "no outcome yet" if self.target is not None else "no target"
        if self.pace is None:
            return "under way"
        return "off track" if self.pace < GOAL_OFF_TRACK_RATIO else "on track"


class AlertReportView(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a report that decides what is alerted; the rest of it says why. The fields are those of HealthReport.

    Reading it costs half of what reading the whole report costs, and nearly no report is told to anybody.
    """

    account_id: str
    as_of: datetime
    score: float | None
    band: Band
    coverage_ratio: float
    scorecard: str
    score_7d_ago: float | None
    history: list[tuple[str, float]]
    measures: dict[str, Any]
    profile: Profile
    ingested_at: datetime | None = None
    freshness: dict[str, Freshness] = {}
    names: dict[str, str] = {}

    @property
    def name(self) -> str:
        """What people call the account."""
        return self.profile.name or self.account_id


class HealthReport(AlertReportView, frozen=True, kw_only=True):
    """One account's health as of one moment.

    While an override holds, `score` and `band` are what it sets, and `model_score` and `model_band` what the scorecard
    says; contributions and caps are always the scorecard's, and so add up to the model's score.

    Attributes:
        account_id: the account.
        as_of: the moment that every number below speaks of, aware UTC.
        score: 0..100, higher is healthier; None when the band is unknown for lack of data.
        band: where the score falls; unknown when too little of the scorecard's weight has data.
        coverage_ratio: share of the scorecard's weight that has data, 0..1.
        scorecard: name and version of the scorecard that evaluated.
        score_7d_ago: the score that the same facts give as of seven days earlier; None if unknown then.
        history: daily closing scores as (ISO date, score), oldest first, at most 28, the current day last.
        measures: every measure by its id, None where unknown.
        profile: what the account feed says.
        ingested_at: Kafka's timestamp of the oldest record that this report waited for; None for a mere tick.
        names: what the users are called whom the measures name by id; without those of whom nobody told.
        freshness: by source (usage, tickets, surveys and so on); empty where it was not looked at.
        reason: one sentence in plain language: what moved, or what holds the score down.
        contributions: per measure with data, the largest loss of points first.
        changes_7d: per measure, what moved the score since then, the largest loss first; empty if unknown then. A veto
            that came or went is named by its name, an override by "override".
        recount_7d: measures that became known, or unknown, since then; None: none did.
        last_event_at: when the account's newest event happened; None before the first.
        caps: the scorecard's vetoes that hold, the one that binds first.
        score_28d_ago, changes_28d: the same against 28 days earlier.
        reason_days: over how many days the reason tells of a move: 7, 14 or 28; None: it tells of none.
        override: the override that holds; None without one.
        model_score, model_band: what the scorecard says while an override holds; None without one.
        goals: what the customer wants, those that are due first before the others.
    """

    reason: str
    contributions: list[Contribution]
    changes_7d: list[Change]
    last_event_at: datetime | None = None
    caps: list[Cap] = []
    score_28d_ago: float | None = None
    changes_28d: list[Change] = []
    reason_days: int | None = None
    override: Override | None = None
    model_score: float | None = None
    model_band: Band | None = None
    recount_7d: Recount | None = None
    goals: list[GoalProgress] = []


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(HealthReport)
_view_decoder = msgspec.json.Decoder(AlertReportView)


def encode_report(report: HealthReport) -> bytes:
    """The report as the JSON value of its record."""
    return _encoder.encode(report)


def decode_report(value: bytes) -> HealthReport:
    """The reverse of `encode_report`.

    Raises:
        BadEvent: the value is not a health report; the detail names the field.
    """
    return decode_or_reject(_decoder, value, "not_a_report", "a health report")


def decode_alert_report_view(value: bytes) -> AlertReportView:
    """The part of an encoded report that decides; the rest must be JSON, and is not looked at.

    Raises:
        BadEvent: the value is not a health report; the detail names the field.
    """
    return decode_or_reject(_view_decoder, value, "not_a_report", "a health report")


def report_schema() -> dict[str, Any]:
    """The JSON Schema of the report."""
    return msgspec.json.schema(HealthReport)
