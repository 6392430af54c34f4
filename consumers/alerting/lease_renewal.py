"""Keeps leased messages leased for as long as they are being sent, so that a lease may be short.

Whoever dies while it sends renews nothing: another sender has its messages after `LEASE_MS`. Whoever hangs gives them
up after `SENDING_SECONDS_MAX`, which is more than an attempt takes.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from consumers.alerting.outbox import OutboxEntry
from consumers.alerting.outbox_queue import LEASE_MS, Queue
from consumers.errors import STORE_AWAY
from stream.config.logs import get_logger

RENEW_SECONDS: Final = LEASE_MS / 1000 / 3
SENDING_SECONDS_MAX: Final = 60.0

log = get_logger(__name__)


@contextmanager
def renewed(
    queue: Queue, entries: Sequence[OutboxEntry], clock_ms: Callable[[], int], renew_seconds: float = RENEW_SECONDS
) -> Iterator[None]:
    """Renew the leases of some messages until the block is left.

    Args:
        queue: where they are.
        entries: those that are leased.
        clock_ms: the current time, epoch milliseconds.
        renew_seconds: how often.
    """
    done = threading.Event()
    name = f"lease-{queue.receiver}"
    threading.Thread(
        target=_renew, args=(queue, entries, clock_ms, renew_seconds, done), name=name, daemon=True
    ).start()
    try:
        yield
    finally:
        done.set()


def _renew(
    queue: Queue,
    entries: Sequence[OutboxEntry],
    clock_ms: Callable[[], int],
    renew_seconds: float,
    done: threading.Event,
) -> None:
    for _ in range(int(SENDING_SECONDS_MAX / renew_seconds)):
        if done.wait(renew_seconds):
            return
        try:
            queue.renew(entries, clock_ms())
        except STORE_AWAY as error:  # nobody else can claim them meanwhile
            log.debug("lease not renewed: Redis is away", receiver=queue.receiver, error=type(error).__name__)
