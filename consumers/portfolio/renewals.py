"""Terms that end soon or are overdue, and what the bands' own past says of them."""

from dataclasses import dataclass
from typing import Final

import duckdb

from consumers.portfolio.confidence import wilson
from consumers.portfolio.tables import DAY_LASTS_DAYS

BAND_DAYS_BEFORE: Final = 90  # the health that is set against a renewal is that so long before it
AHEAD_DAYS: Final = 90
MEASURED_DAYS: Final = 730

_BAND_AT: Final = """
    SELECT k.*, b.band FROM {keys} k
    LEFT JOIN bands b ON b.account = k.account AND b.from_day <= k.day AND k.day < b.to_day
"""

# Terms of the last years whose end is known, with the band 90 days before: (account, day, end_day, outcome, band).
DECIDED_TERMS: Final = f"""
    WITH ended AS (
        SELECT account, outcome, end_day, end_day - {BAND_DAYS_BEFORE} AS day FROM terms
        WHERE decided_day <= $as_of AND end_day <= $as_of AND end_day > $since
    ) {_BAND_AT.format(keys="ended")}
"""


def renewal_parameters(as_of_day: int) -> dict[str, int]:
    """What that is asked with."""
    return {"as_of": as_of_day, "since": as_of_day - MEASURED_DAYS}


@dataclass(frozen=True, slots=True)
class ComingRenewal:
    """A term that ends within the next days, or has ended and may still be renewed.

    Attributes:
        minor: annual recurring revenue, in the company's currency; None: its currency had no rate.
        overdue_days: days since its end; 0 while it runs.
        band: today's; None: not known.
    """

    account: str
    name: str | None
    owner: str | None
    segment: str | None
    subscription: str
    product: str | None
    end_day: int
    minor: int | None
    overdue_days: int
    band: str | None
    score: float | None


@dataclass(frozen=True, slots=True)
class BandRecord:
    """How terms of accounts of a band went: of `n` decided ones of the past, and what is to come.

    Attributes:
        renewed, n: terms renewed, and all that were decided.
        rate, low, high: their share with its 95 % interval; None: nothing was decided.
        coming, coming_minor: terms of accounts that are in the band today, and their revenue as far as it is known.
        expected_minor: that revenue times the rate; None where the rate is not known.
    """

    band: str | None
    n: int
    renewed: int
    rate: float | None
    low: float | None
    high: float | None
    coming: int
    coming_minor: int
    expected_minor: int | None


def coming_renewals(db: duckdb.DuckDBPyConnection, as_of_day: int, ahead_days: int = AHEAD_DAYS) -> list[ComingRenewal]:
    """The open terms, those that end first at the top."""
    rows = db.execute(
        f"""
        WITH open AS (
            SELECT account, subscription, product, end_day, minor, ? AS day FROM terms
            WHERE from_day <= ? AND decided_day > ? AND end_day <= ?
        ), known AS ({_BAND_AT.format(keys="open")}), scores AS (
            SELECT account, arg_max(score, day) AS score FROM account_days
            WHERE day > ? AND day <= ? GROUP BY account
        )
        SELECT k.account, f.name, f.owner, f.segment, k.subscription, k.product, k.end_day, k.minor,
            greatest(k.day - k.end_day, 0), k.band, s.score
        FROM known k LEFT JOIN scores s ON s.account = k.account
        LEFT JOIN profiles f ON f.account = k.account AND f.from_day <= k.day AND k.day < f.to_day
        ORDER BY k.end_day, k.minor DESC NULLS LAST, k.account, k.subscription
        """,
        [as_of_day, as_of_day, as_of_day, as_of_day + ahead_days, as_of_day - DAY_LASTS_DAYS, as_of_day],
    ).fetchall()
    return [ComingRenewal(*row) for row in rows]


def by_band(db: duckdb.DuckDBPyConnection, as_of_day: int, ahead_days: int = AHEAD_DAYS) -> list[BandRecord]:
    """Each band's record over the last two years, and the forecast of what comes from it."""
    past = db.execute(
        f"""
        SELECT band, count(*), count(*) FILTER (outcome = 'renewed') FROM ({DECIDED_TERMS}) GROUP BY band
        """,
        renewal_parameters(as_of_day),
    ).fetchall()
    record: dict[str | None, tuple[int, int]] = {band: (n, renewed) for band, n, renewed in past}
    coming: dict[str | None, list[int | None]] = {}
    for each in coming_renewals(db, as_of_day, ahead_days):
        coming.setdefault(each.band, []).append(each.minor)
    found = []
    for band in sorted({*record, *coming}, key=_band_order):
        n, renewed = record.get(band, (0, 0))
        interval = wilson(renewed, n)
        rate = renewed / n if n else None
        minor = sum(each or 0 for each in coming.get(band, ()))
        found.append(
            BandRecord(
                band,
                n,
                renewed,
                rate,
                None if interval is None else interval[0],
                None if interval is None else interval[1],
                len(coming.get(band, ())),
                minor,
                None if rate is None else round(minor * rate),
            )
        )
    return found


_BANDS: Final = ("critical", "at_risk", "watch", "healthy")


def _band_order(band: str | None) -> int:
    return _BANDS.index(band) if band in _BANDS else len(_BANDS)
