"""What an installation still has of a user; what alerting remembers and has logged is rewritten without the id here.

The worker gives the user's use a name that says nothing. Messages, evidence and the log of alerts may have named the
user: there the id is replaced, under the same keys, so that nothing else of them is lost.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import aiokafka
import msgspec
import redis

from consumers.alerting.outbox import Keys, Outbox
from consumers.alerting.settings import AlertingSettings
from consumers.kafka_client import latest_values, read_to_end
from heartline.erasure.account_trace import MEMORY, REPORT, STATE, TraceLocation
from heartline.erasure.redaction import redacted_of
from stream.config.settings import KafkaSettings
from stream.contracts.partitioner import partition_of
from stream.engine.connection import client_arguments
from stream.kinds.erasure import user_digest
from stream.kinds.state import AccountState, StateVersionError, decode_state
from stream.kinds.user import person


def accounts_of(kafka: KafkaSettings, user_id: str) -> list[str]:
    """The accounts whose state names a user.

    Raises:
        TopicUnreadableError: Kafka can't be reached.
    """
    named = user_id.encode()
    values = latest_values(kafka, kafka.topics.changelog)
    return sorted(key.decode(errors="replace") for key, value in values.items() if named in value)


def words_of(kafka: KafkaSettings, accounts: Iterable[str], user_id: str) -> list[str]:
    """The user's id, then the names and addresses by which the accounts' states know them; ask before it is erased."""
    values, words = latest_values(kafka, kafka.topics.changelog), [user_id]
    for account_id in accounts:
        try:
            state = decode_state(values.get(account_id.encode(), b""))
        except (msgspec.MsgspecError, StateVersionError, RecursionError):
            continue
        who = person(state.user, user_id)
        words += [name for name in (who.name, who.email) if name] if who is not None else []
    return list(dict.fromkeys(words))


def trace_locations(
    settings: AlertingSettings,
    client: redis.Redis | None,
    accounts: Sequence[str],
    words: Sequence[str],
    erased_ms: int,
) -> Iterator[TraceLocation]:
    """Where a user may be named, in the order in which the id is removed.

    Args:
        settings: of alerting.
        client: Redis; None: it is not used.
        accounts: whose user it is.
        words: the user's id, and after it what else they are called (`words_of`).
        erased_ms: the Kafka timestamp of the update that asks for it, at most.
    """
    kafka, wanted = settings.kafka, frozenset(accounts)
    yield TraceLocation(STATE, "the worker", lambda: _states_left(kafka, wanted, words[0], erased_ms))
    yield TraceLocation(REPORT, "the worker", lambda: _reports_left(kafka, wanted, words))
    if client is not None:
        yield TraceLocation(MEMORY, "this command", lambda: _memory_left(client, settings.redis.key_prefix, words))


def _states_left(kafka: KafkaSettings, accounts: frozenset[str], user_id: str, erased_ms: int) -> str | None:
    values, digest = latest_values(kafka, kafka.topics.changelog), user_digest(user_id)
    left = []
    for account_id in accounts:
        value = values.get(account_id.encode())
        if value is None:
            continue
        try:
            state = decode_state(value)
        except (msgspec.MsgspecError, StateVersionError, RecursionError):
            left.append(account_id)
            continue
        is_asked = any(what == digest and at_ms >= erased_ms for what, at_ms in state.erasures)
        if not is_asked or _names(state, user_id):
            left.append(account_id)
    return f"the states of {len(left)} accounts" if left else None


def _names(state: AccountState, user_id: str) -> bool:
    answered = {each.user_id for each in state.survey.answers.values()}
    met = {each.user_id for each in state.touchpoint.touchpoints.values()}
    return user_id in {*state.usage.users, *state.usage.remembered, *state.user.people, *answered, *met}


def _reports_left(kafka: KafkaSettings, accounts: frozenset[str], words: Sequence[str]) -> str | None:
    values = latest_values(kafka, kafka.topics.health)
    named = sum(redacted_of(values.get(account_id.encode(), b""), words) is not None for account_id in accounts)
    return f"{named} reports" if named else None


def _memory_left(client: redis.Redis, prefix: str, words: Sequence[str]) -> str | None:
    """Rewrite what names the user in Redis; says what another process wrote meanwhile, to be looked at again."""
    disturbed = sum(not done for done in _rewrite(client, prefix, words))
    return f"{disturbed} entries that were being written" if disturbed else None


def _rewrite(client: Any, prefix: str, words: Sequence[str]) -> Iterator[bool]:
    for kind in ("accounts", "reports"):
        for key in list(client.scan_iter(f"{prefix}{kind}:*")):
            for name, value in list(client.hscan_iter(key)):
                if (without := redacted_of(value, words)) is not None:
                    yield _set_field(client, key, name, value, without)
    outbox = Outbox(client, prefix)
    for receiver in outbox.receivers():
        keys = Keys(prefix, receiver)
        for entry in outbox.waiting(receiver):
            key = keys.entry(entry.id)
            value = client.get(key)
            if value is not None and (without := redacted_of(value, words)) is not None:
                yield bool(client.set(key, without, xx=True))
        for hash_key in (keys.dead, keys.open):
            for name, value in list(client.hscan_iter(hash_key)):
                if (without := redacted_of(value, words)) is not None:
                    yield _set_field(client, hash_key, name, value, without)


def _set_field(client: Any, key: bytes | str, name: bytes, before: bytes, value: bytes) -> bool:
    """Replace a field if it is as it was read; whether it was."""
    with client.pipeline(transaction=True) as pipe:
        try:
            pipe.watch(key)
            if pipe.hget(key, name) != before:
                return False
            pipe.multi()
            pipe.hset(key, name, value)
            pipe.execute()
        except redis.WatchError:
            return False
    return True


async def rewrite_log(kafka: KafkaSettings, accounts: Iterable[str], count: int, words: Sequence[str]) -> int:
    """Write the steps of alerts that name the user again, without the id and under their keys; how many there were.

    Args:
        kafka: where.
        accounts: whose steps.
        count: how many partitions the log has.
        words: the user's id, and what else they are called.

    Raises:
        TopicUnreadableError, KafkaError: Kafka can't be reached; what was rewritten stays so.
    """
    topic, rewritten = kafka.topics.alerts, 0
    numbers = sorted({partition_of(account_id, count) for account_id in accounts})
    async with aiokafka.AIOKafkaProducer(**client_arguments(kafka), enable_idempotence=True) as producer:
        for number in numbers:
            latest = {record.key: record.value for record in read_to_end(kafka, topic, [number])}
            for key, value in latest.items():
                if value is not None and (without := redacted_of(value, words)) is not None:
                    await producer.send_and_wait(topic, without, key=key, partition=number)
                    rewritten += 1
    return rewritten
