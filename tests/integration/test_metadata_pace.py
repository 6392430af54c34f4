"""A client that waits for a topic leaves the brokers in peace."""

import asyncio
import contextlib
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.cluster import ClusterMetadata

from consumers.async_kafka import async_connection
from stream.config.metadata_pace import BETWEEN_SECONDS, BURST
from stream.config.settings import KafkaSettings
from stream.engine.connection import client_arguments
from tests.servers import Kafka

SECONDS = 1.5


@pytest.mark.parametrize("arguments", [client_arguments, lambda kafka: async_connection(kafka, "waits")])
def test_a_topic_that_is_not_there_is_not_asked_for_over_and_over(
    kafka: Kafka, prefix: str, monkeypatch: pytest.MonkeyPatch, arguments: Any
) -> None:
    answers = 0
    update = ClusterMetadata.update_metadata

    def counted(self: ClusterMetadata, metadata: Any) -> Any:
        nonlocal answers
        answers += 1
        return update(self, metadata)

    async def wait() -> None:
        consumer = AIOKafkaConsumer(**arguments(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)))
        await consumer.start()
        consumer.assign([TopicPartition(f"{prefix}is-not-there", 0)])
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(consumer.getone(), SECONDS)
        finally:
            await consumer.stop()

    monkeypatch.setattr(ClusterMetadata, "update_metadata", counted)
    began = time.monotonic()
    asyncio.run(wait())
    took_seconds = time.monotonic() - began
    assert BURST <= answers <= BURST + took_seconds / BETWEEN_SECONDS + 1, "one more for the client's own first look"
