"""What people set of an account by hand: written to the account feed as any CRM would write it.

An override of the score, and what an account does now as its new normal. Checked here as the worker will check it.
"""

import json
from datetime import datetime
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from consumers.kafka_client import connection, ensure_topics
from stream.config.settings import KafkaSettings
from stream.contracts.errors import BadEvent, ConfigError, HeartlineError
from stream.kinds.decode import Decoder

SEND_SECONDS_MAX: Final = 15.0


class UpdateNotSentError(HeartlineError):
    """Kafka did not confirm an account update; sending it again does no harm."""


def encode_override(account_id: str, override: dict[str, Any] | None, now: datetime) -> bytes:
    """The account update that sets an override, or clears it with None.

    Raises:
        ConfigError: the worker would refuse it; in its words.
    """
    return _encode(account_id, "health_override", override, now)


def encode_baseline(account_id: str, owner: str, reason: str, now: datetime) -> bytes:
    """The account update that accepts what an account does now as its new normal.

    Raises:
        ConfigError: the worker would refuse it; in its words.
    """
    baseline = {"accepted_at": now.isoformat(), "owner": owner, "reason": reason}
    return _encode(account_id, "accepted_baseline", baseline, now)


def encode_baseline_undone(account_id: str, now: datetime) -> bytes:
    """The account update that takes it back."""
    return _encode(account_id, "accepted_baseline", None, now)


def _encode(account_id: str, field: str, value: dict[str, Any] | None, now: datetime) -> bytes:
    event = json.dumps({"account_id": account_id, "timestamp": now.isoformat(), field: value})
    try:
        Decoder("account").decode(event.encode())
    except BadEvent as error:
        raise ConfigError(f"{field}: {error.detail.removeprefix('account event: ')}") from None
    return event.encode()


class AccountUpdateSender:
    """Writes account updates; made when the first one is sent.

    Args:
        kafka: where Kafka is; the topic is made when it is missing and we may.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._topic = kafka.topics.input("account")
        self._producer: Any = None

    def send(self, account_id: str, update: bytes) -> None:
        """Send one update; returns when Kafka has it. The partition is murmur2 of the account, kafka-python's default.

        Raises:
            UpdateNotSentError: Kafka did not confirm it in time.
        """
        try:
            if self._producer is None:
                ensure_topics(self._kafka, [self._topic])
                self._producer = KafkaProducer(**connection(self._kafka), acks="all", metrics_enabled=False)
            self._producer.send(self._topic, key=account_id.encode(), value=update).get(timeout=SEND_SECONDS_MAX)
        except KafkaError as error:
            raise UpdateNotSentError(
                f"{self._topic}: Kafka at {self._kafka.bootstrap_servers} did not take the update "
                f"({type(error).__name__}); check the broker, and send it again"
            ) from None

    def close(self) -> None:
        """Let go of the connection."""
        if self._producer is not None:
            self._producer.close(timeout=1)
