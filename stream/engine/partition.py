"""The state of one partition group: partition n of every input topic, folded into one set of accounts.

Invariant: between any two awaits `states` and `cold` together are exactly what the records below `next_offsets` give,
each account in one of the two, and `dirty` and `outputs` hold all of it that is not yet in a committed checkpoint.
Only the fold and the checkpoint touch it.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from stream.worker.priority_queue import PriorityQueue

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Output:
    """A record to publish in the same transaction as the state that justifies it.

    `partition` None means: the partition group's own number, which is right for everything keyed by account.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None


def _nothing_is_cold(value: bytes) -> Any:
    """The decoder of a partition whose states are all hot."""
    raise AssertionError(f"a partition without a decoder holds a cold state of {len(value)} bytes")


def _nothing_is_on_the_disk(account_id: str, place: int) -> bytes:
    """The reader of a partition without a local copy."""
    raise AssertionError(f"a partition without a local copy holds account {account_id[:80]!r} at place {place}")


@dataclass(slots=True)
class Partition(Generic[S]):
    """One partition group in memory.

    Attributes:
        number: the partition number, the same in every topic.
        count: how many partitions every input topic has.
        states: account id to its state, for the accounts that are hot: the longest unsaved first.
        cold: account id to its encoded state, or to the place of that in the local copy, for the others; `state` and
            `thaw` make one hot again.
        kept: account id to the place of its state in the local copy, for hot accounts: true until it is dirty, and
            forgotten when it is saved the next time.
        dirty: accounts whose state is newer than the changelog.
        pending: accounts whose measures may have moved since they were last evaluated, with the Kafka timestamp of the
            record that made it so.
        scheduled: accounts that the running scan has still to evaluate, the next one last.
        next_offsets: per input topic, the offset of the first record not yet folded.
        outputs: records to publish with the next checkpoint, in order.
        watermark_ms: the newest event time folded, epoch milliseconds; None before the first.
        last_scan_ms: the moment at which the last scan over all accounts began; None before the first.
        last_midnight_scan_ms: the moment up to which new days have been looked for; None before the first scan.
        zones: the time zone of each account that has another than UTC, as far as they have been evaluated.
        newest_ms: by input topic, the newest event time folded or found in a evaluated account, epoch milliseconds.
        catching_up: whether records that waited when the partition was taken over are not folded yet; who evaluates now
            would evaluate on half of the facts.
        decode: what makes a state of a cold one's bytes.
        read: what gets those from their place.
        read_ahead: what has the disk fetch several at once; None: nothing is there.
    """

    number: int
    count: int = 1
    states: dict[str, S] = field(default_factory=dict)
    cold: dict[str, bytes | int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    dirty: set[str] = field(default_factory=set)
    pending: PriorityQueue = field(default_factory=PriorityQueue)
    scheduled: list[str] = field(default_factory=list)
    next_offsets: dict[str, int] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    watermark_ms: int | None = None
    last_scan_ms: int | None = None
    last_midnight_scan_ms: int | None = None
    zones: dict[str, str] = field(default_factory=dict)
    newest_ms: dict[str, int] = field(default_factory=dict)
    catching_up: bool = False
    decode: Callable[[bytes], S] = _nothing_is_cold
    read: Callable[[str, int], bytes] = _nothing_is_on_the_disk
    read_ahead: Callable[[Iterable[int]], None] | None = None

    def expect(self, account_ids: Collection[str]) -> None:
        """These accounts are asked for next: what of them is on the disk may be fetched all at once."""
        if self.read_ahead is not None and len(account_ids) > 1:
            found = [self.cold.get(account_id) for account_id in account_ids]
            self.read_ahead([place for place in found if isinstance(place, int)])

    def thaw(self, account_id: str) -> S | None:
        """Make the state of a cold account hot; None when there is none. Ask it for accounts not in `states`."""
        found = self.cold.get(account_id)
        if found is None:
            return None
        state = self._decoded(account_id, found)
        self.warm(account_id, state)
        return state

    def warm(self, account_id: str, state: S) -> None:
        """A cold account is hot from now on; this is its state."""
        found = self.cold.pop(account_id)
        if isinstance(found, int):
            self.kept[account_id] = found
        self.states[account_id] = state

    def _decoded(self, account_id: str, found: bytes | int) -> S:
        return self.decode(self.read(account_id, found) if isinstance(found, int) else found)

    def state(self, account_id: str) -> S | None:
        """The state of an account, hot or cold, which is hot from then on; None when there is none."""
        state = self.states.get(account_id)
        return state if state is not None else self.thaw(account_id)

    def peek(self, account_id: str) -> S | None:
        """The state of an account, to look at and not to change: a cold one stays cold; None when there is none."""
        state = self.states.get(account_id)
        if state is None and (found := self.cold.get(account_id)) is not None:
            return self._decoded(account_id, found)
        return state
