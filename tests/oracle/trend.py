"""The usage trend from the user-days of each day, as docs/metrics.md and docs/health.md tell it."""

from collections.abc import Mapping
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


def of_days(users: Mapping[int, int], day: int) -> dict[str, Any]:
    """The three measures of one account from its active users by day."""
    now = _ratio(users, day)
    if now is None:
        return UNKNOWN
    ratio, deviation = now
    status = "steady"
    if ratio >= 1.25 and deviation >= 2:
        status = "growing"
    elif ratio <= 0.8 and deviation <= -2:
        status = "collapsing" if ratio <= 0.4 else "declining"
        then = _ratio(users, day - 52 * 7)
        if then is not None and then[0] <= 0.8 and ratio / 0.8 >= then[0]:
            status = "seasonal"
    return {"usage_trend_ratio": ratio, "usage_trend_deviation": deviation, "usage_trend_status": status}


def _ratio(users: Mapping[int, int], day: int) -> tuple[float, float] | None:
    """Seen over expected, and the gap in standard deviations."""
    first = min(users)
    totals = []
    for week in range(16):
        days = [day - 7 * week - back for back in range(7)]
        if days[-1] >= first:
            totals.append(sum(users.get(at, 0) for at in days))
    seen, before = sum(totals[:4]), totals[4:]
    if len(before) < 6:
        return None
    part = _level_part(before)
    level = _middle(part)
    if level == 0:
        return None
    noise = max(1.4826 * _middle([abs(x - level) for x in part]), level**0.5, 1.0)
    spread = noise * (4 + 16 * 3.141592653589793 / 2 / len(part)) ** 0.5
    return seen / (4 * level), (seen - 4 * level) / spread


def _level_part(before: list[int]) -> list[int]:
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
