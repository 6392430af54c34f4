"""The way to value: no first value yet, no next milestone, or a goal out of reach."""

from datetime import datetime
from typing import ClassVar, Final

from pydantic import Field

from alerts.account_facts import AccountFacts
from alerts.model import Severity, Signal
from alerts.playbooks import Play
from alerts.rules.plays import FIRST_VALUE_PLAYS, NEXT_STEP_PLAYS
from alerts.rules.precondition import Precondition
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule
from alerts.text import names_of, plural, tidy

NAME_CHARS_MAX: Final = 80


class OnboardingStuck(Rule):
    """Fires while a new account has seen no first value for `waiting_days`.

    After `until_days` it is no onboarding any more: other rules speak of an account that never got anywhere.

    Source: Math, Four metrics and Five metrics: the shorter the time to first value, the likelier a customer stays. Two
    weeks is when a trial ends; a month without any value is critical.
    """

    name: ClassVar[str] = "onboarding_stuck"
    about: ClassVar[str] = "a new account without its first value"
    why: ClassVar[str] = "the longer the first value takes, the likelier a customer leaves before it"
    rank: ClassVar[int] = 170
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("first_value_waiting_days"),)
    shows: ClassVar[tuple[str, ...]] = ("mau",)
    plays: ClassVar[tuple[Play, ...]] = FIRST_VALUE_PLAYS

    opens: bool = True
    waiting_days: float = Field(14, gt=0, le=1000)
    critical_days: float = Field(30, gt=0, le=1000)
    until_days: float = Field(120, gt=0, le=10_000)

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while it waits, Resolved once value was seen or the onboarding is long past."""
        waiting = facts.older_days("first_value_waiting_days")
        if waiting is None:
            reached = facts.number("time_to_first_value_days")
            if signal is not None and reached is not None:
                return Resolved(f"First value reached after {plural(round(reached), 'day')}")
            return UNKNOWN
        if waiting < self.waiting_days:
            return KEPT if signal is None else Resolved("The onboarding began anew")
        if waiting > self.until_days:
            if signal is None:
                return KEPT
            return Resolved(f"No onboarding any more after {plural(round(self.until_days), 'day')}", recovered=False)
        severity: Severity = "critical" if waiting >= self.critical_days else "warning"
        days = plural(round(waiting), "day")
        return Firing(
            severity,
            f"is stuck in onboarding: no first value after {days}",
            f"No first value after {days}",
            {"waiting_days": waiting},
        )

    def due(self, facts: AccountFacts) -> datetime | None:
        """The next day, while it waits."""
        return None if facts.number("first_value_waiting_days") is None else facts.start_of_day(facts.day + 1)


class MilestoneStuck(Rule):
    """Fires while an account has reached no further milestone for `stuck_days`, and there is one.

    After `until_days` that is how this account uses the product, and no stumbling any more.

    Source: Math (the milestone vector: how steep it is, and where it ends). A month is twice what each of the first
    steps takes where onboarding goes well.
    """

    name: ClassVar[str] = "milestone_stuck"
    about: ClassVar[str] = "no further milestone"
    why: ClassVar[str] = "where the steps end, so do the reasons to pay for more"
    rank: ClassVar[int] = 190
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("milestone_stuck_days"),)
    shows: ClassVar[tuple[str, ...]] = ("depth",)
    plays: ClassVar[tuple[Play, ...]] = NEXT_STEP_PLAYS

    inhibited_by: tuple[str, ...] = ("onboarding_stuck", "silence")
    stuck_days: float = Field(30, gt=0, le=1000)
    until_days: float = Field(120, gt=0, le=10_000)

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while it is stuck, Resolved once it went on."""
        stuck = facts.older_days("milestone_stuck_days")
        if stuck is None:
            reached = facts.number("milestones_reached")
            if signal is not None and "milestone_next" in facts.report.measures and reached:
                return Resolved("All milestones reached")
            return UNKNOWN
        if stuck < self.stuck_days:
            return KEPT if signal is None else Resolved("The next milestone was reached")
        if stuck > self.until_days:
            if signal is None:
                return KEPT
            phrase = f"No step for {plural(round(self.until_days), 'day')}: that is how it is used"
            return Resolved(phrase, recovered=False)
        following = facts.report.measures.get("milestone_next")
        step = f"“{tidy(following, NAME_CHARS_MAX)}”" if isinstance(following, str) else "the next milestone"
        days = plural(round(stuck), "day")
        return Firing(
            "warning",
            f"has not reached {step} for {days}",
            f"No step towards {step} for {days}",
            {"stuck_days": stuck},
        )

    def due(self, facts: AccountFacts) -> datetime | None:
        """The day on which it is stuck, or for too long to be stuck."""
        stuck = facts.older_days("milestone_stuck_days")
        if stuck is None or stuck > self.until_days:
            return None
        line = self.stuck_days if stuck < self.stuck_days < self.until_days + 1 else self.until_days + 1
        return facts.start_of_day(facts.day + max(int(line - stuck), 1))


