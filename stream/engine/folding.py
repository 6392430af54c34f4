"""One chunk into one partition: the only place where next offsets move.

Invariant: after each call the states are what the records below `next_offsets` give. No await, no I/O.
"""

from stream.contracts.errors import EngineError
from stream.engine.chunk import Chunk
from stream.engine.partition import Partition, S
from stream.engine.work import Work


def fold_chunk(work: Work[S], partition: Partition[S], chunk: Chunk) -> int:
    """Fold what is new in the chunk; returns how many records that were.

    A chunk that was fetched twice, wholly or in part, is folded once: records below the next offset are skipped.

    Raises:
        EngineError: the chunk starts beyond the next offset, so one before it was lost.
    """
    expected = partition.next_offsets.get(chunk.topic)
    if expected is None or chunk.start > expected:
        raise EngineError(
            f"chunk {chunk} came where offset {expected} was expected: a chunk was lost between fetch and fold; "
            "the records will be read again after a restart"
        )
    if chunk.records[0].offset < chunk.start:
        raise EngineError(
            f"chunk {chunk} begins with offset {chunk.records[0].offset}: the consumer went back by itself, as it does "
            "when the topic was deleted and created again; a restart says what to do"
        )
    if chunk.next_offset <= expected:
        return 0
    records = chunk.records
    if records[0].offset < expected:
        records = [record for record in records if record.offset >= expected]
    work.fold(partition, chunk.topic, records)
    partition.next_offsets[chunk.topic] = chunk.next_offset
    return len(records)
