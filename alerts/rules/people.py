"""The people behind the usage: its champions left, most of its users did, or all hangs on one or two."""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from pydantic import Field

from alerts.account_facts import AccountFacts
from alerts.model import Channel, Number, Severity, Signal
from alerts.playbooks import Play
from alerts.rules.plays import REGAIN_USE_PLAYS
from alerts.rules.precondition import Precondition
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule
from alerts.text import in_brackets, names_of, plural

_CHAMPION_GONE_PLAYS: Final = (
    Play(
        id="find_out",
        name="Find out where they are",
        do="Holiday, another job, another team? Call, and look them up, before anything else.",
    ),
    Play(
        id="meet_the_next",
        name="Meet the next champion",
        do="Ask the sponsor who takes over, and onboard that person yourself within two weeks.",
    ),
    Play(
        id="secure_knowledge",
        name="Secure what they built",
        do="List their reports, automations and integrations with the customer, and give each a new owner.",
    ),
    Play(
        id="widen",
        name="Win two more people",
        do="Train two more users on what the champion did, on their own data, so that it never hangs on one again.",
    ),
    Play(
        id="follow_them",
        name="Follow the champion",
        do="If they changed company, congratulate them; a champion in a new place is the warmest lead there is.",
        who="account executive",
    ),
)


