"""The tables of the store: the ledger that is kept, and what is derived from it. Each is declared here once.

Days are day numbers in the company's time zone, moments epoch milliseconds, money integer minor units. `FOREVER` (the
last day of the year 9999) stands where something has no end.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One table.

    Attributes:
        columns: name to DuckDB's type, in order.
        meaning: what a row is.
    """

    name: str
    meaning: str
    columns: dict[str, str]

    @property
    def ddl(self) -> str:
        """Creates it."""
        columns = ", ".join(f'"{name}" {kind}' for name, kind in self.columns.items())
        return f'CREATE TABLE IF NOT EXISTS "{self.name}" ({columns})'


_TEXT, _DAY, _MINOR, _MS, _FLAG, _COUNT, _REAL = (
    *("VARCHAR", "INTEGER", "BIGINT", "BIGINT", "BOOLEAN", "INTEGER", "DOUBLE"),
)
DAY_LASTS_DAYS: Final = 7  # what an account's day says holds until the next one, and no longer than that
_PLACE: Final = {"topic": _TEXT, "partition": _COUNT, "offset": "BIGINT"}

LEDGER: Final = Table(
    "ledger",
    "a record as it came; `problem` says why no figure can use it",
    {
        **_PLACE,
        **{"kind": _TEXT, "event_id": _TEXT, "account": _TEXT, "moved_to": _TEXT},
        **{"recorded_ms": _MS, "body": _TEXT, "problem": _TEXT},
    },
)
OFFSETS: Final = Table("offsets", "how far a partition is in the ledger", {**_PLACE, "recorded_ms": _MS})
MADE_BY: Final = Table("made_by", "the tables and rules that the file was made by", {"name": _TEXT, "value": _TEXT})
ERASURES: Final = Table(
    "erasures",
    "what was erased, up to a moment; see `erasure`",
    {"account_hash": _TEXT, "user": _TEXT, "recorded_ms": _MS, "alias": _TEXT},
)
STALE: Final = Table("stale", "an account whose derived rows are older than its ledger", {"account": _TEXT})
ACCOUNT_DAYS: Final = Table(
    "account_days",
    "how an account stood at the end of a day, in its newest version",
    {
        **_PLACE,
        **{"recorded_ms": _MS, "account": _TEXT, "day": _DAY, "score": _REAL, "band": _TEXT, "stage": _TEXT},
        **{"owner": _TEXT, "segment": _TEXT, "mau": _COUNT, "wau": _COUNT, "seats": _COUNT},
        **{"features": "VARCHAR[]", "coverage_ratio": _REAL, "time_to_first_value_days": _REAL},
    },
)
ACCOUNT_DAYS_REPLACED: Final = Table(
    "account_days_replaced", "an older version of an account's day", ACCOUNT_DAYS.columns
)

STALE_DAYS: Final = Table("stale_days", "an account whose bands are older than its days", {"account": _TEXT})

# What is derived of an account's days.
BANDS: Final = Table(
    "bands",
    "days in a row in a health band; a day that nobody told is as the one before it, for a week",
    {"account": _TEXT, "band": _TEXT, "from_day": _DAY, "to_day": _DAY},
)
FIRST_VALUES: Final = Table(
    "first_values", "how long an account took to its first value", {"account": _TEXT, "first_value_days": _REAL}
)

# What belongs to no account.
RATES: Final = Table("rates", "a rate from its day on", {"currency": _TEXT, "from_day": _DAY, "rate": "BIGINT"})
COSTS: Final = Table(
    "costs",
    "a cost, spread evenly over the days of its period; minor null: its currency had no rate",
    {
        **{"kind": _TEXT, "campaign": _TEXT, "team": _TEXT, "owner": _TEXT, "from_day": _DAY, "next_day": _DAY},
        "minor": _MINOR,
    },
)

