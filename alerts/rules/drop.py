"""The score fell far within days."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, Final

from pydantic import Field

from alerts.model import Alert, Severity
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import KEPT, Rule
from alerts.text import plural, points
from stream.contracts.report import AlertReportView

_UNKNOWN: Final = Indeterminate("health is unknown")
_ALONE: Final = Indeterminate("no earlier score to compare with")


class ScoreDropped(Rule):
    """Broken while the score is `drop_points` or more below its best day of the last `drop_days` days.

    The height that it fell from is kept for the whole episode: a fall in steps is one fall. The episode is over when
    most of the fall is made good, or when the score held its new level for `new_level_days`. A drop of twice the points
    is critical.

    Source of the default: a real-time rule of another product takes 5 points, another fires at 10; at 15 of 100 a drop
    is as wide as most of a band, and what a weekend does to an account stays below it.
    """

    name: ClassVar[str] = "score_dropped"
    is_about_score: ClassVar[bool] = True

    inhibited_by: tuple[str, ...] = ("band_entered",)

    drop_points: float = Field(15.0, gt=0, le=100, description="a drop of this many points ...")
    drop_days: int = Field(7, ge=1, le=27, description="... within this many days")
    margin_points: float = Field(5.0, ge=0, le=50, description="how much more than the least fall must be made good")
    new_level_days: int = Field(14, ge=1, le=27, description="a new level held for so long is no fall any more")

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing on a drop, Resolved when it is over, Indeterminate between the two or without scores to compare."""
        score = report.score
        if score is None:
            return _UNKNOWN
        if alert is not None:
            return self._ongoing(report, score, alert)
        if not self._may_have_dropped(report, score, settled):
            return KEPT
        best = self._best(report, settled)
        if best is None:
            return _ALONE
        drop = best.score - score
        if drop < self.drop_points:
            return KEPT
        return self._finding(score, drop, best)

    def _ongoing(self, report: AlertReportView, score: float, alert: Alert) -> RuleResult:
        """The verdict within an episode: measured from where this one fell from."""
        if alert.scorecard != report.scorecard:
            return Resolved(
                f"judged by {report.scorecard} from now on: the scores before do not compare", recovered=False
            )
        fell_from = alert.evidence["from_score"]
        drop = fell_from - score
        if drop <= self.drop_points - self.margin_points:
            return Resolved(f"back at {points(score)}")
        if self._is_settled(report, score, alert):
            return Resolved(f"steady: no further fall within {plural(self.new_level_days, 'day')}", recovered=False)
        if drop < self.drop_points:
            return Indeterminate(f"{points(drop)} points below where it fell from: not yet over")
        days = int(alert.evidence["days"]) + max((report.as_of - alert.opened_at).days, 0)
        return self._finding(score, drop, _Best(fell_from, days))

    def _is_settled(self, report: AlertReportView, score: float, alert: Alert) -> bool:
        """Whether the episode is old enough, and no recent day stood clearly higher than the score now."""
        if report.as_of - alert.opened_at < timedelta(days=self.new_level_days):
            return False
        first = (report.as_of.date() - timedelta(days=self.new_level_days)).isoformat()
        recent = [closing for day, closing in report.history if day >= first]
        return max(recent, default=score) - score < max(self.margin_points, 1.0)

    def _finding(self, score: float, drop: float, best: "_Best") -> Firing:
        severity: Severity = "critical" if drop >= 2 * self.drop_points else "warning"
        days = max(best.days_ago, 1)
        return Firing(
            severity,
            f"fell {points(drop)} points in {plural(days, 'day')}, from {points(best.score)} to {points(score)}",
            {"from_score": best.score, "score": score, "drop_points": drop, "days": days},
        )

    def _may_have_dropped(self, report: AlertReportView, score: float, settled: Baseline | None) -> bool:
        """Whether any score that `_best` could look at is high enough; nearly always none is."""
        line = score + self.drop_points
        if report.score_7d_ago is not None and report.score_7d_ago >= line:
            return True
        # One entry a day at most: the days of the window are among the last ones.
        for _, closing in report.history[-self.drop_days - 1 :]:
            if closing >= line:
                return True
        return settled is not None and settled.score >= line

    def _best(self, report: AlertReportView, settled: Baseline | None) -> "_Best | None":
        """The best closing score of the window before today; of equal ones the latest.

        Days up to the one on which the last episode ended do not count: what was told and closed is not told again.
        """
        today = date.fromisoformat(report.history[-1][0]) if report.history else report.as_of.date()
        first = today - timedelta(days=self.drop_days)
        settled_on = settled.as_of.date() if settled is not None else date.min
        # ISO dates sort as text, so that only the best day has to be read as a date.
        after, until = max(settled_on, first - timedelta(days=1)).isoformat(), today.isoformat()
        scores = [(score, day) for day, score in report.history if after < day < until]
        week_ago = (today - timedelta(days=7)).isoformat()
        if report.score_7d_ago is not None and after < week_ago and all(day != week_ago for _, day in scores):
            scores.append((report.score_7d_ago, week_ago))
        if settled is not None and first <= settled_on:
            scores.append((settled.score, min(settled_on, today).isoformat()))
        if not scores:
            return None
        score, day = max(scores)
        return _Best(score, (today - date.fromisoformat(day)).days)


@dataclass(frozen=True)
class _Best:
    """A score, and how many days ago it was."""

    score: float
    days_ago: int
