"""Events onto Kafka: all at once, or so many a second with probes between them."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from heartline.bench.workload import Workload
from heartline.replay.lines import Record
from heartline.replay.sender import Sender
from stream.settings import KafkaSettings

PROBE_PREFIX: Final = "probe-"
PROBES_PER_SECOND: Final = 100
_TURN: Final = 500
_TICK_SECONDS: Final = 0.02

OnSent = Callable[[int], None]


async def send_all(kafka: KafkaSettings, records: Iterator[Record], on_sent: OnSent) -> int:
    """Send them as fast as it goes; returns how many Kafka has confirmed, which is all.

    Raises:
        SendError: Kafka did not take them.
    """
    async with Sender(kafka) as sender:
        for count, record in enumerate(records, start=1):
            await sender.add(record)
            if count % _TURN == 0:
                on_sent(_TURN)
                await asyncio.sleep(0)
        await sender.confirm()
        return sender.confirmed


@dataclass(slots=True)
class Paced:
    """What was sent at a pace.

    Attributes:
        confirmed: records that Kafka has confirmed, probes included.
        per_second: the pace that was kept.
        probes: account id of a probe to the moment when it was handed to the producer, epoch seconds.
        first: the number of the first probe.
    """

    confirmed: int = 0
    per_second: float = 0.0
    probes: dict[str, float] = field(default_factory=dict)
    first: int = 0


async def send_paced(
    kafka: KafkaSettings, workload: Workload, per_second: float, seconds: float, first: int = 0
) -> Paced:
    """Send further events evenly over some seconds, and with them probes: single events of accounts never seen before.

    A new account's first report is always published, so each probe has a report of its own to wait for. They are
    numbered from `first` on.

    Raises:
        SendError: Kafka did not take them.
    """
    paced = Paced(first=first)
    async with Sender(kafka) as sender:
        started = time.monotonic()
        due_before = 0
        while (elapsed := time.monotonic() - started) < seconds:
            due = int(elapsed * per_second)
            for record in workload.present(due - due_before, _now_ms()):
                await sender.add(record)
            due_before = due
            while len(paced.probes) < elapsed * PROBES_PER_SECOND:
                await sender.add(_probe(paced))
            await sender.flush()
            await asyncio.sleep(_TICK_SECONDS)
        await sender.confirm()
        paced.confirmed = sender.confirmed
        paced.per_second = sender.confirmed / (time.monotonic() - started)
    return paced


def _probe(paced: Paced) -> Record:
    """The next probe; its moment is noted."""
    account = f"{PROBE_PREFIX}{paced.first + len(paced.probes):06}"
    paced.probes[account] = time.time()
    moment = _now_ms()
    value = (
        f'{{"event_id":"{account}","account_id":"{account}","feature":"probe","user_id":"probe","timestamp":{moment}}}'
    )
    return Record("usage", account.encode(), value.encode(), moment)


def _now_ms() -> int:
    return int(time.time() * 1000)
