"""What an installation still has of an account, topic by topic and key by key; what the command removes itself.

The worker and alerting act on the tombstone. Here it is only looked at, but for Redis, where a message that was being
sent when its account was erased may have come back.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
import redis

from consumers.alerting.audit_log import AuditLog
from consumers.alerting.erasure import AccountErasure
from consumers.alerting.outbox import Outbox
from consumers.alerting.settings import AlertingSettings
from consumers.alerting.state import StateStore
from consumers.confirmed_sender import ConfirmedSender
from consumers.errors import TopicMissingError
from consumers.kafka_client import latest_values, partition_count, read_to_end
from consumers.scorecard_reviews import account_of_key
from stream.config.settings import KafkaSettings
from stream.contracts.partitioner import partition_of
from stream.kinds.erasure import WHOLE_ACCOUNT
from stream.kinds.state import StateVersionError, decode_state

STATE: Final = "state and changelog"
REPORT: Final = "health report"
ALERT_LOG: Final = "log of alerts"
MEMORY: Final = "alerting's memory (Redis)"
REVIEWS: Final = "reviews of its scorecard"


@dataclass(frozen=True)
class TraceLocation:
    """One topic, or the keys of one kind, that is looked at.

    Attributes:
        name: for people.
        by: who removes it.
        left: says what is still there; None: nothing is.
    """

    name: str
    by: str
    left: Callable[[], str | None]


def trace_locations(
    settings: AlertingSettings, client: redis.Redis | None, account_id: str, erased_ms: int
) -> Iterator[TraceLocation]:
    """Where an account is kept by key, in the order in which it is removed.

    Args:
        settings: of alerting.
        client: Redis; None: it is not used.
        account_id: the account.
        erased_ms: the Kafka timestamp of its tombstone.
    """
    kafka = settings.kafka
    yield TraceLocation(STATE, "the worker", lambda: _state_left(kafka, account_id, erased_ms))
    yield TraceLocation(REPORT, "the worker", lambda: _report_left(kafka, account_id))
    yield TraceLocation(REVIEWS, "this command", lambda: _reviews_left(kafka, account_id))
    if client is not None:
        yield TraceLocation(ALERT_LOG, "alerting", lambda: _log_left(kafka, account_id))
        yield TraceLocation(MEMORY, "alerting", lambda: _memory_left(settings, client, account_id))


def _latest(kafka: KafkaSettings, topic: str, account_id: str) -> bytes | None:
    own = partition_of(account_id, partition_count(kafka, topic))
    key, latest = account_id.encode(), None
    for record in read_to_end(kafka, topic, [own]):
        if record.key == key:
            latest = record.value
    return latest


def _state_left(kafka: KafkaSettings, account_id: str, erased_ms: int) -> str | None:
    value = _latest(kafka, kafka.topics.changelog, account_id)
    if value is None:
        return None
    try:
        state = decode_state(value)
    except (msgspec.MsgspecError, StateVersionError, RecursionError):
        return "its state, which can't be read"
    if any(what == WHOLE_ACCOUNT and at_ms >= erased_ms for what, at_ms in state.erasures):
        return None
    return "its state"


def _report_left(kafka: KafkaSettings, account_id: str) -> str | None:
    return "a report" if _latest(kafka, kafka.topics.health, account_id) is not None else None


def _log_left(kafka: KafkaSettings, account_id: str) -> str | None:
    topic = kafka.topics.alerts
    own = partition_of(account_id, partition_count(kafka, topic))
    left = {record.key: record.value for record in read_to_end(kafka, topic, [own])}
    prefix = account_id.encode() + b"/"
    count = sum(value is not None and (key or b"").startswith(prefix) for key, value in left.items())
    return f"{count} steps" if count else None


def _reviews_left(kafka: KafkaSettings, account_id: str) -> str | None:
    """Erases them itself: no process has them but as a reader."""
    topic, prefix = kafka.topics.scorecard_reviews, account_id.encode() + b"/"
    try:
        left = latest_values(kafka, topic)
    except TopicMissingError:
        return None
    sender = ConfirmedSender(kafka, topic, "the erasure")
    try:
        for key in left:
            if key.startswith(prefix) and account_of_key(key) == account_id:
                sender.send(key.decode(errors="surrogateescape"), None)
    finally:
        sender.close()
    return None


def _memory_left(settings: AlertingSettings, client: redis.Redis, account_id: str) -> str | None:
    prefix, topic = settings.redis.key_prefix, settings.kafka.topics.health
    count = partition_count(settings.kafka, topic)
    own = partition_of(account_id, count)
    loaded = StateStore(client, prefix, Outbox(client, prefix), AuditLog(client, prefix)).read(own, [account_id])
    if loaded.records or loaded.reports:
        return "what is remembered of it"
    AccountErasure(client, prefix).erase(account_id)
    waiting = [step for _, key, step in AuditLog(client, prefix).waiting(own) if key.startswith(account_id.encode())]
    return f"{len(waiting)} steps on their way" if waiting else None
