"""Every account in memory as one short row, and where on Kafka the rest of it lies.

A row is about a kilobyte, so a hundred thousand accounts fit; reports and states stay on Kafka, and are read by their
offset when somebody looks at one account.
"""

import threading
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from math import isnan
from operator import attrgetter
from typing import Final, Literal

from msgspec import Struct

from alerts.account_facts import AccountFacts
from alerts.messages.evidence import moved_measures
from alerts.money import ONE_CURRENCY, MoneySettings
from stream.contracts.report import BANDS, LIVING_BANDS, Band, HealthReport

BANDS_AT_RISK: Final[tuple[Band, ...]] = ("at_risk", "critical")
SPARK_DAYS: Final = 28
SPARK_UNKNOWN: Final = 255
NONE_CHOICE: Final = "none"  # the filter for accounts without a segment, or an owner
REASON_CHARS: Final = 300
MOVED_MAX: Final = 4

SortKey = Literal["health", "movement", "name", "renewal", "mrr"]


class RecordPosition(Struct, frozen=True, gc=False):
    """Where a record lies on its topic."""

    partition: int
    offset: int


# Amounts by currency; None: nobody says in which.
Sums = dict[str | None, float]


class AccountRow(Struct, frozen=True, gc=False):
    """What the list shows of an account.

    Attributes:
        spark: whole scores of the 28 days that end with the report's, oldest first; 255 where a day has none.
        movement: the score's change in seven days; None when either end is unknown.
        moved: ids of the measures that moved the score down, or hold it down, the worst first, at most four.
        renewal, mrr: of the subscriptions that run, else of the profile.
        currency: of mrr; None where nobody says it.
        is_cancelling: whether a request to cancel is open.
        position: of the whole report.
    """

    account_id: str
    name: str
    band: Band
    score: float | None
    movement: float | None
    reason: str
    spark: bytes
    segment: str | None
    owner: str | None
    stage: str | None
    renewal: date | None
    mrr: float | None
    currency: str | None
    is_cancelling: bool
    as_of: datetime
    last_event_at: datetime | None
    moved: tuple[str, ...]
    position: RecordPosition

    @property
    def arr(self) -> float | None:
        """What it pays a year; None: not known."""
        return None if self.mrr is None else self.mrr * 12

    @property
    def arr_at_risk(self) -> float | None:
        """The same of an account at risk or critical; None of every other, and where it is not known."""
        return self.arr if self.band in BANDS_AT_RISK else None


def yearly(rows: Iterable[AccountRow]) -> Sums:
    """What accounts pay a year together, where it is known."""
    return together({row.currency: row.arr} for row in rows if row.arr is not None)


def together(parts: Iterable[Sums]) -> Sums:
    """Sums of parts, currency by currency: euros and dollars have no sum."""
    found: Sums = {}
    for part in parts:
        for currency, amount in part.items():
            found[currency] = found.get(currency, 0.0) + amount
    return found


@dataclass(frozen=True)
class RevenueAtRisk:
    """What is at risk altogether.

    Attributes:
        arr: a year, where it is known; empty: of none of these accounts.
        accounts: how many are at risk or critical, known or not.
    """

    arr: Sums
    accounts: int


@dataclass(frozen=True)
class AccountQuery:
    """What to list.

    Args:
        search: words that must all be in the name, the id, the owner or the segment.
        bands, segment, owner: only those; None: all. No bands: all of the living, and whoever is searched for.
        renewal_days: only those that renew within so many days, or should have; None: all.
        is_flagged: only those with an open alert.
        sort: health: worst first, unknown last; movement: the largest loss first.
        reverse: the other way round; the unknown stay last.
    """

    search: str = ""
    bands: frozenset[Band] = frozenset()
    segment: str | None = None
    owner: str | None = None
    renewal_days: int | None = None
    is_flagged: bool = False
    sort: SortKey = "health"
    reverse: bool = False


@dataclass(frozen=True)
class Listing:
    """What a query finds.

    Attributes:
        rows: in order.
        bands: how many accounts each band has under all filters but that of the band.
        arr: what they pay a year together, by band and currency, where it is known.
        living_only: whether inactive ones are left out, since nobody asked for them.
    """

    rows: list[AccountRow]
    bands: Counter[Band]
    arr: dict[Band, Sums]
    living_only: bool = False


