"""Who waits to be judged: accounts with something rare on one lane, those that were merely used again on the other.

Where more accounts move than can be judged at once, they wait in turn. An answer or a ticket may cost an account ten
points, its first usage of a day is news by itself, and a further use of it seldom is: so these do not wait in one line.
Of four turns the first lane has three, the longest waiting of each first. Neither can hold up the other for ever, and
where one is empty the other has all turns.

Invariant: every account that waits is on a lane, at least once.
"""

from collections import deque
from collections.abc import Container, Iterable, Iterator
from typing import Final, TypeAlias

LANE_EVERY: Final = 4  # of so many turns one is for those that were merely used again

# An account, and the Kafka timestamp of the record that it waits for; None: not known after a recovery.
Waiting: TypeAlias = tuple[str, int | None]


class Restless:
    """Accounts that wait to be judged.

    Args:
        waiting: those who do already, the longest waiting first.

    Attributes:
        longest_ms: the oldest timestamp of those taken since it was last set to None; None: nobody, or not known.
    """

    __slots__ = ("_hastened", "_lane", "_names", "_turn", "longest_ms")

    def __init__(self, waiting: Iterable[Waiting] = ()) -> None:
        self._lane: deque[Waiting] = deque(waiting)
        self._hastened: deque[Waiting] = deque()
        self._names: set[str] = set()
        self._turn = 0
        self.longest_ms: int | None = None

    def append(self, waiting: Waiting) -> None:
        """An account that did not wait waits."""
        self._lane.append(waiting)

    def hasten(self, waiting: Waiting) -> None:
        """An account waits for something rare; if it waits already, it may be met twice."""
        if waiting[0] not in self._names:
            self._names.add(waiting[0])
            self._hastened.append(waiting)

    def popleft(self) -> Waiting:
        """Take the next one.

        Raises:
            IndexError: nobody waits.
        """
        self._turn = (self._turn + 1) % LANE_EVERY
        if self._hastened and (self._turn > 0 or not self._lane):
            waiting = self._hastened.popleft()
            self._names.remove(waiting[0])
        else:
            waiting = self._lane.popleft()
        since_ms = waiting[1]
        if since_ms is not None and (self.longest_ms is None or since_ms < self.longest_ms):
            self.longest_ms = since_ms
        return waiting

    def without(self, names: Container[str]) -> "Restless":
        """The same but for some accounts."""
        rest = Restless([each for each in self._lane if each[0] not in names])
        for each in self._hastened:
            if each[0] not in names:
                rest.hasten(each)
        return rest

    def __len__(self) -> int:
        return len(self._lane) + len(self._hastened)

    def __iter__(self) -> Iterator[Waiting]:
        yield from self._hastened
        yield from self._lane
