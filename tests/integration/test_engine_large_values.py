"""Values far larger than usual pass the engine like any other."""

from pathlib import Path

import aiokafka

from stream.engine.topology import prepare_topics
from tests.integration.conftest import NewTopic
from tests.integration.engine_oracle import assert_exact
from tests.integration.engine_worker import PARTITIONS, WorkerProcess, engine_settings, feed
from tests.servers import Kafka


async def test_a_value_of_5_megabytes_passes_among_small_ones(
    kafka: Kafka, prefix: str, new_topic: NewTopic, tmp_path: Path
) -> None:
    settings = engine_settings(kafka.bootstrap_servers, prefix)
    topic = new_topic("product-usage", PARTITIONS, {"max.message.bytes": str(8 << 20)})
    assert topic == settings.kafka.topics.input("usage")
    await prepare_topics(settings.kafka)
    worker = await WorkerProcess(settings, tmp_path / "worker.log").start()
    try:
        await feed(settings, 500)
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap_servers, max_request_size=8 << 20, max_batch_size=8 << 20
        )
        await producer.start()
        try:
            await producer.send_and_wait(topic, b"7" + b" " * (5 << 20), key=b"account-1")
        finally:
            await producer.stop()
        await feed(settings, 500, first=500)
        await assert_exact(settings)
        assert await worker.stop() == 0
    finally:
        await worker.kill()
