"""The contract of the quarantine topic: accounts whose state or events raise an error, one record each, by account.

The worker leaves such an account alone and goes on with the others. Its events go to the dead letters, whole; once the
account is released they are folded as if they had just arrived. A record without a value: the account was released.
"""

from typing import Final, Literal

import msgspec

# What the worker was doing.
Step = Literal["decode", "fold", "evaluate", "encode"]

# Of the dead letters that hold the events of such accounts.
QUARANTINED: Final = "quarantined"

ERROR_CHARS_MAX: Final = 500


class QuarantineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Why an account is in quarantine.

    Attributes:
        account_id: whose.
        step: what raised: reading its state (decode), an event (fold), its score (evaluate), saving it (encode).
        error: the exception, its class and its words.
        topic, partition: where the record lies: an input's, or the changelog's.
        offset: the record's; None where it is the account's latest in the changelog, or no record raised.
        since_ms: when it came into quarantine, epoch milliseconds.
    """

    account_id: str
    step: Step
    error: str
    topic: str
    partition: int
    offset: int | None
    since_ms: int


def encode_entry(entry: QuarantineEntry) -> bytes:
    """The JSON value of its record."""
    return msgspec.json.encode(entry)


def decode_entry(value: bytes) -> QuarantineEntry:
    """The reverse of `encode_entry`.

    Raises:
        DecodeError: it is none.
    """
    return msgspec.json.decode(value, type=QuarantineEntry)


def words_of(error: BaseException) -> str:
    """An exception as an entry names it."""
    return f"{type(error).__name__}: {error}"[:ERROR_CHARS_MAX]
