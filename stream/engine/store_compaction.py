"""A snapshot and the segments after it into one new snapshot, with little in memory whatever they hold.

Invariant: the new snapshot says of every key what the old files said last, byte for byte. The states stream through
a frame at a time; memory holds the locations of those that the segments have.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from stream.engine.frames import FrameFile
from stream.engine.state_location import CHECKSUM_BYTES
from stream.engine.store_index import (
    BYTES_A_FRAME,
    FrameHeader,
    Index,
    StoreIdentity,
    StorePosition,
    encode_header,
    read_index_frames,
)

# Of a new snapshot's frames: the loop's thread reads the locations of one at a time.
STATES_A_FRAME: Final = 1000

Numbered = tuple[int, Path]


def merge(
    snapshots: Sequence[Numbered],
    segments: Sequence[Numbered],
    target: Path,
    identity: StoreIdentity,
    closed: Callable[[], bool],
) -> bool:
    """Write what they hold together; returns whether there was something and it is whole.

    Args:
        snapshots: the number of the file, and where it is; one or none.
        segments: likewise, oldest first.
        target: where to write it; what is there is deleted.
        identity: what they are of.
        closed: whether to leave off.

    Raises:
        OSError: the disk is full or broken.
        TornFrameError: so is the disk.
    """
    newest = Index()
    for number, path in segments:
        for frame in read_index_frames(path, number, identity):
            if closed():
                return False
            newest.add(frame.header, frame.locations)
    if newest.position.offset == 0:
        return False
    writer = SnapshotWriter(target, identity, newest.position)
    try:
        for number, path in (*snapshots, *segments):
            for frame in read_index_frames(path, number, identity):
                if closed():
                    return False
                pending = frozenset(frame.header.pending) if (number, path) in snapshots else newest.pending
                for key, location in frame.locations.items():
                    if location is not None and newest.locations.get(key, location) == location:
                        writer.add(key, frame.checked(location), key in pending)
        writer.finish()
    finally:
        writer.close()
    return True


class SnapshotWriter:
    """The new snapshot, a frame at a time."""

    def __init__(self, path: Path, identity: StoreIdentity, position: StorePosition) -> None:
        path.unlink(missing_ok=True)
        self._file = FrameFile(path)
        self._position = position
        self._header, self._body, self._bytes = self._empty()
        self._file.append(identity.encode())

    def _empty(self) -> tuple[FrameHeader, list[bytes], int]:
        return FrameHeader(self._position, [], [], []), [], 0

    def add(self, key: str, checked: bytes, pending: bool) -> None:
        """One state, after its checksum."""
        header = self._header
        header.keys.append(key)
        header.sizes.append(len(checked) - CHECKSUM_BYTES)
        if pending:
            header.pending.append(key)
        self._body.append(checked)
        self._bytes += len(checked)
        if len(header.keys) >= STATES_A_FRAME or self._bytes >= BYTES_A_FRAME:
            self._flush()

    def _flush(self) -> None:
        self._file.append(encode_header(self._header), b"".join(self._body))
        self._header, self._body, self._bytes = self._empty()

    def finish(self) -> None:
        """The last frame, and all of it on the disk."""
        self._flush()
        self._file.sync()

    def close(self) -> None:
        """It is finished, or not needed."""
        self._file.close()
