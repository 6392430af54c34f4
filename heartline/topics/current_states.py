"""The worker's current states, read from its changelog as a restarted worker would: committed records only."""

import msgspec

from consumers.errors import TopicUnreadableError
from consumers.kafka_client import latest_values
from stream.config.logs import get_logger
from stream.config.settings import KafkaSettings
from stream.kinds.erasure import is_nothing
from stream.kinds.state import AccountState, StateVersionError, decode_state

log = get_logger(__name__)


def live_states(kafka: KafkaSettings) -> dict[str, AccountState]:
    """Every account's state as of the last checkpoint, but for those that can't be read, or are erased.

    Raises:
        TopicUnreadableError: Kafka can't be reached, the changelog is missing, or a state is of another version.
    """
    topic = kafka.topics.changelog
    values = latest_values(kafka, topic)
    states = {}
    for key, value in values.items():
        try:
            state = decode_state(value)
            if not is_nothing(state):
                states[key.decode(errors="replace")] = state
        except StateVersionError as error:
            raise TopicUnreadableError(f"{topic}: {error}") from None
        except (msgspec.MsgspecError, RecursionError) as error:
            log.warning("left out an account whose state can't be read", account_id=key[:80], topic=topic, error=error)
    return states
