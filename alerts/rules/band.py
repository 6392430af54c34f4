"""The account is in a bad band."""

from collections.abc import Mapping
from typing import ClassVar, Final

from pydantic import Field

from alerts.model import Alert, Severity
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import Rule
from alerts.text import band_words, points
from stream.contracts.report import AlertReportView, Band

# The bands that raise a red flag; watch is for the dashboard, healthy is the goal.
BAND_SEVERITY: Final[Mapping[Band, Severity]] = {"at_risk": "warning", "critical": "critical"}
_WELL: Final = {band: Resolved(band_words(band)) for band in ("healthy", "watch")}


class BandEntered(Rule):
    """Broken while the account is in band at_risk or critical.

    The bands' own thresholds belong to the scorecard, and differ by segment. So the line to recover over is learned:
    the highest score at which this episode still was in a bad band, plus `margin_points`. A score that dances on the
    threshold keeps its one alert.
    """

    name: ClassVar[str] = "band_entered"
    is_about_score: ClassVar[bool] = True

    margin_points: float = Field(5.0, ge=0, le=50, description="how clear of the line a score must be to resolve")

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing in a bad band, Clear well above it, Indeterminate between the two or without a score."""
        if report.score is None:
            return Indeterminate(f"health is unknown: {report.coverage_ratio:.0%} of the scorecard has data")
        severity = BAND_SEVERITY.get(report.band)
        if severity is not None:
            return Firing(severity, f"{band_words(report.band)} at {points(report.score)}", {"score": report.score})
        if alert is None:
            return _WELL[report.band]
        if alert.scorecard != report.scorecard or alert.ceiling_score is None:
            return Resolved(f"{band_words(report.band)} at {points(report.score)}")
        needed = min(alert.ceiling_score + self.margin_points, 100.0)
        if report.score < needed:
            return Indeterminate(
                f"{points(report.score)} is out of the band, and not yet clear of it: {points(needed)} needed"
            )
        return Resolved(f"back to {band_words(report.band)} at {points(report.score)}")
