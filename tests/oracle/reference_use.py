"""Use against the best half-year, the chance to be alive, and the most active user's gap, from who was there when.

Written from the definitions (docs/metrics.md) over a table of days, without anything of the product: whole histories,
sums made anew for every day.
"""

from collections.abc import Sequence
from typing import Any

WINDOWS = {14: 6, 42: 8, 182: 10}


class Lives:
    """An account by its days.

    Args:
        active: (day, user) of every usage event; days as integers of any beginning.
        first: the day from which on it is looked at, where that is later than the first use.
    """

    def __init__(self, active: Sequence[tuple[int, str]], first: int = 0) -> None:
        self.active = sorted({visit for visit in active if visit[0] >= first})
        self.first = max(min(day for day, _ in active), first)
        self.users: dict[int, int] = {}
        for day, _ in self.active:
            self.users[day] = self.users.get(day, 0) + 1

    def seen(self, last: int, days: int) -> int:
        """User-days of the days that end with one."""
        return sum(self.users.get(day, 0) for day in range(last + 1 - days, last + 1))

    def best(self, day: int) -> float:
        """The largest half-year up to a day, each faded from its end on."""
        ends = range(self.first, day + 1)
        return max((self.seen(end, 182) * 0.9 ** ((day - end) / 365) for end in ends), default=0.0)

    def season(self, day: int, window: int) -> float:
        """How far last year's days lay under the lower of the quarters around them."""
        if day - self.first < 364 + window + 91:
            return 1.0
        around = window / 91 * min(self.seen(day - 364 - window, 91), self.seen(day - 273, 91))
        floor = WINDOWS[window]
        return min(max((self.seen(day - 364, window) + floor) / (around + floor), 0.2), 1.0)

    def ratio(self, day: int, window: int) -> float:
        """Seen against expected in one window."""
        age, floor = day - self.first + 1, WINDOWS[window]
        a_day = self.best(day) / min(max(age, 56), 182)
        share = 1.0 if window == 182 else self.season(day, window)
        return min(1.0, (self.seen(day, window) + floor) / (a_day * min(window, age) * share + floor))

    def fall_days(self, day: int) -> int | None:
        """For how many days 14 days have had less than 75 % of the best; None: they have it, or never had."""
        age = day - self.first + 1
        enough = 0.75 * (14 * self.best(day) / min(max(age, 56), 182) + 6) - 6
        return next((back for back in range(min(age, 400) + 1) if self.seen(day - back, 14) >= enough), None) or None

    def alive(self, day: int) -> float:
        """BG/NBD over the active ones of the last 52 weeks, counted back from the day."""
        weeks = [week for week in range(52) if self.seen(day - 7 * week, 7) > 0]
        if not weeks:
            return 0.0
        age, last, repeats = weeks[-1], weeks[-1] - weeks[0], len(weeks) - 1
        if repeats == 0:
            return 1.0 if age == 0 else float((4.414 / (4.414 + age)) ** 0.3)
        dead = 0.793 / (2.426 + repeats - 1) * ((4.414 + age) / (4.414 + last)) ** (0.243 + repeats)
        return float(1 / (1 + dead))

    def top(self, day: int) -> tuple[int, int]:
        """Most active days of any user so far, and the last day of who has them."""
        days: dict[str, list[int]] = {}
        for at, user in self.active:
            if at <= day:
                days.setdefault(user, []).append(at)
        return max((len(found), found[-1]) for found in days.values())

    def measures(self, day: int) -> dict[str, Any]:
        """What the product should say as of the end of a day."""
        names = ("use_vs_best", "use_vs_best_window_days", "best_half_year", "p_alive", "top_user_gap", "top_user_days")
        found: dict[str, Any] = dict.fromkeys(names)
        found |= {f"{what}_{window}": None for what in ("use", "user_days") for window in WINDOWS}
        found |= {"season_14": None, "season_42": None}
        if day - self.first + 1 < 14:
            return found
        most, last = self.top(day)
        found |= {"p_alive": self.alive(day), "top_user_gap": day - last, "top_user_days": most}
        if self.best(day) < 10:
            return found
        ratios = {window: self.ratio(day, window) for window in WINDOWS}
        lowest = min(ratios.values())
        return found | {
            "use_vs_best": lowest,
            "use_vs_best_window_days": max(window for window, ratio in ratios.items() if ratio == lowest),
            "best_half_year": self.best(day),
            **{f"use_{window}": ratio for window, ratio in ratios.items()},
            **{f"user_days_{window}": self.seen(day, window) for window in WINDOWS},
            **{f"season_{window}": self.season(day, window) for window in (14, 42)},
        }
