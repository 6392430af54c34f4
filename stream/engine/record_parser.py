"""Records as the client library's parser makes them, without the second object that it wraps around each.

A `ConsumerRecord` takes twice the time of everything before it, for eleven fields of which a fold needs four, and the
parser's own record has these. So the consumers of a worker's process iterate over `FetchedRecords`.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka import __version__
from aiokafka.consumer import fetcher

from stream.contracts.errors import EngineError
from stream.engine.processor import Record


class FetchedRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """The records of one fetch of one partition: aborted transactions and markers are left out, as before."""

    def __iter__(self) -> Iterator[Record]:
        records: Iterator[Record] = self._records_iterator
        return records

    def _consumer_record(self, tp: Any, record: Record) -> Record:
        return record


def patch_record_parser() -> None:
    """Have the consumers of this process that start from now on hand out records of the parser.

    Raises:
        EngineError: the client library is built in another way than the one that this was made for.
    """
    made = getattr(fetcher, "PartitionRecords", None)
    if made is not FetchedRecords and (made is None or not hasattr(made, "_consumer_record")):
        raise EngineError(f"aiokafka {__version__} reads records in a way unknown here; install the locked version")
    fetcher.PartitionRecords = FetchedRecords
