"""Who waits to be judged, on three lanes: something rare came, the first usage of a day came, or merely more usage.

Where more accounts move than can be judged at once, they wait in turn. An answer or a ticket may cost an account ten
points, its first usage of a day is news by itself, and a further use of it seldom is: so these do not wait in one line.
Of four turns the first lane has three, and of the others' turns the second has three of four; the longest waiting of
each lane comes first. No lane can hold up another for ever, and turns of a lane that is empty are the others'.

Invariant: every account that waits is on a lane, at least once.
"""

from collections import deque
from collections.abc import Container, Iterable, Iterator
from enum import IntEnum
from typing import Final, TypeAlias

# An account, and the Kafka timestamp of the record that it waits for; None: not known after a recovery.
Waiting: TypeAlias = tuple[str, int | None]


class Lane(IntEnum):
    """What an account waits for."""

    RARE = 0  # what people enter one by one, and the first report of an account
    FIRST = 1  # its first usage of a day
    AGAIN = 2  # more usage


TURNS: Final = (*(Lane.RARE, Lane.RARE, Lane.RARE, Lane.FIRST) * 3, Lane.RARE, Lane.RARE, Lane.RARE, Lane.AGAIN)


class Restless:
    """Accounts that wait to be judged.

    Args:
        waiting: those who do already, the longest waiting first, on the last lane.

    Attributes:
        longest_ms: the oldest timestamp of those taken since it was last set to None; None: nobody, or not known.
    """

    __slots__ = ("_lanes", "_names", "_turn", "longest_ms")

    def __init__(self, waiting: Iterable[Waiting] = ()) -> None:
        self._lanes: tuple[deque[Waiting], ...] = (deque(), deque(), deque(waiting))
        self._names: set[str] = set()  # of the first lane
        self._turn = 0
        self.longest_ms: int | None = None

    def append(self, waiting: Waiting, lane: Lane = Lane.AGAIN) -> None:
        """An account that did not wait waits on a lane; on the first it may wait beside another, and is met twice."""
        if lane is Lane.RARE:
            if waiting[0] in self._names:
                return
            self._names.add(waiting[0])
        self._lanes[lane].append(waiting)

    def popleft(self) -> Waiting:
        """Take the next one.

        Raises:
            IndexError: nobody waits.
        """
        if not self:
            raise IndexError("nobody waits to be judged")
        while True:
            lane = TURNS[self._turn]
            self._turn = (self._turn + 1) % len(TURNS)
            if self._lanes[lane]:
                break
        waiting = self._lanes[lane].popleft()
        if lane is Lane.RARE:
            self._names.remove(waiting[0])
        since_ms = waiting[1]
        if since_ms is not None and (self.longest_ms is None or since_ms < self.longest_ms):
            self.longest_ms = since_ms
        return waiting

    def without(self, names: Container[str]) -> "Restless":
        """The same but for some accounts."""
        rest = Restless()
        for lane in Lane:
            for each in self._lanes[lane]:
                if each[0] not in names:
                    rest.append(each, lane)
        return rest

    def __len__(self) -> int:
        return sum(map(len, self._lanes))

    def __iter__(self) -> Iterator[Waiting]:
        for lane in self._lanes:
            yield from lane
