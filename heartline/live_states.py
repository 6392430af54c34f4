"""The worker's current states, read from its changelog as a restarted worker would: committed records only."""

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from heartline.health_topic import TopicError, partition_count, to_the_end
from stream.account import AccountState, decode_state
from stream.engine.connection import client_arguments
from stream.settings import KafkaSettings


async def live_states(kafka: KafkaSettings) -> dict[str, AccountState]:
    """Every account's state as of the last checkpoint.

    Raises:
        TopicError: Kafka can't be reached, the changelog is missing, or a state is of another version.
    """
    topic = kafka.topics.changelog
    consumer = AIOKafkaConsumer(
        **client_arguments(kafka), isolation_level="read_committed", auto_offset_reset="earliest"
    )
    values: dict[bytes, bytes | None] = {}
    try:
        count = await partition_count(kafka, topic)
        await consumer.start()
        async for key, value in to_the_end(consumer, topic, range(count)):
            values[key] = value
    except KafkaError as error:
        raise TopicError(f"Kafka at {kafka.bootstrap_servers} can't be read: {error}") from None
    finally:
        await consumer.stop()
    try:
        return {key.decode(): decode_state(value) for key, value in values.items() if value is not None}
    except ValueError as error:
        raise TopicError(f"{topic}: not a state that this version reads: {error}") from None
