"""What an account's use is compared with, as it is drawn on the chart of its users: a window, a level, who stopped."""

from dataclasses import dataclass
from datetime import date

from stream.contracts.report import HealthReport


@dataclass(frozen=True)
class UseLevel:
    """The window of days that `use_vs_best` is taken from.

    Attributes:
        days: how many it has, the last ones up to the report's.
        user_days: active users, added up over them.
        expected: what as many days of its best half-year would have, a season and holidays taken off.
        ratio: `use_vs_best`.
        since: the day since which it is low; None while it is not, or where that is longer ago than is known.
        stopped: established users who stopped, by name where one is known; the first few.
        stopped_more: how many more.
        is_accepted: whether it is compared with what somebody accepted as the new normal.
    """

    days: int
    user_days: int
    expected: float
    ratio: float
    since: date | None
    stopped: list[str]
    stopped_more: int
    is_accepted: bool

    @property
    def expected_a_day(self) -> float:
        """Users a day."""
        return self.expected / self.days


def use_level(report: HealthReport) -> UseLevel | None:
    """The window as the report's measures have it; None while use is not compared."""
    measures = report.measures
    days, ratio = measures.get("use_vs_best_window_days"), measures.get("use_vs_best")
    if days is None or ratio is None:
        return None
    user_days, expected = measures.get(f"user_days_{days}"), measures.get(f"expected_{days}")
    if user_days is None or expected is None:
        return None
    since = measures.get("fall_since")
    stopped: list[str] = measures.get("established_users_lost_users") or []
    more = (measures.get("established_users_lost") or 0) - len(stopped)
    return UseLevel(
        days,
        user_days,
        expected,
        ratio,
        None if since is None else date.fromisoformat(since),
        [report.names.get(user, user) for user in stopped],
        max(more, 0),
        measures.get("best_since") is not None,
    )
