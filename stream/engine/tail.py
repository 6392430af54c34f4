"""What the changelog says of one partition beyond its local copy, on its way into the partition.

Invariant: however long the changelog is, memory holds a part of it at once where there is a copy; the parts before are
in the copy, and the partition has their places.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final, Generic

from stream.engine import copies
from stream.engine.owned import Owned
from stream.engine.partition import S
from stream.engine.warmth import adopt
from stream.engine.work import Work

PART_BYTES: Final = 4 << 20
DECODE_SLICE: Final = 1000
# What a state costs in a part, beside its bytes.
STATE_BYTES: Final = 200


class Tail(Generic[S]):
    """The records of one changelog partition from where its copy ends.

    Args:
        owned: the partition.
    """

    def __init__(self, owned: Owned[S]) -> None:
        self.owned = owned
        self._part: dict[str, bytes | None] = {}
        self._bytes = 0
        self._touched: dict[str, None] = {}

    async def add(self, records: Iterable[Any]) -> None:
        """Take records in the order of the changelog; of each account the last one counts."""
        part = [(record.key.decode(), record.value) for record in records]
        self._part.update(part)
        self._bytes += sum([len(value or b"") for _, value in part]) + STATE_BYTES * len(part)
        if self._bytes >= PART_BYTES:
            await self._put()

    async def _put(self) -> None:
        """What has been read since the last time, into the copy and the cold states."""
        part, self._part, self._bytes = self._part, {}, 0
        if not part:
            return
        places = await copies.keep_part(self.owned, part)
        cold = self.owned.partition.cold
        for key, value in part.items():
            if value is None:
                cold.pop(key, None)
            else:
                cold[key] = places.get(key, value)
        self._touched.update(dict.fromkeys(part))

    async def finish(self, work: Work[S], hot_max: int) -> None:
        """All of it has been read: take up the states, in slices.

        Args:
            work: asked about them.
            hot_max: how many accounts may be hot.
        """
        await self._put()
        partition, touched = self.owned.partition, self._touched
        if partition.pending:  # known from the copy; who is in the changelog again says so itself
            partition.pending = partition.pending.without(touched)
        for count, key in enumerate(touched, 1):
            adopt(work, partition, key, hot_max)
            if count % DECODE_SLICE == 0:
                await asyncio.sleep(0)
        await copies.keep_recovered(self.owned, int(time.time() * 1000))
