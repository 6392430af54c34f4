"""The usage trend from the user-days of each day, as docs/metrics.md and docs/health.md tell it."""

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

UNKNOWN: dict[str, Any] = {"usage_trend_ratio": None, "usage_trend_deviation": None, "usage_trend_status": None}


def of_usage(usage: pl.DataFrame, day: int) -> dict[str, dict[str, Any]]:
    """account_id to the three measures, for every account with usage up to `day`."""
    counts = usage.group_by("account_id", "day").agg(users=pl.col("user_id").n_unique())
    by_account: dict[str, dict[int, int]] = {}
    for account_id, at, users in counts.iter_rows():
        by_account.setdefault(account_id, {})[at] = users
    return {account_id: of_days(days, day) for account_id, days in by_account.items() if min(days) <= day}


def of_days(users: Mapping[int, int], day: int, off: Collection[int] = ()) -> dict[str, Any]:
    """The three measures of one account from its active users by day."""
    now = _ratio(users, day, off)
    if now is None:
        return UNKNOWN
    ratio, deviation = now
    status = "steady"
    if ratio >= 1.25 and deviation >= 2:
        status = "growing"
    elif ratio <= 0.8 and deviation <= -2:
        status = "collapsing" if ratio <= 0.4 else "declining"
        then = _ratio(users, day - 52 * 7, off)
        if then is not None and then[0] <= 0.8 and ratio / 0.8 >= then[0]:
            status = "seasonal"
    return {"usage_trend_ratio": ratio, "usage_trend_deviation": deviation, "usage_trend_status": status}


def _ratio(users: Mapping[int, int], day: int, off: Collection[int]) -> tuple[float, float] | None:
    """Seen over expected, and the gap in standard deviations."""
    first = min(users)
    weeks = [[day - 7 * week - back for back in range(7)] for week in range(16)]
    weeks = [days for days in weeks if days[-1] >= first]
    totals = [_made_up(users, days, weeks, off) for days in weeks]
    now = [total for total in totals[:4] if total is not None]
    before = [total for total in totals[4:] if total is not None]
    if len(before) < 6 or len(now) < 2:
        return None
    part = _level_part(before)
    level = _middle(part)
    if level == 0:
        return None
    noise = max(1.4826 * _middle([abs(x - level) for x in part]), level**0.5, 1.0)
    size = len(now)
    spread = noise * (size + size**2 * 3.141592653589793 / 2 / len(part)) ** 0.5
    return sum(now) / (size * level), (sum(now) - size * level) / spread


def _made_up(users: Mapping[int, int], week: list[int], weeks: list[list[int]], off: Collection[int]) -> float | None:
    """A week's user-days without its days off, as if its others were all; None where these are usually under a half."""
    if not any(at in off for days in weeks for at in days):
        return sum(users.get(at, 0) for at in week)
    usual = {}
    for at in week:
        same = [users.get(days[week.index(at)], 0) for days in weeks if days[week.index(at)] not in off]
        usual[at] = sum(same) / len(same) if same else 0.0
    worked = [at for at in week if at not in off]
    share = sum(usual[at] for at in worked) / sum(usual.values()) if any(usual.values()) else 1.0
    return sum(users.get(at, 0) for at in worked) / share if share > 0.5 - 1e-9 else None


def _level_part(before: list[float]) -> list[float]:
    """The newest weeks of one level: split where the two sides differ most, by more than three deviations."""
    splits = []
    for cut in range(3, len(before) - 2):
        left, right = before[:cut], before[cut:]
        high = max(_middle(left), _middle(right))
        residuals = [abs(x - _middle(left)) for x in left] + [abs(x - _middle(right)) for x in right]
        noise = max(1.4826 * _middle(residuals), high**0.5, 1.0)
        splits.append((abs(_middle(left) - _middle(right)) / noise, -cut))
    clear = [split for split in splits if split[0] > 3]
    return before[: -max(clear)[1]] if clear else before


def _middle(values: list[Any]) -> float:
    ranked = sorted(values)
    half = len(ranked) // 2
    return float(ranked[half]) if len(ranked) % 2 else (ranked[half - 1] + ranked[half]) / 2
