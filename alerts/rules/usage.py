"""Use of the product: it stopped, it never began, or it lies far below what the account was used to."""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from pydantic import Field

from alerts.account_facts import AccountFacts
from alerts.model import Channel, Severity, Signal, Tone
from alerts.playbooks import Play
from alerts.rules.plays import FIRST_VALUE_PLAYS, NEXT_STEP_PLAYS, REGAIN_USE_PLAYS
from alerts.rules.precondition import Precondition
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule
from alerts.text import names_of, plural

_LOOK_AHEAD_DAYS: Final = 400


class Silence(Rule):
    """Fires while an account is quiet for longer than its own habit allows.

    What is long is the account's own: `silence_limit_days` working days, 3 for one that is used every day and weeks for
    one that is used once a month. Weekends and holidays are no silence. Over once somebody was active. A page is the
    total silence, twice the limit, of an account that has money or seats behind it.

    Source of the limit: docs/metrics.md. Twice the limit is critical: at first it is a question, then it is an answer.
    """

    name: ClassVar[str] = "silence"
    about: ClassVar[str] = "nobody uses the product any more"
    why: ClassVar[str] = "a product that nobody opens is not missed at the renewal"
    rank: ClassVar[int] = 20
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("silence_limit_days"),)
    shows: ClassVar[tuple[str, ...]] = ("mau",)
    speaks_of: ClassVar[tuple[str, ...]] = (
        "silence_ratio",
        "days_since_active",
        "use_vs_best",
        "top_user_gap",
        "p_alive",
    )
    plays: ClassVar[tuple[Play, ...]] = (
        Play(
            id="call_now",
            name="Call, do not write",
            do="Call the champion today. Ask what stopped, listen, and book a restart session within the week.",
        ),
        Play(
            id="check_access",
            name="Check that they can get in",
            do="Rule out the plain reasons first: a changed login, a moved team, a broken integration, an invoice.",
            who="owner with support",
        ),
        Play(
            id="second_contact",
            name="Find a second contact",
            do="Where the champion does not answer in two days, call the second most active user of the last quarter.",
        ),
        Play(
            id="bring_news",
            name="Bring something new",
            do="Show one thing that they asked for and that is there now; a reason to come back beats a reminder.",
        ),
        Play(
            id="ask_sponsor",
            name="Ask the sponsor",
            do="Write to the sponsor what stands still since when, and what it was worth to them; ask if it is wanted.",
            who="manager",
        ),
    )

    opens: bool = True
    critical_channel: Channel | None = "page"
    limit_ratio: float = Field(1.0, gt=0, le=10, description="quiet for longer than so many times its own limit")
    critical_ratio: float = Field(2.0, gt=0, le=20, description="and than so many times: critical")
    page_seats_min: int = Field(2, ge=0, description="a page from so many seats, or with any money behind it")

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing when it is quiet for too long, Resolved once somebody came back."""
        quiet, limit = facts.quiet_working_days, facts.number("silence_limit_days")
        if quiet is None or limit is None or limit <= 0:
            return UNKNOWN
        if quiet > self.limit_ratio * limit:
            severity: Severity = "critical" if quiet > self.critical_ratio * limit else "warning"
            days, usual = plural(quiet, "working day"), f"normally never more than {round(limit)}"
            worth = (facts.mrr or 0) > 0 or (facts.seats or 0) >= self.page_seats_min
            return Firing(
                severity,
                f"has gone quiet: no logins for {days} ({usual})",
                f"Nobody has logged in for {days} ({usual})",
                {"quiet_days": quiet, "limit_days": limit},
                channel=None if worth else self.channel,
            )
        if signal is None:
            return KEPT
        if quiet > signal.evidence.get("limit_days", limit) / 2:
            days = plural(quiet, "working day")
            today = Firing(
                "info",
                f"had somebody back, and is quiet again: no logins for {days}",
                f"Somebody was back; no logins for {days} since",
                {"quiet_days": quiet},
            )
            return Indeterminate("somebody was there, and it is quiet again", today)
        return Resolved("Somebody has logged in again")

    def due(self, facts: AccountFacts) -> datetime | None:
        """The first midnight at which the next line is passed, if nobody comes."""
        quiet, limit = facts.quiet_working_days, facts.number("silence_limit_days")
        if quiet is None or limit is None or limit <= 0 or quiet > self.critical_ratio * limit:
            return None
        line = (self.limit_ratio if quiet <= self.limit_ratio * limit else self.critical_ratio) * limit
        first_day = facts.report_day - int(facts.number("days_since_active") or 0) + 1  # nobody was there from it on
        day = max(facts.day, first_day) + max(int(line) + 1 - quiet, 1)  # if no day off came between
        while facts.calendar.between(first_day, day) <= line and day < facts.day + _LOOK_AHEAD_DAYS:
            day += 1
        return facts.start_of_day(day)


class NeverUsed(Rule):
    """Fires while an account pays, or has seats, and nobody has ever logged in, from `waiting_days` after its start.

    It does not end by itself: it is over when somebody logs in, or the account ends. Where nobody's usage is told, that
    nobody logged in says nothing.
    """

    name: ClassVar[str] = "never_used"
    about: ClassVar[str] = "a paying customer who never logged in"
    why: ClassVar[str] = "nobody renews what nobody ever opened"
    rank: ClassVar[int] = 180
    plays: ClassVar[tuple[Play, ...]] = FIRST_VALUE_PLAYS

    opens: bool = True
    inhibited_by: tuple[str, ...] = ("onboarding_stuck",)
    for_hours: float = Field(168, ge=0, le=720, description="known to Heartline for so long without anybody")
    waiting_days: int = Field(14, ge=1, le=1000)
    critical_days: int = Field(60, ge=1, le=1000)

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while nobody came, Resolved once somebody did."""
        if facts.number("days_since_active") is not None or facts.number("days_known") is not None:
            return KEPT if signal is None else Resolved("Somebody has logged in for the first time")
        started = facts.profile.started_at
        if started is None or not self._pays(facts) or not facts.has_usage_feed:
            return UNKNOWN
        waiting = (facts.now - started).days
        if waiting < self.waiting_days:
            return KEPT
        severity: Severity = "critical" if waiting >= self.critical_days else "warning"
        days = plural(waiting, "day")
        return Firing(
            severity,
            f"has never used it: {days} since the start, and nobody has logged in",
            f"Nobody has ever logged in, {days} after the start",
            {"waiting_days": waiting},
        )

    def due(self, facts: AccountFacts) -> datetime | None:
        """The day on which it has waited for so long, or for very long."""
        started = facts.profile.started_at
        if started is None or facts.number("days_since_active") is not None or not self._pays(facts):
            return None
        coming = [started + timedelta(days=days) for days in (self.waiting_days, self.critical_days)]
        return min((moment for moment in coming if moment > facts.now), default=None)

    def _pays(self, facts: AccountFacts) -> bool:
        """Whether there is money or a seat behind it."""
        return (facts.mrr or 0) > 0 or (facts.seats or 0) > 0


