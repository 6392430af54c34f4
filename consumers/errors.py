"""Every error that the consumers raise on purpose, and which errors of others mean: try again."""

from typing import Final

import redis
from redis.connection import DefaultParser

from stream.contracts.errors import HeartlineError


class WritesRefusedError(redis.exceptions.ResponseError):
    """Redis refuses writes for now: its disk is full or broken (MISCONF), or too few replicas follow (NOREPLICAS)."""


# redis-py has no errors of their own for these, and tells them from a wrong command by their text alone.
for _code in ("MISCONF", "NOREPLICAS"):
    DefaultParser.EXCEPTION_CLASSES.setdefault(_code, WritesRefusedError)

# The store is away, starting, full or a replica for now: wait, and go on from the same offset.
# The last three are Redis refusing writes, which an operator can mend while we wait.
STORE_AWAY: Final = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
    WritesRefusedError,
)


class StateMovedError(HeartlineError):
    """A partition's state in Redis is not where this process left it: it was lost, or another process wrote it.

    Args:
        partition: of the health topic.
        expected: the next offset that this process stored; None when there was none.
        found: the one that is stored now; None when there is none.
    """

    def __init__(self, partition: int, expected: int | None, found: int | None) -> None:
        super().__init__(
            f"state of health partition {partition}: expected next offset {expected}, found {found}; "
            "reading the partition again from there"
        )
        self.partition = partition


class StalledError(HeartlineError):
    """The consumer receives nothing although there is something: the process ends, and a restart goes on."""


class TopicUnreadableError(HeartlineError):
    """A topic is missing, or can't be read to its end."""


class TopicMissingError(TopicUnreadableError):
    """There is no such topic."""
