"""Nobody uses the product any more."""

from typing import ClassVar, Final

from pydantic import Field

from alerts.model import Alert, Severity
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule, number
from alerts.text import plural
from stream.contracts.report import AlertReportView

_STILL: Final = Indeterminate("somebody was there, and it is quiet again")


class Silence(Rule):
    """Broken while an account is quiet for longer than its own habit allows.

    What is long is the account's own: `silence_limit_days` working days, 3 for one that is used every day and weeks for
    one that is used once a month. Weekends and holidays are no silence. Over once somebody was active.

    Source of the limit: docs/metrics.md. Twice the limit is critical: at first it is a question, then it is an answer.
    """

    name: ClassVar[str] = "silence"
    shows: ClassVar[tuple[str, ...]] = ("days_since_active", "mau")

    limit_ratio: float = Field(1.0, gt=0, le=10, description="quiet for so many times the account's own limit")
    critical_ratio: float = Field(2.0, gt=0, le=20)

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing when it is quiet for too long, Resolved once somebody came back."""
        quiet, limit = number(report, "silence_working_days"), number(report, "silence_limit_days")
        if quiet is None or limit is None or limit <= 0:
            return UNKNOWN
        if quiet >= self.limit_ratio * limit:
            severity: Severity = "critical" if quiet >= self.critical_ratio * limit else "warning"
            return Firing(
                severity,
                f"nobody active for {plural(round(quiet), 'working day')} (usual here: up to {round(limit)})",
                {"quiet_days": quiet, "limit_days": limit},
            )
        if alert is None:
            return KEPT
        if quiet > alert.evidence.get("limit_days", limit) / 2:
            return _STILL
        return Resolved("somebody is active again")
