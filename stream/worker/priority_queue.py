"""Accounts that wait to be evaluated, in three priorities: a rare event came, the first usage of a day, or more usage.

Where more accounts change than can be evaluated at once, they wait. A survey answer or a ticket may cost an account ten
points, its first usage of a day is always published, and further usage seldom is: so they do not share one queue.
Of four turns HIGH has three, and of the other turns NORMAL has three of four; within a priority the longest waiting
comes first. No priority can starve another, and the turns of an empty one go to the others.

Invariant: every account that waits is in a queue, and none is twice in the same one. Who was evaluated by its turn in
one queue may still be in another: it is passed over there, and when it waits again it has that turn already. So the
queues are bounded by the accounts, however much more comes than can be evaluated.
"""

from collections import OrderedDict
from collections.abc import Container, Iterable, Iterator
from enum import IntEnum
from typing import Final, TypeAlias

# An account, and the Kafka timestamp of the record that it waits for; None: not known after a recovery.
Waiting: TypeAlias = tuple[str, int | None]


class Priority(IntEnum):
    """What an account waits for."""

    HIGH = 0  # what people enter one by one, and the first report of an account
    NORMAL = 1  # its first usage of a day
    LOW = 2  # more usage


WEIGHTED_ROUND_ROBIN: Final = (
    *(Priority.HIGH, Priority.HIGH, Priority.HIGH, Priority.NORMAL) * 3,
    *(Priority.HIGH, Priority.HIGH, Priority.HIGH, Priority.LOW),
)


class PriorityQueue:
    """Accounts that wait to be evaluated.

    Args:
        waiting: those that wait already, the longest waiting first; they get the lowest priority.

    Attributes:
        oldest_ms: the oldest timestamp of those taken since it was last set to None; None: none, or not known.
    """

    __slots__ = ("_queues", "_turn", "oldest_ms")

    def __init__(self, waiting: Iterable[Waiting] = ()) -> None:
        self._queues: tuple[OrderedDict[str, int | None], ...] = (OrderedDict(), OrderedDict(), OrderedDict(waiting))
        self._turn = 0
        self.oldest_ms: int | None = None

    def append(self, waiting: Waiting, priority: Priority = Priority.LOW) -> None:
        """Add an account that does not wait; with HIGH it may wait already, and is then taken twice.

        An account that is in the queue keeps its turn. With HIGH it still waits for the record of then, else for this
        one: that turn was left over.
        """
        account_id, since_ms = waiting
        queue = self._queues[priority]
        if priority is not Priority.HIGH or account_id not in queue:
            queue[account_id] = since_ms

    def popleft(self) -> Waiting:
        """Take the next one.

        Raises:
            IndexError: no account waits.
        """
        for _ in WEIGHTED_ROUND_ROBIN:
            queue = self._queues[WEIGHTED_ROUND_ROBIN[self._turn]]
            self._turn = (self._turn + 1) % len(WEIGHTED_ROUND_ROBIN)
            if queue:
                break
        else:
            raise IndexError("no account waits to be evaluated")
        waiting = queue.popitem(last=False)
        since_ms = waiting[1]
        if since_ms is not None and (self.oldest_ms is None or since_ms < self.oldest_ms):
            self.oldest_ms = since_ms
        return waiting

    def without(self, account_ids: Container[str]) -> "PriorityQueue":
        """The same queue but for some accounts."""
        rest = PriorityQueue()
        for priority in Priority:
            for each in self._queues[priority].items():
                if each[0] not in account_ids:
                    rest.append(each, priority)
        return rest

    def __len__(self) -> int:
        return sum(map(len, self._queues))

    def __iter__(self) -> Iterator[Waiting]:
        for queue in self._queues:
            yield from queue.items()