INTERVALS: Final = Table(
    "intervals",
    "what a subscription was worth from a day up to another",
    {
        **{"account": _TEXT, "subscription": _TEXT, "product": _TEXT, "plan": _TEXT, "campaign": _TEXT},
        **{"currency": _TEXT, "from_day": _DAY, "to_day": _DAY, "arr_minor": _MINOR, "seats": _COUNT},
        **{"paused": _FLAG, "event_id": _TEXT},
    },
)
SPELLS: Final = Table(
    "spells",
    "days in a row as a customer; product: of it, null: of any",
    {"account": _TEXT, "product": _TEXT, "from_day": _DAY, "to_day": _DAY},
)
MOVEMENTS: Final = Table(
    "movements",
    "what a day changed, in the company's currency; product: of it alone, null: of the account, net",
    {
        **{"account": _TEXT, "product": _TEXT, "day": _DAY, "kind": _TEXT, "minor": _MINOR, "detail": _TEXT},
        **{"unvalued": _FLAG, "event_id": _TEXT},
    },
)
TERMS: Final = Table(
    "terms",
    "a paid term, and what became of it on `decided_day`; minor null: its currency had no rate",
    {
        **{"account": _TEXT, "subscription": _TEXT, "product": _TEXT, "from_day": _DAY, "end_day": _DAY},
        **{"minor": _MINOR, "outcome": _TEXT, "decided_day": _DAY, "event_id": _TEXT},
    },
)
TRIALS: Final = Table(
    "trials",
    "a trial, and what became of it on `ended_day`",
    {
        **{"account": _TEXT, "subscription": _TEXT, "plan": _TEXT, "campaign": _TEXT, "from_day": _DAY},
        **{"outcome": _TEXT, "ended_day": _DAY, "first_upsell_day": _DAY},
    },
)
REQUESTS: Final = Table(
    "requests",
    "a request to cancel, and what became of it on `decided_day`",
    {
        **{"account": _TEXT, "subscription": _TEXT, "day": _DAY, "outcome": _TEXT, "decided_day": _DAY},
        **{"reason": _TEXT, "event_id": _TEXT},
    },
)
PROFILES: Final = Table(
    "profiles",
    "how the CRM described an account from a day up to another",
    {
        **{"account": _TEXT, "from_day": _DAY, "to_day": _DAY, "name": _TEXT, "segment": _TEXT, "owner": _TEXT},
        "stage": _TEXT,
    },
)
TOUCHES: Final = Table(
    "touches",
    "a touchpoint",
    {
        **{"account": _TEXT, "day": _DAY, "kind": _TEXT, "is_contact": _FLAG, "owner": _TEXT, "play": _TEXT},
        "event_id": _TEXT,
    },
)
ANSWERS: Final = Table(
    "answers",
    "a survey answer, in its newest version",
    {"account": _TEXT, "day": _DAY, "survey": _TEXT, "user_id": _TEXT, "score": _COUNT, "moment_ms": _MS},
)
TICKETS: Final = Table(
    "tickets",
    "a ticket: when it was opened, and first escalated",
    {"account": _TEXT, "ticket": _TEXT, "opened_day": _DAY, "escalated_day": _DAY, "category": _TEXT},
)
REFERRALS: Final = Table(
    "referrals",
    "an account that another one brought; minor: its revenue a year, once won",
    {"account": _TEXT, "referred": _TEXT, "day": _DAY, "minor": _MINOR},
)

BY_ACCOUNT: Final = (
    *(INTERVALS, SPELLS, MOVEMENTS, TERMS, TRIALS, REQUESTS, PROFILES, TOUCHES, ANSWERS, TICKETS, REFERRALS),
)
BY_DAYS: Final = (BANDS, FIRST_VALUES)
TABLES: Final = (
    *(MADE_BY, LEDGER, OFFSETS, STALE, ERASURES, ACCOUNT_DAYS, ACCOUNT_DAYS_REPLACED, STALE_DAYS, RATES, COSTS),
    *(*BY_ACCOUNT, *BY_DAYS),
)
# What a warehouse may have: everything that is derived, and how accounts stood day by day; no record as it came.
EXPORTED: Final = (*(table.name for table in (*BY_ACCOUNT, *BY_DAYS, RATES, COSTS)), ACCOUNT_DAYS.name)
