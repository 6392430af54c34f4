"""The contracts of `account-aliases` and of the topic of waiting aliases: what other tools call an account.

A record of `account-aliases` has the alias as its key, raw UTF-8, and says whose it is; one without a value takes that
back. What was counted for an account stays there. `zendesk:360001` is an id of one tool; an id without a tool is what
events carry as their account_id.
"""

from typing import Final

import msgspec
import pydantic_core
from pydantic import ValidationError

from stream.contracts.errors import BadEvent
from stream.contracts.events import Contract, Id, Moment, iso, refusal

ALIAS_CHARS_MAX: Final = 256


class AliasLink(Contract):
    """Whose id an alias is; of two links the one with the later timestamp holds, without one the later to arrive."""

    account_id: Id
    timestamp: Moment | None = None


class WaitingAlias(msgspec.Struct, frozen=True, kw_only=True):
    """An alias whose events wait until somebody says whose they are.

    Attributes:
        alias: the id.
        events: how many wait.
        since_ms: since when, epoch milliseconds by Kafka's clock.
    """

    alias: str
    events: int
    since_ms: int


def read_link(key: bytes | None, value: bytes | None) -> tuple[str, AliasLink | None]:
    """The alias of a record of `account-aliases`, and whose it is; None: nobody's any more.

    Raises:
        BadEvent: it is no link; the detail names the field.
    """
    try:
        alias = (key or b"").decode()
    except UnicodeDecodeError as error:
        raise BadEvent("wrong_type", f"alias: the key is no UTF-8: {error}") from None
    if not 0 < len(alias) <= ALIAS_CHARS_MAX:
        raise BadEvent("missing_field", f"alias: expected it as the record's key, 1 to {ALIAS_CHARS_MAX} characters")
    if value is None:
        return alias, None
    try:
        data = pydantic_core.from_json(value, allow_inf_nan=False)
        return alias, AliasLink.model_validate(data)
    except ValidationError as error:
        raise refusal("alias", error) from None
    except ValueError as error:
        raise BadEvent("not_json", f"alias {alias[:80]!r}: {error}") from None


def encode_link(account_id: str, at_ms: int | None = None) -> bytes:
    """The value of a record of `account-aliases`."""
    link = {"account_id": account_id}
    return msgspec.json.encode(link if not at_ms else link | {"timestamp": iso(at_ms)})


def encode_waiting(entry: WaitingAlias) -> bytes:
    """The JSON value of its record."""
    return msgspec.json.encode(entry)


def decode_waiting(value: bytes) -> WaitingAlias:
    """The reverse of `encode_waiting`.

    Raises:
        DecodeError: it is none.
    """
    return msgspec.json.decode(value, type=WaitingAlias)
