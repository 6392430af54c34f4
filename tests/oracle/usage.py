"""Usage measures, as polars computes them from all events at once."""

import math
from collections.abc import Sequence
from typing import Any

import polars as pl

from tests.oracle import trend
from tests.oracle.days import day_in

Values = dict[str, dict[str, Any]]


def frame(events: Sequence[dict[str, Any]], zone: str) -> pl.DataFrame:
    """The usage events, each event_id once, with their day."""
    schema = {
        "event_id": pl.String,
        "account_id": pl.String,
        "user_id": pl.String,
        "feature": pl.String,
        "ms": pl.Int64,
    }
    rows = {name: [event[name] for event in events if event["type"] == "usage"] for name in schema}
    usage = pl.DataFrame(rows, schema=schema).unique("event_id", keep="first")
    return usage.with_columns(day=day_in(zone))


def measures(usage: pl.DataFrame, day: int, seats: dict[str, int | None], core: frozenset[str]) -> Values:
    """Every usage measure of every account with usage up to `day`."""
    past = usage.filter(pl.col("day") <= day).with_columns(age=day - pl.col("day"))
    found: Values = {account_id: {} for account_id in past["account_id"].unique().to_list()}
    counts = past.group_by("account_id").agg(*_reach(), *_days())
    for row in counts.iter_rows(named=True):
        found[row["account_id"]] = _derived(row, seats.get(row["account_id"]), day)
    _users(past, found)
    _features(past, found, core)
    for account_id, values in trend.of_usage(past, day).items():
        found[account_id].update(values)
    return found


def _users_in(first_age: int, last_age: int) -> pl.Expr:
    return pl.col("user_id").filter(pl.col("age").is_between(first_age, last_age)).n_unique()


def _user_days_in(first_age: int, last_age: int, where: pl.Expr | None = None) -> pl.Expr:
    inside = pl.col("age").is_between(first_age, last_age)
    return pl.struct("user_id", "day").filter(inside if where is None else inside & where).n_unique()


def _reach() -> list[pl.Expr]:
    weekday = (pl.col("day") + 3) % 7 < 5  # 1970-01-01 was a Thursday
    return [
        _users_in(0, 0).alias("dau"),
        _users_in(0, 6).alias("wau"),
        _users_in(0, 29).alias("mau"),
        _users_in(7, 13).alias("wau_previous"),
        _users_in(30, 59).alias("mau_previous"),
        _users_in(0, 89).alias("known"),
        _user_days_in(0, 29).alias("user_days_30"),
        _user_days_in(0, 29, weekday).alias("weekday_days"),
        _user_days_in(0, 27).alias("user_days_28"),
        _user_days_in(28, 55).alias("user_days_28_before"),
    ]


def _days() -> list[pl.Expr]:
    last = pl.col("day").max()
    return [
        pl.col("day").min().alias("first_day"),
        last.alias("last_day"),
        pl.col("day").filter(pl.col("day") > last - 56).n_unique().alias("active_days_56"),
    ]


def _derived(row: dict[str, Any], seats: int | None, day: int) -> dict[str, Any]:
    """One account's rates from its counts."""
    mau = row["mau"]
    base = row["known"] if seats is None else seats
    weekdays = sum((back_day + 3) % 7 < 5 for back_day in range(day - 29, day + 1))
    last = row["last_day"]
    span = min(56, last - row["first_day"] + 1)
    pause = max(_weekdays(last - span + 1, last) / row["active_days_56"], 1.0)
    quiet = _weekdays(last + 1, day - 1)
    before = row["user_days_28_before"]
    names = ("dau", "wau", "mau", "wau_previous", "mau_previous")
    return {name: row[name] for name in names} | {
        "active_user_rate_daily": row["dau"] / base if base else None,
        "active_user_rate_weekly": row["wau"] / base if base else None,
        "active_user_rate_monthly": mau / base if base else None,
        "license_utilization": mau / seats if seats else None,
        "license_utilization_daily": row["weekday_days"] / weekdays / seats if seats else None,
        "turnover_exposure": 1 / mau if mau else None,
        "stickiness": row["user_days_30"] / 30 / mau if mau else None,
        "frequency_30d": row["user_days_30"] / mau if mau else None,
        "activity_change_ratio": row["user_days_28"] / before if before and row["first_day"] <= day - 55 else None,
        "breadth_change_ratio": mau / row["mau_previous"]
        if row["mau_previous"] and row["first_day"] <= day - 59
        else None,
        "days_known": day - row["first_day"] + 1,
        "days_since_active": day - last,
        "silence_working_days": quiet,
        "silence_limit_days": round(2 * pause) + 1,
        "silence_ratio": quiet / pause,
    }


def _weekdays(first_day: int, last_day: int) -> int:
    """Mondays to Fridays among the days, both ends included."""
    return sum((at + 3) % 7 < 5 for at in range(first_day, last_day + 1))


def _users(past: pl.DataFrame, found: Values) -> None:
    """The users split by cadence, and the fewest that make half of the events."""
    month = past.filter(pl.col("age") < 30)
    users = month.group_by("account_id", "user_id").agg(days=pl.col("day").n_unique(), events=pl.len())
    ranked = users.sort("events", descending=True).with_columns(
        sum=pl.col("events").cum_sum().over("account_id"), total=pl.col("events").sum().over("account_id")
    )
    split = ranked.group_by("account_id").agg(
        users_daily=(pl.col("days") >= 16).sum(),
        users_weekly=pl.col("days").is_between(4, 15).sum(),
        users_monthly=(pl.col("days") < 4).sum(),
        users_for_half=((pl.col("sum") - pl.col("events")) * 2 < pl.col("total")).sum(),
    )
    for values in found.values():
        values.update(users_daily=0, users_weekly=0, users_monthly=0, users_for_half=None)
    for row in split.iter_rows(named=True):
        found[row.pop("account_id")].update(row)


def _features(past: pl.DataFrame, found: Values, core: frozenset[str]) -> None:
    """What is used of the product."""
    use = past.group_by("account_id", "feature").agg(
        users=pl.col("user_id").filter(pl.col("age") < 30).n_unique(), youngest=pl.col("age").min()
    )
    for values in found.values():
        values.update(feature_adoption_rate={}, feature_status=dict.fromkeys(core, "never used"), adopters={})
    for row in use.iter_rows(named=True):
        values = found[row["account_id"]]
        recent = row["youngest"] < 30
        values["feature_status"][row["feature"]] = "used" if recent else "lapsed"
        if recent:
            values["adopters"][row["feature"]] = row["users"]
            values["feature_adoption_rate"][row["feature"]] = row["users"] / values["mau"]
    for values in found.values():
        adopters = values.pop("adopters")
        mau = values["mau"]
        values["features_30d"] = len(adopters)
        values["features_per_active_user"] = sum(adopters.values()) / mau if mau else None
        values["depth"] = len(core & set(adopters)) / len(core) if core else None
        values["balance"] = _balance([adopters.get(name, 0) for name in core]) if mau else None


def _balance(users: list[int]) -> float | None:
    """Shannon entropy in bits over its maximum."""
    total = sum(users)
    if len(users) < 2 or not total:
        return None
    shares = [count / total for count in users if count]
    return sum(share * math.log2(1 / share) for share in shares) / math.log2(len(users))
