"""The rules: does a report break one, is the trouble over, or is it too early to say.

A rule never sees a clock or a store: it gets the report, the alert that is open under it, and where the account last
settled. Every answer carries its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar, Final, Protocol

from alerts.model import Alert, Number, Severity
from alerts.wording import plural, points
from stream.report import Band, HealthReport

# The bands that raise a red flag; watch is for the dashboard, healthy is the goal.
BAND_SEVERITY: Final[Mapping[Band, Severity]] = {"at_risk": "warning", "critical": "critical"}


@dataclass(frozen=True)
class Finding:
    """The rule is broken: how badly, why, and the numbers behind it."""

    severity: Severity
    reason: str
    evidence: dict[str, Number]


@dataclass(frozen=True)
class Clear:
    """The rule is kept, with room to spare.

    Args:
        reason: why.
        recovered: the score came back; False when it merely stopped falling.
    """

    reason: str
    recovered: bool = True


@dataclass(frozen=True)
class Hold:
    """Too little to decide on, or too close to the line: what was decided before stays."""

    reason: str


Verdict = Finding | Clear | Hold


@dataclass(frozen=True)
class Settled:
    """Where an account stood when its last episode ended: later drops are measured from here."""

    as_of: datetime
    score: float


class Rule(Protocol):
    """What the judge asks of a rule."""

    @property
    def name(self) -> str:
        """Its name: a label of metrics and a part of the alert's fingerprint."""

    def evaluate(self, report: HealthReport, alert: Alert | None, settled: Settled | None) -> Verdict:
        """The verdict on one report.

        Args:
            report: the account's current report.
            alert: the alert that is open under this rule, if any.
            settled: where the account's last episode, under any rule, ended.
        """


@dataclass(frozen=True)
class BandEntered:
    """Broken while the account is in band at_risk or critical.

    The bands' own thresholds belong to the scorecard, and differ by segment. So the line to recover over is learned:
    the highest score at which this episode still was in a bad band, plus `margin_points`. A score that dances on the
    threshold keeps its one alert.
    """

    margin_points: float = 5.0
    name: ClassVar[str] = "band_entered"

    def evaluate(self, report: HealthReport, alert: Alert | None, settled: Settled | None) -> Verdict:
        """Finding in a bad band, Clear well above it, Hold between the two or without a score."""
        if report.score is None:
            return Hold(f"health is unknown: {report.coverage_ratio:.0%} of the scorecard has data")
        severity = BAND_SEVERITY.get(report.band)
        if severity is not None:
            return Finding(severity, f"{words(report.band)} at {points(report.score)}", {"score": report.score})
        if alert is None or alert.scorecard != report.scorecard:
            return Clear(f"{words(report.band)} at {points(report.score)}")
        needed = min(alert.ceiling_score + self.margin_points, 100.0)
        if report.score < needed:
            return Hold(f"{points(report.score)} is out of the band, and not yet clear of it: {points(needed)} needed")
        return Clear(f"back to {words(report.band)} at {points(report.score)}")


@dataclass(frozen=True)
class ScoreDropped:
    """Broken while the score is `drop_points` or more below its best day of the last `drop_days` days.

    Over when the drop has shrunk to `drop_points - margin_points`: the score came back, or the best day left the
    window because the account holds a new, lower level. A drop of twice the points is critical.
    """

    drop_points: float = 15.0
    drop_days: int = 7
    margin_points: float = 5.0
    name: ClassVar[str] = "score_dropped"

    def evaluate(self, report: HealthReport, alert: Alert | None, settled: Settled | None) -> Verdict:
        """Finding on a drop, Clear when it is over, Hold between the two or without scores to compare."""
        if report.score is None:
            return Hold(f"health is unknown: {report.coverage_ratio:.0%} of the scorecard has data")
        best = self._best(report, settled)
        if best is None:
            return Hold(f"no earlier score within {plural(self.drop_days, 'day')} to compare with")
        drop = best.score - report.score
        if drop >= self.drop_points:
            return self._finding(report.score, drop, best)
        if alert is not None and drop > self.drop_points - self.margin_points:
            return Hold(f"{points(drop)} points below its best of {plural(self.drop_days, 'day')}: not yet over")
        if alert is None or report.score > alert.evidence["from_score"] - self.drop_points + self.margin_points:
            return Clear(f"back at {points(report.score)}")
        return Clear(f"steady: no further fall within {plural(self.drop_days, 'day')}", recovered=False)

    def _finding(self, score: float, drop: float, best: "_Best") -> Finding:
        severity: Severity = "critical" if drop >= 2 * self.drop_points else "warning"
        when = plural(best.days_ago, "day") if best.days_ago > 0 else "a day"
        return Finding(
            severity,
            f"fell {points(drop)} points in {when}, from {points(best.score)} to {points(score)}",
            {"from_score": best.score, "score": score, "drop_points": drop, "days": max(best.days_ago, 1)},
        )

    def _best(self, report: HealthReport, settled: Settled | None) -> "_Best | None":
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


def words(band: Band) -> str:
    """The band as it is said.

    >>> words("at_risk")
    'at risk'
    """
    return band.replace("_", " ")


def default_rules(*, drop_points: float = 15.0, drop_days: int = 7, margin_points: float = 5.0) -> tuple[Rule, ...]:
    """The rules, the most telling first: an alert of an earlier one speaks for the later ones too."""
    return (BandEntered(margin_points), ScoreDropped(drop_points, drop_days, margin_points))
