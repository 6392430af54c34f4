"""How much of what was fetched may wait to be folded, all topics and partitions together.

Invariant: nothing more is fetched while the chunks between fetch and fold take the whole limit. One fetch may pass it,
so the bound is the limit and one fetch. A seek makes everything on its way stale, so it empties the books.
"""

import asyncio
import contextlib
from typing import Final

from stream.engine.chunk import Chunk

# What a record costs as an object, beside its bytes.
RECORD_BYTES: Final = 400


def weight(chunk: Chunk) -> int:
    """About how many bytes of memory a chunk takes."""
    values = [record.value for record in chunk.records]
    try:
        bytes_ = sum(map(len, values))  # type: ignore[arg-type]  # a record without a value is rare
    except TypeError:
        bytes_ = sum([len(value) for value in values if value is not None])
    return bytes_ + RECORD_BYTES * len(values)


class InFlightLimit:
    """Bytes between fetch and fold.

    Args:
        bytes_max: from there on nothing is fetched.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._waiting: dict[int, int] = {}
        self._room = asyncio.Event()
        self._room.set()
        self.bytes = 0

    def add(self, chunk: Chunk) -> None:
        """A chunk is on its way to the fold."""
        size = self._waiting[id(chunk)] = weight(chunk)
        self._count(size)

    def remove(self, chunk: Chunk) -> None:
        """It has arrived, to be folded or dropped; one that is not in the books any more is fine."""
        self._count(-self._waiting.pop(id(chunk), 0))

    def clear(self) -> None:
        """Whatever is on its way is stale, and may never arrive."""
        self._waiting.clear()
        self._count(-self.bytes)

    def _count(self, by: int) -> None:
        self.bytes += by
        if self.bytes < self._bytes_max:
            self._room.set()
        else:
            self._room.clear()

    async def has_room(self, seconds: float) -> bool:
        """Whether more may be fetched; waits for it for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._room.wait()
        return self._room.is_set()
