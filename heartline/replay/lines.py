"""One line of a file: a record for Kafka, or the reason why it is none.

Only what sending needs is looked at: `type` picks the topic and `account_id` is the key, by their names in the feed.
Lines of a named topic are its records: they need no `type`, and may lie in an envelope.
Whether the event itself is good is for the worker to say, and what it refuses goes to the dead letters with its reason.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from heartline.jsonl import read_lines
from stream.contracts.errors import BadEvent, PassedOver
from stream.kinds.envelopes import DELETION, unwrapped
from stream.kinds.feeds import FieldMapping
from stream.topics import KINDS, LEDGER_KINDS, Kind, LedgerKind

# A broker takes batches of 1,048,588 bytes unless told otherwise; what surrounds the value needs some of it.
VALUE_BYTES_MAX: Final = 1_000_000
NO_FEEDS: Final[Mapping[Kind, FieldMapping]] = {}


@dataclass(frozen=True, slots=True)
class Record:
    """One event, ready to be sent.

    Attributes:
        kind: which topic it goes to.
        key: the account's id in UTF-8; of costs and rates, which have none, the currency.
        value: the line's own bytes, untouched.
        timestamp_ms: when the event happened; None where the line does not say it in a known way.
        recorded_ms: `recorded_at`, for history that was recorded elsewhere before; None: it is recorded now.
    """

    kind: Kind | LedgerKind
    key: bytes
    value: bytes
    timestamp_ms: int | None
    recorded_ms: int | None = None


@dataclass(frozen=True, slots=True)
class InputRecord(Record):
    """One event of a kind that the worker reads."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is not sent: where it is, and why; `passed_over`: the feed does not take it, so nothing is wrong."""

    path: Path
    number: int
    reason: str
    passed_over: bool = False

    def __str__(self) -> str:
        return f"{self.path}:{self.number}: {self.reason}"


class _Line(msgspec.Struct):
    """The fields that sending needs."""

    type: Any = None
    account_id: Any = None
    currency: Any = None
    timestamp: msgspec.Raw = msgspec.Raw()
    recorded_at: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Line).decode
_KINDS: Final[dict[str, Kind | LedgerKind]] = {kind: kind for kind in (*KINDS, *LEDGER_KINDS)}
_WITHOUT_ACCOUNT: Final = ("cost", "rate")


def records(
    path: Path,
    on_read: Callable[[int], None] | None = None,
    feeds: Mapping[Kind, FieldMapping] = NO_FEEDS,
    of_kind: Kind | None = None,
) -> Iterator[Record | BadLine]:
    """Every line of one file that is not blank.

    Args:
        path: the file.
        on_read: told how many more bytes have been read.
        feeds: how the records are named, by kind.
        of_kind: what all lines are, so that they need no `type`; None: each says it.

    Raises:
        FileError: as `jsonl.read_lines`.
    """
    for number, line in read_lines(path, on_read):
        try:
            yield parse(line, feeds, of_kind)
        except PassedOver as error:
            yield BadLine(path, number, error.detail, passed_over=True)
        except ValueError as error:
            yield BadLine(path, number, str(error))


def parse(line: bytes, feeds: Mapping[Kind, FieldMapping] = NO_FEEDS, of_kind: Kind | None = None) -> Record:
    """The record that a line stands for.

    Raises:
        ValueError: it is not a JSON object, has no known type or no account_id, or is too long; the message says it.
        PassedOver: the feed takes other records of its topic.
    """
    if len(line) > VALUE_BYTES_MAX:
        raise ValueError(f"{len(line):,} bytes long; a Kafka broker takes about a million unless it is told otherwise")
    try:
        event = _decode(line)
    except msgspec.ValidationError:
        raise ValueError("expected a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"not JSON: {error}") from None
    except RecursionError:
        raise ValueError("not an event: nested too deeply") from None
    kind = of_kind or (_KINDS.get(event.type) if isinstance(event.type, str) else None)
    if kind is None:
        raise ValueError(_about_type(event.type))
    mapping = feeds.get(kind)  # type: ignore[arg-type]  # the ledger's kinds have none
    if mapping is not None or of_kind is not None:
        event = _mapped(line, of_kind or kind, mapping)
    field, key = ("currency", event.currency) if kind in _WITHOUT_ACCOUNT else ("account_id", event.account_id)
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)  # as the contract reads it
    if not isinstance(key, str) or not key:
        found = "it is missing" if key is None else f"found {_short(key)}"
        raise ValueError(f"{field}: expected a string that is not empty; {found}")
    return Record(kind, key.encode(), line, timestamp_ms(event.timestamp), timestamp_ms(event.recorded_at))


def _mapped(line: bytes, kind: str, mapping: FieldMapping | None) -> _Line:
    """What sending needs of a record of a feed, out of its envelope."""
    try:
        data = unwrapped(msgspec.json.decode(line))
    except BadEvent as error:
        raise ValueError(error.detail) from None
    if data is None:
        raise PassedOver(kind, DELETION)
    if mapping is not None and not mapping.takes(data):
        raise PassedOver(kind)
    if mapping is not None:
        data = mapping.apply(data)
    moment = msgspec.Raw(msgspec.json.encode(data.get("timestamp")))
    return _Line(account_id=data.get("account_id"), timestamp=moment)


def timestamp_ms(raw: msgspec.Raw) -> int | None:
    """Epoch milliseconds of a JSON timestamp: ISO-8601 with a zone, or milliseconds already; None for anything else."""
    text = bytes(raw)
    try:
        if text[:1] == b'"':
            moment = datetime.fromisoformat(text[1:-1].decode())
            return None if moment.tzinfo is None else round(moment.timestamp() * 1000)
        return int(text)
    except (ValueError, OverflowError):
        return None


def in_time_order(sources: Iterable[Iterator[Record | BadLine]]) -> Iterator[Record | BadLine]:
    """Several sources as one stream by the time of the events; each is in time order already.

    A line that says no time keeps its place behind the line before it.
    """
    streams = [_timed(source, source_index) for source_index, source in enumerate(sources)]
    if len(streams) == 1:
        return (item for _, _, _, item in streams[0])
    return (item for _, _, _, item in heapq.merge(*streams))


def _timed(source: Iterator[Record | BadLine], source_index: int) -> Iterator[tuple[int, int, int, Record | BadLine]]:
    """Each with what to sort by, unique, so that the items themselves are never compared."""
    moment = 0
    for count, item in enumerate(source):
        if isinstance(item, Record) and item.timestamp_ms is not None:
            moment = item.timestamp_ms
        yield moment, source_index, count, item


def _about_type(found: object) -> str:
    expected = ", ".join(_KINDS)
    if found is None:
        return f"type: it is missing; expected one of {expected}"
    return f"type: expected one of {expected}; found {_short(found)}"


def _short(value: object) -> str:
    """A value as people can read it in one line."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:57] + "..."
