"""Files of events to a ledger in memory, as if they had come over Kafka line by line."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, get_args

import msgspec

from consumers.portfolio.entries import EntryKind
from consumers.portfolio.ledger_record import LedgerRecord
from consumers.portfolio.store import Store
from consumers.portfolio.subscription_history import Rules
from heartline.jsonl import read_lines
from heartline.replay.lines import timestamp_ms

_KINDS: Final[dict[str, EntryKind]] = {kind: kind for kind in get_args(EntryKind)}


class _Line(msgspec.Struct):
    """What a line is filed by."""

    type: str | None = None
    event_id: str | None = None
    timestamp: msgspec.Raw = msgspec.Raw()
    recorded_at: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Line).decode


@dataclass
class Loaded:
    """A ledger out of files.

    Attributes:
        store: everything, derived.
        newest_ms: the latest moment that a line names; None: none does.
        skipped: lines that the portfolio has no use for, by their type; "" for what is no event.
    """

    store: Store
    newest_ms: int | None = None
    skipped: Counter[str] = field(default_factory=Counter)


def load_files(paths: Iterable[Path], rules: Rules) -> Loaded:
    """Every line of the files, in the order in which they were recorded: `recorded_at` where a line says it, else when
    it happened; a repeated event_id never before the line that it corrects.

    Raises:
        FileError: a file can't be read.
    """
    loaded = Loaded(Store(rules))
    loaded.store.append(_in_order(_records(paths, loaded)))
    loaded.store.refresh()
    return loaded


def _in_order(records: Iterator[LedgerRecord]) -> Iterator[LedgerRecord]:
    """By the moment of recording, each topic counted from 0."""
    ends: Counter[str] = Counter()
    for record in sorted(records, key=lambda record: record.recorded_ms):
        yield LedgerRecord(record.topic, 0, ends[record.topic], record.kind, record.recorded_ms, record.body)
        ends[record.topic] += 1


def _records(paths: Iterable[Path], loaded: Loaded) -> Iterator[LedgerRecord]:
    last_ms: dict[tuple[str, str], int] = {}
    number = 0
    for path in paths:
        for _, line in read_lines(path):
            try:
                head = _decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                loaded.skipped[""] += 1
                continue
            kind = _KINDS.get(head.type or "")
            if kind is None:
                loaded.skipped[head.type or ""] += 1
                continue
            happened_ms = timestamp_ms(head.timestamp) or 0
            loaded.newest_ms = max(loaded.newest_ms or 0, happened_ms)
            recorded_ms = timestamp_ms(head.recorded_at) or happened_ms
            if head.event_id is not None:
                key = kind, head.event_id
                recorded_ms = last_ms[key] = max(recorded_ms, last_ms.get(key, 0))
            yield LedgerRecord(kind, 0, number, kind, recorded_ms, line)
            number += 1
