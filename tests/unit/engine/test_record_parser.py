"""Records without the client library's wrapping: the same records, and the library is as this was made for."""

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from stream.contracts.errors import EngineError
from stream.engine.record_parser import FetchedRecords, patch_record_parser

TP = TopicPartition("usage", 0)
PRODUCER = 7


def batch(first: int, values: list[bytes | None], is_transactional: bool = False) -> bytes:
    """A record batch as a broker stores it."""
    producer = PRODUCER if is_transactional else -1
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=is_transactional,
        producer_id=producer,
        producer_epoch=0 if is_transactional else -1,
        base_sequence=0 if is_transactional else -1,
        batch_size=1 << 20,
    )
    for number, value in enumerate(values):
        builder.append(number, 1_000 + number, b"key", value, [])
    raw = bytearray(builder.build())
    raw[:8] = first.to_bytes(8, "big")
    return bytes(raw)


LOG = batch(0, [b"a", None, b"c"]) + batch(3, [b"aborted"], is_transactional=True) + batch(9, [b"d", b""])


def read(records: type[fetcher.PartitionRecords], start: int) -> tuple[list[tuple[int, int, bytes, bytes | None]], int]:
    """What is read from an offset on, as (offset, timestamp, key, value), and the next offset."""
    reader = records(TP, MemoryRecords(LOG), [(PRODUCER, 3)], start, None, None, True, fetcher.READ_COMMITTED)
    found = [(record.offset, record.timestamp, record.key, record.value) for record in reader]
    return found, reader.next_fetch_offset


@pytest.mark.parametrize("start", [0, 1, 3, 10])
def test_the_records_are_those_that_the_library_wraps(start: int) -> None:
    ours = read(FetchedRecords, start)
    assert ours == read(fetcher.PartitionRecords, start)
    assert ours[1] == 11
    assert b"aborted" not in [value for *_, value in ours[0]]


def test_reading_may_be_left_off_and_go_on() -> None:
    reader = FetchedRecords(TP, MemoryRecords(LOG), [], 0, None, None, False, fetcher.READ_COMMITTED)
    for record in reader:
        assert record.offset == 0
        break
    assert reader.next_fetch_offset == 1
    assert [record.offset for record in reader] == [1, 2, 3, 9, 10]


def test_a_library_that_reads_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "PartitionRecords", fetcher.PartitionRecords)  # taken back at the end
    patch_record_parser()
    assert fetcher.PartitionRecords is FetchedRecords
    patch_record_parser()  # a second consumer
    monkeypatch.delattr(fetcher, "PartitionRecords")
    with pytest.raises(EngineError, match="install the locked version"):
        patch_record_parser()
