"""A partition's part of the changelog, copied to the local disk: what cold states are read from, and a short restart.

Like the changelog itself it is a log that is compacted: a journal of what checkpoints saved, and a base that older
journals were folded into. `base-7` holds all of the journals before `journal-7`.

Invariant: the copy holds what the changelog says below its position, and maybe some of what comes after it: the
position moves with the last states of a checkpoint, in one frame, and they are written after the checkpoint was
committed. So the copy may be behind the changelog, and is never ahead of it. Whatever else is found is thrown away: the
changelog has it all.
A place that was given out can be read until `forget_before`, whatever happens to the files' names.
"""

import errno
import fcntl
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from stream.engine.compaction import merge
from stream.engine.contents import (
    Contents,
    ForeignCopyError,
    Identity,
    Moment,
    Part,
    encode_head,
    in_parts,
    read_parts,
    read_places,
    with_states,
)
from stream.engine.copy_files import KINDS, CopyFiles, Kind, file_number
from stream.engine.frames import FrameFile, TornFrameError

logger = logging.getLogger(__name__)

# A journal is folded into a new base when it is larger than the base, and than this.
JOURNAL_BYTES_MIN: Final = 32 << 20


class CopyInUseError(Exception):
    """Another process holds the copy of this partition."""


class LocalCopy:
    """One partition's copy, in a folder of its own, which this process alone holds until `close`.

    Methods may be called from any thread, one at a time, but for `read`, and for `compact`, which runs beside `save`.

    Args:
        folder: made where there is none.
        identity: what it is to be a copy of.

    Attributes:
        moment: how far it reaches.
        failed: something could not be written: it lacks that, and nothing is added any more. It can still be read.

    Raises:
        CopyInUseError: another process holds it.
        OSError: the folder can't be used.
    """

    def __init__(self, folder: Path, identity: Identity) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.moment = Moment()
        self.failed = False
        self._identity = identity
        self._files = CopyFiles(folder)
        self._journal: FrameFile | None = None
        self._number = 1
        self._base_bytes = 0
        self._closed = threading.Event()
        self._compacting = threading.Lock()
        self._saving = threading.Lock()
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise CopyInUseError(str(folder)) from error

    # At a start

    def load(self) -> Contents | None:
        """Where all of it is; None where there is nothing, or nothing of use: that is logged, and deleted.

        Every frame is read and checked; of the states nothing is kept.

        Raises:
            OSError: the files can't be read.
        """
        contents = Contents()
        try:
            for part in self._read_all():
                contents.add(part.head, part.places)
        except (TornFrameError, msgspec.DecodeError, ForeignCopyError) as error:
            self.discard(str(error))
            return None
        if contents.moment.position == 0:  # nothing, or a recovery that did not come to its end
            self._delete()
            return None
        for key in [key for key, place in contents.places.items() if place is None]:
            del contents.places[key]
        self._files.open_all()
        self.moment = contents.moment
        return contents

    def _read_all(self) -> Iterator[Part]:
        """Every frame, oldest first; leaves the numbers as they go on from here."""
        files = self._files
        bases, journals = files.numbers("base"), files.numbers("journal")
        first = max(bases, default=1)
        for kind in KINDS:
            for number in files.numbers(kind):
                if number < first:  # a compaction was killed before it had deleted what it had folded
                    files.delete(kind, number)
        journals = [number for number in journals if number >= first]
        if journals != list(range(first, first + len(journals))):
            raise ForeignCopyError(f"{files.folder} has journals {journals} and the base {first}: one is missing")
        if bases:
            self._base_bytes = files.path("base", first).stat().st_size
            yield from self._parts("base", first)
        for number in journals[:-1]:
            yield from self._parts("journal", number)
        self._number = journals[-1] if journals else first
        if journals:
            yield from self._last_parts(journals[-1])

    def _last_parts(self, number: int) -> Iterator[Part]:
        """The journal that was written last: a process that was killed may have left half a frame at its end."""
        try:
            yield from self._parts("journal", number)
        except TornFrameError as error:
            path = self._files.path("journal", number)
            logger.info("%s: the last frame is not whole, which a crash explains; it is cut off", path)
            os.truncate(path, error.offset)

    def _parts(self, kind: Kind, number: int) -> Iterator[Part]:
        return read_parts(self._files.path(kind, number), file_number(kind, number), self._identity)

    def discard(self, reason: str) -> None:
        """Delete everything."""
        logger.warning(
            "partition %d: the local copy is of no use and is deleted, the changelog is read instead: %s",
            self._identity.number,
            reason,
        )
        self._delete()

    def _delete(self) -> None:
        self._journal = None
        self._files.delete_all()
        self.moment, self._number, self._base_bytes = Moment(), 1, 0

    # States in, states out

    def save(
        self, moment: Moment, states: Mapping[str, bytes | None], needs_evaluation: Sequence[str]
    ) -> dict[str, int]:
        """Add what a checkpoint saved; returns the places of the states.

        Many states go into several frames, of which only the last one moves the position: what a kill leaves of the
        others is said again by the changelog.

        Args:
            moment: how far the copy reaches with it.
            states: account id to its encoded state; None: the account is gone.
            needs_evaluation: accounts that wait to be evaluated; whoever else is among the states does not.

        Raises:
            OSError: the disk is full or broken. The copy lacks this then, and would not know: save nothing more.
        """
        places: dict[str, int | None] = {}
        with self._saving:
            if self._closed.is_set():  # its partition went elsewhere while a thread was on its way here
                raise OSError(errno.EBADF, "the local copy is closed", str(self._files.folder))
            journal = self._journal = self._journal or self._open_journal()
            *parts, last = in_parts(states)
            for part, reached, waiting in [
                *((part, self.moment, ()) for part in parts),
                (last, moment, needs_evaluation),
            ]:
                head, body = with_states(reached, part, waiting)
                packed = encode_head(head)
                start = journal.append(packed, body)
                places |= head.places(file_number("journal", self._number), start + len(packed))
            self.moment = moment
        return {key: place for key, place in places.items() if place is not None}

    def read(self, account_id: str, place: int) -> bytes:
        """The state that lies there.

        Raises:
            UnreadableStateError: the disk is broken, or what lies there is not a state of that account.
        """
        return self._files.read(account_id, place)

    def read_ahead(self, places: Iterable[int]) -> None:
        """These are read next: the disk may fetch all of them at once."""
        self._files.read_ahead(places)

    def _open_journal(self) -> FrameFile:
        journal = self._files.open("journal", self._number)
        if journal.size == 0:
            journal.append(self._identity.encode())
        return journal

    # Compaction

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
            self._open_journal()  # that there is one of each number shows that none is missing
        self._number += 1
        self._journal = None
        self._journal = self._open_journal()
        return self._number

    def compact(self, number: int) -> bool:
        """Fold the base and the journals before that number into a new base; leaves off when the copy is closed.

        Returns whether there is one. What it replaces has no name any more, and can be read until `forget_before`.

        Raises:
            OSError: the disk is full or broken; what there was is still there.
            TornFrameError: so is the disk.
        """
        with self._compacting:
            if self._closed.is_set():
                return False
            files = self._files
            bases = [each for each in files.numbers("base") if each < number]
            journals = [each for each in files.numbers("journal") if each < number]
            target = files.folder / "new-base"
            old_bases = [(file_number("base", each), files.path("base", each)) for each in bases]
            old_journals = [(file_number("journal", each), files.path("journal", each)) for each in journals]
            if not merge(old_bases, old_journals, target, self._identity, self._closed.is_set):
                return False
            target.rename(files.path("base", number))
            self._base_bytes = files.open("base", number).size
            for each in journals:
                files.delete("journal", each)
            for each in bases:
                files.delete("base", each)
            return True

    def new_places(self, number: int) -> Iterator[dict[str, int]]:
        """Where the states are that `compact` with this number has moved, a frame at a time, until it is closed.

        Raises:
            OSError: the disk is broken; nothing is lost by leaving off, as long as nothing is forgotten.
        """
        if self._closed.is_set():
            return
        for places in read_places(self._files.open("base", number), file_number("base", number)):
            yield {key: place for key, place in places.items() if place is not None}
            if self._closed.is_set():
                return

    def forget_before(self, number: int) -> None:
        """No place before the base of that number is asked for any more."""
        self._files.forget_before(number)

    def close(self) -> None:
        """Let go of it; another process may take it from here on. A compaction that runs is left off."""
        self._closed.set()
        with self._compacting, self._saving:
            self._journal = None
            self._files.close()
            os.close(self._lock)
