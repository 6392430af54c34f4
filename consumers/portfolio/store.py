"""The ledger in DuckDB, append-only, and what is derived from it: deleted and derived again for every touched account.

Records and the offsets behind them go in within one transaction, so that a process that dies at any moment reads on
where the ledger ends. Of two records with one event_id the later offset wins. So replay, correction, late events and
shuffled partitions all give what one pass over the whole ledger gives.
"""

import contextlib
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from consumers.portfolio import tables
from consumers.portfolio.alias_links import link_of, owners
from consumers.portfolio.days import parse_period
from consumers.portfolio.derivation import Recorded, Row, derive, homes
from consumers.portfolio.entries import (
    AliasEntry,
    CostEntry,
    EntryKind,
    RateEntry,
    SubscriptionEntry,
    rate_day,
    read_entry,
)
from consumers.portfolio.erasure import Erasure, Erasures, of_account
from consumers.portfolio.ledger_record import (
    WITHOUT_ACCOUNT,
    DayLines,
    LedgerRecord,
    erasures_of,
    filed,
    links_of,
)
from consumers.portfolio.money import Rates, to_minor
from consumers.portfolio.subscription_history import Rules
from consumers.portfolio.tables import Table
from stream.contracts.errors import ConfigError
from stream.kinds.erasure import WHOLE_ACCOUNT

DERIVE_ACCOUNTS: Final = 2_000  # at a time: bounds the memory
_CLOSE_SECONDS_MAX: Final = 60.0
_CLOSE_RETRY_SECONDS: Final = 0.02
_SLOW_OPTIMIZER: Final = "projection_placement"  # took a tenth of a wide page's time, and made none of them faster


_encode_lines = msgspec.json.Encoder().encode_lines

# Account-days as they are read, and what becomes of it.
_DAY_COLUMNS: Final = tables.ACCOUNT_DAYS.columns | {"day": "DATE", "account_id": "VARCHAR"}
_AS_READ: Final = {
    "account": "account_id",
    "day": "(day - DATE '1970-01-01')::INTEGER",
    "features": "coalesce(features, [])",
}


