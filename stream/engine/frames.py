"""Files of frames: length, checksum, payload. A frame is whole, or it does not count.

Invariant: what `read_frames` yields is what was written, however the writer ended. Nothing is synced to the disk frame
by frame: a killed process loses nothing that it wrote, a power cut may lose the end of a file, and that is noticed.
"""

import contextlib
import errno
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_HEADER: Final = struct.Struct("<II")
FRAME_BYTES_MAX: Final = 1 << 31
# A frame of fewer bytes is written at once.
JOINED_BYTES: Final = 1 << 16


class TornFrameError(Exception):
    """A frame is cut short, or is not what was written.

    Attributes:
        offset: where in the file it begins; all before it is whole.
    """

    def __init__(self, path: Path, offset: int) -> None:
        super().__init__(f"{path} is damaged at byte {offset}")
        self.offset = offset


class FrameFile:
    """A file that frames are appended to, and whose bytes can be read back; made where there is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(self._file).st_size

    def append(self, payload: bytes, rest: bytes = b"") -> int:
        """Write one frame; returns the byte at which its payload begins.

        Args:
            payload: what it holds.
            rest: more of it, apart so that nobody has to copy much into one.

        Raises:
            OSError: the disk is full or broken, the file may end with a torn frame; or the payload is too large.
        """
        size = len(payload) + len(rest)
        if size >= FRAME_BYTES_MAX:
            raise OSError(errno.EFBIG, f"a frame of {size} bytes", str(self.path))
        start = self.size + _HEADER.size
        head = _HEADER.pack(size, zlib.crc32(rest, zlib.crc32(payload)))
        if size < JOINED_BYTES:
            self._write(head + payload + rest)
        else:
            self._write(head + payload)
            self._write(rest)
        return start

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self.size += len(data)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of it, fewer where it ends; any thread may ask.

        Raises:
            OSError: the disk is broken, or the file closed.
        """
        return os.pread(self._file, length, offset)

    def read_ahead(self, offset: int, length: int) -> None:
        """Let the kernel fetch bytes of it, without waiting for them."""
        with contextlib.suppress(OSError):  # whoever reads them will hear of it
            os.posix_fadvise(self._file, offset, length, os.POSIX_FADV_WILLNEED)

    def payloads(self) -> Iterator[tuple[int, int]]:
        """Where each frame's payload begins, and how long it is, unchecked: for a file that this process wrote.

        Raises:
            OSError: as `read`.
        """
        offset = 0
        while len(head := self.read(offset, _HEADER.size)) == _HEADER.size:
            length, _ = _HEADER.unpack(head)
            yield offset + _HEADER.size, length
            offset += _HEADER.size + length

    def sync(self) -> None:
        """Wait until the disk has it."""
        os.fsync(self._file)

    def close(self) -> None:
        """No more frames, and nothing is read any more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1  # the number may be another file's soon


def read_frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """The payloads of a file, in order, each with the byte at which it begins.

    Raises:
        TornFrameError: one is not whole; those before it have been yielded.
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        offset = 0
        while head := file.read(_HEADER.size):
            length, checksum = _HEADER.unpack(head) if len(head) == _HEADER.size else (FRAME_BYTES_MAX, 0)
            payload = file.read(length) if length < FRAME_BYTES_MAX else b""
            if len(payload) != length or zlib.crc32(payload) != checksum:
                raise TornFrameError(path, offset)
            yield offset + _HEADER.size, payload
            offset += _HEADER.size + length
