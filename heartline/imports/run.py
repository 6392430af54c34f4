"""One import: files of several tools to events in order, and what became of what."""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec
import zstandard

from consumers.intake.acceptance import Acceptance, Refused
from consumers.intake.mapping import Ignored, Outcome, Translated, UnreadableError
from heartline.errors import FileError
from heartline.event_sorter import Item, Sorter
from heartline.imports.sources import Source
from heartline.imports.tables import Entry, column_name, entries
from stream.kinds.decode import Decoder
from stream.topics import KINDS

REFUSALS_SHOWN: Final = 10
ALIASES_A_RECORD: Final = 50
SHAPES_MAX: Final = 1_000


class InputFile(NamedTuple):
    """One file and the tool that wrote it."""

    path: Path
    source: Source


class Refusal(NamedTuple):
    """What can't be accepted, and where it is."""

    path: Path
    number: int
    detail: str

    def __str__(self) -> str:
        return f"{self.path}:{self.number}: {self.detail}"


@dataclass
class Became:
    """What became of the records of one tool; `shapes` are the fields of records that are not yet counted."""

    records: int = 0
    events: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    unused_columns: Counter[str] = field(default_factory=Counter)
    shapes: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def count_unused(self, columns: frozenset[str]) -> None:
        """Of the shapes of the records that were read, the fields that nobody reads."""
        for names, count in self.shapes.items():
            for name in names:
                if name not in columns:
                    self.unused_columns[name] += count
        self.shapes.clear()


@dataclass
class Summary:
    """What an import found; final when all files are read.

    Attributes:
        by_source: tool to what became of its records.
        refusals: the first ten.
        accounts: whose events there are.
        first_ms, last_ms: the span of the events' own times; None without any.
        spilled: how many times memory was full while sorting.
        confirmed: how many events Kafka has, or the file; None in a dry run.
    """

    by_source: dict[str, Became] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)
    first_ms: int | None = None
    last_ms: int | None = None
    spilled: int = 0
    confirmed: int | None = None

    @property
    def events(self) -> int:
        """How many events were made."""
        return sum(became.events.total() for became in self.by_source.values())

    @property
    def refused(self) -> int:
        """How many records, or events of them, can't be accepted."""
        return sum(became.refused for became in self.by_source.values())


class Aliases:
    """What other tools call an account.

    Args:
        accounts: alias, or `source:alias`, to account_id.
    """

    def __init__(self, accounts: Mapping[str, str]) -> None:
        self._accounts = accounts

    def account_of(self, source: str, alias: str) -> str:
        """The account of a tool's id, with or without the tool before it; the id itself where nobody says otherwise."""
        if not self._accounts:
            return alias
        bare = alias.removeprefix(f"{source}:")
        return self._accounts.get(f"{source}:{bare}") or self._accounts.get(bare, alias)

    def of(self, account_id: str) -> list[str]:
        """What the tools call an account."""
        return sorted(alias for alias, account in self._accounts.items() if account == account_id and alias != account)


def read_aliases(path: Path | None) -> Aliases:
    """A CSV file with the columns alias and account_id, and source where ids of two tools may be the same.

    Raises:
        FileError: it can't be read, or lacks a column.
    """
    accounts: dict[str, str] = {}
    if path is not None:
        try:
            rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
        except OSError as error:
            raise FileError(f"{path}: {error.strerror}; check the path") from None
        except (UnicodeDecodeError, csv.Error) as error:
            raise FileError(f"{path}: not a CSV file in UTF-8: {error}") from None
        for number, row in enumerate(rows, start=2):
            named = {column_name(name): (value or "").strip() for name, value in row.items() if name is not None}
            if not named.get("alias") or not named.get("account_id"):
                raise FileError(f"{path}:{number}: expected a value for the columns alias and account_id")
            source = f"{named['source']}:" if named.get("source") else ""
            accounts[f"{source}{named['alias']}"] = named["account_id"]
    return Aliases(accounts)