class Store:
    """One writer; readers take a cursor of their own.

    Args:
        rules: the company's.
        path: the file; None: in memory.
        threads: of DuckDB.
    """

    def __init__(self, rules: Rules, path: Path | None = None, threads: int = 2) -> None:
        self.rules = rules
        self.lock = threading.Lock()
        self._cursors: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()
        self.version = 0  # grows with every commit, so that answers may be kept until the next
        try:
            self._db = duckdb.connect(str(path) if path is not None else ":memory:", config={"threads": threads})
        except duckdb.Error as error:
            raise ConfigError(
                f"portfolio.file = {path}: {error}; another process may have it open. It may be deleted: "
                "the portfolio is derived again from Kafka"
            ) from None
        if (_SLOW_OPTIMIZER,) in self._db.execute("SELECT name FROM duckdb_optimizers()").fetchall():
            self._db.execute(f"SET disabled_optimizers = '{_SLOW_OPTIMIZER}'")
        self._prepare()
        self.rates = self._read_rates()

    def _prepare(self) -> None:
        """Make the tables. A file of other tables is emptied, to be filled anew; of other rules, derived again."""
        made_by = {"tables": ";".join(table.ddl for table in tables.TABLES), "rules": repr(self.rules)}
        self._db.execute(tables.MADE_BY.ddl)
        found = dict(self._db.execute("SELECT name, value FROM made_by").fetchall())
        if found == made_by:
            return
        with self._transaction():
            if found.get("tables") != made_by["tables"]:
                for (name,) in self._db.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                    self._db.execute(f'DROP TABLE "{name}"')
            for table in tables.TABLES:
                self._db.execute(table.ddl)
            self._db.execute("DELETE FROM made_by")
            self._insert(tables.MADE_BY, list(made_by.items()))
        if "rules" in found:
            self.rates = self._read_rates()
            self.derive_all()

    def close(self) -> None:
        """Close the file. Who is asking at that moment gets a duckdb.InterruptException; nothing committed is lost.

        Raises:
            duckdb.ResourceInUseException: a question goes on for a minute in spite of it.
        """
        deadline = time.monotonic() + _CLOSE_SECONDS_MAX
        while True:
            for connection in (self._db, *list(self._cursors)):  # a connection that is busy is not closed, and says so
                with contextlib.suppress(duckdb.ConnectionException):
                    connection.interrupt()
            try:
                self._db.close()
            except duckdb.ResourceInUseException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_CLOSE_RETRY_SECONDS)
            else:
                return

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection for one reader, on what is committed."""
        cursor = self._db.cursor()
        self._cursors.add(cursor)
        return cursor

    def without_rate(self) -> dict[str, int]:
        """Currency to how many accounts paid in it before its first rate: their money is not known there."""
        rows = self.cursor().execute(
            "SELECT currency, min(from_day), count(DISTINCT account) FROM intervals GROUP BY 1"
        )
        return {
            currency: accounts
            for currency, first_day, accounts in sorted(rows.fetchall())
            if self.rates.at(currency, first_day) is None
        }

    def parquet(self, table: str) -> bytes:
        """One of the tables that a warehouse may want, as a Parquet file.

        Raises:
            ConfigError: there is none of that name.
        """
        if table not in tables.EXPORTED:
            raise ConfigError(f"table {table!r}: there is none; expected one of {', '.join(tables.EXPORTED)}")
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            self.cursor().execute(f"COPY \"{table}\" TO '{file.name}' (FORMAT parquet, COMPRESSION zstd)")
            return Path(file.name).read_bytes()

    def next_offsets(self) -> dict[tuple[str, int], int]:
        """(topic, partition) to the offset of the first record that the ledger lacks."""
        rows = self._db.execute('SELECT topic, partition, "offset" FROM offsets').fetchall()
        return {(topic, partition): offset for topic, partition, offset in rows}

    def append(self, records: Iterable[LedgerRecord]) -> int:
        """Take records into the ledger, those that it has left out; returns how many are new.

        Derived rows are older than the ledger until `refresh`; which accounts' is kept, too.
        """
        ends: dict[tuple[str, int], tuple[int, int]] = {
            (topic, partition): (offset, recorded_ms)
            for topic, partition, offset, recorded_ms in self._db.execute("SELECT * FROM offsets").fetchall()
        }
        ledger: list[Row] = []
        erasures = Erasures(Erasure(*row) for row in self._db.execute("FROM erasures").fetchall())
        fresh: dict[str, list[Erasure]] = {}
        days = DayLines(erasures)
        for source, run in groupby(records, key=attrgetter("topic", "partition")):
            end, recorded_ms = ends.get(source, (0, 0))
            for record in run:
                if record.offset < end:
                    continue
                end = record.offset + 1
                recorded_ms = max(record.recorded_ms, recorded_ms)  # a clock that goes back reorders nothing
                problem = None
                if record.kind == "account_day":
                    problem = days.add(record, recorded_ms)
                    if problem is None:
                        continue
                elif record.kind == "account":
                    account, erased = erasures_of(record, recorded_ms)
                    for each in erased:
                        erasures.add(each)
                        fresh.setdefault(account, []).append(each)
                    if record.erased:
                        continue
                row = filed(record, recorded_ms, erasures, problem)
                if row is not None:
                    ledger.append(row)
                    rows = [filed(link, recorded_ms, erasures) for link in links_of(record)]
                    ledger += [row for row in rows if row is not None]
            ends[source] = end, recorded_ms
        for row in ledger:
            if row[3] == "alias" and row[6] is not None and (until_ms := erasures.erased_ms(row[6])) >= row[7]:
                fresh.setdefault(row[5], []).append(of_account(row[5], until_ms))
        self._read_days(days)
        with self._transaction():
            self._insert(tables.LEDGER, ledger)
            self._mark_stale(ledger)
            self._replace_days(days)
            self._erase(fresh)
            self._db.execute("DELETE FROM offsets")
            self._insert(tables.OFFSETS, [(*source, *end) for source, end in ends.items()])
            if any(row[3] in WITHOUT_ACCOUNT for row in ledger):
                self._derive_company()
        return len(ledger) + days.count

    def refresh(self) -> int:
        """Derive again what is older than the ledger; returns of how many accounts.

        Each batch of accounts is a transaction of its own.
        """
        self._derive_days()
        stale = [row[0] for row in self._db.execute("SELECT account FROM stale ORDER BY account").fetchall()]
        if not stale:
            return 0
        groups = self._groups(stale)
        for batch in _batches(groups, DERIVE_ACCOUNTS):
            with self._transaction():
                self._derive(batch)
        return sum(map(len, groups))

    def derive_all(self) -> int:
        """Derive everything again, as after a change of the rules; returns of how many accounts."""
        with self._transaction():
            self._derive_company()
            self._db.execute("DELETE FROM stale")
            self._db.execute("INSERT INTO stale SELECT DISTINCT account FROM ledger WHERE account IS NOT NULL")
        return self.refresh()

    def as_known(self, until_ms: int) -> "Store":
        """What one would have known at a moment: all records that were recorded up to and with it, in memory."""
        known = Store(self.rules)
        rows = self._db.execute("SELECT * FROM ledger WHERE recorded_ms <= ?", [until_ms]).fetchall()
        days = self._db.execute(
            """
            SELECT * FROM (FROM account_days UNION ALL FROM account_days_replaced)
            WHERE recorded_ms <= ?
            QUALIFY row_number() OVER (PARTITION BY account, day ORDER BY "offset" DESC) = 1
            """,
            [until_ms],
        ).fetchall()
        with known._transaction():
            known._insert(tables.LEDGER, rows)
            known._insert(tables.ACCOUNT_DAYS, days)
            known._db.execute("INSERT INTO stale_days SELECT DISTINCT account FROM account_days")
        known.derive_all()
        return known

    def _read_rates(self) -> Rates:
        """The rates that the table holds, as they were told."""
        entries = [entry for _, _, entry in self._winners(kinds=("rate",)) if isinstance(entry, RateEntry)]
        return Rates(self.rules.currency, [(each.currency, rate_day(each), each.rate) for each in entries])

    def _winners(self, kinds: Sequence[EntryKind]) -> list[Recorded]:
        """The entries of kinds without an account, each event once."""
        rows = self._db.execute(
            f"""
            SELECT recorded_ms, event_id, kind, body FROM ledger
            WHERE kind IN ({", ".join("?" * len(kinds))}) AND problem IS NULL
            QUALIFY row_number() OVER ({_WINNER}) = 1
            ORDER BY recorded_ms, partition, "offset"
            """,
            list(kinds),
        ).fetchall()
        found: list[Recorded] = []
        for recorded_ms, event_id, kind, body in rows:
            if (entry := read_entry(kind, body, event_id)) is not None:
                found.append((recorded_ms, event_id, entry))
        return found

    def _mark_stale(self, ledger: Sequence[Row]) -> None:
        """The accounts of new rows, and those that an event was taken from because it names another account now."""
        accounts = {row[5] for row in ledger if row[5] is not None}
        if ledger:
            self._db.execute("CREATE OR REPLACE TEMP TABLE fresh (topic VARCHAR, event_id VARCHAR)")
            fresh = Table("fresh", "an event that came", {"topic": "VARCHAR", "event_id": "VARCHAR"})
            self._insert(fresh, [(row[0], row[4]) for row in ledger])
            taken = self._db.execute(
                "SELECT DISTINCT account FROM ledger SEMI JOIN fresh USING (topic, event_id) WHERE account IS NOT NULL"
            ).fetchall()
            accounts |= {row[0] for row in taken}
        self._mark(accounts)

    def _mark(self, accounts: Iterable[str]) -> None:
        known = {row[0] for row in self._db.execute("SELECT account FROM stale").fetchall()}
        self._insert(tables.STALE, [(account,) for account in sorted(set(accounts) - known)])

    def _read_days(self, days: DayLines) -> None:
        """The days of a batch into a table of its own, before anything is written."""
        if not days.count:
            return
        self._db.execute("CREATE OR REPLACE TEMP TABLE fresh_days AS FROM account_days LIMIT 0")
        try:
            self._insert_days(days.text())
        except duckdb.Error:  # as of a field that is there twice, of which the last one holds
            self._insert_days(days.text_anew())

    def _replace_days(self, days: DayLines) -> None:
        """A later version of an account's day replaces an earlier one, which is kept aside."""
        if not days.count:
            return
        count, different, first, last = self._db.execute(
            "SELECT count(*), count(DISTINCT (account, day)), min(day), max(day) FROM fresh_days"
        ).fetchall()[0]
        if different < count:
            older = "FROM fresh_days QUALIFY row_number() OVER (PARTITION BY account, day ORDER BY rowid DESC) > 1"
            self._db.execute(f"INSERT INTO account_days_replaced {older}")
            self._db.execute(f"DELETE FROM fresh_days WHERE rowid IN (SELECT rowid {older})")
        span = {"first": first, "last": last}  # by which most of the table is passed over
        mine = "(account, day) IN (SELECT account, day FROM fresh_days)"
        there = f"account_days WHERE day BETWEEN $first AND $last AND {mine}"
        (replaced,) = self._db.execute(f"SELECT count(*) FROM {there}", span).fetchall()[0]
        if replaced:
            self._db.execute(f"INSERT INTO account_days_replaced SELECT * FROM {there}", span)
            self._db.execute(f"DELETE FROM {there}", span)
        self._db.execute("INSERT INTO account_days FROM fresh_days")
        self._db.execute(
            "INSERT INTO stale_days SELECT DISTINCT account FROM fresh_days ANTI JOIN stale_days USING (account)"
        )

    def _derive_days(self) -> None:
        """Bands and first values, of the accounts of which there are new days."""
        (count,) = self._db.execute("SELECT count(*) FROM stale_days").fetchall()[0]
        if not count:
            return
        with self._transaction():
            for table in tables.BY_DAYS:
                self._db.execute(f'DELETE FROM "{table.name}" WHERE account IN (FROM stale_days)')
            self._db.execute(_BANDS, {"lasts": tables.DAY_LASTS_DAYS})
            self._db.execute(_FIRST_VALUES)
            self._db.execute("DELETE FROM stale_days")

    def _erase(self, fresh: Mapping[str, Sequence[Erasure]]) -> None:
        """Take out of what is there already what accounts and users left behind; these accounts are derived again."""
        for account, erasures in self._with_aliases(fresh).items():
            linked = [one for group in self._groups([account]) for one in group]
            self._insert(tables.ERASURES, erasures)
            until_ms = max((each.recorded_ms for each in erasures if each.user == WHOLE_ACCOUNT), default=-1)
            for table in (tables.ACCOUNT_DAYS, tables.ACCOUNT_DAYS_REPLACED):
                self._db.execute(
                    f'DELETE FROM "{table.name}" WHERE account = ? AND recorded_ms <= ?', [account, until_ms]
                )
            known, kept = Erasures(erasures), list[Row]()
            rows = self._db.execute("FROM ledger WHERE account = ?", [account]).fetchall()
            self._db.execute("DELETE FROM ledger WHERE account = ?", [account])
            for *columns, recorded_ms, body, problem in rows:
                left = known.left_of(account, recorded_ms, body.encode())
                if left is not None:
                    kept.append((*columns, recorded_ms, left.decode(), problem))
            self._insert(tables.LEDGER, kept)
            self._db.execute("INSERT INTO stale_days VALUES (?)", [account])
            self._mark(linked)

    def _with_aliases(self, fresh: Mapping[str, Sequence[Erasure]]) -> dict[str, list[Erasure]]:
        """The same, and with an account what was recorded under its other ids; the links are erased, too."""
        found = {account: list(erasures) for account, erasures in fresh.items()}
        for account, erasures in fresh.items():
            until_ms = max((each.recorded_ms for each in erasures if each.user == WHOLE_ACCOUNT), default=-1)
            named = "kind = 'alias' AND moved_to = ? AND recorded_ms <= ?", [account, until_ms]
            aliases = self._db.execute(f"SELECT DISTINCT account FROM ledger WHERE {named[0]}", named[1]).fetchall()
            for (alias,) in aliases:
                found.setdefault(alias, []).append(of_account(alias, until_ms))
        return found

    def _derive_company(self) -> None:
        """Rates and costs; accounts with another currency are derived again when a rate changed."""
        before = self._db.execute("FROM rates ORDER BY ALL").fetchall()
        self.rates = self._read_rates()
        rows = sorted(self.rates.rows())
        if rows != before:
            self._db.execute("DELETE FROM rates")
            self._insert(tables.RATES, rows)
            first_day = min(day for _, day, _ in set(before) ^ set(rows))
            foreign = self._db.execute(
                "SELECT account FROM intervals WHERE currency <> $currency AND to_day >= $day UNION "
                "SELECT account FROM terms WHERE end_day >= $day UNION "  # a term that was cut short has its own day
                "SELECT account FROM referrals WHERE day >= $day",
                {"currency": self.rules.currency, "day": first_day},
            ).fetchall()
            self._mark(row[0] for row in foreign)
        self._db.execute("DELETE FROM costs")
        costs = [each[2] for each in self._winners(kinds=("cost",))]
        self._insert(tables.COSTS, [_cost(entry, self.rates) for entry in costs if isinstance(entry, CostEntry)])

    def _groups(self, accounts: Iterable[str]) -> list[list[str]]:
        """The accounts, each with those that subscriptions were moved from or to: they are derived together."""
        moves = self._db.execute(
            "SELECT DISTINCT account, moved_to FROM ledger WHERE moved_to IS NOT NULL AND account IS NOT NULL"
        ).fetchall()
        linked: dict[str, set[str]] = {}
        for one, other in moves:
            linked.setdefault(one, set()).add(other)
            linked.setdefault(other, set()).add(one)
        groups: list[list[str]] = []
        done: set[str] = set()
        for account in accounts:
            if account in done:
                continue
            group, waiting = {account}, [account]
            while waiting:
                fresh = linked.get(waiting.pop(), set()) - group
                group |= fresh
                waiting += fresh
            done |= group
            groups.append(sorted(group))
        return groups

    def _derive(self, groups: Sequence[Sequence[str]]) -> None:
        """Delete and derive again everything of some groups of accounts."""
        accounts = [account for group in groups for account in group]
        self._db.execute("CREATE OR REPLACE TEMP TABLE touched (account VARCHAR)")
        self._insert(Table("touched", "", {"account": "VARCHAR"}), [(account,) for account in accounts])
        for table in (*tables.BY_ACCOUNT, tables.STALE):
            self._db.execute(f'DELETE FROM "{table.name}" WHERE account IN (SELECT account FROM touched)')
        entries: dict[str, list[Recorded]] = {account: [] for account in accounts}
        changes: dict[str, list[SubscriptionEntry]] = {account: [] for account in accounts}
        told = list(self._entries_of_touched())
        owner_of = owners(link_of(entry, recorded_ms) for _, recorded_ms, _, entry in told if type(entry) is AliasEntry)
        moved: list[SubscriptionEntry] = []
        for recorded_under, recorded_ms, event_id, entry in told:
            account = owner_of.get(recorded_under, recorded_under)
            if isinstance(entry, SubscriptionEntry):
                entry.account = account
                if entry.moved_to is not None:
                    entry.moved_to = owner_of.get(entry.moved_to, entry.moved_to)
                changes.setdefault(account, []).append(entry)
                moved += [entry] if entry.status == "moved" and entry.moved_to != account else []
            else:
                entries.setdefault(account, []).append((recorded_ms, event_id, entry))
        for (account, subscription), home in homes(moved).items():
            gone = [each for each in changes[account] if each.subscription == subscription]
            changes[account] = [each for each in changes[account] if each.subscription != subscription]
            changes.setdefault(home, []).extend(gone)
        rows: dict[Table, list[Row]] = {table: [] for table in tables.BY_ACCOUNT}
        for account in accounts:
            for table, found in derive(account, entries[account], changes[account], self.rules, self.rates).items():
                rows[table] += found
        for table, found in rows.items():
            self._insert(table, found)

    def _entries_of_touched(self) -> Iterator[tuple[str, int, str, Any]]:
        """(account, recorded_ms, event_id, entry) of what counts of the touched accounts."""
        rows = self._db.execute(
            f"""
            WITH mine AS (FROM ledger SEMI JOIN touched USING (account)),
            rivals AS (FROM ledger SEMI JOIN mine USING (topic, event_id) WHERE problem IS NULL),
            winners AS (FROM rivals QUALIFY row_number() OVER ({_WINNER}) = 1)
            SELECT account, recorded_ms, event_id, kind, body FROM winners SEMI JOIN touched USING (account)
            """
        ).fetchall()
        for account, recorded_ms, event_id, kind, body in rows:
            entry = read_entry(kind, body, event_id)
            if entry is not None:
                yield account, recorded_ms, event_id, entry

    def _insert_days(self, lines: bytes) -> None:
        """Account-days of a batch, which are lines of JSON already."""
        chosen = ", ".join(_AS_READ.get(name, f'"{name}"') for name in tables.ACCOUNT_DAYS.columns)
        self._read_lines(f"fresh_days SELECT {chosen}", _DAY_COLUMNS, lines)

    def _insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Many rows at once."""
        if not rows:
            return
        names = list(table.columns)
        lines = _encode_lines([dict(zip(names, row, strict=True)) for row in rows])
        self._read_lines(f'"{table.name}" SELECT *', table.columns, lines)

    def _read_lines(self, into: str, kinds: Mapping[str, str], lines: bytes) -> None:
        """Have DuckDB read lines of JSON into a table: several times faster than parameters."""
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
            file.write(lines)
            file.flush()
            self._db.execute(
                f"INSERT INTO {into} FROM read_json('{file.name}', "
                f"format = 'newline_delimited', maximum_object_size = 67108864, columns = {{{columns}}})"
            )

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db, self.lock, self._changed)

    def _changed(self) -> None:
        self.version += 1


# Days in a row with one band: a spell ends where the next one begins, or so many days after its last record.
_BANDS: Final = """
    INSERT INTO bands
    WITH told AS (
        SELECT account, day, band, lag(day) OVER days AS day_before, lag(band) OVER days AS band_before
        FROM account_days SEMI JOIN stale_days USING (account) WINDOW days AS (PARTITION BY account ORDER BY day)
    ), changes AS (
        SELECT account, band, day, coalesce(day - day_before > $lasts, false) AS is_gap, day_before FROM told
        WHERE day_before IS NULL OR day - day_before > $lasts OR band IS DISTINCT FROM band_before
    ), ends AS (SELECT account, max(day) + $lasts AS to_day FROM told GROUP BY account)
    SELECT c.account, c.band, c.day, coalesce(
        lead(CASE WHEN c.is_gap THEN c.day_before + $lasts ELSE c.day END)
            OVER (PARTITION BY c.account ORDER BY c.day), e.to_day)
    FROM changes c JOIN ends e ON e.account = c.account
