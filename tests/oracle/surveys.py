"""Survey measures, as polars computes them from all answers at once."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from tests.oracle.days import day_in

SURVEYS = ("nps", "csat", "ces")


def frame(events: Sequence[dict[str, Any]], zone: str) -> pl.DataFrame:
    """The answers in their newest versions, with their day."""
    schema = {"account_id": pl.String, "user_id": pl.String, "survey": pl.String, "score": pl.Int64, "ms": pl.Int64}
    surveys = [event for event in events if event["type"] == "survey"]
    rows: dict[str, list[Any]] = {name: [event[name] for event in surveys] for name in schema}
    rows["response_id"] = [event.get("response_id") or event["event_id"] for event in surveys]
    answers = pl.DataFrame(rows, schema=schema | {"response_id": pl.String}).with_columns(
        kind=pl.col("survey").replace_strict(SURVEYS, range(len(SURVEYS)), return_dtype=pl.Int64)
    )
    newest = answers.sort("ms", "score", "kind", "user_id").unique(
        ["account_id", "response_id"], keep="last", maintain_order=True
    )
    return newest.with_columns(day=day_in(zone))


def measures(answers: pl.DataFrame, day: int) -> dict[str, dict[str, Any]]:
    """Every survey measure of every account with an answer up to `day`."""
    recent = answers.filter(pl.col("day").is_between(day - 89, day))
    before = answers.filter(pl.col("day").is_between(day - 179, day - 90))
    found: dict[str, dict[str, Any]] = {
        account_id: {"nps": None, "nps_responses": 0, "nps_previous": None, "csat": None, "csat_mean": None}
        | {"csat_responses": 0, "ces_mean": None, "detractor_run": None}
        for account_id in answers.filter(pl.col("day") <= day)["account_id"].unique().to_list()
    }
    for row in _nps(recent).iter_rows(named=True):
        found[row["account_id"]].update(
            nps=row["nps"], nps_responses=row["responses"], detractor_run=row["detractor_run"]
        )
    for row in _nps(before).iter_rows(named=True):
        found[row["account_id"]].update(nps_previous=row["nps"])
    satisfied = recent.group_by("account_id").agg(
        csat=(pl.col("score").filter(pl.col("survey") == "csat") >= 4).mean(),
        csat_mean=pl.col("score").filter(pl.col("survey") == "csat").mean(),
        csat_responses=(pl.col("survey") == "csat").sum(),
        ces_mean=pl.col("score").filter(pl.col("survey") == "ces").mean(),
    )
    for row in satisfied.iter_rows(named=True):
        found[row.pop("account_id")].update(row)
    return found


def _nps(answers: pl.DataFrame) -> pl.DataFrame:
    """NPS over each user's latest answer."""
    latest = (
        answers.filter(pl.col("survey") == "nps")
        .sort("ms", "score")
        .unique(["account_id", "user_id"], keep="last", maintain_order=True)
    )
    return latest.group_by("account_id").agg(
        nps=100 * ((pl.col("score") >= 9).mean() - (pl.col("score") <= 6).mean()),
        responses=pl.len(),
        detractor_run=(pl.col("ms") > pl.col("ms").filter(pl.col("score") > 6).max().fill_null(-1)).sum(),
    )
