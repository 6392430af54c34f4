"""A partition's part of the changelog on the local disk: what cold states are read from, and what shortens a restart.

Like the changelog it is a log that is compacted: write-ahead segments of what checkpoints saved, and a snapshot that
older segments were merged into. `snapshot-7` holds all of the segments before `segment-7`.

Invariant: the store holds what the changelog says below its position, and maybe some of what comes after it: the
position moves with the last states of a checkpoint, in one frame, and they are written after the checkpoint was
committed. So the store may be behind the changelog, and is never ahead of it. Whatever else is found is thrown away:
the changelog has it all.
A location that was given out can be read until `forget_before`, whatever happens to the files' names.
"""

import errno
import fcntl
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from stream.config.logs import get_logger
from stream.engine.frames import FrameFile, TornFrameError
from stream.engine.store_compaction import merge
from stream.engine.store_files import KINDS, Kind, StoreFiles, file_number
from stream.engine.store_index import (
    ForeignStoreError,
    Frame,
    Index,
    StoreIdentity,
    StorePosition,
    encode_header,
    encode_states,
    in_frames,
    read_index_frames,
    read_locations,
)

log = get_logger(__name__)

# A segment is folded into a new snapshot when it is larger than the snapshot, and than this.
SEGMENT_BYTES_MIN: Final = 32 << 20


class StoreInUseError(Exception):
    """Another process holds the store of this partition."""


