"""The worker's current states, read from its changelog as a restarted worker would: committed records only."""

from consumers.errors import TopicUnreadableError
from consumers.kafka_client import latest_values
from stream.config.settings import KafkaSettings
from stream.kinds.state import AccountState, decode_state


def live_states(kafka: KafkaSettings) -> dict[str, AccountState]:
    """Every account's state as of the last checkpoint.

    Raises:
        TopicUnreadableError: Kafka can't be reached, the changelog is missing, or a state is of another version.
    """
    topic = kafka.topics.changelog
    values = latest_values(kafka, topic)
    try:
        return {key.decode(): decode_state(value) for key, value in values.items()}
    except ValueError as error:
        raise TopicUnreadableError(f"{topic}: not a state that this version reads: {error}") from None
