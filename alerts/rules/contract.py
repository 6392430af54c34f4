"""The contract: a renewal that comes near while the account is not well, and a wish to leave."""

from typing import ClassVar, Final

from pydantic import Field

from alerts.model import Alert, Number, Severity
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule, number
from alerts.text import band_words, plural, points
from stream.contracts.report import AlertReportView, Band

_UNWELL: Final[tuple[Band, ...]] = ("watch", "at_risk", "critical")
_UNKNOWN_BAND: Final = Indeterminate("health is unknown")
_NO_DATE: Final = Indeterminate("no renewal is known")


class RenewalNear(Rule):
    """Broken while a renewal is `near_days` or less away and the account is not healthy.

    Within `critical_days` in a bad band it is critical. Over once the account is healthy with room to spare (as for
    `band_entered` the line is learned), once the renewal is settled, or once its day has passed.

    Source: Math (renewal rate) and Festival: a quarter is what a plan to save an account takes; a month before, the
    decision is often made.
    """

    name: ClassVar[str] = "renewal_near"
    shows: ClassVar[tuple[str, ...]] = ("days_since_touchpoint", "touchpoints_30")

    near_days: int = Field(90, ge=1, le=1000)
    critical_days: int = Field(30, ge=0, le=1000)
    margin_points: float = Field(5.0, ge=0, le=50, description="how clear of the line a score must be to resolve")

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing near a renewal while not healthy, Resolved when well or when it is no longer near."""
        days = _days_to_renewal(report)
        if days is None:
            return _NO_DATE
        if days < 0 or days > self.near_days:
            if alert is None:
                return KEPT
            told = (
                "the day of the renewal has passed" if days < 0 else f"the renewal is {plural(round(days), 'day')} away"
            )
            return Resolved(told, recovered=days >= 0)
        if report.band in _UNWELL:
            bad = report.band != "watch"
            severity: Severity = "critical" if bad and days <= self.critical_days else "warning"
            state = band_words(report.band) if bad else "on watch"
            reason = f"renewal in {plural(round(days), 'day')}, while {state}"
            evidence: dict[str, Number] = {"days": days}
            return Firing(severity, reason, evidence if report.score is None else {**evidence, "score": report.score})
        if report.band == "unknown" or report.score is None:
            return _UNKNOWN_BAND
        return KEPT if alert is None else self._healthy(report, report.score, alert)

    def _healthy(self, report: AlertReportView, score: float, alert: Alert) -> RuleResult:
        if alert.scorecard == report.scorecard and alert.ceiling_score is not None:
            needed = min(alert.ceiling_score + self.margin_points, 100.0)
            if score < needed:
                return Indeterminate(
                    f"healthy at {points(score)}, and not yet clear of the line: {points(needed)} needed"
                )
        return Resolved(f"healthy at {points(score)}, before the renewal")


def _days_to_renewal(report: AlertReportView) -> Number | None:
    """Whole days to the renewal: the worker's own, else by the account feed; None when unknown."""
    if "days_to_renewal" in report.measures:
        return number(report, "days_to_renewal")
    if report.profile.renewal_at is None:
        return None
    return (report.profile.renewal_at - report.as_of).days


class CancellationRequested(Rule):
    """Broken while a request to cancel a subscription is open.

    Source: Math (save rate: how many requests are turned around). Nothing is more telling, and each day counts.
    """

    name: ClassVar[str] = "cancellation_requested"
    shows: ClassVar[tuple[str, ...]] = ("cancellation_requested_days", "mrr_active")

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing while one is open, Resolved once none is."""
        requests = number(report, "cancellation_requested")
        if requests is None:
            return UNKNOWN
        if requests < 1:
            if alert is None:
                return KEPT
            runs = number(report, "subscriptions_active") or 0
            stays = runs >= 1
            return Resolved("the request was withdrawn" if stays else "the subscription ended", recovered=stays)
        days = number(report, "cancellation_requested_days") or 0
        return Firing("critical", "wants to cancel", {"requests": requests, "days": days})
