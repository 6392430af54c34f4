"""One record at a time, by its offset: the whole report and state of the account that somebody looks at."""

import threading
import time
from typing import Any, Final

from kafka import TopicPartition

from consumers.board.account_index import RecordPosition
from consumers.kafka_client import committed_consumer
from stream.config.settings import KafkaSettings

READ_SECONDS_MAX: Final = 5.0
FETCH_BYTES: Final = 64 << 10  # Kafka sends a larger record whole all the same


class RecordLookup:
    """Reads records by topic, partition and offset; several threads may ask, one at a time is served.

    Args:
        kafka: where.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._lock = threading.Lock()
        self._consumer: Any = None

    def read(self, topic: str, position: RecordPosition, key: str) -> bytes | None:
        """The value of one record; None when compaction has removed it, or Kafka does not answer in time.

        Raises:
            KafkaError: Kafka refuses.
        """
        tp = TopicPartition(topic, position.partition)
        with self._lock:
            consumer = self._connected()
            consumer.assign([tp])
            consumer.seek(tp, position.offset)
            deadline = time.monotonic() + READ_SECONDS_MAX
            while time.monotonic() < deadline:
                for record in consumer.poll(timeout_ms=500, max_records=1).get(tp, ()):
                    same = record.offset == position.offset and record.key == key.encode()
                    value: bytes | None = record.value if same else None
                    return value
        return None

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._consumer is not None:
                self._consumer.close(autocommit=False)
                self._consumer = None

    def _connected(self) -> Any:
        if self._consumer is None:
            self._consumer = committed_consumer(
                self._kafka, "heartline-board-reader", fetch_max_wait_ms=100, max_partition_fetch_bytes=FETCH_BYTES
            )
        return self._consumer
