"""What plays did: accounts with a play against comparable ones without it.

Comparable is who was a customer on the same day, in the same band and segment, with nearly the same use of its seats,
and on no play for 90 days before and after. Each account with a play is set against the mean of all that are comparable
with it, so the effect is the mean of those differences; it is no experiment, for people choose who gets a play.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

import duckdb

HORIZONS_DAYS: Final = (28, 91, 182, 364)
QUIET_DAYS: Final = 90  # without any play, before and after, for who is compared with
USE_WITHIN: Final = 0.15  # of active people / seats
USE_IS_UP_RATIO: Final = 1.1
N_MIN: Final = 20  # of accounts with a play; fewer say nothing
_Z: Final = 1.959964

# Every time a play began with an account: (play, days, day, treated, compared, and the four outcomes).
PLAY_ACCOUNTS: Final = """
    WITH began AS (  -- a play with an account, once in 90 days; the state is that of the week's look
        SELECT account, play, day AS played, day - ((day - $as_of) % 7 + 7) % 7 AS day FROM touches
        WHERE play IS NOT NULL AND day <= $as_of
        QUALIFY coalesce(day - lag(day) OVER (PARTITION BY account, play ORDER BY day), $quiet + 1) > $quiet
    ), days AS (SELECT DISTINCT day FROM began), states AS MATERIALIZED (
        SELECT a.account, a.day, a.band, f.segment, a.mau, a.mau / a.seats AS use FROM account_days a
        JOIN days ON days.day = a.day
        JOIN spells s ON s.account = a.account AND s.product IS NULL AND s.from_day <= a.day AND a.day < s.to_day
        LEFT JOIN profiles f ON f.account = a.account AND f.from_day <= a.day AND a.day < f.to_day
        WHERE a.band IS NOT NULL AND a.mau IS NOT NULL AND a.seats > 0
    ), pairs AS (
        SELECT b.play, b.day, t.account AS treated, c.account AS control, t.mau AS treated_mau, c.mau AS control_mau
        FROM began b JOIN states t ON t.account = b.account AND t.day = b.day
        LEFT JOIN states c ON c.day = t.day AND c.band = t.band AND c.segment IS NOT DISTINCT FROM t.segment
            AND c.account <> t.account AND abs(c.use - t.use) <= $within
            AND NOT EXISTS (SELECT 1 FROM touches o WHERE o.account = c.account AND o.play IS NOT NULL
                AND abs(o.day - b.played) <= $quiet)
    ), horizons AS (SELECT unnest($horizons) AS days), looked AS (
        SELECT p.*, h.days FROM pairs p CROSS JOIN horizons h WHERE p.day + h.days <= $as_of
    ), later AS MATERIALIZED (
        SELECT account, day, mau FROM account_days WHERE ($as_of - day) % 7 = 0
    ), outcomes AS (
        SELECT l.play, l.day, l.days, l.treated, l.control,
            EXISTS (SELECT 1 FROM spells s WHERE s.account = l.treated AND s.product IS NULL
                AND s.from_day <= l.day + l.days AND l.day + l.days < s.to_day)::INT AS treated_stayed,
            EXISTS (SELECT 1 FROM spells s WHERE s.account = l.control AND s.product IS NULL
                AND s.from_day <= l.day + l.days AND l.day + l.days < s.to_day)::INT AS control_stayed,
            (coalesce(t.mau, 0) >= l.treated_mau * $up AND t.mau > 0)::INT AS treated_up,
            (coalesce(c.mau, 0) >= l.control_mau * $up AND c.mau > 0)::INT AS control_up
        FROM looked l LEFT JOIN later t ON t.account = l.treated AND t.day = l.day + l.days
        LEFT JOIN later c ON c.account = l.control AND c.day = l.day + l.days
    )
    SELECT play, days, day, treated, count(control) AS compared, any_value(treated_stayed) AS stayed,
        avg(control_stayed) FILTER (control IS NOT NULL) AS others_stayed, any_value(treated_up) AS up,
        avg(control_up) FILTER (control IS NOT NULL) AS others_up
    FROM outcomes GROUP BY play, days, day, treated
"""


def play_parameters(as_of_day: int) -> dict[str, Any]:
    """What that is asked with."""
    return {
        **{"as_of": as_of_day, "quiet": QUIET_DAYS, "within": USE_WITHIN, "up": USE_IS_UP_RATIO},
        "horizons": list(HORIZONS_DAYS),
    }


@dataclass(frozen=True, slots=True)
class PlayEffect:
    """One play, so many days after it began.

    Attributes:
        play: its name.
        days: since it began.
        outcome: `stayed` (still a customer) or `use_is_up` (a tenth more people active than then).
        started: how often the play began with an account and the day has come.
        n: of these, with a comparable account.
        compared: comparable accounts, each counted once for every account that it is compared with.
        with_play, without: the share with the outcome, of the accounts with a play and of those they are compared with.
        effect, low, high: the difference with its 95 % interval; None with fewer than 20 accounts.
    """

    play: str
    days: int
    outcome: str
    started: int
    n: int
    compared: int
    with_play: float | None
    without: float | None
    effect: float | None
    low: float | None
    high: float | None

    @property
    def sentence(self) -> str:
        """What may be said of it."""
        if self.n < N_MIN:
            return f"too few to say anything: {self.n} accounts with somebody to compare with, of {N_MIN} needed"
        assert self.low is not None
        assert self.high is not None
        if self.low > 0:
            return "more than without it"
        return "less than without it" if self.high < 0 else "no difference can be told"


def play_effects(db: duckdb.DuckDBPyConnection, as_of_day: int) -> list[PlayEffect]:
    """Every play, by horizon and outcome.

    Args:
        db: a reader's connection.
        as_of_day: nothing after it is known.
    """
    rows = db.execute(
        f"""
        SELECT play, days, count(*), count(*) FILTER (compared > 0), sum(compared)::BIGINT,
            avg(stayed) FILTER (compared > 0), avg(others_stayed), avg(stayed - others_stayed),
            stddev_samp(stayed - others_stayed),
            avg(up) FILTER (compared > 0), avg(others_up), avg(up - others_up), stddev_samp(up - others_up)
        FROM ({PLAY_ACCOUNTS}) GROUP BY play, days ORDER BY play, days
        """,
        play_parameters(as_of_day),
    ).fetchall()
    found = []
    for play, days, started, n, compared, *numbers in rows:
        for outcome, four in (("stayed", numbers[:4]), ("use_is_up", numbers[4:])):
            with_play, without, effect, spread = four
            half = None if n < N_MIN or spread is None else _Z * spread / sqrt(n)
            found.append(
                PlayEffect(
                    *(play, days, outcome, started, n, compared, with_play, without),
                    *(None if half is None else effect, None if half is None else effect - half),
                    None if half is None else effect + half,
                )
            )
    return found
