"""One replay, from the files to the confirmed deliveries, and what is known at the end."""

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from heartline.replay.lines import BadLine, Record, parse, records
from heartline.replay.order import by_time, is_late
from heartline.replay.pace import Pace
from heartline.replay.sender import Sender
from stream.config.settings import ProcessSettings
from stream.contracts.errors import ConfigError, HeartlineError
from stream.kinds.feeds import FieldMapping, mapping_for
from stream.topics import KINDS, Kind

_AHEAD_MAX: Final = 20_000  # how many lines the reader may be ahead of the sender
_TURN: Final = 500  # after how many records the network gets its turn
_NAP_SECONDS: Final = 0.01


@dataclass
class Summary:
    """What a replay did; current at any time, final when `replay` returns.

    Attributes:
        read: lines that are records.
        bad: lines that are none.
        passed_over: lines that the feed of the topic does not take.
        late: events more than a day older than one before them; standard input can't be sorted.
        sorted_files: those whose lines were not in the order of time.
        confirmed: records that Kafka has confirmed.
        by_kind: records read, by the kind of event.
        accounts: the keys seen.
        first_ms, last_ms: the span of the events' own times; None before the first.
        seconds: how long it took.
        interrupted: whether it was asked to stop before the end.
        broken: why a file could not be read to its end, or why Kafka stopped taking records; None if neither.
    """

    read: int = 0
    bad: int = 0
    passed_over: int = 0
    late: int = 0
    sorted_files: list[str] = field(default_factory=list)
    confirmed: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    accounts: set[bytes] = field(default_factory=set)
    first_ms: int | None = None
    last_ms: int | None = None
    seconds: float = 0.0
    interrupted: bool = False
    broken: str | None = None

    def count(self, record: Record) -> None:
        """Take one record into account."""
        self.read += 1
        self.by_kind[record.kind] += 1
        self.accounts.add(record.key)
        moment = record.timestamp_ms
        self.late += is_late(self.last_ms, moment)
        if moment is not None:
            self.first_ms = moment if self.first_ms is None else min(self.first_ms, moment)
            self.last_ms = moment if self.last_ms is None else max(self.last_ms, moment)


@dataclass
class Watcher:
    """What a caller may want to know while a replay runs."""

    on_read: Callable[[int], None] = lambda _bytes: None
    on_bad: Callable[[BadLine], None] = lambda _line: None


class _Ahead:
    """Reads the files in a thread of its own, so that a slow pipe or a large file never holds up the network."""

    def __init__(self, source: Iterator[Record | BadLine]) -> None:
        self.items: deque[Record | BadLine] = deque()
        self.error: HeartlineError | None = None
        self.stopped = False
        self._source = source
        self._thread = threading.Thread(target=self._read, name="reader", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return not self._thread.is_alive() and not self.items

    def _read(self) -> None:
        try:
            for item in self._source:
                self.items.append(item)
                while len(self.items) > _AHEAD_MAX and not self.stopped:
                    time.sleep(_NAP_SECONDS)
                if self.stopped:
                    return
        except HeartlineError as error:
            self.error = error


def reading(settings: ProcessSettings, topic: str | None) -> tuple[dict[Kind, FieldMapping], Kind | None]:
    """How the lines of a topic are read: the feeds' names by kind, and what all lines are, where one topic is named.

    Raises:
        ConfigError: it is no input topic of these settings.
    """
    topics = settings.kafka.topics
    if topic is None:
        named = ((kind, mapping_for(settings.feeds.get(kind), topics.input(kind))) for kind in KINDS)
        return {kind: mapping for kind, mapping in named if mapping is not None}, None
    kind = topics.inputs.get(topic)
    if kind is None:
        raise ConfigError(
            f"--topic {topic}: no input topic; expected one of {', '.join(sorted(topics.inputs))}, "
            "or name it in feeds.<kind>.topics of the settings"
        )
    mapping = mapping_for(settings.feeds.get(kind), topic)
    return ({} if mapping is None else {kind: mapping}), kind


async def replay(
    paths: Sequence[Path],
    settings: ProcessSettings,
    *,
    topic: str | None = None,
    speed: float | None,
    stop: asyncio.Event,
    summary: Summary,
    watcher: Watcher,
) -> None:
    """Send every line of the files, merged by the events' time, and wait until Kafka has confirmed them.

    Args:
        paths: the files; `-` is standard input.
        settings: where to, and how feeds name things; missing topics are created if they allow that.
        topic: the input topic whose records the lines are; None: each line's `type` says what it is.
        speed: event seconds per real second; None: as fast as it goes.
        stop: when set, nothing more is read; what was read is still confirmed.
        summary: filled in as it goes.
        watcher: told what happens.

    Raises:
        SendError: Kafka can't be reached; nothing was sent.
        ConfigError: the topics don't fit the settings, or `topic` is none of theirs; nothing was sent.
    """
    started = time.monotonic()
    feeds, of_kind = reading(settings, topic)
    lines = by_time(
        paths,
        lambda path, on_read: records(path, on_read, feeds, of_kind),
        lambda value: parse(value, feeds, of_kind),
        watcher.on_read,
        lambda path: summary.sorted_files.append(str(path)),
    )
    async with Sender(settings.kafka, topic) as sender:
        ahead = _Ahead(lines)
        try:
            await _send_all(ahead, sender, Pace(speed), stop, summary, watcher)
            await sender.confirm()
        except HeartlineError as error:
            summary.broken = str(error)
        finally:
            ahead.stopped = True
            summary.confirmed = sender.confirmed
            summary.seconds = time.monotonic() - started
    if ahead.error is not None:
        summary.broken = str(ahead.error)


async def _send_all(
    ahead: _Ahead, sender: Sender, pace: Pace, stop: asyncio.Event, summary: Summary, watcher: Watcher
) -> None:
    """Every item in turn, each not before it is due."""
    started = time.monotonic()
    turn = 0
    while not stop.is_set():
        try:
            item = ahead.items.popleft()
        except IndexError:
            if ahead.ended:
                return
            await sender.flush()
            await asyncio.sleep(_NAP_SECONDS)
            continue
        if isinstance(item, BadLine) and item.passed_over:
            summary.passed_over += 1
            continue
        if isinstance(item, BadLine):
            summary.bad += 1
            watcher.on_bad(item)
            continue
        while (wait := pace.due_seconds(item.timestamp_ms) - (time.monotonic() - started)) > 0 and not stop.is_set():
            await sender.flush()
            await asyncio.sleep(min(wait, 0.2))
        if stop.is_set():
            break
        await sender.add(item)
        summary.count(item)
        summary.confirmed = sender.confirmed
        turn += 1
        if turn % _TURN == 0:
            await asyncio.sleep(0)
    summary.interrupted = True
