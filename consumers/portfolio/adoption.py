"""What account-days say beside revenue: how bands fared, which features are used by whom, and launches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from consumers.portfolio.confidence import difference_interval, wilson
from consumers.portfolio.tables import DAY_LASTS_DAYS

WINDOW_DAYS: Final = 90
WINDOWS: Final = 8  # two years, one window after the other, so that none counts twice
HORIZONS_DAYS: Final = (7, 14, 30, 60)
ADOPTED_WITHIN_DAYS: Final = 30
STAYED_DAYS: Final = (90, 180, 365)


# Customers at the start of each window: (account, day, band, churned, expanded).
BAND_WINDOWS: Final = """
    WITH w AS (SELECT ($as_of - $size * (range + 1))::INT AS day FROM range($count)),
    held AS (
        SELECT DISTINCT w.day, s.account FROM w JOIN spells s
        ON s.product IS NULL AND s.from_day <= w.day AND w.day < s.to_day
    )
    SELECT k.account, k.day, b.band,
        NOT EXISTS (SELECT 1 FROM spells s WHERE s.account = k.account AND s.product IS NULL
            AND s.from_day <= k.day + $size AND k.day + $size < s.to_day) AS churned,
        EXISTS (SELECT 1 FROM movements m WHERE m.account = k.account AND m.product IS NULL
            AND m.kind = 'expansion' AND m.day > k.day AND m.day <= k.day + $size) AS expanded
    FROM held k LEFT JOIN bands b ON b.account = k.account AND b.from_day <= k.day AND k.day < b.to_day
"""
# Customers of whom today's features are known: (account, day, plan, features).
FEATURE_USERS: Final = """
    SELECT c.account, $as_of::INT AS day, c.plan, d.features FROM (
        SELECT i.account, arg_max(i.plan, i.arr_minor) AS plan FROM intervals i
        WHERE i.from_day <= $as_of AND $as_of < i.to_day GROUP BY i.account
    ) c JOIN (
        SELECT account, arg_max(features, day) AS features FROM account_days
        WHERE day > $as_of - $lasts AND day <= $as_of GROUP BY account
    ) d ON d.account = c.account
"""
# Customers at the start of each window of whom the features were known: (account, start, stayed, features).
FEATURE_WINDOWS: Final = """
    WITH w AS (SELECT ($as_of - $size * (range + 1))::INT AS day FROM range($count)),
    looks AS (SELECT day AS start, unnest(range(day - $lasts + 1, day + 1))::INT AS day FROM w),
    known AS (
        SELECT l.start, a.account, arg_max(a.features, a.day) AS features FROM looks l
        JOIN account_days a ON a.day = l.day GROUP BY ALL
    )
    SELECT DISTINCT k.start, k.account, EXISTS (SELECT 1 FROM spells n WHERE n.account = k.account
        AND n.product IS NULL AND n.from_day <= k.start + $size AND k.start + $size < n.to_day)::INT AS stayed,
        k.features
    FROM known k JOIN spells s ON s.account = k.account AND s.product IS NULL
        AND s.from_day <= k.start AND k.start < s.to_day
"""
# Customers from a launch or their own later start on: (account, is_new, day, used_day: first used within 60 days).
UPTAKE: Final = """
    WITH began AS (SELECT account, min(from_day) AS day FROM spells WHERE product IS NULL GROUP BY account),
    cohort AS (
        SELECT DISTINCT b.account, b.day > $launched AS is_new, greatest(b.day, $launched) AS day
        FROM began b JOIN spells s ON s.account = b.account AND s.product IS NULL
            AND s.from_day <= greatest(b.day, $launched) AND greatest(b.day, $launched) < s.to_day
    ), used AS (
        SELECT c.account, min(d.day) AS day FROM cohort c JOIN account_days d ON d.account = c.account
            AND d.day >= c.day AND d.day < c.day + $longest AND d.day >= $launched
        WHERE list_contains(d.features, $feature) GROUP BY c.account
    )
    SELECT c.account, c.is_new, c.day, u.day AS used_day FROM cohort c LEFT JOIN used u ON u.account = c.account
