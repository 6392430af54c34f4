"""How often a client asks the brokers who leads a partition.

aiokafka asks again at once for a topic that is not there, since it was deleted, or not made yet when the broker went:
1,800 times a second of a broker that is up, and as often in vain, with two lines in the log each time, where none
answers. That takes half a processor, burdens the broker, and fills disks. Java's client waits 100 ms in between.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiokafka.client import AIOKafkaClient

REQUESTS_MAX: Final = 10  # in any second; what comes in a burst below it, as at a start, does not wait

_ask = AIOKafkaClient._metadata_update  # noqa: SLF001 - every way to ask leads through it


class MetadataPace:
    """When one client may ask.

    Args:
        seconds: a clock.
        sleep: waits for so many seconds.
    """

    def __init__(
        self, seconds: Callable[[], float] = time.monotonic, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    ) -> None:
        self._seconds, self._sleep = seconds, sleep
        self._asked: deque[float] = deque(maxlen=REQUESTS_MAX)

    async def wait(self) -> None:
        """Wait until it may ask again."""
        if len(self._asked) == REQUESTS_MAX:
            early_seconds = self._asked[0] + 1.0 - self._seconds()
            if early_seconds > 0:
                await self._sleep(early_seconds)
        self._asked.append(self._seconds())


def pace_metadata() -> None:
    """Have the aiokafka clients of this process ask at most so often."""
    AIOKafkaClient._metadata_update = _ask_at_a_pace  # noqa: SLF001


async def _ask_at_a_pace(client: AIOKafkaClient, cluster: Any, topics: Any) -> bool:
    pace: MetadataPace = client.__dict__.setdefault("heartline_pace", MetadataPace())
    await pace.wait()
    answered: bool = await _ask(client, cluster, topics)
    return answered
