"""The people behind the usage: its champions left, or most of its users did."""

from typing import ClassVar, Final

from pydantic import Field

from alerts.model import Alert, Number, Severity
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule, number
from alerts.text import plural
from stream.contracts.report import AlertReportView

_SOME_GONE: Final = Indeterminate("some of the most active users are still away")


class ChampionGone(Rule):
    """Broken while at least `gone_ratio` of an account's champions were not active for two weeks.

    Champions are the fewest users that made half of the active days of the month before (docs/metrics.md). All of them
    gone is critical: whoever championed the product may have left the company.

    Source: Five metrics (breadth): with one or two users a single departure is a serious hit.
    """

    name: ClassVar[str] = "champion_gone"
    shows: ClassVar[tuple[str, ...]] = ("champions", "champions_gone", "mau")

    inhibited_by: tuple[str, ...] = ("silence",)
    gone_ratio: float = Field(0.5, gt=0, le=1, description="such a share of the champions, at least one")

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing while too many are away, Resolved once all are there or others have taken their place."""
        gone, champions = number(report, "champions_gone"), number(report, "champions")
        if gone is None or champions is None:
            return UNKNOWN
        if gone >= 1 and gone >= self.gone_ratio * champions:
            severity: Severity = "critical" if gone >= champions else "warning"
            whom = "its most active user" if champions == 1 else f"{gone:.0f} of its {champions:.0f} most active users"
            return Firing(
                severity, f"{whom} not active for two weeks", {"champions_gone": gone, "champions": champions}
            )
        if alert is None:
            return KEPT
        if gone >= 1:
            return _SOME_GONE
        if champions < 1:
            return Resolved("nobody stands out any more among its users", recovered=False)
        return Resolved(f"its {plural(round(champions), 'most active user')} of the last weeks all active")


class BreadthCollapsed(Rule):
    """Broken while an account has lost `lost_ratio` or more of its monthly users.

    The users that it had are kept for the whole episode. Over when most are back, or when a month went by at the new
    level. Losing three quarters is critical.

    Source: Five metrics (breadth): many users absorb turnover, few do not. A handbook of the field calls a fall of the
    active share of over 20 % poor; half of all users is a collapse and no season.
    """

    name: ClassVar[str] = "breadth_collapsed"
    shows: ClassVar[tuple[str, ...]] = ("wau", "users_for_half")

    inhibited_by: tuple[str, ...] = ("silence",)
    lost_ratio: float = Field(0.5, gt=0, le=1, description="such a share of last month's users is not there any more")
    critical_ratio: float = Field(0.75, gt=0, le=1)
    users_min: int = Field(5, ge=1, le=100_000, description="fewer users than that, and one person decides")
    margin_ratio: float = Field(0.25, ge=0, le=1, description="how much more must be back to be over")

    def evaluate(self, report: AlertReportView, alert: Alert | None, settled: Baseline | None) -> RuleResult:
        """Firing while the users are gone, Resolved once they are back or the new level has lasted."""
        users, before = number(report, "mau"), number(report, "mau_previous")
        if users is None:
            return UNKNOWN
        if alert is not None:
            return self._ongoing(users, before, alert.evidence["users_before"])
        if before is None:
            return UNKNOWN
        if before < self.users_min or users > before * (1 - self.lost_ratio):
            return KEPT
        return self._finding(users, before)

    def _ongoing(self, users: Number, before: Number | None, had: Number) -> RuleResult:
        lost = 1 - users / had
        if lost <= max(self.lost_ratio - self.margin_ratio, 0):
            return Resolved(f"{users:.0f} of {had:.0f} users are back")
        if before is not None and users >= 0.9 * before:
            return Resolved(f"steady at {plural(round(users), 'user')} for a month", recovered=False)
        if lost < self.lost_ratio:
            return Indeterminate(f"{users:.0f} of {had:.0f} users are back: not yet over")
        return self._finding(users, had)

    def _finding(self, users: Number, had: Number) -> Firing:
        lost = 1 - users / had
        return Firing(
            "critical" if lost >= self.critical_ratio else "warning",
            f"{lost:.0%} of its users gone: {had:.0f} a month before, {users:.0f} now",
            {"users": users, "users_before": had},
        )
