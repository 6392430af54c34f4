"""What other tools call the accounts: the links that there are, the ids that wait for one, and a new link."""

from consumers.confirmed_sender import ConfirmedSender
from consumers.kafka_client import latest_values
from stream.config.settings import KafkaSettings
from stream.contracts.aliases import WaitingAlias, decode_waiting, encode_link, read_link
from stream.contracts.errors import BadEvent, ConfigError


def links(kafka: KafkaSettings) -> dict[str, str]:
    """By alias the account whose id it is, in the order of the aliases.

    Raises:
        TopicUnreadableError: Kafka can't be reached, or the topic is missing: no worker has run yet.
    """
    found: dict[str, str] = {}
    for key, value in latest_values(kafka, kafka.topics.aliases).items():
        try:
            alias, link = read_link(key, value)
        except BadEvent:
            continue  # a dead letter by now, with its reason
        if link is not None:
            found[alias] = link.account_id
    return dict(sorted(found.items()))


def waiting(kafka: KafkaSettings) -> list[WaitingAlias]:
    """The ids whose events wait, those with the most events first.

    Raises:
        TopicUnreadableError: as `links`.
    """
    entries = [decode_waiting(value) for value in latest_values(kafka, kafka.topics.waiting_aliases).values()]
    return sorted(entries, key=lambda entry: (-entry.events, entry.alias))


def link(kafka: KafkaSettings, alias: str, account_id: str | None) -> None:
    """Say whose an alias is; None: nobody's any more. Returns when Kafka has it.

    Raises:
        ConfigError: one of the two is no id.
        RecordNotSentError: Kafka did not confirm it in time.
    """
    value = None if account_id is None else encode_link(account_id)
    try:
        read_link(alias.encode(), value)
    except BadEvent as error:
        raise ConfigError(error.detail) from None
    if alias == account_id:
        raise ConfigError(f"alias = {alias[:80]!r}: an account is no alias of itself; expected another account")
    sender = ConfirmedSender(kafka, kafka.topics.aliases, "the link")
    try:
        sender.send(alias, value)
    finally:
        sender.close()