@dataclass
class AccountIndex:
    """All rows. Written by the thread that reads Kafka, read by those that answer.

    Attributes:
        money: by which amounts of several currencies are set in one order.
    """

    money: MoneySettings = ONE_CURRENCY
    lock: threading.Lock = field(default_factory=threading.Lock)
    _rows: dict[str, AccountRow] = field(default_factory=dict)
    _states: dict[str, RecordPosition] = field(default_factory=dict)
    _at_risk: dict[str, AccountRow] = field(default_factory=dict)

    def put(self, row: AccountRow) -> None:
        """A newer report."""
        with self.lock:
            self._rows[row.account_id] = row
            if row.band in BANDS_AT_RISK:
                self._at_risk[row.account_id] = row
            else:
                self._at_risk.pop(row.account_id, None)

    def drop(self, account_id: str) -> None:
        """The account is gone."""
        with self.lock:
            self._rows.pop(account_id, None)
            self._at_risk.pop(account_id, None)

    def put_state(self, account_id: str, position: RecordPosition | None) -> None:
        """Where its state lies now; None: it has none any more."""
        with self.lock:
            if position is None:
                self._states.pop(account_id, None)
            else:
                self._states[account_id] = position

    def row(self, account_id: str) -> AccountRow | None:
        """One account's row."""
        return self._rows.get(account_id)

    def state_position(self, account_id: str) -> RecordPosition | None:
        """Where one account's state lies."""
        return self._states.get(account_id)

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> list[AccountRow]:
        """All of them, in no order."""
        with self.lock:
            return list(self._rows.values())

    def at_risk(self) -> RevenueAtRisk:
        """Revenue of the accounts that are at risk or critical."""
        with self.lock:
            rows = list(self._at_risk.values())
        return RevenueAtRisk(yearly(rows), len(rows))

    def find(self, query: AccountQuery, flagged: Container[str] = (), today: date | None = None) -> Listing:
        """The accounts of a query, in its order.

        Args:
            query: what is looked for.
            flagged: the accounts with an open alert.
            today: the day that renewals are counted from; None: each report's own.
        """
        rows = self.rows()
        if replace(query, bands=frozenset(), sort="health", reverse=False) != AccountQuery():
            rows = [row for row in rows if _matches(row, query, flagged, today)]
        by_band: dict[Band, list[AccountRow]] = {}
        for row in rows:
            by_band.setdefault(row.band, []).append(row)
        living_only = not query.bands and not query.search
        shown = query.bands or frozenset(LIVING_BANDS if living_only else BANDS)
        rows = [row for row in rows if row.band in shown]
        bands = Counter({band: len(each) for band, each in by_band.items()})
        arr = {band: yearly(each) for band, each in by_band.items()}
        return Listing(_sorted(rows, query.sort, query.reverse, self.money), bands, arr, living_only)

    @property
    def living(self) -> int:
        """How many accounts are not inactive."""
        return sum(row.band != "inactive" for row in self.rows())

    def choices(self) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        """Segments and owners with how many accounts each has, the largest first."""
        rows = self.rows()
        return _counted(row.segment for row in rows), _counted(row.owner for row in rows)


def row_of(report: HealthReport, position: RecordPosition) -> AccountRow:
    """The row of a report."""
    profile, score, before = report.profile, report.score, report.score_7d_ago
    facts = AccountFacts(report, report.as_of)
    return AccountRow(
        account_id=report.account_id,
        name=report.name,
        band=report.band,
        score=score,
        movement=score - before if score is not None and before is not None else None,
        reason=report.reason[:REASON_CHARS],
        spark=spark(report.history, report.as_of.date()),
        segment=profile.segment,
        owner=profile.owner,
        stage=facts.stage,
        renewal=facts.renewal_date,
        mrr=facts.mrr,
        currency=facts.currency,
        is_cancelling=bool(facts.number("cancellation_requested")),
        as_of=report.as_of,
        last_event_at=report.last_event_at,
        moved=tuple(moved_measures(report)[:MOVED_MAX]),
        position=position,
    )


