"""Licences: many paid and unused, or all in use and more wanted."""

from typing import ClassVar

from pydantic import Field

from alerts.account_facts import AccountFacts
from alerts.model import Number, Signal, Tone
from alerts.playbooks import Play
from alerts.rules.plays import SEAT_PLAYS
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule


def _between(phrase: str) -> Indeterminate:
    """Near the line: what a signal that goes on says."""
    return Indeterminate("near the line", Firing("info", f"uses {phrase}", f"{phrase} in use", {}))


def _used(facts: AccountFacts) -> tuple[Number | None, Number | None, Number | None]:
    """Share of the seats in use in a month, users and seats, all by the same seats; None where unknown."""
    users, seats = facts.number("mau"), facts.seats
    if users is None or seats is None or seats <= 0:
        return None, users, seats
    return users / seats, users, seats


class LicencesLow(Rule):
    """Fires while fewer than `enter_ratio` of the licences are used in a month, by an account that is no newcomer.

    Source: GitLab's handbook counts under half of the paid seats as poor, and allows less while an account is young;
    That matter: unused licences are the first to go at the renewal.
    """

    name: ClassVar[str] = "licences_low"
    about: ClassVar[str] = "licences that are paid for and not used"
    why: ClassVar[str] = "unused seats are the first thing that is cut at the renewal"
    rank: ClassVar[int] = 210
    plays: ClassVar[tuple[Play, ...]] = SEAT_PLAYS

    inhibited_by: tuple[str, ...] = ("silence", "breadth_collapsed", "onboarding_stuck", "never_used")
    enter_ratio: float = Field(0.4, ge=0, le=1, description="share of the licences that is used in a month")
    exit_ratio: float = Field(0.5, ge=0, le=1, description="over again from here")
    days_known_min: int = Field(60, ge=0, le=1000, description="how long an account may take to fill its seats")
    seats_min: int = Field(5, ge=1, le=100_000)

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing below, Resolved above the exit, Indeterminate between."""
        used, users, seats = _used(facts)
        if used is None or users is None or seats is None:
            return UNKNOWN
        is_over = used >= max(self.exit_ratio, self.enter_ratio)
        if is_over and signal is None:
            return KEPT
        phrase = f"{users:.0f} of {seats:.0f} seats"
        if is_over:
            return Resolved(f"{phrase} in use")
        if used >= self.enter_ratio:
            return _between(phrase)
        days = facts.older_days("days_known")
        if signal is None and (days is None or days < self.days_known_min or seats < self.seats_min):
            return KEPT
        return Firing("warning", f"uses only {phrase}", f"Only {phrase} in use", {"used_ratio": used, "seats": seats})


class LicencesHigh(Rule):
    """Good news: nearly all licences are in use, so that more may be wanted. Not of an account that is falling.

    Source: That matter and Four metrics: expansion begins where the seats are full.
    """

    name: ClassVar[str] = "licences_high"
    about: ClassVar[str] = "nearly all licences in use"
    why: ClassVar[str] = "full seats are the moment to talk about growth, before they have to ask"
    rank: ClassVar[int] = 240
    tone: ClassVar[Tone] = "opportunity"
    plays: ClassVar[tuple[Play, ...]] = (
        Play(
            id="growth_talk",
            name="Talk about growth",
            do="Ask who else would use it if there were seats, and what they do without.",
            who="account executive",
        ),
        Play(
            id="forecast",
            name="Show when it is full",
            do="Show the sponsor their own curve, and when the seats run out; offer to add them before that.",
        ),
        Play(
            id="trial_seats",
            name="Lend some seats",
            do="Lend five seats to the next team for a month; take them back only if nobody misses them.",
        ),
        Play(
            id="success_story",
            name="Write their story",
            do="Write what the full team achieved in half a page; the sponsor needs it for the budget.",
            who="owner with marketing",
        ),
        Play(
            id="right_plan",
            name="Check the plan",
            do="See whether the next plan is cheaper for them than more seats, and say so first.",
            who="account executive",
        ),
    )

    inhibited_by: tuple[str, ...] = (
        *("score_low", "score_dropped", "silence", "breadth_collapsed", "cancellation_requested", "use_declined"),
        "champion_gone",
    )
    enter_ratio: float = Field(0.95, gt=0, le=5, description="share of the licences that is used in a month")
    exit_ratio: float = Field(0.85, gt=0, le=5, description="over again from here")
    seats_min: int = Field(5, ge=1, le=100_000)
    keep_firing_hours: float = Field(168, ge=0, le=720)

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing above, Resolved below the exit, Indeterminate between."""
        used, users, seats = _used(facts)
        if used is None or users is None or seats is None:
            return UNKNOWN
        is_over = used < min(self.exit_ratio, self.enter_ratio)
        if is_over and signal is None:
            return KEPT
        phrase = f"{users:.0f} of {seats:.0f} seats"
        if is_over:
            return Resolved(f"{phrase} in use", recovered=False)
        if used < self.enter_ratio:
            return _between(phrase)
        if signal is None and (seats < self.seats_min or facts.band not in ("healthy", "watch")):
            return KEPT
        return Firing("info", f"is full: {phrase} in use", f"{phrase} in use", {"used_ratio": used, "seats": seats})