"""
# Who used a launched feature within 30 days, at each horizon that has come: (account, is_new, day, days, uses).
ADOPTED: Final = """
    WITH began AS (SELECT account, min(from_day) AS day FROM spells WHERE product IS NULL GROUP BY account),
    cohort AS (SELECT account, day > $launched AS is_new, greatest(day, $launched) AS day FROM began),
    adopted AS (
        SELECT DISTINCT c.* FROM cohort c JOIN account_days d ON d.account = c.account AND d.day >= c.day
            AND d.day < c.day + $adopted_within AND d.day >= $launched AND d.day <= $as_of
        WHERE list_contains(d.features, $feature)
    ), looks AS (
        SELECT a.account, a.is_new, a.day AS began_day, h.days,
            unnest(range(a.day + h.days - $lasts + 1, a.day + h.days + 1))::INT AS day
        FROM adopted a CROSS JOIN (SELECT unnest($stayed) AS days) h WHERE a.day + h.days <= $as_of
    )
    SELECT l.account, l.is_new, l.began_day AS day, l.days, coalesce(bool_or(list_contains(d.features, $feature)
        AND EXISTS (SELECT 1 FROM spells s WHERE s.account = l.account AND s.product IS NULL
            AND s.from_day <= l.day AND l.day < s.to_day)), false) AS uses
    FROM looks l LEFT JOIN account_days d ON d.account = l.account AND d.day = l.day GROUP BY ALL
"""


def adoption_parameters(as_of_day: int) -> dict[str, Any]:
    """What the queries above are asked with, beside a launch's `launched` and `feature`."""
    return {
        **{"as_of": as_of_day, "size": WINDOW_DAYS, "count": WINDOWS, "lasts": DAY_LASTS_DAYS},
        **{"longest": max(HORIZONS_DAYS), "adopted_within": ADOPTED_WITHIN_DAYS, "stayed": list(STAYED_DAYS)},
    }


