"""What the engine asks of the processor that it runs: pure, synchronous functions over one partition's hot states.

The engine knows nothing of accounts or health; the product's processor is
`stream.worker.health_processor.HealthProcessor`, tests bring smaller ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from stream.engine.partition import Partition

P = TypeVar("P", bound=Partition[Any])


class Record(Protocol):
    """What a fold sees of a record; `timestamp` is Kafka's, in epoch milliseconds. The chunk says where it arrived."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Processor(Protocol[P]):
    """The processing of one partition group. Nothing here may block, await, or raise on bad input."""

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """How often what happened since the start, by (what, label), both from closed sets: ("dead_letter", reason)."""
        ...

    def new_partition(self, number: int, count: int) -> P:
        """An empty partition of that number, of so many."""
        ...

    def fold(self, partition: P, topic: str, records: Sequence[Record]) -> None:
        """Fold one chunk, in order, into the states; mark what is dirty and pending; dead letters go to outputs."""
        ...

    def evaluate(self, partition: P) -> Iterator[None]:
        """Do the deferred work of pending keys, the longest waiting first, appending to outputs.

        Yields after every slice of a few milliseconds. The caller may stop there: what is left stays pending. A state
        says by itself that it is pending, so that a restart knows it.
        """
        ...
