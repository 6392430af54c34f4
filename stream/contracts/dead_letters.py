"""The contract of `dead-letters`: a refused input record, why, and where the original is."""

from typing import Final

import msgspec

from stream.contracts.errors import BadEvent

# Together, as base64, they stay under Kafka's usual limit of 1 MiB a message.
ORIGINAL_BYTES_MAX: Final = 512 << 10
KEY_BYTES_MAX: Final = 4 << 10


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One refused record.

    Attributes:
        topic, partition, offset: where the original lies.
        timestamp_ms: its Kafka timestamp, epoch milliseconds.
        reason: one of `events.REASONS`.
        detail: the sentence for a person.
        key, value: the original's bytes (base64 in JSON), cut to KEY_BYTES_MAX and ORIGINAL_BYTES_MAX.
        value_bytes: the original value's size; larger than `value` where it was cut.
        account_id: whose it is, where the account is in quarantine and folds it after its release; else None.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    reason: str
    detail: str
    key: bytes | None
    value: bytes | None
    value_bytes: int
    account_id: str | None = None


def dead_letter(
    topic: str,
    partition: int,
    offset: int,
    timestamp_ms: int,
    key: bytes | None,
    value: bytes | None,
    error: BadEvent,
    account_id: str | None = None,
) -> bytes:
    """The dead letter of one record, as the JSON value of its own record."""
    letter = DeadLetter(
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp_ms=timestamp_ms,
        reason=error.reason,
        detail=f"{topic}[{partition}]@{offset}: {error.detail}",
        key=key[:KEY_BYTES_MAX] if key is not None else None,
        value=value[:ORIGINAL_BYTES_MAX] if value is not None else None,
        value_bytes=len(value) if value is not None else 0,
        account_id=account_id,
    )
    return msgspec.json.encode(letter)


def read_dead_letter(value: bytes) -> DeadLetter:
    """The reverse of `dead_letter`."""
    return msgspec.json.decode(value, type=DeadLetter)