class ChampionGone(Rule):
    """Fires while at least `gone_ratio` of an account's champions were not active for two weeks.

    Champions are the fewest users that made half of the active days of the month before (docs/metrics.md). All of them
    gone is critical: whoever championed the product may have left the company. Who stopped is kept by name, and stays
    the reason until they are back or others are the champions for `replaced_days`; that a window moves on ends nothing.

    Source: Five metrics (breadth): with one or two users a single departure is a serious hit.
    """

    name: ClassVar[str] = "champion_gone"
    about: ClassVar[str] = "the most active users who stopped"
    why: ClassVar[str] = "whoever brought the product in may have left, and nobody else defends it yet"
    rank: ClassVar[int] = 50
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("champions_gone", at_least=1),)
    shows: ClassVar[tuple[str, ...]] = ("mau",)
    speaks_of: ClassVar[tuple[str, ...]] = ("top_user_gap",)
    people: ClassVar[tuple[str, str]] = ("champions_gone_users", "champions_gone")
    plays: ClassVar[tuple[Play, ...]] = _CHAMPION_GONE_PLAYS

    inhibited_by: tuple[str, ...] = ("silence",)
    gone_ratio: float = Field(0.5, gt=0, le=1, description="such a share of the champions, at least one")
    replaced_days: int = Field(30, ge=1, le=365, description="others are the champions for so long: they are replaced")

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while too many are away, Resolved once who stopped is back or replaced."""
        gone, champions = facts.number("champions_gone"), facts.number("champions")
        if gone is None or champions is None:
            return UNKNOWN
        away = facts.texts("champions_gone_users")
        if gone >= 1 and gone >= self.gone_ratio * champions:
            return self._firing(facts, gone, champions, tuple(away))
        if signal is None:
            return KEPT
        if gone >= 1:
            today = self._firing(facts, gone, champions, tuple(away))
            return Indeterminate("some of the most active users are still away", today)
        quiet = facts.quiet_working_days
        if quiet is not None and quiet > (facts.number("silence_limit_days") or 0):
            return self._waiting(facts, signal)  # nobody is there, so nobody is back
        present = set(facts.texts("key_users_active")) if "key_users_active" in facts.report.measures else None
        if present is not None and signal.names and present & set(signal.names):
            back = facts.called(sorted(present & set(signal.names)))
            return Resolved(f"{names_of(back)} {'is' if len(back) == 1 else 'are'} back")
        since = (facts.now - signal.since).days
        if champions >= 1 and since >= self.replaced_days:
            return Resolved(f"Others carry it now: {plural(round(champions), 'most active user')}, all active", False)
        return self._waiting(facts, signal)

    def _waiting(self, facts: AccountFacts, signal: Signal) -> Indeterminate:
        """Who stopped stays the reason, also where they are no champions any more."""
        who = facts.who(signal.names) or "its key users"
        are = f"{who} {'is' if len(signal.names) == 1 else 'are'} not back"
        today = Firing("info", f"may be losing its champion: {are}", f"{are}, and nobody has taken over", {})
        return Indeterminate("who stopped is not back, and nobody has taken their place", today)

    def end_due(self, facts: AccountFacts, signal: Signal) -> datetime | None:
        """When others have carried it for long enough."""
        replaced_at = signal.since + timedelta(days=self.replaced_days)
        return replaced_at if replaced_at > facts.now else None

    def _firing(self, facts: AccountFacts, gone: Number, champions: Number, away: tuple[str, ...]) -> Firing:
        severity: Severity = "critical" if gone >= champions else "warning"
        if champions == 1:
            whom, sentence = "its key user has stopped", "Its key user was last active over two weeks ago"
        elif gone >= champions:
            whom, sentence = "all of its key users have stopped", "None of its key users was active for two weeks"
        else:
            whom = f"{gone:.0f} of its {champions:.0f} key users {'has' if gone == 1 else 'have'} stopped"
            sentence = f"{gone:.0f} of its {champions:.0f} key users not active for over two weeks"
        who = in_brackets(facts.named(*self.people)) if away else ""
        return Firing(
            severity,
            f"may be losing its champion: {whom}{who}",
            f"{sentence}{who}",
            {"champions_gone": gone, "champions": champions},
            away,
        )


class BreadthCollapsed(Rule):
    """Fires while an account has lost `lost_ratio` or more of its monthly users.

    The users that it had are kept while it fires. Over when most are back, or when the new level is accepted: that a
    month went by at it ends nothing. Losing three quarters is critical, and a page for an account with money or seats.

    Source: Five metrics (breadth): many users absorb turnover, few do not. A handbook of the field calls a fall of the
    active share of over 20 % poor; half of all users is a collapse and no season.
    """

    name: ClassVar[str] = "breadth_collapsed"
    about: ClassVar[str] = "most of the users who left within a month"
    why: ClassVar[str] = "with so few users left, one more departure can end it"
    rank: ClassVar[int] = 30
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("mau_previous", at_least="users_min"),)
    speaks_of: ClassVar[tuple[str, ...]] = ("mau", "breadth_change_ratio")
    plays: ClassVar[tuple[Play, ...]] = REGAIN_USE_PLAYS

    opens: bool = True
    inhibited_by: tuple[str, ...] = ("silence",)
    critical_channel: Channel | None = "page"
    lost_ratio: float = Field(0.5, gt=0, le=1, description="such a share of last month's users is gone")
    critical_ratio: float = Field(0.75, gt=0, le=1)
    users_min: int = Field(5, ge=1, le=10_000, description="of so many users at least")
    margin_ratio: float = Field(0.25, ge=0, le=1, description="how much less than lost_ratio may be missing to be over")

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while the users are gone, Resolved once most are back."""
        users, before = facts.number("mau"), facts.number("mau_previous")
        if users is None:
            return UNKNOWN
        if signal is not None:
            return self._ongoing(facts, users, signal.evidence["users_before"])
        if before is None:
            return UNKNOWN
        if before < self.users_min or users > before * (1 - self.lost_ratio):
            return KEPT
        return self._firing(facts, users, before)

    def _ongoing(self, facts: AccountFacts, users: Number, had: Number) -> RuleResult:
        lost = 1 - users / had
        if lost <= max(self.lost_ratio - self.margin_ratio, 0):
            return Resolved(f"{users:.0f} of {had:.0f} monthly users are back")
        if lost < self.lost_ratio:
            back = f"{users:.0f} of {had:.0f} monthly users"
            today = Firing("info", f"has {back}", f"{back} are there", {"users": users})
            return Indeterminate(f"{back} are back: not yet over", today)
        return self._firing(facts, users, had)

    def _firing(self, facts: AccountFacts, users: Number, had: Number) -> Firing:
        lost = 1 - users / had
        worth = (facts.mrr or 0) > 0 or (facts.seats or 0) > 1
        fell = f"monthly users fell from {had:.0f} to {users:.0f}"
        return Firing(
            "critical" if lost >= self.critical_ratio else "warning",
            f"has lost most of its users: {fell}" if users else f"has lost all of its users: {fell}",
            f"Monthly users fell from {had:.0f} to {users:.0f}",
            {"users": users, "users_before": had},
            channel=None if worth else self.channel,
        )


