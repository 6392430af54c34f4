"""A partition's part of the changelog, copied to the local disk, so that a restart reads only what came after it.

Like the changelog itself it is a log that is compacted: a journal of what checkpoints saved, and a base that older
journals were folded into. `base-7` holds all of the journals before `journal-7`.

Invariant: the copy holds what the changelog says below `position`, all of it or nothing: a frame holds the states of
one checkpoint together with the position behind them, and is written after the checkpoint was committed. So the copy
may be behind the changelog, and is never ahead of it. Whatever else is found is thrown away: the changelog has it all.
"""

import fcntl
import logging
import os
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from stream.engine.contents import Contents, Identity, Saved
from stream.engine.frames import FrameFile, TornFrameError, read_frames

logger = logging.getLogger(__name__)

# A journal is folded into a new base when it is larger than the base, and than this.
JOURNAL_BYTES_MIN: Final = 32 << 20
_NAME: Final = re.compile(r"(base|journal)-(\d{1,12})")


class CopyInUseError(Exception):
    """Another process holds the copy of this partition."""


_encode = msgspec.msgpack.Encoder().encode
_decode_saved = msgspec.msgpack.Decoder(Saved).decode
_decode_identity = msgspec.msgpack.Decoder(Identity).decode


class LocalCopy:
    """One partition's copy, in a folder of its own, which this process alone holds until `close`.

    Methods may be called from any thread, one at a time, but for `compact`, which runs beside `save`.

    Args:
        folder: made where there is none.
        identity: what it is to be a copy of.

    Raises:
        CopyInUseError: another process holds it.
        OSError: the folder can't be used.
    """

    def __init__(self, folder: Path, identity: Identity) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._identity = identity
        self._journal: FrameFile | None = None
        self._number = 1
        self._base_bytes = 0
        self._closed = threading.Event()
        self._compacting = threading.Lock()
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise CopyInUseError(str(folder)) from error

    def load(self) -> Contents | None:
        """All of it; None where there is nothing, or nothing of use: that is logged, and deleted.

        Raises:
            OSError: the files can't be read.
        """
        contents = Contents()
        try:
            for saved in self._read_all():
                contents.add(saved)
        except (TornFrameError, msgspec.DecodeError, _Unusable) as error:
            self.discard(str(error))
            return None
        if contents.position == 0:
            return None
        for key in [key for key, value in contents.states.items() if value is None]:
            del contents.states[key]
        return contents

    def _read_all(self) -> Iterator[Saved]:
        """Every frame, oldest first; leaves the numbers as they go on from here."""
        bases, journals = self._numbers("base"), self._numbers("journal")
        first = max(bases, default=1)
        for kind, numbers in (("base", bases), ("journal", journals)):
            for number in numbers:
                if number < first:  # a compaction was killed before it had deleted what it had folded
                    self._path(kind, number).unlink()
        journals = [number for number in journals if number >= first]
        if journals != list(range(first, first + len(journals))):
            raise _Unusable(f"{self._folder} has journals {journals} and the base {first}: one is missing")
        if bases:
            yield from self._read(self._path("base", first))
        for number in journals[:-1]:
            yield from self._read(self._path("journal", number))
        self._number = journals[-1] if journals else first
        self._base_bytes = self._size(self._path("base", first))
        if journals:
            yield from self._read_last(self._path("journal", journals[-1]))

    def _read_last(self, path: Path) -> Iterator[Saved]:
        """The journal that was written last: a process that was killed may have left half a frame at its end."""
        try:
            yield from self._read(path)
        except TornFrameError as error:
            logger.info("%s: the last frame is not whole, which a crash explains; it is cut off", path)
            os.truncate(path, error.offset)

    def _read(self, path: Path) -> Iterator[Saved]:
        frames = read_frames(path)
        head = next(frames, None)
        found = None if head is None else _decode_identity(head)
        if found is not None and found != self._identity:
            raise _Unusable(f"{path} is of {found}, and not of {self._identity}")
        for payload in frames:
            yield _decode_saved(payload)

    def discard(self, reason: str) -> None:
        """Delete everything."""
        logger.warning(
            "partition %d: the local copy is of no use and is deleted, the changelog is read instead: %s",
            self._identity.number,
            reason,
        )
        self._close_journal()
        for kind in ("base", "journal"):
            for number in self._numbers(kind):
                self._path(kind, number).unlink()
        self._number, self._base_bytes = 1, 0

    def replace(self, contents: Contents) -> None:
        """Hold this and nothing else; what the copy held must have been discarded.

        Raises:
            OSError: the disk is full or broken.
        """
        self._write_base(self._number, contents.parts())

    def save(self, saved: Saved) -> None:
        """Add what a checkpoint saved.

        Raises:
            OSError: the disk is full or broken. The copy must be closed then: it lacks this frame, and would not know.
        """
        if self._journal is None:
            self._journal = self._open_journal()
        self._journal.append(_encode(saved))

    def _open_journal(self) -> FrameFile:
        journal = FrameFile(self._path("journal", self._number))
        if journal.size == 0:
            journal.append(_encode(self._identity))
        return journal

    @property
    def wants_compaction(self) -> bool:
        """Whether more of the copy is journal than base."""
        return self._journal is not None and self._journal.size > max(JOURNAL_BYTES_MIN, self._base_bytes)

    def rotate(self) -> int:
        """Begin a new journal; returns its number, which `compact` wants.

        Raises:
            OSError: the disk is full or broken.
        """
        if self._journal is None:
            self._journal = self._open_journal()  # that there is one of each number shows that none is missing
        self._close_journal()
        self._number += 1
        self._journal = self._open_journal()
        return self._number

    def compact(self, number: int) -> None:
        """Fold the base and the journals before that number into a new base; leaves off when the copy is closed.

        Only the journals' newest states are in memory meanwhile; the base streams through.

        Raises:
            OSError: the disk is full or broken; what there was is still there.
            TornFrameError: so is the disk.
        """
        with self._compacting:
            self._compact(number)

    def _compact(self, number: int) -> None:
        base = max(self._numbers("base"), default=None)
        older = [each for each in self._numbers("journal") if each < number]
        newer = Contents()
        for each in older:
            for saved in self._read(self._path("journal", each)):
                newer.add(saved)
        if newer.position == 0:
            return
        self._write_base(number, self._merged(base, newer))
        if self._closed.is_set():
            return
        for each in older:
            self._path("journal", each).unlink()
        if base is not None:
            self._path("base", base).unlink()

    def _merged(self, base: int | None, newer: Contents) -> Iterator[Saved]:
        """The base without what the journals have newer, then that."""
        if base is not None:
            for saved in self._read(self._path("base", base)):
                kept = {key: value for key, value in saved.states.items() if key not in newer.states}
                unjudged = [key for key in saved.unjudged if key in kept]
                yield Saved(newer.position, newer.saved_ms, newer.watermark_ms, kept, unjudged)
        gone = [key for key, value in newer.states.items() if value is None]
        for key in gone:
            del newer.states[key]
        yield from newer.parts()
        yield Saved(newer.position, newer.saved_ms, newer.watermark_ms, {}, [])

    def _write_base(self, number: int, parts: Iterable[Saved]) -> None:
        """Write a base under another name, and rename it when it is whole."""
        path = self._folder / "new-base"
        path.unlink(missing_ok=True)
        file = FrameFile(path)
        try:
            file.append(_encode(self._identity))
            for part in parts:
                if self._closed.is_set():
                    return
                file.append(_encode(part))
            file.sync()
            self._base_bytes = file.size
        finally:
            file.close()
        path.rename(self._path("base", number))

    def close(self) -> None:
        """Let go of it; another process may take it from here on. A compaction that runs is left off."""
        self._closed.set()
        with self._compacting:
            self._close_journal()
            os.close(self._lock)

    def _close_journal(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _numbers(self, kind: str) -> list[int]:
        """Which bases or journals there are, oldest first."""
        matches = [_NAME.fullmatch(path.name) for path in self._folder.iterdir()]
        return sorted(int(match[2]) for match in matches if match is not None and match[1] == kind)

    def _path(self, kind: str, number: int) -> Path:
        return self._folder / f"{kind}-{number}"

    @staticmethod
    def _size(path: Path) -> int:
        return path.stat().st_size if path.exists() else 0


class _Unusable(Exception):
    """Files that don't fit together, or are of something else."""
