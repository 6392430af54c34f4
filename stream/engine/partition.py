"""The states of one partition group: partition n of every input topic, folded into one set of keyed states.

Invariant: between any two awaits `states` and `cold` together are exactly what the records below `next_offsets` give,
each key in one of the two, and `dirty` and `outputs` hold all of it that is not yet in a committed checkpoint.
Only the fold and the checkpoint touch it.
"""

from collections.abc import Callable, Collection, Container, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from stream.contracts.quarantine import Step

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Output:
    """A record to publish in the same transaction as the state that justifies it.

    `partition` None means: the partition group's own number, which is right for everything keyed like the states.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None


def _nothing_on_disk(key: str, location: int) -> bytes:
    """The reader of a partition without a state store."""
    raise AssertionError(f"a partition without a state store holds {key[:80]!r} at location {location}")


@dataclass(slots=True)
class Partition(Generic[S]):
    """One partition group in memory. A processor subclasses it: it encodes and decodes states, and may defer work.

    Attributes:
        number: the partition number, the same in every topic.
        count: how many partitions every input topic has.
        states: key to its state, for the hot ones: the longest unsaved first.
        cold: key to its encoded state, or to the location of that in the state store, for the others; `state` and
            `load` make one hot again.
        saved_at: key to the location of its state in the state store, for hot keys: true until it is dirty, and
            forgotten when it is saved the next time.
        dirty: keys whose state is newer than the changelog.
        next_offsets: per input topic, the offset of the first record not yet folded.
        outputs: records to publish with the next checkpoint, in order.
        ends: per input topic, where it ended when the chunk that was folded last was fetched; empty where time is the
            wall's, and nobody asks.
        watermark_ms: the newest event time folded, epoch milliseconds; None before the first.
        complete_ms: as `event_time_ms` last said.
        newest_ms: by input topic, the newest event time folded or found in a state, epoch milliseconds.
        catching_up: whether records that waited when the partition was assigned are not folded yet.
        erased: whether a state was erased whose former bytes must leave the state store, too.
        read: what gets the bytes of a cold state from their location.
        read_ahead: what has the disk fetch several at once; None: nothing is there.
    """

    number: int
    count: int = 1
    states: dict[str, S] = field(default_factory=dict)
    cold: dict[str, bytes | int] = field(default_factory=dict)
    saved_at: dict[str, int] = field(default_factory=dict)
    dirty: set[str] = field(default_factory=set)
    next_offsets: dict[str, int] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)
    watermark_ms: int | None = None
    complete_ms: int | None = None
    newest_ms: dict[str, int] = field(default_factory=dict)
    catching_up: bool = False
    erased: bool = False
    read: Callable[[str, int], bytes] = _nothing_on_disk
    read_ahead: Callable[[Iterable[int]], None] | None = None

    def event_time_ms(self) -> int | None:
        """Up to which event time all inputs are read, epoch milliseconds; it never goes back. None: nothing is known.

        A worker that falls behind has not read all topics equally far. What one of them says of later days does not
        count as now while another one still has records waiting: who was active then would seem to be silent.
        """
        behind = [topic for topic, end in self.ends.items() if self.next_offsets.get(topic, end) < end]
        if not behind:
            self.complete_ms = self.watermark_ms
        elif all(topic in self.newest_ms for topic in behind):
            self.complete_ms = max(self.complete_ms or 0, min(self.newest_ms[topic] for topic in behind))
        return self.complete_ms

    # What a processor defines

    def encode(self, state: S) -> bytes:
        """One state as the value of its changelog record."""
        raise NotImplementedError

    def decode(self, value: bytes) -> S:
        """The reverse of `encode`."""
        raise NotImplementedError

    @property
    def pending_count(self) -> int:
        """How many keys wait for deferred work."""
        return 0

    @property
    def quarantined_count(self) -> int:
        """How many keys are in quarantine."""
        return 0

    @property
    def waiting_counts(self) -> tuple[int, int]:
        """How many keys wait to be told whose they are, and how many records of theirs."""
        return 0, 0

    def quarantine(self, key: str, step: Step, error: Exception) -> None:
        """The state of a key can't be read or saved: leave it alone from now on, or raise the error.

        Args:
            key: whose.
            step: decode or encode.
            error: what was raised.
        """
        raise error

    def pending_keys(self) -> list[str]:
        """The keys whose states say that they wait for deferred work."""
        return []

    def is_pending(self, state: S) -> bool:
        """Whether a state says of itself that it waits for deferred work."""
        return False

    def restore_pending(self, keys: Iterable[str]) -> None:
        """These keys waited when they were saved, as the state store says."""

    def discard_pending(self, keys: Container[str]) -> None:
        """Forget which of these keys wait: their states come back from the changelog, and say so themselves."""

    def on_restored(self, key: str, state: S) -> None:
        """A state came back from the changelog: take over its event time, and whether it is pending."""

    def take_oldest_pending_ms(self) -> int | None:
        """The oldest Kafka timestamp among the records whose deferred work was done since the last call; None: none."""
        return None

    # States

    def expect(self, keys: Collection[str]) -> None:
        """These keys are asked for next: what of them is on the disk may be fetched all at once."""
        if self.read_ahead is not None and len(keys) > 1:
            found = [self.cold.get(key) for key in keys]
            self.read_ahead([location for location in found if isinstance(location, int)])

    def load(self, key: str) -> S | None:
        """Make a cold state hot; None when there is none. Ask it for keys not in `states`."""
        found = self.cold.get(key)
        if found is None:
            return None
        state = self._decoded(key, found)
        self.promote(key, state)
        return state

    def promote(self, key: str, state: S) -> None:
        """A cold key is hot from now on; this is its state."""
        found = self.cold.pop(key)
        if isinstance(found, int):
            self.saved_at[key] = found
        self.states[key] = state

    def _decoded(self, key: str, found: bytes | int) -> S:
        return self.decode(self.read(key, found) if isinstance(found, int) else found)

    def state(self, key: str) -> S | None:
        """The state of a key, hot or cold, which is hot from then on; None when there is none."""
        state = self.states.get(key)
        return state if state is not None else self.load(key)

    def peek(self, key: str) -> S | None:
        """The state of a key, to look at and not to change: a cold one stays cold; None when there is none."""
        state = self.states.get(key)
        if state is None and (found := self.cold.get(key)) is not None:
            return self._decoded(key, found)
        return state
