"""The contract: a wish to leave, a renewal that is near or overdue, and less money than before."""

from datetime import datetime
from typing import ClassVar, Final

from pydantic import Field

from alerts.account_facts import AccountFacts
from alerts.model import Channel, Number, Severity, Signal
from alerts.playbooks import Play
from alerts.rules.plays import SEAT_PLAYS
from alerts.rules.precondition import Precondition
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule
from alerts.text import band_words, day_of_year, money, plural, points
from stream.contracts.report import Band

_UNWELL: Final[tuple[Band, ...]] = ("watch", "at_risk", "critical")
_UNKNOWN_BAND: Final = Indeterminate("health is unknown")
_NO_DATE: Final = Indeterminate("no renewal is known")

_RENEWAL_NEAR_PLAYS: Final = (
    Play(
        id="renewal_plan",
        name="Write the renewal plan",
        do="One page for the customer and you: what they wanted, got and miss, and who does what by when.",
    ),
    Play(
        id="value_review",
        name="Show the value",
        do="Hold a review with the sponsor on their own numbers before anybody talks of price.",
    ),
    Play(
        id="clear_blockers",
        name="Clear what is in the way",
        do="List every open ticket, escalation and unhappy answer, and settle each before the talk.",
        who="owner with support",
    ),
    Play(
        id="meet_the_buyer",
        name="Meet who signs",
        do="Find out who decides and signs, what they have heard, and get twenty minutes with them.",
        who="account executive",
    ),
    Play(
        id="right_size",
        name="Offer what fits",
        do="Prepare a smaller or longer contract that fits their use; a customer who shrinks can grow again.",
        who="account executive",
    ),
)


class CancellationRequested(Rule):
    """Fires while a request to cancel a subscription is open.

    Source: Math (save rate: how many requests are turned around). Nothing says more, and each day counts.
    """

    name: ClassVar[str] = "cancellation_requested"
    about: ClassVar[str] = "an open request to cancel"
    why: ClassVar[str] = "each day counts: what is not offered in the first days is seldom heard"
    rank: ClassVar[int] = 10
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("cancellation_requested", at_least=1),)
    plays: ClassVar[tuple[Play, ...]] = (
        Play(
            id="call_today",
            name="Call today",
            do="Call whoever asked before the end of the day. Ask for the reason, and do not argue with it.",
        ),
        Play(
            id="name_the_reason",
            name="Name the reason",
            do="Price, product, people or plans? Write it down in their words; it decides what may be offered.",
        ),
        Play(
            id="save_offer",
            name="Make one fitting offer",
            do="A fix with a date, a smaller plan, a pause, or help to move; one offer, in writing, within two days.",
            who="account executive",
        ),
        Play(
            id="executive_call",
            name="Bring an executive",
            do="Let an executive call theirs, to listen and to make the offer weigh.",
            who="manager",
        ),
        Play(
            id="leave_well",
            name="Let them leave well",
            do="If they go, make it easy, hand over their data, and ask what would bring them back.",
        ),
    )

    channel: Channel = "page"

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while one is open, Resolved once none is."""
        requests = facts.number("cancellation_requested")
        if requests is None:
            return UNKNOWN
        if requests < 1:
            if signal is None:
                return KEPT
            stays = (facts.number("subscriptions_active") or 0) >= 1
            return Resolved("They withdrew the request to cancel" if stays else "The subscription ended", stays)
        days = facts.days_since("cancellation_requested_at", "cancellation_requested_days") or 0
        ago = "today" if days < 1 else "yesterday" if days < 2 else f"{plural(round(days), 'day')} ago"
        return Firing(
            "critical",
            "wants to cancel" if days < 1 else f"wants to cancel: asked {ago}",
            f"They asked to cancel {ago}",
            {"requests": requests, "days": days},
        )


class RenewalNear(Rule):
    """Fires while a renewal is `near_days` or less away and the account is not healthy.

    Within `critical_days` in a bad band it is critical. Over once the account is healthy with room to spare, once the
    renewal is settled, or once its day has passed.

    Source: Math (renewal rate) and Festival: a quarter is what a plan to save an account takes; a month before, the
    decision is often made.
    """

    name: ClassVar[str] = "renewal_near"
    about: ClassVar[str] = "a renewal that is near while the account is not healthy"
    why: ClassVar[str] = "a plan to turn an account around takes about a quarter"
    rank: ClassVar[int] = 90
    shows: ClassVar[tuple[str, ...]] = ("days_since_touchpoint",)
    is_in_account_line: ClassVar[bool] = True
    plays: ClassVar[tuple[Play, ...]] = _RENEWAL_NEAR_PLAYS

    near_days: int = Field(90, ge=1, le=1000)
    critical_days: int = Field(30, ge=0, le=1000)
    margin_points: float = Field(5.0, ge=0, le=50, description="how clear of the line a score must be to resolve")

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing near a renewal while not healthy, Resolved when well or when it is no longer near."""
        days = facts.days_to_renewal
        if days is None:
            return _NO_DATE
        if days < 0 or days > self.near_days:
            if signal is None:
                return KEPT
            phrase = "The day of the renewal has passed" if days < 0 else f"The renewal is {plural(days, 'day')} away"
            return Resolved(phrase, recovered=days >= 0)
        if facts.band in _UNWELL:
            bad = facts.band != "watch"
            severity: Severity = "critical" if bad and days <= self.critical_days else "warning"
            return self._firing(facts, days, severity, band_words(facts.band) if bad else "on watch")
        if facts.score is None:
            return _UNKNOWN_BAND
        return KEPT if signal is None else self._healthy(facts, facts.score, days, signal)

    def _firing(self, facts: AccountFacts, days: int, severity: Severity, state: str) -> Firing:
        when = "today" if days == 0 else f"in {plural(days, 'day')}"
        evidence: dict[str, Number] = {"days": days}
        if facts.score is not None:
            evidence["score"] = facts.score
        date = facts.renewal_date
        on = f" ({day_of_year(date)})" if date is not None else ""
        return Firing(severity, f"renews {when}, and is {state}", f"Renews {when}{on}, while {state}", evidence)

    def _healthy(self, facts: AccountFacts, score: float, days: int, signal: Signal) -> RuleResult:
        if signal.scorecard == facts.report.scorecard and signal.ceiling_score is not None:
            needed = min(signal.ceiling_score + self.margin_points, 100.0)
            if score < needed:
                clear = f"healthy at {points(score)}, and not yet clear of the line: {points(needed)}"
                return Indeterminate(clear, self._firing(facts, days, "info", "healthy for now"))
        return Resolved(f"Healthy at {points(score)}, before the renewal")

    def due(self, facts: AccountFacts) -> datetime | None:
        """The day on which the renewal comes near, very near, or has passed."""
        days = facts.days_to_renewal
        if days is None or days < 0:
            return None
        left = days - self.near_days if days > self.near_days else 1 if facts.band in _UNWELL else days + 1
        return facts.start_of_day(facts.day + max(left, 1))


