"""The way to value: no first value yet, no next milestone, or a goal out of reach."""

from typing import ClassVar, Final

from pydantic import Field

from alerts.model import Alert, Severity
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule, number
from alerts.text import plural
from stream.contracts.report import AlertReportView

_NEAR: Final = Indeterminate("on track by a hair: not yet over")


class OnboardingStuck(Rule):
    """Broken while a new account has seen no first value for `waiting_days`.

    After `until_days` it is no onboarding any more: other rules speak of an account that never got anywhere.

    Source: Math, Four metrics and Five metrics: the shorter the time to first value, the likelier a customer stays. Two
    weeks is when a trial ends; a month without any value is critical.
    """

    name: ClassVar[str] = "onboarding_stuck"
    shows: ClassVar[tuple[str, ...]] = ("mau", "milestones_reached")

    waiting_days: float = Field(14, gt=0, le=1000)
    critical_days: float = Field(30, gt=0, le=1000)
    until_days: float = Field(120, gt=0, le=10_000)

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing while it waits, Resolved once value was seen or the onboarding is long past."""
        waiting = number(report, "first_value_waiting_days")
        if waiting is None:
            if alert is not None and (reached := number(report, "time_to_first_value_days")) is not None:
                return Resolved(f"first value reached after {plural(round(reached), 'day')}")
            return UNKNOWN
        if waiting < self.waiting_days:
            return KEPT if alert is None else Resolved("the onboarding began anew")
        if waiting > self.until_days:
            if alert is None:
                return KEPT
            return Resolved(f"no onboarding any more after {plural(round(self.until_days), 'day')}", recovered=False)
        severity: Severity = "critical" if waiting >= self.critical_days else "warning"
        return Firing(severity, f"no first value after {plural(round(waiting), 'day')}", {"waiting_days": waiting})


class MilestoneStuck(Rule):
    """Broken while an account has reached no further milestone for `stuck_days`, and there is one.

    After `until_days` that is how this account uses the product, and no stumbling any more.

    Source: Math (the milestone vector: how steep it is, and where it ends). A month is twice what each of the first
    steps takes where onboarding goes well.
    """

    name: ClassVar[str] = "milestone_stuck"
    shows: ClassVar[tuple[str, ...]] = ("milestones_reached", "depth")

    inhibited_by: tuple[str, ...] = ("onboarding_stuck", "silence")
    stuck_days: float = Field(30, gt=0, le=1000)
    until_days: float = Field(120, gt=0, le=10_000)

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing while it is stuck, Resolved once it went on."""
        stuck = number(report, "milestone_stuck_days")
        if stuck is None:
            if alert is not None and "milestone_next" in report.measures and number(report, "milestones_reached"):
                return Resolved("all milestones reached")
            return UNKNOWN
        if stuck < self.stuck_days:
            return KEPT if alert is None else Resolved("the next milestone was reached")
        if stuck > self.until_days:
            if alert is None:
                return KEPT
            return Resolved(
                f"no step for {plural(round(self.until_days), 'day')}: that is how it is used", recovered=False
            )
        return Firing("warning", f"no further milestone for {plural(round(stuck), 'day')}", {"stuck_days": stuck})


class OutcomeOffTrack(Rule):
    """Broken while a goal that the customer has is behind the straight line to its target.

    A goal at less than `critical_ratio` of where it should be is critical: it will not be met without a new plan.

    Source: That matter: customers leave when their outcome does not come, whatever their usage says.
    """

    name: ClassVar[str] = "outcome_off_track"

    critical_ratio: float = Field(0.5, ge=0, le=1, description="of the straight line to the target")
    exit_ratio: float = Field(0.95, ge=0, le=2, description="of it, for every goal, to be over")

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing while a goal is off track, Resolved once all are well on it."""
        behind = number(report, "goals_off_track")
        if behind is None:
            return UNKNOWN
        pace = number(report, "outcome_pace_min")
        if behind < 1:
            if alert is None:
                return KEPT
            return _NEAR if pace is not None and pace < self.exit_ratio else Resolved("every goal is on track again")
        severity: Severity = "critical" if pace is not None and pace < self.critical_ratio else "warning"
        at = f", the furthest at {pace:.0%} of its plan" if pace is not None else ""
        evidence = {"goals": behind} | ({"pace_ratio": pace} if pace is not None else {})
        return Firing(severity, f"{plural(round(behind), 'goal')} behind plan{at}", evidence)
