"""What travels from the fetch to the fold: the records of one fetch of one partition, and where they begin.

Invariant: a chunk holds every record of its partition from `start` up to its last one. So a fold that finds `start`
beyond its own next offset knows that a chunk was lost on the way, whatever gaps compaction left between offsets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from stream.engine.processor import Record


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one fetch of one partition, at least one, in order of their offsets.

    Attributes:
        start: the position before the fetch; the first record's offset is this or, after a gap, more.
        seek: the number of the seek that the fetch followed; chunks of an older one are stale.
        ends: where each input topic ended then, in this partition number, as far as the consumer knew; empty where it
            was not asked.
    """

    topic: str
    partition: int
    start: int
    records: Sequence[Record]
    seek: int
    ends: Mapping[str, int] = field(default_factory=dict)

    @property
    def next_offset(self) -> int:
        """The position after this chunk."""
        return self.records[-1].offset + 1

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.start}"


class FetchPositions:
    """Where the next chunk of every partition starts; lives in the consumer's thread, beside the consumer.

    It is told of every seek and of every fetch in the order in which the consumer did them, without an await in
    between: that is what makes `Chunk.start` exact.
    """

    def __init__(self) -> None:
        self._next: dict[TopicPartition, int] = {}
        self._seek = 0

    def on_seek(self, positions: dict[TopicPartition, int], seek: int) -> None:
        """The consumer now stands at these positions, and at no others."""
        self._next = dict(positions)
        self._seek = seek

    def positions(self) -> dict[TopicPartition, int]:
        """The start of the next chunk of every partition."""
        return dict(self._next)

    def chunk(
        self, tp: TopicPartition, records: Sequence[Record], ends: Mapping[str, int] | None = None
    ) -> Chunk | None:
        """The records just fetched as a chunk; None before the partition's first seek: they will be fetched again."""
        start = self._next.get(tp)
        if start is None or not records:
            return None
        chunk = Chunk(tp.topic, tp.partition, start, records, self._seek, ends or {})
        self._next[tp] = chunk.next_offset
        return chunk
