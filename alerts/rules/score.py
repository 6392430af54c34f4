"""The score: low for many days, or fallen far within few."""

from datetime import date, datetime, timedelta
from typing import ClassVar, Final, Self

from msgspec import Struct
from pydantic import Field, model_validator

from alerts.account_facts import AccountFacts
from alerts.model import Channel, Severity, Signal
from alerts.playbooks import Play
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import KEPT, Rule
from alerts.text import plural, points
from stream.calendar.workdays import EPOCH_ORDINAL

_UNKNOWN: Final = Indeterminate("health is unknown")
_ALONE: Final = Indeterminate("no earlier score to compare with")

HEALTH_PLAYS: Final = (
    Play(
        id="restart_users",
        name="Restart who stopped",
        do="List who stopped, ask the champion what changed in their team, and book a 20-minute working session.",
        measures=(
            "use_vs_best",
            "established_users_lost",
            "dau",
            "wau",
            "mau",
            "active_user_rate_weekly",
            "active_user_rate_monthly",
            "activity_change_ratio",
            "usage_trend_ratio",
        ),
    ),
    Play(
        id="break_silence",
        name="Break the silence",
        do="Call rather than write. Find out what stopped the usage, and book a restart session.",
        measures=(
            "p_alive",
            "silence_ratio",
            "days_since_active",
        ),
    ),
    Play(
        id="use_the_seats",
        name="Give each unused seat an owner",
        do="Walk through the unused seats with the sponsor before the renewal talk does, and agree on a name for each.",
        measures=(
            "license_utilization",
            "license_utilization_daily",
        ),
    ),
    Play(
        id="second_team",
        name="Win a second team",
        do="Usage hangs on very few people. Get a second team started before one of them leaves.",
        measures=(
            "top_user_gap",
            "users_for_half",
            "turnover_exposure",
        ),
    ),
    Play(
        id="daily_task",
        name="Own a daily task",
        do="Find the task that the product should own here, and set it up together; a scheduled report is a start.",
        measures=(
            "stickiness",
            "frequency_30d",
        ),
    ),
    Play(
        id="show_a_feature",
        name="Show one core feature",
        do="Show one core feature that they do not use, on their own data, in 20 minutes.",
        measures=(
            "depth",
            "balance",
            "features_30d",
            "features_per_active_user",
        ),
    ),
    Play(
        id="own_the_escalation",
        name="Own the escalation",
        do="One name and one update a day, until it is closed; get an engineer and a date on it today.",
        who="owner with support",
        measures=(
            "open_urgent_tickets",
            "escalation_running_hours",
            "escalation_rate",
            "escalated_tickets",
        ),
    ),
    Play(
        id="clear_the_tickets",
        name="One plan for the open tickets",
        do="Read the month's tickets with support, agree on a date for each, and tell the customer before they ask.",
        who="owner with support",
        measures=(
            "open_tickets",
            "tickets_opened_30",
            "support_incident_rate",
            "resolution_hours",
        ),
    ),
    Play(
        id="answer_the_unhappy",
        name="Answer who is unhappy",
        do="Call whoever gave the low answer within two days. Ask what one thing would change it, and report back.",
        measures=(
            "nps",
            "csat",
            "csat_mean",
            "ces_mean",
        ),
    ),
    Play(
        id="call_champion",
        name="Call the champion",
        do="This week: what changed, who still uses the product, what must work by when.",
    ),
    Play(
        id="success_review",
        name="Review the success plan",
        do="Go through their goals with the sponsor, agree which still hold, and write one next milestone with a date.",
    ),
    Play(
        id="bring_the_manager",
        name="Bring your manager",
        do="Let your manager write to their sponsor, one level up on both sides, with an offer to listen.",
        who="manager",
    ),
)


