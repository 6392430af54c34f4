"""Files whose lines are not in the order of time: found before anything is sent, and sorted.

A worker that reads the newest events first takes those of months ago for late, and counts them in no measure. What is a
little late in its file is left where it is: the worker counts it in its own day.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from heartline.errors import FileError
from heartline.event_sorter import Sorter
from heartline.jsonl import STDIN
from heartline.replay.lines import BadLine, Record, in_time_order

LATE_MS: Final = 24 * 60 * 60 * 1000  # how far a line may lie behind one before it

Lines = Iterator[Record | BadLine]
Read = Callable[[Path, Callable[[int], None] | None], Lines]  # a file, and who is told how many bytes were read


def is_late(newest_ms: int | None, timestamp_ms: int | None) -> bool:
    """Whether an event is too old for its place behind one of another moment, both in epoch milliseconds."""
    return newest_ms is not None and timestamp_ms is not None and timestamp_ms < newest_ms - LATE_MS


def is_unsorted(path: Path, read: Read) -> bool:
    """Whether a file has lines that are too late where they stand; of standard input it is not known.

    Of a file that can't be read to its end the lines before count: whoever sends them says where it is cut off.
    """
    if path == STDIN:
        return False
    newest_ms: int | None = None
    with suppress(FileError):
        for item in read(path, None):
            moment = item.timestamp_ms if isinstance(item, Record) else None
            if is_late(newest_ms, moment):
                return True
            if moment is not None:
                newest_ms = moment if newest_ms is None else max(newest_ms, moment)
    return False


def by_time(
    paths: Sequence[Path],
    read: Read,
    parse: Callable[[bytes], Record],
    on_read: Callable[[int], None] | None = None,
    on_sorting: Callable[[Path], None] = lambda _path: None,
) -> Lines:
    """All lines of all files by time; those of unsorted files are held, in bounded memory and on disk, and sorted.

    Args:
        paths: the files.
        read: the records of one, and what is none.
        parse: a record's value to the record; for those that were sorted.
        on_read: told how many more bytes have been read.
        on_sorting: told of each file that is not in order.

    Raises:
        FileError: as `read`, once all that could be read was given.
    """
    broken: FileError | None = None
    unsorted = [path for path in paths if is_unsorted(path, read)]
    with Sorter(first=frozenset()) as sorter:
        for path in unsorted:
            on_sorting(path)
            moment: int | None = None
            try:
                for item in read(path, on_read):
                    if isinstance(item, BadLine):
                        yield item
                        continue
                    moment = item.timestamp_ms if item.timestamp_ms is not None else moment
                    sorter.add(item.kind, moment, item.key.decode(), item.value)
            except FileError as error:
                broken = error
        streams = [read(path, on_read) for path in paths if path not in unsorted]
        if unsorted:
            streams.append(parse(item.value) for item in sorter.items())
        yield from in_time_order(streams)
    if broken is not None:
        raise broken
