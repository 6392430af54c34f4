"""Licences: many paid and unused, or all in use and more wanted."""

from typing import ClassVar, Final

from pydantic import Field

from alerts.model import Alert
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule, Tone, number
from stream.contracts.report import AlertReportView

_BETWEEN: Final = Indeterminate("near the line")


class LicencesLow(Rule):
    """Broken while fewer than `enter_ratio` of the licences are used in a month, by an account that is no newcomer.

    Source: GitLab's handbook counts under half of the paid seats as poor, and allows less while an account is young;
    That matter: unused licences are the first to go at the renewal.
    """

    name: ClassVar[str] = "licences_low"
    shows: ClassVar[tuple[str, ...]] = ("mau", "license_utilization_daily")

    inhibited_by: tuple[str, ...] = ("silence", "breadth_collapsed", "onboarding_stuck")
    enter_ratio: float = Field(0.4, ge=0, le=1, description="share of the licences that is used in a month")
    exit_ratio: float = Field(0.5, ge=0, le=1, description="over again from here")
    days_known_min: int = Field(60, ge=0, le=1000, description="how long an account may take to fill its seats")
    seats_min: int = Field(5, ge=1, le=100_000)

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing below, Resolved above the exit, Indeterminate between."""
        used, seats = number(report, "license_utilization"), report.profile.licensed_seats
        if used is None or seats is None:
            return UNKNOWN
        if used >= max(self.exit_ratio, self.enter_ratio):
            return KEPT if alert is None else Resolved(f"{used:.0%} of {seats} licences in use")
        if used >= self.enter_ratio:
            return _BETWEEN
        days = number(report, "days_known")
        if alert is None and (days is None or days < self.days_known_min or seats < self.seats_min):
            return KEPT
        return Firing("warning", f"only {used:.0%} of {seats} licences in use", {"used_ratio": used, "seats": seats})


class LicencesHigh(Rule):
    """Good news: nearly all licences are in use, so that more may be wanted.

    Source: That matter and Four metrics: expansion begins where the seats are full.
    """

    name: ClassVar[str] = "licences_high"
    tone: ClassVar[Tone] = "opportunity"
    shows: ClassVar[tuple[str, ...]] = ("mau", "license_utilization_daily")

    enter_ratio: float = Field(0.95, gt=0, le=5, description="share of the licences that is used in a month")
    exit_ratio: float = Field(0.85, gt=0, le=5, description="over again from here")
    seats_min: int = Field(5, ge=1, le=100_000)

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing above, Resolved below the exit, Indeterminate between."""
        used, seats = number(report, "license_utilization"), report.profile.licensed_seats
        if used is None or seats is None:
            return UNKNOWN
        if used < min(self.exit_ratio, self.enter_ratio):
            return KEPT if alert is None else Resolved(f"{used:.0%} of {seats} licences in use", recovered=False)
        if used < self.enter_ratio:
            return _BETWEEN
        if alert is None and seats < self.seats_min:
            return KEPT
        return Firing("info", f"{used:.0%} of {seats} licences in use", {"used_ratio": used, "seats": seats})