class UseDeclined(Rule):
    """Fires while use lies below `below_ratio` of the account's own best half-year; over from `exit_ratio` on.

    Source: measured over real histories (docs/health.md): distance from the account's own best is what tells a dying
    account; distance from the month before is noise.
    """

    name: ClassVar[str] = "use_declined"
    about: ClassVar[str] = "use far below the account's own best half-year"
    why: ClassVar[str] = "what they once did with it is the value that they pay for"
    rank: ClassVar[int] = 80
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("use_vs_best", at_most="below_ratio"),)
    plays: ClassVar[tuple[Play, ...]] = REGAIN_USE_PLAYS

    opens: bool = True
    inhibited_by: tuple[str, ...] = ("silence", "score_low")
    below_ratio: float = Field(0.4, gt=0, lt=1, description="share of its best half-year")
    exit_ratio: float = Field(0.6, gt=0, le=1, description="over again from here")
    for_hours: float = Field(168, ge=0, le=720)

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing below, Resolved above the exit, Indeterminate between."""
        ratio = facts.number("use_vs_best")
        if ratio is None:
            return UNKNOWN
        if ratio >= self.below_ratio and signal is None:
            return KEPT
        phrase = f"{ratio:.0%} of its best half-year"
        if ratio < self.below_ratio:
            return Firing("warning", f"is down to {phrase} of use", f"Use is at {phrase}", {"ratio": ratio})
        if ratio < self.exit_ratio:
            today = Firing("info", f"is at {phrase} of use", f"Use is at {phrase}", {"ratio": ratio})
            return Indeterminate(f"use is at {phrase}: not yet over", today)
        return Resolved(f"Use is back at {ratio:.0%} of its best half-year")


class FeaturesAbandoned(Rule):
    """Fires while features that were in use are not any more, `lost_min` or more of them, and others still are.

    Source: Five metrics (depth): a feature that is dropped is a job that somebody does elsewhere now.
    """

    name: ClassVar[str] = "features_abandoned"
    about: ClassVar[str] = "features that were in use and are not any more"
    why: ClassVar[str] = "a feature that is dropped is a job that is done elsewhere now"
    rank: ClassVar[int] = 200
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("feature_status"),)
    shows: ClassVar[tuple[str, ...]] = ("depth",)
    plays: ClassVar[tuple[Play, ...]] = NEXT_STEP_PLAYS

    inhibited_by: tuple[str, ...] = ("silence", "score_low", "breadth_collapsed")
    lost_min: int = Field(2, ge=1, le=100, description="so many features at least ...")
    lost_ratio: float = Field(0.5, gt=0, le=1, description="... and such a share of those that were ever used")

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while too many lapsed, Resolved once they are back or few are missing."""
        status, depth = facts.report.measures.get("feature_status"), facts.number("depth")
        if not isinstance(status, dict) or depth is None:
            return UNKNOWN
        lapsed = sorted(str(name) for name, word in status.items() if word == "lapsed")
        used = sum(word == "used" for word in status.values())
        known = len(lapsed) + used
        if used and len(lapsed) >= self.lost_min and len(lapsed) >= self.lost_ratio * known:
            phrase = names_of(lapsed)
            return Firing(
                "warning",
                f"has stopped using {phrase}",
                f"Not used any more: {phrase} ({used} of {known} features still are)",
                {"lapsed": len(lapsed), "used": used},
            )
        if signal is None:
            return KEPT
        return Resolved(f"{used} of {known} features are in use" if known else "No core feature is known any more")