class UsersLost(Rule):
    """Fires while `lost_ratio` or more of the users who were established are lost.

    Source: measured over real histories (docs/health.md): that those leave who came for long says more than how many
    come this month.
    """

    name: ClassVar[str] = "users_lost"
    about: ClassVar[str] = "established users who stopped for good"
    why: ClassVar[str] = "who used it for long and stops seldom comes back unasked"
    rank: ClassVar[int] = 70
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("established_users_lost", at_least=0.01),)
    people: ClassVar[tuple[str, str]] = ("established_users_lost_users", "established_users_lost")
    plays: ClassVar[tuple[Play, ...]] = REGAIN_USE_PLAYS

    inhibited_by: tuple[str, ...] = ("silence", "breadth_collapsed", "score_low")
    lost_ratio: float = Field(0.5, gt=0, le=1, description="such a share of the established users")
    users_min: int = Field(4, ge=1, le=10_000, description="of so many at least")

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while too many are lost, Resolved once most are back or others are established."""
        lost, users = facts.number("established_users_lost"), facts.number("established_users")
        if lost is None or users is None:
            return UNKNOWN
        if users >= self.users_min and lost >= self.lost_ratio * users:
            who = facts.texts("established_users_lost_users")
            phrase = f"{lost:.0f} of {users:.0f} established users have stopped"
            named = in_brackets(facts.named(*self.people))
            return Firing(
                "warning", f"is losing its regulars: {phrase}", f"{phrase}{named}", {"lost": lost}, tuple(who)
            )
        if signal is None:
            return KEPT
        return Resolved(f"{users - lost:.0f} of {users:.0f} established users are active")


class FewUsers(Rule):
    """Fires while half of the use hangs on one or two people, in an account that pays for `seats_min` seats or more.

    Source: Five metrics (breadth, turnover exposure): 1 means that one departure can lose the account.
    """

    name: ClassVar[str] = "few_users"
    about: ClassVar[str] = "half of the use that hangs on one or two people"
    why: ClassVar[str] = "one new job of one person can end it"
    rank: ClassVar[int] = 220
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("users_for_half", at_most="users_max"),)
    shows: ClassVar[tuple[str, ...]] = ("mau",)
    plays: ClassVar[tuple[Play, ...]] = _CHAMPION_GONE_PLAYS

    channel: Channel = "log"
    inhibited_by: tuple[str, ...] = ("silence", "breadth_collapsed", "onboarding_stuck")
    users_max: int = Field(2, ge=1, le=100, description="so few people make half of the use")
    seats_min: int = Field(5, ge=1, le=100_000)
    for_hours: float = Field(336, ge=0, le=720)

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while it hangs on too few, Resolved once more carry it."""
        half, seats = facts.number("users_for_half"), facts.seats
        if half is None or seats is None or half < 1:
            return UNKNOWN
        if half <= self.users_max and seats >= self.seats_min:
            whom = "one person" if half == 1 else f"{half:.0f} people"
            phrase = f"half of the use hangs on {whom}"
            return Firing(
                "info", f"depends on very few: {phrase}", phrase[0].upper() + phrase[1:], {"users_for_half": half}
            )
        return KEPT if signal is None else Resolved(f"{plural(round(half), 'person', 'people')} make half of the use")
