"""The files of a state store by the numbers that locations have: named, open, and read from.

Invariant: what is open can be read until it is forgotten, whatever became of its name; and what is read is the state
that was asked for, or an error.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from stream.engine.frames import FrameFile
from stream.engine.state_location import CHECKSUM_BYTES, checksum, file_of, span_of

Kind = Literal["snapshot", "segment"]
KINDS: Final[tuple[Kind, ...]] = ("snapshot", "segment")
_NAME: Final = re.compile(r"(snapshot|segment)-(\d{1,12})")


class UnreadableStateError(Exception):
    """A state that is only on the disk can't be had from there."""


def file_number(kind: Kind, number: int) -> int:
    """What locations call a file: a snapshot comes before the segment that has its number, and after all older ones."""
    return 2 * number + KINDS.index(kind)


def is_before(location: int, number: int) -> bool:
    """Whether a state lies in a file that the snapshot of that number replaces."""
    return file_of(location) < file_number("snapshot", number)


class StoreFiles:
    """The snapshots and segments in a folder.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[int, FrameFile] = {}

    def numbers(self, kind: Kind) -> list[int]:
        """Which snapshots or segments there are, oldest first."""
        matches = [_NAME.fullmatch(path.name) for path in self.folder.iterdir()]
        return sorted(int(match[2]) for match in matches if match is not None and match[1] == kind)

    def path(self, kind: Kind, number: int) -> Path:
        """Where one is."""
        return self.folder / f"{kind}-{number}"

    def open(self, kind: Kind, number: int) -> FrameFile:
        """One of them, made where there is none.

        Raises:
            OSError: it can't be opened.
        """
        opened = file_number(kind, number)
        file = self._open.get(opened)
        if file is None:
            file = self._open[opened] = FrameFile(self.path(kind, number))
        return file

    def open_all(self) -> None:
        """All that are there, so that locations in them can be read.

        Raises:
            OSError: one can't be opened.
        """
        for kind in KINDS:
            for number in self.numbers(kind):
                self.open(kind, number)

    def read(self, key: str, location: int) -> bytes:
        """The state that lies there.

        Raises:
            UnreadableStateError: the disk is broken, or what lies there is not a state of that key.
        """
        offset, length = span_of(location)
        file = self._open.get(file_of(location))
        try:
            found = b"" if file is None else file.read(offset, CHECKSUM_BYTES + length)
        except OSError as error:
            raise self._unreadable(key, file, offset, str(error)) from error
        value = found[CHECKSUM_BYTES:]
        if len(value) != length or found[:CHECKSUM_BYTES] != checksum(key, value):
            raise self._unreadable(key, file, offset, f"a state of {length} bytes was expected, it is not there")
        return value

    def read_ahead(self, locations: Iterable[int]) -> None:
        """These are read next: the disk may fetch all of them at once, which takes it a fifth of the time.

        A system that can't be told, or does not care, is fine.
        """
        if not hasattr(os, "posix_fadvise"):
            return
        for location in locations:
            offset, length = span_of(location)
            file = self._open.get(file_of(location))
            if file is not None:
                file.read_ahead(offset, CHECKSUM_BYTES + length)

    def _unreadable(self, key: str, file: FrameFile | None, offset: int, reason: str) -> UnreadableStateError:
        where = self.folder if file is None else file.path
        return UnreadableStateError(
            f"the state of {key[:80]!r} can't be read from the state store, {where} at byte {offset}: "
            f"{reason}; a restart deletes a store that is damaged and reads the changelog instead: check the disk "
            "behind worker.store"
        )

    def delete(self, kind: Kind, number: int) -> None:
        """Take one's name away."""
        self.path(kind, number).unlink()

    def delete_all(self) -> None:
        """Close and delete everything."""
        self.close()
        for kind in KINDS:
            for number in self.numbers(kind):
                self.delete(kind, number)

    def forget_before(self, number: int) -> None:
        """Close what the snapshot of that number replaces."""
        for each in [each for each in list(self._open) if each < file_number("snapshot", number)]:
            self._open.pop(each).close()

    def close(self) -> None:
        """Nothing is read any more."""
        while self._open:
            self._open.popitem()[1].close()
