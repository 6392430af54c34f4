"""Sends commands to the process that has the account: the command line, Slack's buttons and the board all go this way.

The topic is the queue: while no alerting process runs, commands wait there.
"""

import uuid
from datetime import UTC, datetime
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from alerts.commands import Command, encode_command
from consumers.kafka_client import connection, ensure_topics
from stream.config.settings import KafkaSettings
from stream.contracts.errors import HeartlineError

SEND_SECONDS_MAX = 15.0


class CommandNotSentError(HeartlineError):
    """Kafka did not confirm a command: it may or may not be there; sending it again does no harm."""


def stamp(by: str) -> dict[str, Any]:
    """The fields that every new command has: `Acknowledge(**stamp("ann"), account_id=..., alert_id=...)`."""
    return {"command_id": uuid.uuid4().hex, "by": by, "at": datetime.now(UTC)}


class CommandSender:
    """Writes commands onto `alert-commands`; may be shared by threads.

    Args:
        kafka: where Kafka is; the topic is made when it is missing and we may.

    Raises:
        CommandNotSentError: no broker answered.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._topic = kafka.topics.alert_commands
        self._where = kafka.bootstrap_servers
        try:
            ensure_topics(kafka, [self._topic])
            self._producer = KafkaProducer(**connection(kafka), acks="all", metrics_enabled=False)
        except KafkaError as error:
            raise self._failed(error) from None

    def send(self, command: Command, timeout_seconds: float = SEND_SECONDS_MAX) -> None:
        """Send one command; returns when Kafka has it. The account's alerting process applies it within a second.

        The partition is murmur2 of the key, kafka-python's default, and so that of the account's reports.

        Raises:
            CommandNotSentError: Kafka did not confirm it in time.
        """
        try:
            sent = self._producer.send(self._topic, key=command.key.encode(), value=encode_command(command))
            sent.get(timeout=timeout_seconds)
        except KafkaError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Let go of the connection."""
        self._producer.close(timeout=1)

    def _failed(self, error: KafkaError) -> CommandNotSentError:
        return CommandNotSentError(
            f"{self._topic}: Kafka at {self._where} did not take the command ({type(error).__name__}); "
            "check the address (KAFKA_BOOTSTRAP_SERVERS) and the broker, and send it again"
        )
