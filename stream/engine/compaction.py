"""A base and the journals after it into one new base, with little in memory whatever they hold.

Invariant: the new base says of every account what the old files said last, byte for byte. The states stream through a
frame at a time; memory holds the places of those that the journals have.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from stream.engine.contents import BYTES_A_FRAME, Contents, Head, Identity, Moment, encode_head, read_parts
from stream.engine.frames import FrameFile
from stream.engine.places import CHECK_BYTES

# Of a new base's frames: the loop's thread reads the places of one at a time.
STATES_A_FRAME: Final = 1000

Numbered = tuple[int, Path]


def merge(
    bases: Sequence[Numbered],
    journals: Sequence[Numbered],
    target: Path,
    identity: Identity,
    closed: Callable[[], bool],
) -> bool:
    """Write what they hold together; returns whether there was something and it is whole.

    Args:
        bases: the number of the file, and where it is; one or none.
        journals: likewise, oldest first.
        target: where to write it; what is there is deleted.
        identity: what they are of.
        closed: whether to leave off.

    Raises:
        OSError: the disk is full or broken.
        TornFrameError: so is the disk.
    """
    newest = Contents()
    for number, path in journals:
        for part in read_parts(path, number, identity):
            if closed():
                return False
            newest.add(part.head, part.places)
    if newest.moment.position == 0:
        return False
    writer = BaseWriter(target, identity, newest.moment)
    try:
        for number, path in (*bases, *journals):
            for part in read_parts(path, number, identity):
                if closed():
                    return False
                needs_evaluation = (
                    frozenset(part.head.needs_evaluation) if (number, path) in bases else newest.needs_evaluation
                )
                for key, place in part.places.items():
                    if place is not None and newest.places.get(key, place) == place:
                        writer.add(key, part.checked(place), key in needs_evaluation)
        writer.finish()
    finally:
        writer.close()
    return True


class BaseWriter:
    """The new base, a frame at a time."""

    def __init__(self, path: Path, identity: Identity, moment: Moment) -> None:
        path.unlink(missing_ok=True)
        self._file = FrameFile(path)
        self._moment = moment
        self._head, self._body, self._bytes = self._empty()
        self._file.append(identity.encode())

    def _empty(self) -> tuple[Head, list[bytes], int]:
        return Head(self._moment, [], [], []), [], 0

    def add(self, key: str, checked: bytes, needs_evaluation: bool) -> None:
        """One state, after its check."""
        head = self._head
        head.keys.append(key)
        head.sizes.append(len(checked) - CHECK_BYTES)
        if needs_evaluation:
            head.needs_evaluation.append(key)
        self._body.append(checked)
        self._bytes += len(checked)
        if len(head.keys) >= STATES_A_FRAME or self._bytes >= BYTES_A_FRAME:
            self._flush()

    def _flush(self) -> None:
        self._file.append(encode_head(self._head), b"".join(self._body))
        self._head, self._body, self._bytes = self._empty()

    def finish(self) -> None:
        """The last frame, and all of it on the disk."""
        self._flush()
        self._file.sync()

    def close(self) -> None:
        """It is finished, or not needed."""
        self._file.close()
