"""Files of frames: length, checksum, payload. A frame is whole, or it does not count.

Invariant: what `read_frames` yields is what was written, however the writer ended. Nothing is synced to the disk frame
by frame: a killed process loses nothing that it wrote, a power cut may lose the end of a file, and that is noticed.
"""

import errno
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_HEAD: Final = struct.Struct("<II")
FRAME_BYTES_MAX: Final = 1 << 31


class TornFrameError(Exception):
    """A frame is cut short, or is not what was written.

    Attributes:
        offset: where in the file it begins; all before it is whole.
    """

    def __init__(self, path: Path, offset: int) -> None:
        super().__init__(f"{path} is damaged at byte {offset}")
        self.offset = offset


class FrameFile:
    """A file that frames are appended to; made where there is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(self._file).st_size

    def append(self, payload: bytes) -> None:
        """Write one frame.

        Raises:
            OSError: the disk is full or broken, the file may end with a torn frame; or the payload is too large.
        """
        if len(payload) >= FRAME_BYTES_MAX:
            raise OSError(errno.EFBIG, f"a frame of {len(payload)} bytes", str(self.path))
        self._write(_HEAD.pack(len(payload), zlib.crc32(payload)) + payload)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self.size += len(data)

    def sync(self) -> None:
        """Wait until the disk has it."""
        os.fsync(self._file)

    def close(self) -> None:
        """No more frames."""
        os.close(self._file)


def read_frames(path: Path) -> Iterator[bytes]:
    """The payloads of a file, in order.

    Raises:
        TornFrameError: one is not whole; those before it have been yielded.
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        offset = 0
        while head := file.read(_HEAD.size):
            length, checksum = _HEAD.unpack(head) if len(head) == _HEAD.size else (FRAME_BYTES_MAX, 0)
            payload = file.read(length) if length < FRAME_BYTES_MAX else b""
            if len(payload) != length or zlib.crc32(payload) != checksum:
                raise TornFrameError(path, offset)
            yield payload
            offset += _HEAD.size + length