class RenewalOverdue(Rule):
    """Fires while a renewal date has passed for `late_days` and nobody told what came of it.

    After `until_days` the date is taken for forgotten, which is a matter of data and not of the customer.
    """

    name: ClassVar[str] = "renewal_overdue"
    about: ClassVar[str] = "a renewal date that passed without news"
    why: ClassVar[str] = "either nobody asked, or nobody noted the answer"
    rank: ClassVar[int] = 100
    plays: ClassVar[tuple[Play, ...]] = _RENEWAL_NEAR_PLAYS

    late_days: int = Field(7, ge=1, le=1000)
    critical_days: int = Field(30, ge=1, le=1000)
    until_days: int = Field(180, ge=1, le=10_000)

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while it is overdue, Resolved once another date or an end is told."""
        days = facts.days_to_renewal
        if days is None:
            return _NO_DATE if signal is None else Resolved("No renewal is due any more", recovered=False)
        late = -days
        if late < self.late_days:
            return KEPT if signal is None else Resolved("It was renewed")
        if late > self.until_days:
            return KEPT if signal is None else Resolved("The date is long past", recovered=False)
        severity: Severity = "critical" if late >= self.critical_days else "warning"
        phrase = f"{plural(late, 'day')} ago"
        return Firing(
            severity,
            f"was to renew {phrase}, and nobody noted what came of it",
            f"The renewal was due {phrase}, without news since",
            {"days_late": late},
        )

    def due(self, facts: AccountFacts) -> datetime | None:
        """The day on which it becomes late, very late or long past."""
        days = facts.days_to_renewal
        if days is None or -days > self.until_days:
            return None
        lines = self.late_days, self.critical_days, self.until_days + 1
        ahead = lines if days >= 0 else [line for line in lines if line > -days]
        return facts.start_of_day(facts.day + days + min(ahead))


class RevenueContracted(Rule):
    """Fires while the money a month is `lost_ratio` or more below what it was, within the last 90 days.

    Source: Math (net and gross retention): who pays less this quarter leaves oftener the next.
    """

    name: ClassVar[str] = "revenue_contracted"
    about: ClassVar[str] = "a subscription that shrank"
    why: ClassVar[str] = "a customer who shrinks is deciding whether to stay"
    rank: ClassVar[int] = 110
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("mrr_90d_max", at_least=0.01),)
    plays: ClassVar[tuple[Play, ...]] = SEAT_PLAYS

    lost_ratio: float = Field(0.2, gt=0, le=1, description="of the money a month of up to 90 days ago")
    critical_ratio: float = Field(0.5, gt=0, le=1)

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while it is clearly less than before, Resolved once it is back or three months have passed."""
        now, before = facts.number("mrr_active"), facts.number("mrr_90d_max")
        if now is None or before is None or before <= 0:
            return UNKNOWN
        if now <= before * (1 - self.lost_ratio):
            severity: Severity = "critical" if now <= before * (1 - self.critical_ratio) else "warning"
            phrase = f"from {money(before, facts.currency)} to {money(now, facts.currency)} a month"
            return Firing(severity, f"pays less: {phrase}", f"They went {phrase}", {"mrr": now, "mrr_before": before})
        if signal is None:
            return KEPT
        if now >= signal.evidence.get("mrr_before", before) * (1 - self.lost_ratio):
            return Resolved(f"They pay {money(now, facts.currency)} a month again")
        return Resolved(f"They have paid {money(now, facts.currency)} a month for three months", now >= before)
