"""Where in a state store's files a state lies, as one number, and the checksum that shows that it is that state.

A state in a file is its checksum, which is over its key too, and then its bytes. Memory keeps one location for each
state that is on the disk: the file in the upper bits, then the byte at which the checksum begins, then how many bytes
the state has.
"""

import struct
import zlib
from typing import Final

CHECKSUM_BYTES: Final = 4
LENGTH_BITS: Final = 24  # a record of the changelog has 8 MiB at most
OFFSET_BITS: Final = 40
FILE_SHIFT: Final = OFFSET_BITS + LENGTH_BITS

_LENGTH_MASK: Final = (1 << LENGTH_BITS) - 1
_OFFSET_MASK: Final = (1 << OFFSET_BITS) - 1
_pack: Final = struct.Struct("<I").pack


def encode_location(file: int, offset: int, length: int) -> int:
    """The location of a state.

    Args:
        file: its number; a later file has a larger one.
        offset: the byte at which its checksum begins.
        length: of the state, without the checksum.
    """
    return file << FILE_SHIFT | offset << LENGTH_BITS | length


def file_of(location: int) -> int:
    """The number of the file."""
    return location >> FILE_SHIFT


def span_of(location: int) -> tuple[int, int]:
    """The byte at which the checksum begins, and the length of the state behind it."""
    return location >> LENGTH_BITS & _OFFSET_MASK, location & _LENGTH_MASK


def checksum(key: str, value: bytes) -> bytes:
    """What is written before a state: nothing but this key's very bytes fits it."""
    return _pack(zlib.crc32(value, zlib.crc32(key.encode())))
