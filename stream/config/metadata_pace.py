"""How often a client asks the brokers who leads a partition.

aiokafka asks again at once for a topic that is not there, since it was deleted, or not made yet when the broker went:
1,800 times a second of a broker that is up, and as often in vain, with two lines in the log each time, where none
answers. That takes half a processor, burdens the broker, and fills disks. Java's client waits 100 ms in between.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiokafka.client import AIOKafkaClient

BURST: Final = 10  # so many may come at once, as at a start, when topic after topic is looked for
BETWEEN_SECONDS: Final = 0.1  # from then on

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
        self._even_at = seconds()  # when it will have asked as seldom as it should

    async def wait(self) -> None:
        """Wait until it may ask again."""
        now = self._seconds()
        self._even_at = max(self._even_at, now) + BETWEEN_SECONDS
        early_seconds = self._even_at - now - BURST * BETWEEN_SECONDS
        if early_seconds > 0:
            await self._sleep(early_seconds)


def pace_metadata() -> None:
    """Have the aiokafka clients of this process ask at most so often."""
    AIOKafkaClient._metadata_update = _ask_at_a_pace  # noqa: SLF001


async def _ask_at_a_pace(client: AIOKafkaClient, cluster: Any, topics: Any) -> bool:
    pace: MetadataPace = client.__dict__.setdefault("heartline_pace", MetadataPace())
    await pace.wait()
    answered: bool = await _ask(client, cluster, topics)
    return answered
