"""What was erased, as the ledger keeps it: whose records of before are left out, or lose a user's id. Pure.

The topics of the ledger are read side by side, and again from their beginning where the file is lost. So an erasure
holds for every record that Kafka had before it, in whichever order they are read.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from stream.kinds.erasure import WHOLE_ACCOUNT, user_digest

# Kinds of records that name a user.
USER_KINDS: Final = ("survey", "ticket", "touchpoint")


class Erasure(NamedTuple):
    """One erasure, a row of its table.

    Attributes:
        account_hash: SHA-256 of the account's id, in hex.
        user: the digest of the user's id; "": the whole account.
        recorded_ms: up to which Kafka timestamp.
        alias: what stands in the place of the user's id.
    """

    account_hash: str
    user: str
    recorded_ms: int
    alias: str


class _Update(msgspec.Struct):
    erase_users: list[str] = []


def account_hash(account: str) -> str:
    """How an erasure names an account."""
    return hashlib.sha256(account.encode()).hexdigest()


def of_account(account: str, recorded_ms: int) -> Erasure:
    """All of an account."""
    return Erasure(account_hash(account), WHOLE_ACCOUNT, recorded_ms, "")


def of_users(account: str, body: bytes, recorded_ms: int, where: str) -> list[Erasure]:
    """The users that an account update erases; none where it names none.

    Args:
        account: whose users.
        body: the update.
        recorded_ms: its Kafka timestamp.
        where: of the record, which makes the aliases: the same however often it is read.
    """
    if b'"erase_users"' not in body:
        return []
    try:
        digests = msgspec.json.decode(body, type=_Update).erase_users
    except msgspec.DecodeError:
        return []
    return [
        Erasure(account_hash(account), digest, recorded_ms, f"erased-{where}-{number}")
        for number, digest in enumerate(digests)
    ]


class Erasures:
    """All that are known.

    Args:
        known: rows of their table.
    """

    def __init__(self, known: Iterable[Erasure]) -> None:
        self._by_account: dict[str, list[Erasure]] = {}
        for each in known:
            self.add(each)

    def __bool__(self) -> bool:
        return bool(self._by_account)

    def add(self, erasure: Erasure) -> None:
        """One more."""
        self._by_account.setdefault(erasure.account_hash, []).append(erasure)

    def erased_ms(self, account: str) -> int:
        """Up to which Kafka timestamp all of an account is erased; -1: it is not."""
        whole = [each for each in self._by_account.get(account_hash(account), ()) if each.user == WHOLE_ACCOUNT]
        return max((each.recorded_ms for each in whole), default=-1)

    def left_of(self, account: str | None, recorded_ms: int, body: bytes) -> bytes | None:
        """What may be kept of a record: all, all but a user's id, or None.

        Args:
            account: whose record it is; None: nobody's.
            recorded_ms: its Kafka timestamp.
            body: its value.
        """
        if account is None or not self._by_account:
            return body
        for each in self._by_account.get(account_hash(account), ()):
            if recorded_ms <= each.recorded_ms:
                if each.user == WHOLE_ACCOUNT:
                    return None
                body = _without(body, each)
        return body


def _without(body: bytes, erasure: Erasure) -> bytes:
    """A record without a user's id, if it names the user."""
    if b'"user_id"' not in body:
        return body
    try:
        record: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return body
    user_id = record.get("user_id") if isinstance(record, dict) else None
    if not isinstance(user_id, str) or user_digest(user_id) != erasure.user:
        return body
    kept = {name: value for name, value in record.items() if name not in ("comment", "note")}
    return msgspec.json.encode(kept | {"user_id": erasure.alias})