class ScoreLow(Rule):
    """Fires while the score closes below a line for days in a row; the lower the line, the louder.

    Below `digest_below` for `digest_closes` daily closes it is info and in the digest; below `page_below` for
    `page_closes` it is a warning, below `critical_below` critical, and both are pages. Over once the score is
    `margin_points` above the first line.

    Source: measured over real histories (docs/alerting.md): below 35 for seven closes pages 0.7 times an account-year
    and before most deaths; below 50 for ten is early and too often for a page, and right for a digest.
    """

    name: ClassVar[str] = "score_low"
    about: ClassVar[str] = "a health score that stays low"
    why: ClassVar[str] = "most accounts that die spend weeks down here first"
    rank: ClassVar[int] = 40
    plays: ClassVar[tuple[Play, ...]] = HEALTH_PLAYS
    is_about_score: ClassVar[bool] = True

    opens: bool = True
    digest_below: float = Field(50.0, gt=0, le=100, description="below this ...")
    digest_closes: int = Field(10, ge=1, le=27, description="... for so many daily closes: info, in the digest")
    page_below: float = Field(35.0, gt=0, le=100, description="below this ...")
    page_closes: int = Field(7, ge=1, le=27, description="... for so many daily closes: a warning, and a page")
    critical_below: float = Field(25.0, gt=0, le=100, description="below this for `page_closes`: critical, and a page")
    margin_points: float = Field(5.0, ge=0, le=50, description="how far above the first line it is over")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.critical_below <= self.page_below <= self.digest_below:
            raise ValueError("expected critical_below <= page_below <= digest_below")
        return self

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing below a line for long enough, Resolved well above the first one."""
        score = facts.score
        if score is None:
            return _UNKNOWN
        if score >= self.digest_below and signal is None:
            return KEPT
        level = self._level(facts)
        if level is not None:
            severity, channel, closes = level
            return self._firing(facts, score, severity, channel, closes)
        if signal is None:
            return KEPT
        needed = min(self.digest_below + self.margin_points, 100.0)
        if score < needed:
            how = "low" if score < self.digest_below else f"well again from {points(needed)}"
            words = f"is not well yet: health {points(score)}, {how}", f"Health {points(score)}, {how}"
            today = Firing("info", *words, {"score": score})
            return Indeterminate(f"health {points(score)}: over at {points(needed)}", today)
        return Resolved("Health has recovered")

    def _level(self, facts: AccountFacts) -> tuple[Severity, Channel, int] | None:
        """Severity, channel and the closes behind them, of the lowest line that holds."""
        if (closes := facts.closes_below(self.critical_below)) >= self.page_closes:
            return "critical", "page", closes
        if (closes := facts.closes_below(self.page_below)) >= self.page_closes:
            return "warning", "page", closes
        if (closes := facts.closes_below(self.digest_below)) >= self.digest_closes:
            return "info", self.channel, closes
        return None

    def _firing(self, facts: AccountFacts, score: float, severity: Severity, channel: Channel, closes: int) -> Firing:
        state = {"info": "is slipping", "warning": "is at risk", "critical": "is in critical health"}[severity]
        then = facts.report.score_7d_ago
        fall = round(then) - round(score) if then is not None else 0
        down = f", down {fall} in a week" if fall > 0 else ""
        line = {"info": self.digest_below, "warning": self.page_below, "critical": self.critical_below}[severity]
        days = plural(closes, "day") if closes < len(facts.closes()) else f"{closes} days or more"
        return Firing(
            severity,
            f"{state}: health below {line:g} for {days}{down}",
            f"Health below {line:g} for {days}",
            {"score": score, "closes": closes},
            channel=channel,
        )

    def due(self, facts: AccountFacts) -> datetime | None:
        """The next midnight, while a low score may yet close often enough below a line."""
        score = facts.score
        if score is None or score >= self.digest_below:
            return None
        lines = (
            (self.critical_below, self.page_closes),
            (self.page_below, self.page_closes),
            (self.digest_below, self.digest_closes),
        )
        for line, closes in lines:
            if score < line and facts.closes_below(line) < closes:
                return facts.start_of_day(facts.day + 1)
        return None


class ScoreDropped(Rule):
    """Fires while the score is `drop_points` or more below its best day of the last `drop_days` days.

    The height that it fell from is kept while it fires: a fall in steps is one fall. Over when most of the fall is made
    good, or when the score held its new level for `new_level_days`. A drop of twice the points is critical.

    Source of the default: a real-time rule of another product takes 5 points, another fires at 10; at 15 of 100 a drop
    is as wide as most of a band, and what a weekend does to an account stays below it.
    """

    name: ClassVar[str] = "score_dropped"
    about: ClassVar[str] = "a health score that fell within days"
    why: ClassVar[str] = "what changed is easiest to find while it is days old"
    rank: ClassVar[int] = 60
    plays: ClassVar[tuple[Play, ...]] = HEALTH_PLAYS
    is_about_score: ClassVar[bool] = True

    inhibited_by: tuple[str, ...] = ("score_low", "silence")

    drop_points: float = Field(15.0, gt=0, le=100, description="a drop of this many points ...")
    drop_days: int = Field(7, ge=1, le=27, description="... within this many days")
    margin_points: float = Field(5.0, ge=0, le=50, description="how much more than the least fall must be made good")
    new_level_days: int = Field(14, ge=1, le=27, description="a new level held for so long is no fall any more")

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing on a drop, Resolved when it is over, Indeterminate between or without scores to compare."""
        score = facts.score
        if score is None:
            return _UNKNOWN
        if signal is not None:
            return self._ongoing(facts, score, signal)
        if not self._may_have_dropped(facts, score, baseline):
            return KEPT
        best = self._best(facts, baseline)
        if best is None:
            return _ALONE
        drop = best.score - score
        if drop < self.drop_points:
            return KEPT
        return self._firing(score, drop, best)

    def _ongoing(self, facts: AccountFacts, score: float, signal: Signal) -> RuleResult:
        """The result while it fires: measured from where this one fell from."""
        scorecard = facts.report.scorecard
        if signal.scorecard != scorecard:
            return Resolved(f"Evaluated by {scorecard} from now on: earlier scores do not compare", recovered=False)
        fell_from = signal.evidence["from_score"]
        drop = fell_from - score
        if drop <= self.drop_points - self.margin_points:
            return Resolved("Health has recovered")
        if self._is_new_level(facts, score, signal):
            return Resolved(
                f"Health has held {points(score)} for {plural(self.new_level_days, 'day')}", recovered=False
            )
        days = int(signal.evidence["days_before"]) + max((facts.now - signal.since).days, 0)
        today = self._firing(score, drop, _Best(fell_from, days))
        if drop < self.drop_points:
            return Indeterminate(f"{points(drop)} points below where it fell from: not yet over", today)
        return today

    def end_due(self, facts: AccountFacts, signal: Signal) -> datetime | None:
        """When it has held for long enough to be a new level, and from then on when a day closes."""
        held_at = signal.since + timedelta(days=self.new_level_days)
        return held_at if held_at > facts.now else facts.start_of_day(facts.day + 1)

    def _is_new_level(self, facts: AccountFacts, score: float, signal: Signal) -> bool:
        """Whether it is old enough, and no recent day stood clearly higher than the score now."""
        if facts.now - signal.since < timedelta(days=self.new_level_days):
            return False
        recent = facts.closes()[-self.new_level_days :]
        return max(recent, default=score) - score < max(self.margin_points, 1.0)

    def _firing(self, score: float, drop: float, best: "_Best") -> Firing:
        severity: Severity = "critical" if drop >= 2 * self.drop_points else "warning"
        days = max(best.days_ago, 1)
        within = plural(days, "day")
        return Firing(
            severity,
            f"lost {points(drop)} points of health in {within}: now {points(score)}",
            f"Health fell from {points(best.score)} to {points(score)} in {within}",
            {"from_score": best.score, "score": score, "drop_points": drop, "days": days, "days_before": days},
        )

    def _may_have_dropped(self, facts: AccountFacts, score: float, baseline: Baseline | None) -> bool:
        """Whether any score that `_best` could look at is high enough; nearly always none is."""
        report, line = facts.report, score + self.drop_points
        if report.score_7d_ago is not None and report.score_7d_ago >= line:
            return True
        # One entry a day at most: the days of the window are among the last ones.
        for _, closing in report.history[-self.drop_days - 1 :]:
            if closing >= line:
                return True
        return baseline is not None and baseline.score >= line

    def _best(self, facts: AccountFacts, baseline: Baseline | None) -> "_Best | None":
        """The best closing score of the window before today; of equal ones the latest.

        Days up to the one on which the last signal about the score ended do not count: what was told is not told again.
        """
        report = facts.report
        today = date.fromordinal(facts.day + EPOCH_ORDINAL)
        first = today - timedelta(days=self.drop_days)
        ended_on = baseline.as_of.date() if baseline is not None else date.min
        # ISO dates sort as text, so that only the best day has to be read as a date.
        after, until = max(ended_on, first - timedelta(days=1)).isoformat(), today.isoformat()
        scores = [(round(score, 1), day) for day, score in report.history if after < day < until]
        week_ago = (today - timedelta(days=7)).isoformat()
        is_young = not report.history or report.history[0][0] > week_ago  # first loaded within a week
        if report.score_7d_ago is not None and after < week_ago and is_young:
            scores.append((report.score_7d_ago, week_ago))
        if baseline is not None and first <= ended_on:
            scores.append((baseline.score, min(ended_on, today).isoformat()))
        if not scores:
            return None
        score, day = max(scores)
        return _Best(score, (today - date.fromisoformat(day)).days)


class _Best(Struct, frozen=True):
    """A score, and how many days ago it was."""

    score: float
    days_ago: int