class StateStore:
    """One partition's store, in a folder of its own, which this process alone holds until `close`.

    Methods may be called from any thread, one at a time, but for `read`, and for `compact`, which runs beside `save`.

    Args:
        folder: made where there is none.
        identity: what it is to be a store of.

    Attributes:
        position: how far it reaches.
        failed: something could not be written: it lacks that, and nothing is added any more. It can still be read.

    Raises:
        StoreInUseError: another process holds it.
        OSError: the folder can't be used.
    """

    def __init__(self, folder: Path, identity: StoreIdentity) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.position = StorePosition()
        self.failed = False
        self._identity = identity
        self._files = StoreFiles(folder)
        self._segment: FrameFile | None = None
        self._number = 1
        self._snapshot_bytes = 0
        self._closed = threading.Event()
        self._compacting = threading.Lock()
        self._saving = threading.Lock()
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise StoreInUseError(str(folder)) from error

    # At a start

    def load(self) -> Index | None:
        """Where all of it is; None where there is nothing, or nothing of use: that is logged, and deleted.

        Every frame is read and checked; of the states nothing is kept.

        Raises:
            OSError: the files can't be read.
        """
        index = Index()
        try:
            for frame in self._read_all():
                index.add(frame.header, frame.locations)
        except (TornFrameError, msgspec.DecodeError, ForeignStoreError) as error:
            self.discard(str(error))
            return None
        if index.position.offset == 0:  # nothing, or a recovery that did not come to its end
            self._delete()
            return None
        for key in [key for key, location in index.locations.items() if location is None]:
            del index.locations[key]
        self._files.open_all()
        self.position = index.position
        return index

    def _read_all(self) -> Iterator[Frame]:
        """Every frame, oldest first; leaves the numbers as they go on from here."""
        files = self._files
        snapshots, segments = files.numbers("snapshot"), files.numbers("segment")
        first = max(snapshots, default=1)
        for kind in KINDS:
            for number in files.numbers(kind):
                if number < first:  # a compaction was killed before it had deleted what it had folded
                    files.delete(kind, number)
        segments = [number for number in segments if number >= first]
        if segments != list(range(first, first + len(segments))):
            raise ForeignStoreError(f"{files.folder} has segments {segments} and the snapshot {first}: one is missing")
        if snapshots:
            self._snapshot_bytes = files.path("snapshot", first).stat().st_size
            yield from self._frames("snapshot", first)
        for number in segments[:-1]:
            yield from self._frames("segment", number)
        self._number = segments[-1] if segments else first
        if segments:
            yield from self._last_frames(segments[-1])

    def _last_frames(self, number: int) -> Iterator[Frame]:
        """The segment that was written last: a process that was killed may have left half a frame at its end."""
        try:
            yield from self._frames("segment", number)
        except TornFrameError as error:
            path = self._files.path("segment", number)
            log.info("the last frame is not whole, which a crash explains; it is cut off", path=str(path))
            os.truncate(path, error.offset)

    def _frames(self, kind: Kind, number: int) -> Iterator[Frame]:
        return read_index_frames(self._files.path(kind, number), file_number(kind, number), self._identity)

    def discard(self, reason: str) -> None:
        """Delete everything."""
        log.warning(
            "the state store can't be used and is deleted, the changelog is read instead",
            partition=self._identity.number,
            reason=reason,
        )
        self._delete()

    def _delete(self) -> None:
        self._segment = None
        self._files.delete_all()
        self.position, self._number, self._snapshot_bytes = StorePosition(), 1, 0

    # States in, states out

    def save(
        self, position: StorePosition, states: Mapping[str, bytes | None], pending: Sequence[str]
    ) -> dict[str, int]:
        """Add what a checkpoint saved; returns the locations of the states.

        Many states go into several frames, of which only the last one moves the position: what a kill leaves of the
        others is said again by the changelog.

        Args:
            position: how far the store reaches with it.
            states: key to its encoded state; None: the state is gone.
            pending: keys whose states are pending; every other one among the states is not.

        Raises:
            OSError: the disk is full or broken. The store lacks this then, and would not know: save nothing more.
        """
        locations: dict[str, int | None] = {}
        with self._saving:
            if self._closed.is_set():  # its partition went elsewhere while a thread was on its way here
                raise OSError(errno.EBADF, "the state store is closed", str(self._files.folder))
            segment = self._segment = self._segment or self._open_segment()
            *frames, last = in_frames(states)
            for frame, reached, waiting in [
                *((frame, self.position, ()) for frame in frames),
                (last, position, pending),
            ]:
                header, body = encode_states(reached, frame, waiting)
                packed = encode_header(header)
                start = segment.append(packed, body)
                locations |= header.locations(file_number("segment", self._number), start + len(packed))
            self.position = position
        return {key: location for key, location in locations.items() if location is not None}

    def read(self, key: str, location: int) -> bytes:
        """The state that lies there.

        Raises:
            UnreadableStateError: the disk is broken, or what lies there is not a state of that key.
        """
        return self._files.read(key, location)

    def read_ahead(self, locations: Iterable[int]) -> None:
        """These are read next: the disk may fetch all of them at once."""
        self._files.read_ahead(locations)

    def _open_segment(self) -> FrameFile:
        segment = self._files.open("segment", self._number)
        if segment.size == 0:
            segment.append(self._identity.encode())
        return segment

    # Compaction

    @property
    def wants_compaction(self) -> bool:
        """Whether more of the store is segment than snapshot."""
        return self._segment is not None and self._segment.size > max(SEGMENT_BYTES_MIN, self._snapshot_bytes)

    def rotate(self) -> int:
        """Begin a new segment; returns its number, which `compact` wants.

        Raises:
            OSError: the disk is full or broken.
        """
        if self._segment is None:
            self._open_segment()  # that there is one of each number shows that none is missing
        self._number += 1
        self._segment = None
        self._segment = self._open_segment()
        return self._number

    def compact(self, number: int) -> bool:
        """Merge the snapshot and the segments before that number into a new one; leaves off when the store is closed.

        Returns whether there is one. What it replaces has no name any more, and can be read until `forget_before`.

        Raises:
            OSError: the disk is full or broken; what there was is still there.
            TornFrameError: so is the disk.
        """
        with self._compacting:
            if self._closed.is_set():
                return False
            files = self._files
            snapshots = [each for each in files.numbers("snapshot") if each < number]
            segments = [each for each in files.numbers("segment") if each < number]
            target = files.folder / "new-snapshot"
            old_snapshots = [(file_number("snapshot", each), files.path("snapshot", each)) for each in snapshots]
            old_segments = [(file_number("segment", each), files.path("segment", each)) for each in segments]
            if not merge(old_snapshots, old_segments, target, self._identity, self._closed.is_set):
                return False
            target.rename(files.path("snapshot", number))
            self._snapshot_bytes = files.open("snapshot", number).size
            for each in segments:
                files.delete("segment", each)
            for each in snapshots:
                files.delete("snapshot", each)
            return True

    def new_locations(self, number: int) -> Iterator[dict[str, int]]:
        """Where the states are that `compact` with this number has moved, a frame at a time, until it is closed.

        Raises:
            OSError: the disk is broken; nothing is lost by leaving off, as long as nothing is forgotten.
        """
        if self._closed.is_set():
            return
        for locations in read_locations(self._files.open("snapshot", number), file_number("snapshot", number)):
            yield {key: location for key, location in locations.items() if location is not None}
            if self._closed.is_set():
                return

    def forget_before(self, number: int) -> None:
        """No location before the snapshot of that number is asked for any more."""
        self._files.forget_before(number)

    def close(self) -> None:
        """Release it; another process may take it from here on. A compaction that runs is left off."""
        self._closed.set()
        with self._compacting, self._saving:
            self._segment = None
            self._files.close()
            os.close(self._lock)
