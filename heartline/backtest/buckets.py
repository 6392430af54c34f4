"""Events sorted by account without holding them: each good line goes to one of some files on disk, by its account.

So a history of any length is replayed in the memory that its largest bucket needs.
"""

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from heartline.account_aliases import Links, links_in
from heartline.jsonl import read_lines
from heartline.snapshot import Summary, decode_event, decoders_for
from stream.calendar.clock import WallClock
from stream.calendar.day import day_of
from stream.config.settings import Settings
from stream.contracts.errors import BadEvent
from stream.contracts.events import InputEvent
from stream.kinds.decode import FAST_FORMS
from stream.kinds.registry import KINDS
from stream.topics import Kind

BUCKETS: Final = 64


def forms(kind: Kind) -> tuple[type, ...]:
    """The types that an event of a kind may have once it is read."""
    return tuple(form for form in (KINDS[kind].contract, FAST_FORMS[kind]) if form is not None)


PROFILES: Final = forms("account")
USES: Final = forms("usage")

Events = list[tuple[int, InputEvent]]


@dataclass
class Buckets:
    """Where the events lie, and what is known of them from one pass.

    Attributes:
        paths: files of lines; all lines of an account are in one of them, in the order of the input.
        links: which ids are aliases of which accounts.
        summary: what was read and refused.
        first_days: of each account that any event but a profile tells of, the UTC day (since 1970-01-01) of its first.
        last_day: the UTC day of the newest event of all; None without events.
    """

    paths: list[Path]
    links: Links
    summary: Summary = field(default_factory=Summary)
    first_days: dict[str, int] = field(default_factory=dict)
    last_day: int | None = None


def fill(
    files: Sequence[Path], folder: Path, settings: Settings, on_read: Callable[[int], None] | None = None
) -> Buckets:
    """Sort the lines of files into buckets in a folder; bad ones go to the summary.

    Raises:
        FileError: a file can't be read.
    """
    decoders, now_ms = decoders_for(settings), WallClock().now_ms(None)
    links = links_in(files, decoders["account"])
    found = Buckets([folder / f"bucket-{number:02}.jsonl" for number in range(BUCKETS)], links)
    newest_ms = 0
    with ExitStack() as stack:
        outs = [stack.enter_context(path.open("wb")) for path in found.paths]
        for path in files:
            for number, line in read_lines(path, on_read):
                try:
                    ms, event = decode_event(line, decoders, now_ms)
                except BadEvent as error:
                    found.summary.reject(f"{path}:{number}: {error}")
                    continue
                found.summary.events += 1
                account_id = links.account_of(event.account_id)
                out = outs[zlib.crc32(account_id.encode()) % BUCKETS]
                out.write(line)
                out.write(b"\n")
                newest_ms = max(newest_ms, ms)
                if not isinstance(event, PROFILES):
                    day = day_of(ms)
                    if day < found.first_days.get(account_id, day + 1):
                        found.first_days[account_id] = day
    found.summary.accounts = len(found.first_days)
    found.last_day = day_of(newest_ms) if newest_ms else None
    return found


def accounts_in(bucket: Path, settings: Settings, links: Links) -> Iterator[tuple[str, Events]]:
    """The accounts of a bucket with their events in the order of time; the file is removed when it has been read."""
    decoders, now_ms = decoders_for(settings), WallClock().now_ms(None)
    lives: dict[str, Events] = defaultdict(list)
    for _, line in read_lines(bucket):
        item = decode_event(line, decoders, now_ms)
        lives[links.account_of(item[1].account_id)].append(item)
    bucket.unlink()
    for account_id in sorted(lives):
        events = lives.pop(account_id)
        events.sort(key=lambda item: item[0])
        yield account_id, events
