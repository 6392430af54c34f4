"""Thirty made-up accounts in which a customer-success lead knows what the score should say, and 78 checks of it.

    python -m bench.situations write events.jsonl 0
    heartline snapshot events.jsonl --every day --out health.csv
    python -m bench.situations check health.csv 0

The last argument is the seed of chance. Day 0 is a Monday; what happens to an account happens on day CHANGE.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

START: Final = date(2023, 1, 2).toordinal()
CHANGE: Final = 420  # sixty weeks of history
HALF_YEAR: Final = CHANGE + 180
END: Final = CHANGE + 270
TEN: Final = range(10)

Visit = tuple[int, object, int]  # day, user, events


class Account:
    """An account that is being made up.

    Args:
        seed: of its chance.
    """

    def __init__(self, seed: int) -> None:
        self.chance = np.random.RandomState(seed)
        self.visits: list[Visit] = []

    def come(self, day: int, user: object, often: float, events: int = 5) -> None:
        """A user comes on a day, so often, and does so much."""
        if self.chance.rand() < often:
            self.visits.append((day, user, 1 + self.chance.poisson(events - 1)))

    def daily(self, day: int, users: Iterable[object], often: float = 0.9, events: int = 5) -> None:
        """Users come on a working day."""
        if day % 7 < 5:
            for user in users:
                self.come(day, user, often, events)

    def weekly(self, day: int, users: Iterable[int]) -> None:
        """Each of them comes on a weekday of their own."""
        if day % 7 < 5:
            for user in users:
                if user * 2 % 5 == day % 7:
                    self.come(day, user, 0.85)


def _some_leave(account: Account, number: int) -> None:
    gone = set(account.chance.permutation(10)[:number])
    for day in range(END + 1):
        account.daily(day, [user for user in TEN if day < CHANGE or user not in gone])


def _one_after_the_other_leaves(account: Account) -> None:
    order = list(account.chance.permutation(20))
    for day in range(END + 61):
        left = 0 if day < CHANGE else min(20, 1 + (day - CHANGE) // 14)
        account.daily(day, order[left:])


def _daily_becomes_weekly(account: Account) -> None:
    for day in range(END + 1):
        account.daily(day, TEN) if day < CHANGE else account.weekly(day, TEN)


def _away(account: Account, days: int, until: int) -> None:
    for day in range(until):
        if not CHANGE <= day < CHANGE + days:
            account.daily(day, TEN)


def _season(account: Account) -> None:
    for day in range(1000):
        month = date.fromordinal(START + day).month
        account.daily(day, TEN, 0.9 * (0.4 if month in (8, 12) else 1))


def _christmas(account: Account) -> None:
    for day in range(1120):
        at = date.fromordinal(START + day)
        off = (at.month == 12 and at.day >= 22) or (at.month == 1 and at.day <= 2)
        account.daily(day, TEN, 0.9 * (0.05 if off else 1))


def _small(account: Account, users: int, stops: bool) -> None:
    for week in range((END + 1) // 7 + 1):
        if stops and week * 7 >= CHANGE:
            break
        days = account.chance.permutation(5)[: account.chance.randint(1, 4)]
        for day in sorted(days):
            for user in account.chance.permutation(users)[: account.chance.randint(1, users + 1)]:
                account.come(week * 7 + day, int(user), 1.0)


def _once_a_week(account: Account, stops: bool) -> None:
    for day in range(END + 1):
        if stops and day >= CHANGE:
            break
        if day % 7 == 1:
            for user in range(5):
                account.come(day, user, 0.9)


def _champion_leaves(account: Account) -> None:
    """Who made four fifths of the events, and half of the user-days."""
    for day in range(END + 1):
        if day < CHANGE:
            account.daily(day, [99], 0.95, 20)
        account.weekly(day, range(5))


def _lone_champion_leaves(account: Account) -> None:
    """Who made four fifths of the user-days as well."""
    for day in range(END + 1):
        if day < CHANGE:
            account.daily(day, [99], 0.95, 8)
        if day % 7 < 5:
            for user in range(4):
                account.come(day, user, 0.06)


def _plateau(account: Account) -> None:
    for day in range(730):
        account.daily(day, range(round(2 + 18 * day / 300 if day < 300 else 16)))


def _spike(account: Account) -> None:
    for day in range(CHANGE + 400):
        account.daily(day, range(15 if CHANGE <= day < CHANGE + 30 else 5))


def _good_start(account: Account) -> None:
    for day in range(240):
        account.daily(day, range(min(10, 1 + day // 7)))


def _stalled_start(account: Account) -> None:
    for day in range(240):
        account.daily(day, range(5)) if day < 14 else account.weekly(day, [0])


def _dead_start(account: Account) -> None:
    for day in range(30):
        account.daily(day, range(4))


def _steady(account: Account, users: int, often: float, days: int) -> None:
    for day in range(days):
        account.daily(day, range(users), often)


def _rolled_out_and_halved(account: Account) -> None:
    for day in range(END + 1):
        account.daily(day, range(2 if day < 90 else 20 if day < CHANGE else 10))


def _broad_and_shallow(account: Account) -> None:
    for day in range(END + 1):
        share = min(1.0, (day - CHANGE) / 180)
        if day < CHANGE:
            account.daily(day, TEN)
        else:
            account.daily(day, range(int(10 + 20 * share)), 0.9 + (0.2 - 0.9) * share)


def _turnover(account: Account) -> None:
    for day in range(END + 1):
        first = max(0, (day - CHANGE) // 30 + 1) if day >= CHANGE else 0
        account.daily(day, range(first, first + 10))


def _fade(account: Account) -> None:
    for day in range(END + 1):
        account.daily(day, TEN, 0.9 * (1 - 0.7 * min(1, max(0, day - CHANGE) / 180)))


MAKE: Final[dict[str, Callable[[Account], None]]] = {
    **{f"a{number}": lambda account, number=number: _some_leave(account, number) for number in (10, 9, 6, 4, 2)},  # type: ignore[misc]
    "b20": _one_after_the_other_leaves,
    "c_weekly": _daily_becomes_weekly,
    "d_return60": lambda account: _away(account, 60, END + 1),
    "e_season": _season,
    "f_small2": lambda account: _small(account, 2, stops=False),
    "f_small3": lambda account: _small(account, 3, stops=False),
    "f_small_stop": lambda account: _small(account, 3, stops=True),
    "g_weekly": lambda account: _once_a_week(account, stops=False),
    "g_weekly_stop": lambda account: _once_a_week(account, stops=True),
    "h_champion": _champion_leaves,
    "h2_champion": _lone_champion_leaves,
    "i_plateau80": _plateau,
    "j_spike3x": _spike,
    "k_good": _good_start,
    "k_stalled": _stalled_start,
    "k_dead30": _dead_start,
    "k_pilot": lambda account: _steady(account, 2, 0.7, 240),
    "l_pilot10x": _rolled_out_and_halved,
    "m_shallow": _broad_and_shallow,
    "n_christmas": _christmas,
    "o_react": lambda account: _away(account, 200, END + 201),
    "p_stable10": lambda account: _steady(account, 10, 0.8, 1000),
    "p_stable3": lambda account: _steady(account, 3, 0.6, 1000),
    "r_turnover": _turnover,
    "s_fade": _fade,
}
LAST_DAYS: Final = {
    **{"b20": CHANGE + 330, "e_season": 999, "i_plateau80": 729, "j_spike3x": CHANGE + 399, "k_good": 239},
    **{"k_stalled": 239, "k_dead30": 239, "k_pilot": 239, "n_christmas": 1119, "o_react": CHANGE + 470},
    **{"p_stable10": 999, "p_stable3": 999},
}


def _on(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal() - START


# What holds of the days from one to another: the score is once below, or stays below, a bound; once reaches it, or
# stays at it or above (3 of 100 days may slip), or mostly does (10 may).
Check = tuple[str, int, int, int]
CHECKS: Final[dict[str, list[Check]]] = {
    "a10": [
        *[("by", CHANGE, CHANGE + 13, 50), ("by", CHANGE, CHANGE + 30, 25)],
        *[("stay<", CHANGE + 30, HALF_YEAR, 25), ("stay<", CHANGE + 30, END, 25)],
    ],
    "a9": [("by", CHANGE, CHANGE + 14, 75), ("by", CHANGE, CHANGE + 21, 50), ("stay<", CHANGE + 21, HALF_YEAR, 50)],
    "a6": [("by", CHANGE, CHANGE + 21, 75), ("stay<", CHANGE + 28, HALF_YEAR, 75), ("stay>=", CHANGE, HALF_YEAR, 25)],
    "a4": [("by", CHANGE, CHANGE + 60, 75), ("stay>=", CHANGE, HALF_YEAR, 50)],
    "a2": [("stay>=", CHANGE, HALF_YEAR, 65)],
    "b20": [
        *[("stay>=", CHANGE, CHANGE + 27, 75), ("by", CHANGE + 27, CHANGE + 111, 75)],
        *[("by", CHANGE + 27, CHANGE + 181, 50), ("stay<", CHANGE + 182, CHANGE + 330, 50)],
    ],
    "c_weekly": [
        *[("by", CHANGE, CHANGE + 21, 75), ("by", CHANGE, CHANGE + 60, 60), ("stay<", CHANGE + 28, HALF_YEAR, 75)],
    ],
    "d_return60": [
        *[("by", CHANGE, CHANGE + 13, 50), ("by", CHANGE, CHANGE + 30, 25)],
        *[("reach>=", CHANGE + 60, CHANGE + 88, 50), ("reach>=", CHANGE + 60, HALF_YEAR, 75)],
    ],
    "e_season": [
        ("stay>=", _on(2024, 8, 1), _on(2024, 9, 15), 50),
        ("stay>=", _on(2024, 12, 1), _on(2025, 1, 15), 50),
        ("stay>=", _on(2023, 8, 1), _on(2023, 9, 15), 50),
        ("reach>=", _on(2024, 9, 1), _on(2024, 10, 15), 75),
    ],
    "f_small2": [("stay>=", 60, 690, 50), ("mostly>=", 60, 690, 75)],
    "f_small3": [("stay>=", 60, 690, 50), ("mostly>=", 60, 690, 75)],
    "f_small_stop": [("by", CHANGE, CHANGE + 35, 50), ("by", CHANGE, CHANGE + 90, 25)],
    "g_weekly": [("stay>=", 60, 690, 60), ("mostly>=", 60, 690, 75)],
    "g_weekly_stop": [("by", CHANGE, CHANGE + 35, 50), ("by", CHANGE, CHANGE + 90, 25)],
    "h_champion": [
        *[("by", CHANGE, CHANGE + 30, 75), ("stay<", CHANGE + 30, CHANGE + 90, 75), ("stay>=", CHANGE, HALF_YEAR, 25)],
    ],
    "h2_champion": [
        *[("by", CHANGE, CHANGE + 21, 75), ("by", CHANGE, CHANGE + 30, 50), ("stay<", CHANGE + 30, HALF_YEAR, 50)],
    ],
    "i_plateau80": [("stay>=", 330, 729, 70), ("mostly>=", 400, 729, 75)],
    "j_spike3x": [("stay>=", CHANGE, CHANGE + 399, 65), ("reach>=", CHANGE + 60, CHANGE + 120, 75)],
    "k_good": [("stay>=", 14, 239, 75)],
    "k_stalled": [("by", 14, 45, 75), ("by", 14, 60, 50), ("stay<", 60, 239, 60)],
    "k_dead30": [("by", 30, 50, 50), ("by", 30, 75, 25), ("stay<", 75, 239, 25)],
    "k_pilot": [("stay>=", 14, 239, 65), ("mostly>=", 14, 239, 75)],
    "l_pilot10x": [
        *[("stay>=", 90, CHANGE, 75), ("by", CHANGE, CHANGE + 30, 75)],
        *[("stay<", CHANGE + 30, HALF_YEAR, 75), ("stay>=", CHANGE, HALF_YEAR, 40)],
    ],
    "m_shallow": [
        *[("stay>=", CHANGE, CHANGE + 60, 75), ("by", CHANGE + 60, CHANGE + 260, 75), ("stay>=", CHANGE, END, 50)],
    ],
    "n_christmas": [
        ("stay>=", _on(2023, 12, 22), _on(2024, 1, 20), 40),
        ("stay>=", _on(2024, 12, 22), _on(2025, 1, 20), 50),
        ("reach>=", _on(2025, 1, 2), _on(2025, 1, 24), 75),
    ],
    "o_react": [
        *[("by", CHANGE, CHANGE + 30, 25), ("stay<", CHANGE + 30, CHANGE + 199, 25)],
        *[("reach>=", CHANGE + 200, CHANGE + 275, 50), ("reach>=", CHANGE + 200, CHANGE + 380, 75)],
    ],
    "p_stable10": [("stay>=", 28, 999, 75)],
    "p_stable3": [("stay>=", 28, 999, 65), ("mostly>=", 28, 999, 75)],
    "r_turnover": [("stay>=", CHANGE, END, 60)],
    "s_fade": [
        *[("by", CHANGE + 60, CHANGE + 150, 75), ("by", CHANGE + 120, CHANGE + 230, 50)],
        ("stay<", CHANGE + 230, END, 50),
    ],
}


def visits_of(name: str, seed: int) -> list[Visit]:
    """Who comes to an account on which day, sorted."""
    account = Account(1000 * seed + sum(map(ord, name)))
    MAKE[name](account)
    return sorted(account.visits, key=lambda visit: (visit[0], str(visit[1]).zfill(3)))


def write(path: Path, seed: int) -> int:
    """The usage events of all accounts, in the order of time; returns how many."""
    rows = []
    for name in MAKE:
        for number, (day, user, events) in enumerate(visits_of(name, seed)):
            on = date.fromordinal(START + day).isoformat()
            for event in range(events):
                at = f"{on}T{9 + event % 9:02d}:{(event * 7 + number) % 60:02d}:00Z"
                rows.append((at, name, f"{name}-u{user}", "abcde"[(event + number) % 5]))
    rows.sort()
    with path.open("w", encoding="utf-8") as file:
        for number, (at, name, user_id, feature) in enumerate(rows):
            who = {"type": "usage", "event_id": f"s{number}", "account_id": name, "user_id": user_id}
            file.write(json.dumps(who | {"feature": feature, "timestamp": at}) + "\n")
    return len(rows)


def holds(scores: Iterable[float], kind: str, bound: float) -> bool:
    """Whether a check holds of the scores of its days.

    >>> holds([80, 40], "by", 50), holds([80, 40], "stay>=", 50), holds([80, 40], "reach>=", 75)
    (True, False, True)
    """
    values = list(scores)
    reached = sum(value >= bound for value in values)
    below = len(values) - reached
    if kind == "by":
        return below > 0
    if kind == "reach>=":
        return reached > 0
    if kind == "stay<":
        return below >= 0.97 * len(values)
    return reached >= (0.97 if kind == "stay>=" else 0.9) * len(values)


def check(path: Path) -> tuple[int, list[str]]:
    """How many checks hold of a snapshot with a row a day, and what does not."""
    by_day: dict[str, dict[int, float]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["health_score"]:
                day = date.fromisoformat(row["date"]).toordinal() - START
                by_day.setdefault(row["account_id"], {})[day] = float(row["health_score"])
    held, failed = 0, []
    for name, checks in CHECKS.items():
        scores, last = [], 100.0  # an unknown score alarms nobody
        for day in range(LAST_DAYS.get(name, END) + 1):
            last = by_day.get(name, {}).get(day, last)
            scores.append(last)
        for kind, first, until, bound in checks:
            if holds(scores[first : until + 1], kind, bound):
                held += 1
            else:
                failed.append(f"{name}: {kind} {bound} from day {first - CHANGE:+} to {until - CHANGE:+} of the change")
    return held, failed


def main() -> None:
    """Write the events, or check a snapshot of them."""
    what, path = sys.argv[1], Path(sys.argv[2])
    if what == "write":
        print(write(path, int(sys.argv[3])), "events")
        return
    held, failed = check(path)
    print(*failed, sep="\n")
    print(f"{held} of {sum(map(len, CHECKS.values()))} checks hold")


if __name__ == "__main__":
    main()