class OutcomeOffTrack(Rule):
    """Fires while a goal that the customer has is behind the straight line to its target.

    A goal at less than `critical_ratio` of where it should be is critical: it will not be met without a new plan.

    Source: That matter: customers leave when their outcome does not come, whatever their usage says.
    """

    name: ClassVar[str] = "outcome_off_track"
    about: ClassVar[str] = "a customer's goal behind its plan"
    why: ClassVar[str] = "customers stay for their outcome, whatever their usage says"
    rank: ClassVar[int] = 160
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("goals_off_track", at_least=1),)
    plays: ClassVar[tuple[Play, ...]] = (
        Play(
            id="look_at_goal",
            name="Look at the goal together",
            do="Go through the numbers with the sponsor. Is the target still right, and is it measured right?",
        ),
        Play(
            id="one_obstacle",
            name="Remove one obstacle",
            do="Ask the users what keeps them from it; take away the one that is named most within two weeks.",
        ),
        Play(
            id="new_plan",
            name="Write a new line",
            do="Agree on a new path with dates and names, from where they are now to where they want to be.",
        ),
        Play(
            id="example",
            name="Show who has done it",
            do="Bring a customer of their size who reached it, and let the two talk.",
        ),
        Play(
            id="expert_session",
            name="Bring an expert",
            do="Give them two hours of a specialist on the feature that the goal depends on.",
            who="solution engineer",
        ),
    )

    critical_ratio: float = Field(0.5, ge=0, le=1, description="of the straight line to the target")
    exit_ratio: float = Field(0.95, ge=0, le=2, description="of it, for every goal, to be over")

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while a goal is off track, Resolved once all are well on it."""
        behind = facts.number("goals_off_track")
        if behind is None:
            return UNKNOWN
        pace = facts.number("outcome_pace_min")
        if behind < 1:
            if signal is None:
                return KEPT
            if pace is None or pace >= self.exit_ratio:
                return Resolved("Every goal is on track again")
            phrase = f"the furthest at {pace:.0%} of its plan"
            today = Firing(
                "info", f"is close to its goals: {phrase}", f"Goals on track, {phrase}", {"pace_ratio": pace}
            )
            return Indeterminate("on track by a hair: not yet over", today)
        severity: Severity = "critical" if pace is not None and pace < self.critical_ratio else "warning"
        at = f", the furthest at {pace:.0%} of its plan" if pace is not None else ""
        known = facts.report.measures.get("outcome_pace")
        paces = known if isinstance(known, dict) else {}
        goals = [tidy(str(goal), NAME_CHARS_MAX) for _, goal in sorted((v, g) for g, v in paces.items() if _is_late(v))]
        named = f": {names_of(goals)}" if goals else ""
        evidence = {"goals": behind} | ({"pace_ratio": pace} if pace is not None else {})
        phrase = f"{plural(round(behind), 'goal')} behind plan"
        return Firing(severity, f"is missing its goals: {phrase}{at}", f"{phrase}{named}{at}", evidence)


def _is_late(pace: object) -> bool:
    return isinstance(pace, (int, float)) and pace < 1
