"""Support: an escalation that nobody ends."""

from typing import ClassVar

from pydantic import Field

from alerts.model import Alert, Severity
from alerts.rules.result import Baseline, Firing, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule, number
from alerts.text import hours
from stream.contracts.report import AlertReportView


class EscalationOpen(Rule):
    """Broken while an escalated ticket runs for `open_hours` or longer.

    A running escalation only grows older, so the line needs no margin: below it, that escalation has ended.

    Source: That matter (escalations are where support turns into churn); the hours are the default scorecard's, where
    a day in escalation costs 40 and three days all points.
    """

    name: ClassVar[str] = "escalation_open"
    shows: ClassVar[tuple[str, ...]] = ("open_urgent_tickets", "open_tickets")

    open_hours: float = Field(24, gt=0, le=8760)
    critical_hours: float = Field(72, gt=0, le=8760)

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing while it runs for too long, Resolved once none does."""
        running = number(report, "escalation_running_hours")
        if running is None:
            return UNKNOWN
        if running < self.open_hours:
            return KEPT if alert is None else Resolved("no escalation runs that long any more")
        severity: Severity = "critical" if running >= self.critical_hours else "warning"
        return Firing(severity, f"a ticket is escalated for {hours(running)}", {"running_hours": running})
