"""Where in a local copy's files an account's state lies, as one number, and what shows that it is that state.

A state in a file is its check, which is over the account's id too, and then its bytes. Memory keeps one place for each
account whose state is on the disk: the file in the upper bits, then the byte at which the check begins, then how many
bytes the state has.
"""

import struct
import zlib
from typing import Final

CHECK_BYTES: Final = 4
LENGTH_BITS: Final = 24  # a record of the changelog has 8 MiB at most
OFFSET_BITS: Final = 40
FILE_SHIFT: Final = OFFSET_BITS + LENGTH_BITS

_LENGTH_MASK: Final = (1 << LENGTH_BITS) - 1
_OFFSET_MASK: Final = (1 << OFFSET_BITS) - 1
_pack: Final = struct.Struct("<I").pack


def place_of(file: int, offset: int, length: int) -> int:
    """The place of a state.

    Args:
        file: its number; a later file has a larger one.
        offset: the byte at which its check begins.
        length: of the state, without the check.
    """
    return file << FILE_SHIFT | offset << LENGTH_BITS | length


def file_of(place: int) -> int:
    """The number of the file."""
    return place >> FILE_SHIFT


def span_of(place: int) -> tuple[int, int]:
    """The byte at which the check begins, and the length of the state behind it."""
    return place >> LENGTH_BITS & _OFFSET_MASK, place & _LENGTH_MASK


def check_of(account_id: str, value: bytes) -> bytes:
    """What is written before a state: nothing but this account's very bytes fits it."""
    return _pack(zlib.crc32(value, zlib.crc32(account_id.encode())))
