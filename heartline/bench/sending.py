"""Events onto Kafka: all at once, or so many a second with probes between them."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from heartline.bench.probes import Probe, ProbeKind, first_event, kind_of, known_event
from heartline.bench.workload import Workload
from heartline.replay.lines import InputRecord
from heartline.replay.sender import Sender
from stream.config.settings import KafkaSettings

PROBES_PER_SECOND: Final = 100
_TURN: Final = 500
_TICK_SECONDS: Final = 0.02

OnSent = Callable[[int], None]


async def send_all(kafka: KafkaSettings, records: Iterator[InputRecord], on_sent: OnSent) -> int:
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
        probes: in the order of sending.
    """

    confirmed: int = 0
    per_second: float = 0.0
    probes: list[Probe] = field(default_factory=list)


async def send_paced(
    kafka: KafkaSettings, workload: Workload, per_second: float, seconds: float, first: int, known: range
) -> Paced:
    """Send further events evenly over some seconds, and with them probes of all kinds.

    Args:
        kafka: where to.
        workload: whose events go on.
        per_second: how many, probes aside.
        seconds: for how long.
        first: the number of the first probe of a new account; PROBES_PER_SECOND of them.
        known: the numbers of the known accounts to probe, evenly over the time; their histories have been sent.

    Raises:
        SendError: Kafka did not take them.
    """
    paced = Paced()
    async with Sender(kafka) as sender:
        started = time.monotonic()
        sent_before, new, old = 0, 0, 0
        while (elapsed := time.monotonic() - started) < seconds:
            due = int(elapsed * per_second)
            for record in workload.present(due - sent_before, _now_ms()):
                await sender.add(record)
            sent_before = due
            while new < elapsed * PROBES_PER_SECOND:
                at_ms = _now_ms()
                await _probe(sender, paced, first_event(first + new, at_ms), at_ms, "new")
                new += 1
            while old < elapsed / seconds * len(known):
                at_ms = _now_ms()
                await _probe(sender, paced, known_event(known[old], at_ms), at_ms, kind_of(known[old]))
                old += 1
            await sender.flush()
            await asyncio.sleep(_TICK_SECONDS)
        await sender.confirm()
        paced.confirmed = sender.confirmed
        paced.per_second = sender.confirmed / (time.monotonic() - started)
    return paced


async def _probe(sender: Sender, paced: Paced, record: InputRecord, at_ms: int, kind: ProbeKind) -> None:
    """Hand a probe over; its moment is noted."""
    paced.probes.append(Probe(record.key.decode(), at_ms, time.time(), kind))
    await sender.add(record)


def _now_ms() -> int:
    return int(time.time() * 1000)
