"""The synthetic company's events onto Kafka: the quiet past at once, the stories at their pace."""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from heartline.replay.lines import Record
from heartline.replay.pace import Pace
from heartline.replay.sender import Sender
from heartline.synthetic.events import Event

_TURN: Final = 500
_STEP_SECONDS: Final = 0.1


def as_records(events: Iterable[Event]) -> list[Record]:
    """The events as they would stand in a file of JSON lines."""
    return list(_as_records(events))


def _as_records(events: Iterable[Event]) -> Iterator[Record]:
    for event in events:
        moment_ms = round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000)
        value = json.dumps(event, separators=(",", ":")).encode()
        yield Record(event["type"], event["account_id"].encode(), value, moment_ms)


def split(records: list[Record], start_ms: int) -> tuple[list[Record], list[Record]]:
    """What happened before a moment, and what from it on."""
    at = next((index for index, record in enumerate(records) if (record.timestamp_ms or 0) >= start_ms), len(records))
    return records[:at], records[at:]


def use_first(records: list[Record]) -> tuple[list[Record], list[Record]]:
    """Accounts and their use, and the rest.

    A partition's event clock is its newest event, whichever topic it comes from. A backlog of tickets is short and
    soon read; with it the clock would run ahead of the use that is still being read, and all would seem silent.
    """
    use = [record for record in records if record.kind in ("usage", "account")]
    return use, [record for record in records if record.kind not in ("usage", "account")]


async def send(records: list[Record], sender: Sender, pace: Pace, stop: asyncio.Event) -> None:
    """Send every record when it is due, and wait until Kafka has confirmed all; ends early when asked to stop.

    Raises:
        SendError: Kafka does not take them.
    """
    started = time.monotonic()
    for number, record in enumerate(records):
        while (wait := pace.due_seconds(record.timestamp_ms) - (time.monotonic() - started)) > 0:
            await sender.flush()
            if stop.is_set():
                break
            await asyncio.sleep(min(wait, _STEP_SECONDS))
        if stop.is_set():
            break
        await sender.add(record)
        if number % _TURN == 0:
            await asyncio.sleep(0)
    await sender.confirm()
