"""Records that people cause one at a time: sent, and confirmed by Kafka before anybody is told that they were."""

import threading
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from consumers.kafka_client import connection, ensure_topics
from stream.config.settings import KafkaSettings
from stream.contracts.errors import HeartlineError

SEND_SECONDS_MAX: Final = 15.0


class RecordNotSentError(HeartlineError):
    """Kafka did not confirm a record; sending it again does no harm."""


class ConfirmedSender:
    """Writes to one topic; may be shared by threads. The connection is made when the first record is sent.

    Args:
        kafka: where Kafka is; the topic is made when it is missing and we may.
        topic: its name.
        what: a record of it, for messages, as "the update".
    """

    def __init__(self, kafka: KafkaSettings, topic: str, what: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._what = what
        self._lock = threading.Lock()
        self._producer: Any = None

    def send(self, key: str, value: bytes | None) -> None:
        """Send one record; returns when Kafka has it. The partition is murmur2 of the key, kafka-python's default.

        Raises:
            RecordNotSentError: Kafka did not confirm it in time.
        """
        try:
            with self._lock:
                if self._producer is None:
                    ensure_topics(self._kafka, [self._topic])
                    self._producer = KafkaProducer(**connection(self._kafka), acks="all", metrics_enabled=False)
                producer = self._producer
            producer.send(self._topic, key=key.encode(), value=value).get(timeout=SEND_SECONDS_MAX)
        except KafkaError as error:
            raise RecordNotSentError(
                f"{self._topic}: Kafka at {self._kafka.bootstrap_servers} did not take {self._what} "
                f"({type(error).__name__}); check the broker, and send it again"
            ) from None

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._producer is not None:
                self._producer.close(timeout=1)
                self._producer = None
