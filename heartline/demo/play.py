"""The synthetic company's events onto Kafka: the quiet past at once, the stories at their pace."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec

from heartline.replay.lines import Record
from heartline.replay.pace import Pace
from heartline.replay.sender import Sender
from heartline.synthetic.events import Event

_TURN: Final = 500
_STEP_SECONDS: Final = 0.1
_DAY_MS: Final = 86_400_000
LEAD_DAYS: Final = 2
_FIRST: Final = ("usage", "account", "user")


def as_records(events: Iterable[Event]) -> list[Record]:
    """The events as they would stand in a file of JSON lines."""
    return list(_as_records(events))


def _as_records(events: Iterable[Event]) -> Iterator[Record]:
    for event in events:
        moment_ms = round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000)
        value = msgspec.json.encode(event)
        yield Record(event["type"], event["account_id"].encode(), value, moment_ms)


def split(records: list[Record], start_ms: int) -> tuple[list[Record], list[Record]]:
    """What happened before a moment, and what from it on."""
    at = next((index for index, record in enumerate(records) if (record.timestamp_ms or 0) >= start_ms), len(records))
    return records[:at], records[at:]


def use_first(records: list[Record]) -> tuple[list[Record], list[Record]]:
    """Accounts, their people and their use, and the rest.

    A partition's event clock is its newest event, whichever topic it comes from. A backlog of tickets is short and
    soon read; with it the clock would run ahead of the use that is still being read, and all would seem silent.
    """
    use = [record for record in records if record.kind in _FIRST]
    return use, [record for record in records if record.kind not in _FIRST]


async def send(
    records: list[Record],
    sender: Sender,
    pace: Pace,
    stop: asyncio.Event,
    read: Callable[[], float] | None = None,
) -> None:
    """Send every record when it is due, and wait until Kafka has confirmed all; ends early when asked to stop.

    Args:
        records: in time order.
        sender: to Kafka.
        pace: when each is due.
        stop: ends it early.
        read: how many of all records that were sent the worker has read. No day is begun before those of two days
            earlier are read: on a busy machine the pace is the worker's, so that topics which are not read equally far
            never differ by more days than silence means something. None: nobody is waited for.

    Raises:
        SendError: Kafka does not take them.
    """
    started, day = time.monotonic(), 0
    sent: deque[int] = deque(maxlen=LEAD_DAYS)
    for number, record in enumerate(records):
        while (wait := pace.due_seconds(record.timestamp_ms) - (time.monotonic() - started)) > 0:
            await sender.flush()
            if stop.is_set():
                break
            await asyncio.sleep(min(wait, _STEP_SECONDS))
        if read is not None and (record.timestamp_ms or 0) // _DAY_MS != day:
            day = (record.timestamp_ms or 0) // _DAY_MS
            await sender.confirm()
            sent.append(sender.confirmed)
            while len(sent) == LEAD_DAYS and read() < sent[0] and not stop.is_set():
                await asyncio.sleep(_STEP_SECONDS)
        if stop.is_set():
            break
        await sender.add(record)
        if number % _TURN == 0:
            await asyncio.sleep(0)
    await sender.confirm()
