"""The value of a record on a topic of ours, read as its contract says, or refused in words."""

from typing import TypeVar

import msgspec

from stream.contracts.errors import BadEvent

T = TypeVar("T")


def decode_or_reject(decoder: msgspec.json.Decoder[T], value: bytes, reason: str, expected: str) -> T:
    """One value of a topic of ours.

    Args:
        decoder: of the contract.
        value: as it was on the topic.
        reason: why it is refused if it is.
        expected: what it should be, in words.

    Raises:
        BadEvent: the value is something else; the detail names the field.
    """
    try:
        return decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadEvent(reason, f"expected {expected} (docs/schemas): {error}") from None
