"""What a state store holds: one checkpoint's states in a frame, and of all frames together where each state lies.

A frame's payload is the length of its header, the header, and then the states one behind the other, each after its
checksum. So a state can be read alone, and all locations can be had without the states.
"""

import errno
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from stream.engine.frames import FrameFile, read_frames
from stream.engine.state_location import CHECKSUM_BYTES, LENGTH_BITS, checksum, encode_location, span_of

VERSION: Final = 3
# What a frame holds of many states: whoever reads one has all of it in memory.
BYTES_A_FRAME: Final = 4 << 20
_GONE: Final = -1
_SIZE: Final = struct.Struct("<I")

_encode: Final = msgspec.msgpack.Encoder().encode


class ForeignStoreError(Exception):
    """Files that are of something else, or don't fit together."""


class StoreIdentity(Struct, array_like=True, frozen=True):
    """What a store is of; one of anything else is worthless.

    Attributes:
        version: of the files.
        changelog: the topic.
        changelog_id: its id, which a topic of the same name made later does not have; None: the broker has none.
        number: the partition.
        count: how many there are.
    """

    version: int
    changelog: str
    changelog_id: str | None
    number: int
    count: int

    def encode(self) -> bytes:
        """The first frame of every file."""
        return _encode(self)


class StorePosition(Struct, array_like=True, frozen=True):
    """How far a store reaches.

    Attributes:
        offset: the changelog's offset behind it; 0: it is not complete up to any.
        saved_ms: when that was so, epoch milliseconds.
        watermark_ms: of the partition, epoch milliseconds; None: not known.
    """

    offset: int = 0
    saved_ms: int = 0
    watermark_ms: int | None = None


class FrameHeader(Struct, array_like=True):
    """A frame without its states.

    Attributes:
        position: how far the store reaches with it.
        pending: keys whose states are pending; every other one that has a state here is not.
        keys: the keys whose states follow.
        sizes: the length of each of them; -1: the state is gone.
    """

    position: StorePosition
    pending: list[str]
    keys: list[str]
    sizes: list[int]

    def locations(self, file: int, offset: int) -> dict[str, int | None]:
        """The location of each state, None when it is gone.

        Args:
            file: the number of the file.
            offset: the byte at which the first one's checksum begins.
        """
        found: dict[str, int | None] = {}
        location = encode_location(file, offset, 0)
        for key, size in zip(self.keys, self.sizes, strict=True):
            if size == _GONE:
                found[key] = None
            else:
                found[key] = location + size
                location += size + CHECKSUM_BYTES << LENGTH_BITS
        return found


_decode_identity: Final = msgspec.msgpack.Decoder(StoreIdentity).decode
_decode_header: Final = msgspec.msgpack.Decoder(FrameHeader).decode


def encode_states(
    position: StorePosition, states: Mapping[str, bytes | None], pending: Sequence[str]
) -> tuple[FrameHeader, bytes]:
    """The header of a frame with these states, and the states each after its checksum.

    Raises:
        OSError: a state is larger than a location can say.
    """
    sizes: list[int] = []
    body: list[bytes] = []
    for key, value in states.items():
        if value is None:
            sizes.append(_GONE)
            continue
        if len(value) >> LENGTH_BITS:
            raise OSError(errno.EFBIG, f"the state of {key[:80]!r} has {len(value)} bytes")
        sizes.append(len(value))
        body += (checksum(key, value), value)
    return FrameHeader(position, list(pending), list(states), sizes), b"".join(body)


def in_frames(states: Mapping[str, bytes | None]) -> Iterator[Mapping[str, bytes | None]]:
    """States as frames should hold them, so that who reads one needs little memory; one frame at least."""
    if sum([len(value) for value in states.values() if value is not None]) <= BYTES_A_FRAME:
        yield states
        return
    frame: dict[str, bytes | None] = {}
    size = 0
    for key, value in states.items():
        frame[key] = value
        size += len(value or b"")
        if size > BYTES_A_FRAME:
            yield frame
            frame, size = {}, 0
    yield frame


def encode_header(header: FrameHeader) -> bytes:
    """The payload of a frame up to its states."""
    encoded = _encode(header)
    return _SIZE.pack(len(encoded)) + encoded


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it was read.

    Attributes:
        header: what it says beside the states.
        locations: the location of each state, None when it is gone.
        payload: all of it.
        start: the byte of the file at which the payload begins.
    """

    header: FrameHeader
    locations: dict[str, int | None]
    payload: bytes
    start: int

    def checked(self, location: int) -> bytes:
        """A state after its checksum, as it is in the file."""
        offset, length = span_of(location)
        offset -= self.start
        return self.payload[offset : offset + CHECKSUM_BYTES + length]


def read_index_frames(path: Path, file: int, identity: StoreIdentity) -> Iterator[Frame]:
    """The frames of a file, in order.

    Raises:
        ForeignStoreError: it is of something else.
        TornFrameError: a frame is not whole; those before it have been yielded.
        DecodeError: a frame holds something else.
        OSError: the file can't be read.
    """
    frames = read_frames(path)
    _, first = next(frames, (0, None))
    found = None if first is None else _decode_identity(first)
    if found is not None and found != identity:
        raise ForeignStoreError(f"{path} is of {found}, and not of {identity}")
    for start, payload in frames:
        size = _SIZE.size + _SIZE.unpack_from(payload)[0]
        header = _decode_header(memoryview(payload)[_SIZE.size : size])
        yield Frame(header, header.locations(file, start + size), payload, start)


def read_locations(frames: FrameFile, file: int) -> Iterator[dict[str, int | None]]:
    """The locations of a file that this process has just written, a frame at a time, without reading the states.

    Raises:
        OSError: the file can't be read.
    """
    payloads = frames.payloads()
    next(payloads, None)
    for start, _ in payloads:
        (length,) = _SIZE.unpack(frames.read(start, _SIZE.size))
        header = _decode_header(frames.read(start + _SIZE.size, length))
        yield header.locations(file, start + _SIZE.size + length)


@dataclass(slots=True)
class Index:
    """Where a store holds what the changelog says below `position.offset`: by key its location; and who is pending."""

    position: StorePosition = field(default_factory=StorePosition)
    locations: dict[str, int | None] = field(default_factory=dict)
    pending: dict[str, None] = field(default_factory=dict)

    def add(self, header: FrameHeader, locations: Mapping[str, int | None]) -> None:
        """What came after."""
        if self.pending:
            for key in locations.keys() & self.pending.keys():
                del self.pending[key]
        self.locations.update(locations)
        self.pending.update(dict.fromkeys(header.pending))
        self.position = header.position
