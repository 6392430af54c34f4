"""Answers to surveys that somebody should answer: close the loop, with those who are unhappy and those who are glad."""

from typing import ClassVar

from pydantic import Field

from alerts.model import Alert, Severity
from alerts.rules.result import Baseline, Firing, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule, Tone, number
from alerts.text import plural
from stream.contracts.report import AlertReportView


class DetractorFollowUp(Rule):
    """Broken while a detractor's answer (NPS 0 to 6) waits for a touchpoint.

    Source: Festival: whoever gives a low answer is called, asked why, and told what came of it; after a week the call
    is late, and late is critical.
    """

    name: ClassVar[str] = "detractor_follow_up"
    tone: ClassVar[Tone] = "task"
    shows: ClassVar[tuple[str, ...]] = ("nps", "nps_responses")

    late_days: float = Field(7, gt=0, le=90, description="waiting for so long is critical")

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing while one waits, Resolved once none does."""
        waiting = number(report, "open_detractors")
        if waiting is None:
            return UNKNOWN
        if waiting < 1:
            return KEPT if alert is None else Resolved("nobody waits for an answer any more")
        days = number(report, "open_feedback_days") or 0
        severity: Severity = "critical" if days >= self.late_days else "warning"
        since = f"not followed up for {plural(round(days), 'day')}" if days >= 1 else "to follow up"
        reason = f"{plural(round(waiting), 'unhappy answer')} {since}"
        return Firing(severity, reason, {"answers": waiting, "days": days})


class PromoterFollowUp(Rule):
    """Good news: a promoter's answer (NPS 9 or 10) waits for a thank-you, and perhaps for a question.

    Source: Festival: ask promoters for a reference or a review while they are glad; Math (advocacy).
    """

    name: ClassVar[str] = "promoter_follow_up"
    tone: ClassVar[Tone] = "opportunity"
    shows: ClassVar[tuple[str, ...]] = ("nps", "nps_responses")

    answers_min: int = Field(1, ge=1, le=10_000)

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing while enough wait, Resolved once none does."""
        waiting = number(report, "open_promoters")
        if waiting is None:
            return UNKNOWN
        if waiting < 1:
            return KEPT if alert is None else Resolved("nobody waits for an answer any more")
        if waiting < self.answers_min:
            return KEPT
        return Firing("info", f"{plural(round(waiting), 'glad answer')} to thank for", {"answers": waiting})
