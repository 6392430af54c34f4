"""The files of a local copy by the numbers that places have: named, open, and read from.

Invariant: what is open can be read until it is forgotten, whatever became of its name; and what is read is the state
that was asked for, or an error.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from stream.engine.frames import FrameFile
from stream.engine.places import CHECK_BYTES, check_of, file_of, span_of

Kind = Literal["base", "journal"]
KINDS: Final[tuple[Kind, ...]] = ("base", "journal")
_NAME: Final = re.compile(r"(base|journal)-(\d{1,12})")


class UnreadableStateError(Exception):
    """A state that is only on the disk can't be had from there."""


def file_number(kind: Kind, number: int) -> int:
    """What places call a file: a base comes before the journal that has its number, and after all older ones."""
    return 2 * number + KINDS.index(kind)


def is_before(place: int, number: int) -> bool:
    """Whether a state lies in a file that the base of that number replaces."""
    return file_of(place) < file_number("base", number)


class CopyFiles:
    """The bases and journals in a folder.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[int, FrameFile] = {}

    def numbers(self, kind: Kind) -> list[int]:
        """Which bases or journals there are, oldest first."""
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
        key = file_number(kind, number)
        file = self._open.get(key)
        if file is None:
            file = self._open[key] = FrameFile(self.path(kind, number))
        return file

    def open_all(self) -> None:
        """All that are there, so that places in them can be read.

        Raises:
            OSError: one can't be opened.
        """
        for kind in KINDS:
            for number in self.numbers(kind):
                self.open(kind, number)

    def read(self, account_id: str, place: int) -> bytes:
        """The state that lies there.

        Raises:
            UnreadableStateError: the disk is broken, or what lies there is not a state of that account.
        """
        offset, length = span_of(place)
        file = self._open.get(file_of(place))
        try:
            found = b"" if file is None else file.read(offset, CHECK_BYTES + length)
        except OSError as error:
            raise self._unreadable(account_id, file, offset, str(error)) from error
        value = found[CHECK_BYTES:]
        if len(value) != length or found[:CHECK_BYTES] != check_of(account_id, value):
            raise self._unreadable(account_id, file, offset, f"a state of {length} bytes was expected, it is not there")
        return value

    def read_ahead(self, places: Iterable[int]) -> None:
        """These are read next: the disk may fetch all of them at once, which takes it a fifth of the time.

        A system that can't be told, or does not care, is fine.
        """
        if not hasattr(os, "posix_fadvise"):
            return
        for place in places:
            offset, length = span_of(place)
            file = self._open.get(file_of(place))
            if file is not None:
                file.read_ahead(offset, CHECK_BYTES + length)

    def _unreadable(self, account_id: str, file: FrameFile | None, offset: int, reason: str) -> UnreadableStateError:
        where = self.folder if file is None else file.path
        return UnreadableStateError(
            f"the state of account {account_id[:80]!r} can't be read from the local copy, {where} at byte {offset}: "
            f"{reason}; a restart deletes a copy that is damaged and reads the changelog instead: check the disk "
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
        """Close what the base of that number replaces."""
        for key in [each for each in list(self._open) if each < file_number("base", number)]:
            self._open.pop(key).close()

    def close(self) -> None:
        """Nothing is read any more."""
        while self._open:
            self._open.popitem()[1].close()