def spark(history: Sequence[tuple[str, float]], today: date) -> bytes:
    """Closing scores of the 28 days that end with `today`, one byte a day.

    >>> list(spark([("2026-03-01", 41.7), ("2026-03-03", 80.0)], date(2026, 3, 3)))[-4:]
    [255, 42, 255, 80]
    """
    found = bytearray([SPARK_UNKNOWN]) * SPARK_DAYS
    first = today - timedelta(days=SPARK_DAYS - 1)
    for day, score in history:
        at = (date.fromisoformat(day) - first).days
        if 0 <= at < SPARK_DAYS:
            found[at] = min(max(round(score), 0), 100)
    return bytes(found)


def count_bands(rows: Iterable[AccountRow]) -> dict[Band, int]:
    """Accounts by band, every band named."""
    counts = Counter(row.band for row in rows)
    return {band: counts[band] for band in BANDS}


def _matches(row: AccountRow, query: AccountQuery, flagged: Container[str], today: date | None) -> bool:
    if query.is_flagged and row.account_id not in flagged:
        return False
    if query.renewal_days is not None:
        days = (row.renewal - (today or row.as_of.date())).days if row.renewal is not None else None
        if days is None or days > query.renewal_days:
            return False
    if query.segment is not None and (row.segment or NONE_CHOICE) != query.segment:
        return False
    if query.owner is not None and (row.owner or NONE_CHOICE) != query.owner:
        return False
    if not query.search:
        return True
    text = f"{row.name}\n{row.account_id}\n{row.owner or ''}\n{row.segment or ''}".casefold()
    return all(word in text for word in query.search.casefold().split())


_KEYS: Final[dict[SortKey, Callable[[AccountRow], float | str | None]]] = {
    "health": attrgetter("score"),
    "movement": attrgetter("movement"),
    "name": lambda row: row.name.casefold(),
    "renewal": lambda row: row.renewal.toordinal() if row.renewal is not None else None,
    "mrr": lambda row: -row.mrr if row.mrr is not None else None,
}


def _sorted(rows: list[AccountRow], sort: SortKey, reverse: bool, money: MoneySettings) -> list[AccountRow]:
    """In order, what is not known last either way.

    Money is ordered by the rates of the alerting configuration; what has none comes after it, by currency, since
    amounts of several have no order.
    """
    key = _KEYS[sort]
    known: list[tuple[float | str, str, AccountRow]] = []
    unknown: list[AccountRow] = []
    for row in rows:
        value = _comparable(row, money) if sort == "mrr" else key(row)
        if value is None:
            unknown.append(row)
        else:
            known.append((value, row.account_id, row))
    known.sort(reverse=reverse)  # by value, then id, of which there is one each: rows are never compared
    if sort == "mrr":
        unrated = {row.currency for _, _, row in known if not _is_rated(row, money)}
        rank = _currency_ranks(row.currency for _, _, row in known if row.currency in unrated)
        known.sort(key=lambda each: rank[each[2].currency] + 1 if each[2].currency in unrated else 0)
    unknown.sort(key=lambda row: row.account_id)
    return [row for _, _, row in known] + unknown


def _is_rated(row: AccountRow, money: MoneySettings) -> bool:
    """Whether what the account pays can be set beside what others pay."""
    compared = money.compared(row.mrr, row.currency)
    return money.currency is not None and compared is not None and not isnan(compared)


def _comparable(row: AccountRow, money: MoneySettings) -> float | None:
    """The largest first: in the rates' currency, where there is a rate."""
    if row.mrr is None:
        return None
    return -(money.compared(row.mrr, row.currency) or 0.0) if _is_rated(row, money) else -row.mrr


def _currency_ranks(currencies: Iterable[str | None]) -> dict[str | None, int]:
    """The currency of most accounts first; what names none is taken to be in that one."""
    counts = Counter(currencies)
    unnamed = counts.pop(None, 0)
    ordered = sorted(counts, key=lambda currency: (-counts[currency], currency or ""))
    ranks: dict[str | None, int] = {currency: at for at, currency in enumerate(ordered)}
    return ranks | {None: 0} if unnamed else ranks


def _counted(values: Iterable[str | None]) -> list[tuple[str, int]]:
    counts = Counter(value or NONE_CHOICE for value in values)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
