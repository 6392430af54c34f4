"""What a local copy holds: one checkpoint's states in a frame, and of all frames together where each state lies.

A frame's payload is the length of its head, the head, and then the states one behind the other, each after its check.
So a state can be read alone, and all places can be had without the states.
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
from stream.engine.places import CHECK_BYTES, LENGTH_BITS, check_of, place_of, span_of

VERSION: Final = 2
# What a frame holds of many states: whoever reads one has all of it in memory.
BYTES_A_FRAME: Final = 4 << 20
_GONE: Final = -1
_SIZE: Final = struct.Struct("<I")

_encode: Final = msgspec.msgpack.Encoder().encode


class ForeignCopyError(Exception):
    """Files that are of something else, or don't fit together."""


class Identity(Struct, array_like=True, frozen=True):
    """What a copy is of; one of anything else is worthless.

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


class Moment(Struct, array_like=True, frozen=True):
    """How far a copy reaches.

    Attributes:
        position: the changelog's offset behind it; 0: it is not complete up to any.
        saved_ms: when that was so, epoch milliseconds.
        watermark_ms: of the partition, epoch milliseconds; None: not known.
    """

    position: int = 0
    saved_ms: int = 0
    watermark_ms: int | None = None


class Head(Struct, array_like=True):
    """A frame without its states.

    Attributes:
        moment: how far the copy reaches with it.
        needs_evaluation: accounts that wait to be evaluated; whoever else has a state here does not.
        keys: the accounts whose states follow.
        sizes: the length of each of them; -1: the account is gone.
    """

    moment: Moment
    needs_evaluation: list[str]
    keys: list[str]
    sizes: list[int]

    def places(self, file: int, offset: int) -> dict[str, int | None]:
        """The place of each account's state, None when it is gone.

        Args:
            file: the number of the file.
            offset: the byte at which the first one's check begins.
        """
        found: dict[str, int | None] = {}
        place = place_of(file, offset, 0)
        for key, size in zip(self.keys, self.sizes, strict=True):
            if size == _GONE:
                found[key] = None
            else:
                found[key] = place + size
                place += size + CHECK_BYTES << LENGTH_BITS
        return found


_decode_identity: Final = msgspec.msgpack.Decoder(Identity).decode
_decode_head: Final = msgspec.msgpack.Decoder(Head).decode


def with_states(
    moment: Moment, states: Mapping[str, bytes | None], needs_evaluation: Sequence[str]
) -> tuple[Head, bytes]:
    """The head of a frame with these states, and the states each after its check.

    Raises:
        OSError: a state is larger than a place can say.
    """
    sizes: list[int] = []
    body: list[bytes] = []
    for key, value in states.items():
        if value is None:
            sizes.append(_GONE)
            continue
        if len(value) >> LENGTH_BITS:
            raise OSError(errno.EFBIG, f"the state of account {key[:80]!r} has {len(value)} bytes")
        sizes.append(len(value))
        body += (check_of(key, value), value)
    return Head(moment, list(needs_evaluation), list(states), sizes), b"".join(body)


def in_parts(states: Mapping[str, bytes | None]) -> Iterator[Mapping[str, bytes | None]]:
    """States as frames should hold them, so that who reads one needs little memory; one part at least."""
    if sum([len(value) for value in states.values() if value is not None]) <= BYTES_A_FRAME:
        yield states
        return
    part: dict[str, bytes | None] = {}
    size = 0
    for key, value in states.items():
        part[key] = value
        size += len(value or b"")
        if size > BYTES_A_FRAME:
            yield part
            part, size = {}, 0
    yield part


def encode_head(head: Head) -> bytes:
    """The payload of a frame up to its states."""
    encoded = _encode(head)
    return _SIZE.pack(len(encoded)) + encoded


@dataclass(frozen=True, slots=True)
class Part:
    """One frame as it was read.

    Attributes:
        head: what it says beside the states.
        places: the place of each account's state, None when it is gone.
        payload: all of it.
        start: the byte of the file at which the payload begins.
    """

    head: Head
    places: dict[str, int | None]
    payload: bytes
    start: int

    def checked(self, place: int) -> bytes:
        """A state after its check, as it is in the file."""
        offset, length = span_of(place)
        offset -= self.start
        return self.payload[offset : offset + CHECK_BYTES + length]


def read_parts(path: Path, file: int, identity: Identity) -> Iterator[Part]:
    """The frames of a file, in order.

    Raises:
        ForeignCopyError: it is of something else.
        TornFrameError: a frame is not whole; those before it have been yielded.
        DecodeError: a frame holds something else.
        OSError: the file can't be read.
    """
    frames = read_frames(path)
    _, first = next(frames, (0, None))
    found = None if first is None else _decode_identity(first)
    if found is not None and found != identity:
        raise ForeignCopyError(f"{path} is of {found}, and not of {identity}")
    for start, payload in frames:
        size = _SIZE.size + _SIZE.unpack_from(payload)[0]
        head = _decode_head(memoryview(payload)[_SIZE.size : size])
        yield Part(head, head.places(file, start + size), payload, start)


def read_places(frames: FrameFile, file: int) -> Iterator[dict[str, int | None]]:
    """The places of a file, a frame at a time, without reading the states; of one that this process has just written.

    Raises:
        OSError: the file can't be read.
    """
    payloads = frames.payloads()
    next(payloads, None)
    for start, _ in payloads:
        (length,) = _SIZE.unpack(frames.read(start, _SIZE.size))
        head = _decode_head(frames.read(start + _SIZE.size, length))
        yield head.places(file, start + _SIZE.size + length)


@dataclass(slots=True)
class Contents:
    """Where a copy holds what the changelog says below `moment.position`: a place per account, and who waits."""

    moment: Moment = field(default_factory=Moment)
    places: dict[str, int | None] = field(default_factory=dict)
    needs_evaluation: dict[str, None] = field(default_factory=dict)

    def add(self, head: Head, places: Mapping[str, int | None]) -> None:
        """What came after."""
        if self.needs_evaluation:
            for key in places.keys() & self.needs_evaluation.keys():
                del self.needs_evaluation[key]
        self.places.update(places)
        self.needs_evaluation.update(dict.fromkeys(head.needs_evaluation))
        self.moment = head.moment