"""
_FIRST_VALUES: Final = """
    INSERT INTO first_values SELECT account, arg_max(time_to_first_value_days, day) FROM account_days
    SEMI JOIN stale_days USING (account) WHERE time_to_first_value_days IS NOT NULL GROUP BY account
"""

# Within a partition the later offset wins; partitions are told apart by when the record came.
_WINNER: Final = 'PARTITION BY topic, event_id ORDER BY recorded_ms DESC, partition DESC, "offset" DESC'


class _Transaction:
    """All or nothing; readers see it when it is committed."""

    def __init__(self, db: duckdb.DuckDBPyConnection, lock: threading.Lock, on_end: Callable[[], None]) -> None:
        self._db = db
        self._on_end = on_end
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.acquire()
        self._db.execute("BEGIN")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._db.execute("COMMIT" if kind is None else "ROLLBACK")
            self._on_end()
        finally:
            self._lock.release()


def _cost(entry: CostEntry, rates: Rates) -> Row:
    period = parse_period(entry.period)
    minor = rates.value(to_minor(entry.amount, entry.currency), entry.currency, period.first_day)
    return entry.kind, entry.campaign, entry.team, entry.owner, period.first_day, period.next_day, minor


def _batches(groups: Sequence[Sequence[str]], accounts_max: int) -> Iterator[list[Sequence[str]]]:
    batch: list[Sequence[str]] = []
    count = 0
    for group in groups:
        batch.append(group)
        count += len(group)
        if count >= accounts_max:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch
