"""Ids that other tools have for an account: what is recorded under one counts for the account, from its beginning.

The link that holds now is what counts: one that is taken back leaves the id an account of its own again. So the figures
stay those of one pass over the ledger, whenever links and events came.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from consumers.portfolio.entries import AliasEntry, epoch_ms
from stream.contracts.aliases import read_link
from stream.contracts.errors import BadEvent

_encode: Final = msgspec.json.Encoder().encode

# (alias, the account that it leads to or None, when that was said, when it was recorded)
Link = tuple[str, str | None, int, int]


class _Update(msgspec.Struct):
    account_id: str
    aliases: list[str] | None = None
    timestamp: msgspec.Raw = msgspec.Raw()


def link_bodies(body: bytes, where: str) -> list[bytes]:
    """The links that an account update names, each as a record of its own; none in nearly all of them.

    Args:
        body: the update.
        where: it lies, which makes the links' ids.
    """
    if b'"aliases"' not in body:
        return []
    try:
        update = msgspec.json.decode(body, type=_Update)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    told = {"timestamp": update.timestamp} if bytes(update.timestamp) not in (b"", b"null") else {}
    return [
        _encode({"account_id": alias, "moved_to": update.account_id, "event_id": f"{where}/{alias}"} | told)
        for alias in update.aliases or ()
        if alias != update.account_id
    ]


def link_body(key: bytes | None, value: bytes | None) -> bytes | None:
    """A record of `account-aliases` as the ledger keeps it; None: it is no link."""
    try:
        alias, link = read_link(key, value)
    except BadEvent:
        return None
    if link is None:
        return _encode({"account_id": alias, "moved_to": None})
    told = {} if link.timestamp is None else {"timestamp": link.timestamp}
    return _encode({"account_id": alias, "moved_to": link.account_id} | told)


def link_of(entry: AliasEntry, recorded_ms: int) -> Link:
    """A link as it is weighed against others of its id."""
    said_ms = recorded_ms if entry.timestamp is None else epoch_ms(entry.timestamp, "timestamp", entry.account_id)
    return entry.account_id, entry.moved_to, said_ms, recorded_ms


def owners(links: Iterable[Link]) -> dict[str, str]:
    """By alias the account that has its records now. A circle leads nowhere.

    >>> owners([("zendesk:1", "acme", 5, 5), ("acme", "acme-group", 7, 7), ("zendesk:2", "acme", 1, 1)])["zendesk:1"]
    'acme-group'
    >>> owners([("a", "b", 1, 1), ("b", "a", 2, 2), ("c", "d", 3, 3), ("c", None, 4, 4)])
    {}
    """
    newest: dict[str, tuple[int, int, str]] = {}
    for alias, account, said_ms, recorded_ms in links:
        newest[alias] = max(newest.get(alias, (-1, -1, "")), (said_ms, recorded_ms, account or ""))
    leads = {alias: account for alias, (_, _, account) in newest.items() if account}
    return {alias: owner for alias in leads if (owner := _follow(alias, leads)) is not None}


def _follow(alias: str, leads: Mapping[str, str]) -> str | None:
    account, seen = alias, {alias}
    while account in leads:
        account = leads[account]
        if account in seen:
            return None
        seen.add(account)
    return account
