"""What an id is where it is no account's own: an alias, whose account is known, or whose events wait for it.

Help desks, billing and survey tools have ids of their own for a customer. Such an id has a state like an account's, in
the partition of its own key, and in it nothing but this: so links, waiting events and their order live and move as
accounts do.
"""

from typing import Final

from msgspec import Struct

WAITING_MAX: Final = 1_000  # events of one alias
WAITING_BYTES_MAX: Final = 256 << 10

# An input record as it arrived: topic, partition, offset, Kafka's timestamp in epoch ms, key, value.
Waiting = tuple[str, int, int, int, bytes | None, bytes | None]


class AliasState(Struct, array_like=True, gc=False):
    """An alias.

    Attributes:
        account_id: whose id it is; empty: nobody said so yet.
        linked_ms: when that was said, epoch ms; 0: without a time.
        waiting: its events while nobody said whose they are, in the order of their arrival.
        waiting_bytes: how much they take.
    """

    account_id: str = ""
    linked_ms: int = 0
    waiting: list[Waiting] = []
    waiting_bytes: int = 0


def wait(alias: AliasState, record: Waiting) -> bool:
    """Keep an event until its account is known; returns whether there was room for it."""
    size = len(record[4] or b"") + len(record[5] or b"")
    if len(alias.waiting) >= WAITING_MAX or alias.waiting_bytes + size > WAITING_BYTES_MAX:
        return False
    alias.waiting.append(record)
    alias.waiting_bytes += size
    return True


def take_waiting(alias: AliasState) -> list[Waiting]:
    """The events that waited; from now on none does."""
    waiting, alias.waiting, alias.waiting_bytes = alias.waiting, [], 0
    return waiting