class WinBack(Rule):
    """Fires while an account that has churned is used: somebody came within `active_days`, for two weeks on end.

    The only rule that looks at accounts that have churned.
    """

    name: ClassVar[str] = "win_back"
    about: ClassVar[str] = "a customer who left and uses it again"
    why: ClassVar[str] = "who comes back unasked has found nothing better"
    rank: ClassVar[int] = 235
    tone: ClassVar[Tone] = "opportunity"
    is_for_churned: ClassVar[bool] = True
    plays: ClassVar[tuple[Play, ...]] = (
        Play(
            id="ask_what_for",
            name="Ask what they use it for",
            do="Call whoever came back, and ask what they missed. Sell nothing in that call.",
        ),
        Play(
            id="small_offer",
            name="Offer a small way back",
            do="Offer what fits those who are there, with a price and a date.",
        ),
        Play(
            id="check_reason",
            name="Check why they left",
            do="Read the reason that was noted. If it is mended, say so first; if not, say when it will be.",
        ),
    )

    for_hours: float = Field(336, ge=0, le=720)
    active_days: int = Field(3, ge=0, le=365, description="somebody was active within so many days")

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while it is used, Resolved once it is not, or they are a customer again."""
        quiet = facts.quiet_days
        if quiet is None:
            return UNKNOWN
        if facts.stage != "churned":
            return KEPT if signal is None else Resolved("They are a customer again")
        if quiet <= self.active_days:
            users = facts.number("mau")
            phrase = f" by {plural(round(users), 'person', 'people')} in the last month" if users else ""
            return Firing(
                "info", f"left, and is used again{phrase}", f"Left, and used again{phrase}", {"quiet_days": quiet}
            )
        return KEPT if signal is None else Resolved("Nobody uses it any more", recovered=False)

    def due(self, facts: AccountFacts) -> datetime | None:
        """The midnight after which nobody was there for too long."""
        quiet = facts.quiet_days
        if facts.stage != "churned" or quiet is None or quiet > self.active_days:
            return None
        return facts.start_of_day(facts.day + self.active_days + 1 - quiet)
