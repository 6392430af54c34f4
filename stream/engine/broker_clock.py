"""The broker's clock, which bears out the worker's or does not.

A record without a value in a topic whose records carry the time of their arrival: the answer says when that was.
"""

import asyncio
import time
from typing import Final

import aiokafka
from aiokafka.errors import KafkaError

from stream.calendar.clock import TrustedClock
from stream.config.logs import get_logger
from stream.config.settings import KafkaSettings
from stream.engine.connection import client_arguments

ASK_SECONDS: Final = 300.0
LOOK_SECONDS: Final = 5.0
DEADLINE_SECONDS: Final = 10.0
# Of the records: what reads the topic passes over keys without a value, and compaction takes them away.
KEY: Final = b"\x00clock"
_LOG_APPEND_TIME: Final = 1

log = get_logger(__name__)


async def broker_time_ms(settings: KafkaSettings) -> int | None:
    """The time of the broker that leads a partition of the quarantine topic, epoch milliseconds.

    None: it can't be had, since no broker answers or the topic was made without `message.timestamp.type`.
    """
    producer = aiokafka.AIOKafkaProducer(**client_arguments(settings), client_id=f"{settings.installation}-clock")
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await producer.start()
            sent = await producer.send_and_wait(settings.topics.quarantine, None, key=KEY)
    except (KafkaError, TimeoutError) as error:
        log.warning("the broker's clock could not be asked", topic=settings.topics.quarantine, error=repr(error))
        return None
    finally:
        await producer.stop()
    return int(sent.timestamp) if sent.timestamp_type == _LOG_APPEND_TIME else None


async def check_clock(settings: KafkaSettings, clock: TrustedClock) -> None:
    """Ask once, and log what it means."""
    broker_ms = await broker_time_ms(settings)
    if broker_ms is None or clock.observe_broker(broker_ms):
        return
    log.error(
        "this machine's clock and the broker's differ; accounts are evaluated by the broker's, carried on by the "
        "monotonic clock, until they agree. Check the time service (NTP) of both",
        wall_ms=time.time_ns() // 1_000_000,
        broker_ms=broker_ms,
    )


async def watch_clock(settings: KafkaSettings, clock: TrustedClock) -> None:
    """Ask every few minutes, and at once when the wall clock steps; until cancelled."""
    asked, was_off = time.monotonic(), False
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        is_off = clock.offset_ms != 0
        if is_off != was_off:
            (log.error if is_off else log.info)(
                "the wall clock stepped and is not believed" if is_off else "the wall clock is believed again",
                offset_seconds=clock.offset_ms / 1000,
            )
        if is_off or time.monotonic() - asked >= ASK_SECONDS:
            asked = time.monotonic()
            await check_clock(settings, clock)
        was_off = clock.offset_ms != 0