def named_in(sql: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Those parameters that a query names; others would be an error."""
    return {name: value for name, value in parameters.items() if f"${name}" in sql}


@dataclass(frozen=True, slots=True)
class BandOutcome:
    """What became of customers of a band in the 90 days after.

    Attributes:
        band: as it was at the window's start; None: not known.
        n: customers and windows; an account that stays counts once a window.
        churned, expanded: of them, no customers at the end; with more revenue from expansion.
        churn_rate, low, high: with its 95 % interval.
    """

    band: str | None
    n: int
    churned: int
    expanded: int
    churn_rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class FeatureUse:
    """A feature among customers of whom today's features are known; plan None: of all plans, or of none."""

    feature: str
    plan: str | None
    used_by: int
    accounts: int
    rate: float


@dataclass(frozen=True, slots=True)
class FeatureRetention:
    """Customers who used a feature against those who did not: how many were still there 90 days later.

    Attributes:
        used_n, used_stayed: customers and windows with the feature in use at the window's start, and those who stayed.
        other_n, other_stayed: the same without it.
        difference, low, high: of the two shares, with its 95 % interval; None where one of them is of nobody.
    """

    feature: str
    used_n: int
    used_stayed: int
    other_n: int
    other_stayed: int
    difference: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class LaunchStay:
    """Of those who used a launched feature in its first 30 days, who used it still.

    Attributes:
        days: after the launch (new customers: after their start).
        n: of whom so many days have passed, customers or not any more.
    """

    feature: str
    days: int
    is_new: bool
    stayed: int
    n: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class LaunchUptake:
    """Who used a feature within some days of its launch (new customers: of their start).

    Attributes:
        is_new: customers that began after the launch; else those who were there.
        n: of whom so many days have passed.
    """

    feature: str
    days: int
    is_new: bool
    used: int
    n: int
    rate: float | None


def band_outcomes(db: duckdb.DuckDBPyConnection, as_of_day: int) -> list[BandOutcome]:
    """Churn and expansion by the band 90 days before, over the last two years."""
    rows = db.execute(
        f"""
        SELECT band, count(*), count(*) FILTER (churned), count(*) FILTER (expanded)
        FROM ({BAND_WINDOWS}) GROUP BY 1 ORDER BY 1 NULLS LAST
        """,
        named_in(BAND_WINDOWS, adoption_parameters(as_of_day)),
    ).fetchall()
    found = []
    for band, n, churned, expanded in rows:
        low, high = wilson(churned, n) or (0.0, 1.0)
        found.append(BandOutcome(band, n, churned, expanded, churned / n, low, high))
    return found


def feature_use(db: duckdb.DuckDBPyConnection, as_of_day: int, *, by_plan: bool = False) -> list[FeatureUse]:
    """Every feature that anybody used, the rarest first: features that hardly anyone uses stand at the top."""
    plan = "plan" if by_plan else "NULL::VARCHAR"
    rows = db.execute(
        f"""
        WITH known AS (SELECT account, {plan} AS plan, features FROM ({FEATURE_USERS})),
        used AS (SELECT DISTINCT account, plan, unnest(features) AS feature FROM known),
        features AS (SELECT DISTINCT feature FROM used),
        sizes AS (SELECT plan, count(*) AS accounts FROM known GROUP BY plan)
        SELECT f.feature, s.plan, count(u.account), any_value(s.accounts) FROM features f CROSS JOIN sizes s
        LEFT JOIN used u ON u.feature = f.feature AND u.plan IS NOT DISTINCT FROM s.plan
        {"WHERE s.plan IS NOT NULL" if by_plan else ""}
        GROUP BY f.feature, s.plan ORDER BY s.plan, count(u.account), f.feature
        """,
        named_in(FEATURE_USERS, adoption_parameters(as_of_day)),
    ).fetchall()
    return [FeatureUse(feature, plan_, used, accounts, used / accounts) for feature, plan_, used, accounts in rows]


def launch_uptake(db: duckdb.DuckDBPyConnection, launches: Mapping[str, int], as_of_day: int) -> list[LaunchUptake]:
    """The uptake of every launched feature, by horizon, customers of before and new ones apart.

    Args:
        db: a reader's connection.
        launches: feature to the day of its launch.
        as_of_day: nothing after it is known.
    """
    found = []
    for feature, launched in sorted(launches.items()):
        rows = db.execute(
            f"""
            SELECT c.is_new, h.days, count(*), count(*) FILTER (c.used_day < c.day + h.days)
            FROM ({UPTAKE}) c CROSS JOIN (SELECT unnest($horizons) AS days) h
            WHERE c.day + h.days <= $as_of + 1 GROUP BY ALL
            """,
            named_in(UPTAKE, adoption_parameters(as_of_day) | {"launched": launched, "feature": feature})
            | {"horizons": list(HORIZONS_DAYS), "as_of": as_of_day},
        ).fetchall()
        counts = {(is_new, days): (n, used) for is_new, days, n, used in rows}
        for days in HORIZONS_DAYS:
            for is_new in (False, True):
                n, used = counts.get((is_new, days), (0, 0))
                found.append(LaunchUptake(feature, days, is_new, used, n, used / n if n else None))
    return found


def feature_retention(db: duckdb.DuckDBPyConnection, as_of_day: int) -> list[FeatureRetention]:
    """Every feature, the one with the largest difference first; over the last two years, in windows of 90 days.

    Who uses a feature differs from who does not in other things too: a difference is a question, and no proof.
    """
    rows = db.execute(
        f"""
        WITH held AS MATERIALIZED ({FEATURE_WINDOWS}), used AS (
            SELECT feature, count(*) AS n, sum(stayed) AS stayed FROM (
                SELECT DISTINCT start, account, stayed, unnest(features) AS feature FROM held
            ) GROUP BY feature
        )
        SELECT u.feature, u.n, u.stayed::BIGINT, a.n - u.n, (a.stayed - u.stayed)::BIGINT
        FROM used u CROSS JOIN (SELECT count(*) AS n, sum(stayed) AS stayed FROM held) a
        """,
        named_in(FEATURE_WINDOWS, adoption_parameters(as_of_day)),
    ).fetchall()
    found = []
    for feature, n, stayed, other_n, other_stayed in rows:
        interval = difference_interval(stayed, n, other_stayed, other_n)
        difference = None if interval is None else stayed / n - other_stayed / other_n
        low, high = interval or (None, None)
        found.append(FeatureRetention(feature, n, stayed, other_n, other_stayed, difference, low, high))
    return sorted(found, key=lambda each: (each.difference is None, -(each.difference or 0), each.feature))


def launch_stay(db: duckdb.DuckDBPyConnection, launches: Mapping[str, int], as_of_day: int) -> list[LaunchStay]:
    """Of every launched feature, whether those who took it up use it still.

    Args: as for `launch_uptake`.
    """
    found = []
    for feature, launched in sorted(launches.items()):
        rows = db.execute(
            f"SELECT is_new, days, count(*), count(*) FILTER (uses) FROM ({ADOPTED}) GROUP BY ALL",
            named_in(ADOPTED, adoption_parameters(as_of_day) | {"launched": launched, "feature": feature}),
        ).fetchall()
        counts = {(is_new, days): (n, stayed) for is_new, days, n, stayed in rows}
        for days in STAYED_DAYS:
            for is_new in (False, True):
                n, stayed = counts.get((is_new, days), (0, 0))
                low, high = wilson(stayed, n) or (None, None)
                found.append(LaunchStay(feature, days, is_new, stayed, n, stayed / n if n else None, low, high))
    return found
