"""What the engine asks of the work it carries: pure, synchronous functions over one partition's hot state.

The engine knows nothing of accounts or health; the product's is `stream.worker.health_processor.HealthProcessor`, tests
bring smaller ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from stream.engine.partition import Partition

S = TypeVar("S")


class Record(Protocol):
    """What a fold sees of a record; `timestamp` is Kafka's, in epoch milliseconds. The chunk says where it arrived."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Work(Protocol[S]):
    """The work on one partition group. Nothing here may block, await, or raise on bad input."""

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """How often what happened since the start, by (what, label), both from closed sets: ("dead_letter", reason)."""
        ...

    def fold(self, partition: Partition[S], topic: str, records: Sequence[Record]) -> None:
        """Fold one chunk, in order, into the states; mark what is dirty and pending; dead letters go to outputs."""
        ...

    def evaluate(self, partition: Partition[S]) -> Iterator[None]:
        """Evaluate what is pending or scheduled, the longest waiting first, appending reports to outputs.

        Yields after every slice of a few milliseconds. Whoever consumes may stop there: what is left stays pending or
        scheduled. A state says by itself that it is pending, so that a restart knows it.
        """
        ...

    def needs_evaluation(self, state: S) -> bool:
        """Whether the state says of itself that it is pending."""
        ...

    def watermark_ms(self, state: S) -> int | None:
        """The newest event time in a state, epoch milliseconds; None where it has none."""
        ...

    def encode(self, state: S) -> bytes:
        """One account's state as it goes to the changelog."""
        ...

    def decode(self, value: bytes) -> S:
        """The reverse of `encode`."""
        ...
