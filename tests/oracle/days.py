"""The calendar day of a moment in a time zone, as polars knows it."""

import polars as pl


def day_in(zone: str) -> pl.Expr:
    """Days since 1970-01-01 of a column `ms` of epoch milliseconds."""
    moments = pl.from_epoch("ms", time_unit="ms").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    return moments.dt.date().to_physical().cast(pl.Int64)
