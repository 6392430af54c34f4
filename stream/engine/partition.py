"""The hot state of one partition group: partition n of every input topic, folded into one set of accounts.

Invariant: between any two awaits `states` is exactly what the records below `next_offsets` give, and `dirty` and
`outputs` hold all of it that is not yet in a committed checkpoint. Only the fold and the checkpoint touch it.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

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


@dataclass(slots=True)
class Partition(Generic[S]):
    """One partition group in memory.

    Attributes:
        number: the partition number, the same in every topic.
        count: how many partitions every input topic has.
        states: account id to its state.
        dirty: accounts whose state is newer than the changelog.
        restless: accounts whose measures may have moved since they were last judged, each once, the longest waiting
            first, with the Kafka timestamp of the record that made it so; None: not known after a recovery.
        due: accounts that the running tick has still to judge, the next one last.
        next_offsets: per input topic, the offset of the first record not yet folded.
        outputs: records to publish with the next checkpoint, in order.
        watermark_ms: the newest event time folded, epoch milliseconds; None before the first.
        ticked_ms: the moment at which the last tick over all accounts began; None before the first.
        turned_ms: the moment up to which new days have been looked for; None before the first tick.
        due_since_ms: the accounts in `due` matter only if their day turned between here and `turned_ms`; None: all do.
        catching_up: whether records that waited when the partition was taken over are not folded yet; who judges now
            would judge on half of the facts.
    """

    number: int
    count: int = 1
    states: dict[str, S] = field(default_factory=dict)
    dirty: set[str] = field(default_factory=set)
    restless: deque[tuple[str, int | None]] = field(default_factory=deque)
    due: list[str] = field(default_factory=list)
    next_offsets: dict[str, int] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    watermark_ms: int | None = None
    ticked_ms: int | None = None
    turned_ms: int | None = None
    due_since_ms: int | None = None
    catching_up: bool = False
