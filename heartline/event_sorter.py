"""Events by time within bounded memory: what does not fit is spilled to a temporary folder, and merged at the end.

In an import what describes an account comes first of all (its name, zone, segment, and its subscriptions), so that
every other event is counted on the right day and in the right place.
"""

import heapq
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import msgspec

from stream.topics import Kind, LedgerKind

SPILL_BYTES: Final = 48 << 20
_ITEM_BYTES: Final = 200  # of Python's objects around a value
_CHUNK_BYTES: Final = 64 << 10  # read of a run at once: of a hundred runs 6 MiB are in memory while they are merged
FIRST: Final[frozenset[Kind]] = frozenset({"account", "subscription"})


class Item(NamedTuple):
    """One event to be sorted: what comes first, then by time, then as it came."""

    late: bool
    timestamp_ms: int
    number: int
    kind: Kind | LedgerKind
    account_id: str
    value: bytes


class Sorter:
    """Takes events in any order and gives them in the order in which they should be counted.

    Args:
        spill_bytes: how much is held in memory before it goes to disk.
        first: the kinds of which all come before any of the others.
    """

    def __init__(self, spill_bytes: int = SPILL_BYTES, first: frozenset[Kind] = FIRST) -> None:
        self._spill_bytes = spill_bytes
        self._first = first
        self._held: list[Item] = []
        self._held_bytes = 0
        self._count = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._runs: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def spilled(self) -> int:
        """How many times memory was full."""
        return len(self._runs)

    def add(self, kind: Kind | LedgerKind, timestamp_ms: int | None, account_id: str, value: bytes) -> None:
        """Take one event; one without a time comes before all others of its kind."""
        moment = timestamp_ms if timestamp_ms is not None else -1
        self._held.append(Item(kind not in self._first, moment, self._count, kind, account_id, value))
        self._count += 1
        self._held_bytes += len(value) + _ITEM_BYTES
        if self._held_bytes > self._spill_bytes:
            self._spill()

    def _spill(self) -> None:
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="heartline-sort-")
        path = Path(self._folder.name) / f"{len(self._runs)}.run"
        self._held.sort()
        with path.open("wb") as out:
            for chunk in _chunks(self._held):
                packed = _pack(chunk)
                out.write(len(packed).to_bytes(_SIZE_BYTES))
                out.write(packed)
        self._runs.append(path)
        self._held, self._held_bytes = [], 0

    def items(self) -> Iterator[Item]:
        """All of them, in order; nothing may be added any more."""
        self._held.sort()
        if not self._runs:
            return iter(self._held)
        return heapq.merge(self._held, *map(_read, self._runs))


_SIZE_BYTES: Final = 8  # before each chunk of a run
_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(list[Item]).decode


def _chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    begin = size = 0
    for at, item in enumerate(items):
        size += len(item.value)
        if size >= _CHUNK_BYTES:
            yield items[begin : at + 1]
            begin, size = at + 1, 0
    if begin < len(items):
        yield items[begin:]


def _read(path: Path) -> Iterator[Item]:
    with path.open("rb") as source:
        while size := source.read(_SIZE_BYTES):
            yield from _unpack(source.read(int.from_bytes(size)))
