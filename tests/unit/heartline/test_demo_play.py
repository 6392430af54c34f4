"""The demo's stories on a busy machine: they wait for the worker."""

import asyncio
from typing import Any

from heartline.demo.play import send
from heartline.replay.lines import Record
from heartline.replay.pace import Pace

DAY_MS = 86_400_000


class Counting:
    """A sender that counts."""

    confirmed = 0

    async def add(self, record: Record) -> None:
        self.confirmed += 1

    async def flush(self) -> None:
        """At once."""

    async def confirm(self) -> None:
        """At once."""


def test_no_day_begins_before_the_worker_has_read_what_is_two_days_old() -> None:
    """So that a worker which falls behind never sees tickets of next week beside use of last week."""
    records = [Record("usage", b"acme", b"{}", day * DAY_MS + hour) for day in range(1, 6) for hour in range(10)]
    sender: Any = Counting()
    seen: list[tuple[int, int]] = []

    def read() -> float:
        """The worker reads five records between two looks."""
        seen.append((5 * len(seen), sender.confirmed))
        return 5 * len(seen)

    asyncio.run(send(records, sender, Pace(None), asyncio.Event(), read))
    assert sender.confirmed == 50
    assert max(sent - done for done, sent in seen) <= 20, "two days of ten"
