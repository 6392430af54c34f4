"""Every fall of a customer's use that came back, and what became of it after 3, 6 and 12 months.

A quick spike is no recovery: what counts is whether the use that came back is still there a year later. Use is looked
at once a week, by the people active in the 30 days before. Source: Metrics for a customer success team, whose cohort
"dropped then went back up again". The thresholds are choices of this project.
"""

from dataclasses import dataclass
from typing import Final

import duckdb

from consumers.portfolio.confidence import wilson

WEEK_DAYS: Final = 7
LOOK_BACK_DAYS: Final = 91  # the peak that use fell from
PEAK_MIN: Final = 5  # people; of fewer, one who is on holiday is a fall
FALLEN_RATIO: Final = 0.7  # of the peak, or less
BACK_RATIO: Final = 0.9  # of the peak, or more
BACK_WITHIN_DAYS: Final = 182
HORIZONS_DAYS: Final = (91, 182, 364)


@dataclass(frozen=True, slots=True)
class UsageDrop:
    """A fall that came back.

    Attributes:
        peak_mau: people active in 30 days, at most, in the 13 weeks before the fall.
        fell_day, back_day: when it was first at 70 % of that or less, and then at 90 % or more.
        low_mau: the least in between.
        play: a play that ran in between; None: none did.
        fates: by horizon: `kept` (90 % of the peak or more), `lower` (less), `fell` (70 % or less), `gone` (no
            customer); None: the day has not come, or nothing is known of it.
    """

    account: str
    name: str | None
    peak_mau: int
    fell_day: int
    low_mau: int
    back_day: int
    play: str | None
    fates: list[str | None]


@dataclass(frozen=True, slots=True)
class DropFates:
    """Of all falls that came back, what share was still there.

    Attributes:
        days: after it came back.
        with_play: those in which a play ran; else those without one.
        n: of which the fate is known.
        kept, lower, fell, gone: how many of them.
        rate, low, high: the share kept, with its 95 % interval; None: of nobody is anything known.
    """

    days: int
    with_play: bool
    n: int
    kept: int
    lower: int
    fell: int
    gone: int
    rate: float | None
    low: float | None
    high: float | None


def usage_drops(db: duckdb.DuckDBPyConnection, as_of_day: int) -> list[UsageDrop]:
    """All of them, the newest first.

    Args:
        db: a reader's connection.
        as_of_day: nothing after it is known.
    """
    fates = ", ".join(
        f"""CASE WHEN d.back_day + {days} > $as_of THEN NULL
            WHEN NOT EXISTS (SELECT 1 FROM spells s WHERE s.account = d.account AND s.product IS NULL
                AND s.from_day <= d.back_day + {days} AND d.back_day + {days} < s.to_day) THEN 'gone'
            ELSE (SELECT CASE WHEN w.mau <= d.peak * {FALLEN_RATIO} THEN 'fell' WHEN w.mau >= d.peak * {BACK_RATIO}
                THEN 'kept' ELSE 'lower' END FROM weekly w WHERE w.account = d.account AND w.day = d.back_day + {days})
            END"""
        for days in HORIZONS_DAYS
    )
    rows = db.execute(
        f"""
        WITH weekly AS MATERIALIZED (
            SELECT account, day, mau FROM account_days
            WHERE ($as_of - day) % {WEEK_DAYS} = 0 AND day <= $as_of AND mau IS NOT NULL
        ), peaks AS (
            SELECT *, max(mau) OVER (PARTITION BY account ORDER BY day
                RANGE BETWEEN {LOOK_BACK_DAYS} PRECEDING AND 1 PRECEDING) AS peak FROM weekly
        ), falls AS (
            SELECT *, lag(mau <= peak * {FALLEN_RATIO}) OVER (PARTITION BY account ORDER BY day) AS was_fallen
            FROM peaks
        ), starts AS (
            SELECT account, day, peak FROM falls
            WHERE peak >= {PEAK_MIN} AND mau <= peak * {FALLEN_RATIO} AND NOT coalesce(was_fallen, false)
        ), back AS (
            SELECT s.account, s.day AS fell_day, s.peak, min(w.day) AS back_day FROM starts s JOIN weekly w
            ON w.account = s.account AND w.day > s.day AND w.day <= s.day + {BACK_WITHIN_DAYS}
                AND w.mau >= s.peak * {BACK_RATIO} GROUP BY ALL
        ), drops AS (
            SELECT b.* FROM back b JOIN spells s ON s.account = b.account AND s.product IS NULL
                AND s.from_day <= b.fell_day AND b.back_day < s.to_day
            QUALIFY row_number() OVER (PARTITION BY b.account, b.back_day ORDER BY b.fell_day) = 1
        )
        SELECT d.account, f.name, d.peak, d.fell_day,
            (SELECT min(w.mau) FROM weekly w
                WHERE w.account = d.account AND w.day >= d.fell_day AND w.day < d.back_day),
            d.back_day,
            (SELECT min(t.play) FROM touches t WHERE t.account = d.account AND t.play IS NOT NULL
                AND t.day >= d.fell_day AND t.day <= d.back_day),
            [{fates}]
        FROM drops d LEFT JOIN profiles f ON f.account = d.account AND f.from_day <= $as_of AND $as_of < f.to_day
        ORDER BY d.back_day DESC, d.account
        """,
        {"as_of": as_of_day},
    ).fetchall()
    return [UsageDrop(*row) for row in rows]


def drop_fates(drops: list[UsageDrop]) -> list[DropFates]:
    """What became of them, by horizon, those with a play and those without apart."""
    found = []
    for index, days in enumerate(HORIZONS_DAYS):
        for with_play in (False, True):
            fates = [each.fates[index] for each in drops if (each.play is not None) == with_play]
            kept, lower, fell, gone = (fates.count(fate) for fate in ("kept", "lower", "fell", "gone"))
            n = kept + lower + fell + gone
            low, high = wilson(kept, n) or (None, None)
            found.append(DropFates(days, with_play, n, kept, lower, fell, gone, kept / n if n else None, low, high))
    return found