def read_all(
    files: Sequence[InputFile],
    aliases: Aliases,
    sorter: Sorter,
    now_ms: int,
    on_read: Callable[[int], None] | None = None,
) -> Summary:
    """Read all files into a sorter.

    Args:
        files: what to read, in any order.
        aliases: what the tools call the accounts.
        sorter: takes the events.
        now_ms: epoch milliseconds; what lies far behind it is refused.
        on_read: told how many more bytes have been read.

    Raises:
        FileError: a file can't be read, or is nothing that has records.
    """
    reading = _Reading(aliases, sorter, now_ms)
    summary = reading.summary
    for file in files:
        if file.source.learn is not None:
            for entry in entries(file.path):
                if entry.data is not None:
                    file.source.learn(entry.data)
    for file in files:
        became = summary.by_source.setdefault(file.source.name, Became())
        for entry in entries(file.path, on_read):
            reading.take(entry, file.source, became)
            if len(became.shapes) > SHAPES_MAX:
                became.count_unused(file.source.columns)
        became.count_unused(file.source.columns)
    for account_id in sorted(summary.accounts):
        # So that what comes live under these ids is of the same account.
        called = aliases.of(account_id)
        for at in range(0, len(called), ALIASES_A_RECORD):
            value = {"account_id": account_id, "aliases": called[at : at + ALIASES_A_RECORD]}
            sorter.add("account", None, account_id, msgspec.json.encode(value))
    summary.spilled = sorter.spilled
    return summary


class _Reading:
    """What one import does with each record.

    Args:
        aliases, sorter, now_ms: as of `read_all`.
    """

    def __init__(self, aliases: Aliases, sorter: Sorter, now_ms: int) -> None:
        self.summary = Summary()
        self._acceptance = Acceptance({kind: Decoder(kind) for kind in KINDS})
        self._aliases = aliases
        self._sorter = sorter
        self._now_ms = now_ms

    def take(self, entry: Entry, source: Source, became: Became) -> None:
        """One record's events into the sorter, and what can't be accepted among the refusals."""
        became.records += 1
        if entry.data is None:
            self._refuse(entry, became, entry.error)
            return
        became.shapes[tuple(entry.data)] += 1
        try:
            outcomes: list[Outcome] = source.translate(entry.data)
        except UnreadableError as error:
            self._refuse(entry, became, str(error))
            return
        if not outcomes:
            self._refuse(entry, became, "no moment is told, so it says nothing that happened")
        for outcome in outcomes:
            if isinstance(outcome, Translated):
                self._accept(outcome, entry, source, became)
            elif isinstance(outcome, Ignored):
                became.ignored[outcome.reason] += 1
            else:
                self._refuse(entry, became, outcome.detail)

    def _accept(self, outcome: Translated, entry: Entry, source: Source, became: Became) -> None:
        event, summary = outcome.event, self.summary
        account = event.get("account_id")
        if isinstance(account, str):
            event["account_id"] = self._aliases.account_of(source.name, account)
        verdict = self._acceptance.accept(outcome.kind, event, self._now_ms)
        if isinstance(verdict, Refused):
            self._refuse(entry, became, verdict.detail)
            return
        kind, account_id, value, _, moment = verdict
        self._sorter.add(kind, moment, account_id, value)
        became.events[kind] += 1
        summary.accounts.add(account_id)
        if moment is not None:
            if summary.first_ms is None or moment < summary.first_ms:
                summary.first_ms = moment
            if summary.last_ms is None or moment > summary.last_ms:
                summary.last_ms = moment

    def _refuse(self, entry: Entry, became: Became, detail: str) -> None:
        became.refused += 1
        if len(self.summary.refusals) < REFUSALS_SHOWN:
            self.summary.refusals.append(Refusal(entry.path, entry.number, detail))


def write_lines(items: Iterator[Item], out: Path) -> int:
    """All events as JSON lines with their `type`, as `replay`, `snapshot` and `backtest` read them; how many.

    A name that ends with .gz or .zst is compressed so.

    Raises:
        FileError: the file can't be written.
    """
    count = 0
    try:
        with out.open("wb") as raw, _packed(raw, out.suffix) as sink:
            for item in items:
                sink.write(b'{"type":"%s",%s\n' % (item.kind.encode(), item.value[1:]))
                count += 1
    except OSError as error:
        raise FileError(f"{out}: {error.strerror or error}") from None
    return count


def _packed(raw: BinaryIO, suffix: str) -> BinaryIO:
    if suffix == ".gz":
        return gzip.GzipFile(fileobj=raw, mode="wb", mtime=0)  # type: ignore[return-value]  # it writes bytes
    if suffix == ".zst":
        return zstandard.ZstdCompressor().stream_writer(raw, closefd=False)
    return io.BufferedWriter(raw)
