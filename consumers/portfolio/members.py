"""The accounts behind a row of the pages on features, launches, bands, renewals and plays: who was counted, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import duckdb

from consumers.portfolio.adoption import (
    ADOPTED,
    BAND_WINDOWS,
    FEATURE_USERS,
    FEATURE_WINDOWS,
    HORIZONS_DAYS,
    STAYED_DAYS,
    UPTAKE,
    adoption_parameters,
    named_in,
)
from consumers.portfolio.figures import FigureError
from consumers.portfolio.play_effects import PLAY_ACCOUNTS, play_parameters
from consumers.portfolio.renewals import DECIDED_TERMS, renewal_parameters

MemberKind = Literal["bands", "renewals", "feature", "feature_retention", "launch", "launch_stay", "play"]


@dataclass(frozen=True, slots=True)
class Member:
    """An account that was counted.

    Attributes:
        account, name: which; name None: the CRM told none.
        day: when it was looked at, or what was looked at ended; a day number.
        group: of what it is counted; None: of everything.
        outcome: what became of it, in a word.
    """

    account: str
    name: str | None
    day: int
    group: str | None
    outcome: str


# Each gives (account, day, group, outcome); `key` is what the row is about, `days` its horizon where it has one.
_SOURCES: Final[Mapping[MemberKind, str]] = {
    "bands": f"""
        SELECT account, day, band AS "group",
            CASE WHEN churned THEN 'left' WHEN expanded THEN 'expanded' ELSE 'stayed' END AS outcome
        FROM ({BAND_WINDOWS}) WHERE coalesce(band, '') = $key
    """,
    "renewals": f"""
        SELECT account, end_day AS day, band AS "group", outcome FROM ({DECIDED_TERMS}) WHERE coalesce(band, '') = $key
    """,
    "feature": f"""
        SELECT account, day, plan AS "group",
            CASE WHEN list_contains(features, $key) THEN 'uses it' ELSE 'does not' END AS outcome
        FROM ({FEATURE_USERS})
    """,
    "feature_retention": f"""
        SELECT account, start AS day, CASE WHEN list_contains(features, $key) THEN 'with it' ELSE 'without it' END
            AS "group", CASE WHEN stayed = 1 THEN 'stayed' ELSE 'left' END AS outcome FROM ({FEATURE_WINDOWS})
    """,
    "launch": f"""
        SELECT account, day, CASE WHEN is_new THEN 'new since' ELSE 'existing' END AS "group",
            CASE WHEN used_day < day + $days THEN 'used it' ELSE 'did not' END AS outcome
        FROM ({UPTAKE}) WHERE day + $days <= $as_of + 1
    """,
    "launch_stay": f"""
        SELECT account, day, CASE WHEN is_new THEN 'new since' ELSE 'existing' END AS "group",
            CASE WHEN uses THEN 'uses it still' ELSE 'does not' END AS outcome FROM ({ADOPTED}) WHERE days = $days
    """,
    "play": f"""
        SELECT treated AS account, day, CASE WHEN compared > 0 THEN compared || ' comparable' ELSE 'nobody comparable'
            END AS "group", CASE WHEN stayed = 1 THEN 'still a customer' ELSE 'left' END
            || CASE WHEN up = 1 THEN ', use up by a tenth' ELSE '' END AS outcome
        FROM ({PLAY_ACCOUNTS}) WHERE play = $key AND days = $days
    """,
}
KINDS: Final = tuple(_SOURCES)
_HORIZONS: Final[Mapping[MemberKind, tuple[int, ...]]] = {"launch": HORIZONS_DAYS, "launch_stay": STAYED_DAYS}


def members(
    db: duckdb.DuckDBPyConnection,
    kind: str,
    key: str,
    as_of_day: int,
    *,
    group: str | None = None,
    days: int = 0,
    launches: Mapping[str, int] | None = None,
) -> list[Member]:
    """The accounts behind a row, by account and day.

    Args:
        db: a reader's connection.
        kind: which table, one of KINDS.
        key: the row's band (empty: not known), feature or play.
        as_of_day: nothing after it is known.
        group: only these: a plan, `with it`, `new since` and so on; None: all.
        days: the row's horizon, where it has one.
        launches: feature to the day of its launch.

    Raises:
        FigureError: there is no such table, or nothing was launched by that name.
    """
    source = next((name for name in KINDS if name == kind), None)
    if source is None:
        raise FigureError(f"of {kind!r}: there is no such table; expected one of {', '.join(KINDS)}")
    if source in _HORIZONS and (key not in (launches or {}) or days not in _HORIZONS[source]):
        raise FigureError(f"{key} after {days} days: no launch is told by that name and horizon")
    known: dict[str, Any] = {
        **adoption_parameters(as_of_day),
        **play_parameters(as_of_day),
        **renewal_parameters(as_of_day),
        **{"key": key, "feature": key, "days": days, "launched": (launches or {}).get(key, 0)},
    }
    sql = _SOURCES[source]
    rows = db.execute(
        f"""
        WITH found AS ({sql})
        SELECT m.account, f.name, m.day, m."group", m.outcome FROM found m
        LEFT JOIN profiles f ON f.account = m.account AND f.from_day <= $as_of AND $as_of < f.to_day
        {"" if group is None else 'WHERE m."group" = $group'}
        ORDER BY m.day DESC, m.outcome, m.account
        """,
        named_in(sql, known) | {"as_of": as_of_day} | ({} if group is None else {"group": group}),
    ).fetchall()
    return [Member(*row) for row in rows]
