"""Support: an escalation that nobody ends, and more open tickets than this account is used to."""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from pydantic import Field

from alerts.account_facts import AccountFacts
from alerts.model import Channel, Severity, Signal, Tone
from alerts.playbooks import Play
from alerts.rules.precondition import Precondition
from alerts.rules.result import Baseline, Firing, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule
from alerts.text import hours, plural

_ESCALATION_OPEN_PLAYS: Final = (
    Play(
        id="own_it",
        name="Own the escalation",
        do="One name, one channel and one update a day, also when there is nothing new, until it is closed.",
    ),
    Play(
        id="engineer_and_date",
        name="Get an engineer and a date",
        do="Ask support what blocks it, put an engineer on it today, and tell the customer the date.",
        who="support lead",
    ),
    Play(
        id="workaround",
        name="Give a way around",
        do="Offer what works until it is solved, even by hand, and do it for them once.",
        who="support lead",
    ),
    Play(
        id="pause_commerce",
        name="Pause all sales talk",
        do="No upsell, no renewal mail and no survey to this account until the escalation is over.",
        who="account executive",
    ),
    Play(
        id="say_what_happened",
        name="Close with an explanation",
        do="Afterwards, write what happened, why, and what keeps it from happening again. Then ask if that is enough.",
    ),
)


class EscalationOpen(Rule):
    """Fires while an escalated ticket runs for `open_hours` or longer.

    A running escalation only grows older, so the line needs no margin: below it, that escalation has ended.

    Source: That matter (escalations are where support turns into churn); the hours are the default scorecard's, where
    a day in escalation costs 40 and three days all points.
    """

    name: ClassVar[str] = "escalation_open"
    about: ClassVar[str] = "an escalation that nobody ends"
    why: ClassVar[str] = "an escalation without an end is what people remember at the renewal"
    rank: ClassVar[int] = 120
    preconditions: ClassVar[tuple[Precondition, ...]] = (
        Precondition("escalated_at"),
        Precondition("escalation_running_hours", at_least=0.01),
    )
    tone: ClassVar[Tone] = "task"
    shows: ClassVar[tuple[str, ...]] = ("open_urgent_tickets",)
    speaks_of: ClassVar[tuple[str, ...]] = ("escalation_running_hours",)
    plays: ClassVar[tuple[Play, ...]] = _ESCALATION_OPEN_PLAYS

    critical_channel: Channel | None = "page"
    open_hours: float = Field(24, gt=0, le=8760)
    critical_hours: float = Field(72, gt=0, le=8760)

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while it runs for too long, Resolved once none does."""
        running = facts.escalation_hours
        if running is None:
            return UNKNOWN
        if running < self.open_hours:
            return KEPT if signal is None else Resolved("The escalation has ended")
        severity: Severity = "critical" if running >= self.critical_hours else "warning"
        phrase = hours(running)
        return Firing(
            severity,
            f"has waited {phrase} for an escalated ticket",
            f"A ticket has been escalated for {phrase}",
            {"running_hours": running},
        )

    def due(self, facts: AccountFacts) -> datetime | None:
        """When the running escalation reaches the next line."""
        running = facts.escalation_hours
        if not running:
            return None
        ahead = [line - running for line in (self.open_hours, self.critical_hours) if line > running]
        return facts.now + timedelta(hours=min(ahead)) if ahead else None


class TicketLoad(Rule):
    """Fires while `open_min` or more high or urgent tickets are open, and more than `habit_ratio` times its habit.

    One that has been open for `old_days` is a reason by itself.

    The habit is what was opened of them a week on average over 90 days; a week is what a ticket may take.

    Source: Five metrics and That matter: it is the pile that tells, and what a pile is differs by account.
    """

    name: ClassVar[str] = "ticket_load"
    about: ClassVar[str] = "more open high and urgent tickets than usual"
    why: ClassVar[str] = "a pile that nobody plans down reads as nobody caring"
    rank: ClassVar[int] = 130
    preconditions: ClassVar[tuple[Precondition, ...]] = (
        Precondition("open_tickets_by_priority"),
        Precondition("oldest_open_at"),
    )
    tone: ClassVar[Tone] = "task"
    shows: ClassVar[tuple[str, ...]] = ("open_tickets", "tickets_opened_7")
    plays: ClassVar[tuple[Play, ...]] = (
        Play(
            id="plan_down",
            name="Plan the pile down",
            do="Go through the open tickets with support, give each a date or an end, and send the customer the list.",
            who="owner with support",
        ),
        *_ESCALATION_OPEN_PLAYS[2:],
    )

    opens: bool = True
    open_min: int = Field(5, ge=1, le=10_000, description="so many at least")
    habit_ratio: float = Field(3.0, ge=0, le=100, description="times what is opened of them in a usual week")
    critical_min: int = Field(15, ge=1, le=10_000)
    old_days: int = Field(14, ge=1, le=1000, description="or one of them open for so long")

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing above both lines, Resolved at half of the first."""
        now, usual = (
            facts.report.measures.get(name) for name in ("open_tickets_by_priority", "tickets_opened_90_by_priority")
        )
        if not isinstance(now, dict) or not isinstance(usual, dict):
            return UNKNOWN
        pile = sum(int(now.get(name, 0)) for name in ("high", "urgent"))
        week = sum(int(usual.get(name, 0)) for name in ("high", "urgent")) * 7 / 90
        line = max(self.open_min, self.habit_ratio * week) if signal is None else self.open_min
        if pile >= line:
            phrase = plural(pile, "high or urgent ticket")
            severity: Severity = "critical" if pile >= self.critical_min else "warning"
            return Firing(
                severity,
                f"has {phrase} open",
                f"{phrase} open (usually {week:.0f} a week)" if week >= 1 else f"{phrase} open",
                {"open": pile, "usual_a_week": week},
            )
        oldest = facts.days_since_moment("oldest_open_at")
        if oldest is not None and oldest >= self.old_days:
            days = plural(oldest, "day")
            return Firing(
                "warning",
                f"has waited {days} for a high or urgent ticket",
                f"A high or urgent ticket has been open for {days}",
                {"open": pile, "oldest_days": oldest},
            )
        if signal is None:
            return KEPT
        if pile > self.open_min / 2:
            return Resolved(f"{plural(pile, 'high or urgent ticket')} left open")
        return Resolved("The high and urgent tickets are worked off")

    def due(self, facts: AccountFacts) -> datetime | None:
        """The day on which the oldest of them is old."""
        oldest = facts.days_since_moment("oldest_open_at")
        if oldest is None or oldest >= self.old_days:
            return None
        return facts.start_of_day(facts.day + self.old_days - oldest)
