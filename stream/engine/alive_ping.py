"""A dead man's switch: an address is asked while the worker is well, and whoever is behind it tells when nobody asks.

It says nothing of what is wrong: /readyz and the metrics do. A ping that fails is logged and changes nothing.
"""

import asyncio
import urllib.request
from collections.abc import Callable
from typing import Final

from pydantic import SecretStr

from stream.config.logs import get_logger

INTERVAL_SECONDS: Final = 60.0
TIMEOUT_SECONDS: Final = 10.0

log = get_logger(__name__)


async def ping_while_well(
    url: SecretStr, problem: Callable[[], str | None], interval_seconds: float = INTERVAL_SECONDS
) -> None:
    """Ask the address every minute in which nothing is wrong, until it is cancelled.

    Args:
        url: what is asked; a secret, since who knows it can pretend that all is well.
        problem: what is wrong now; None: nothing.
        interval_seconds: between two pings.
    """
    while True:
        if problem() is None:
            try:
                await asyncio.to_thread(_ask, url.get_secret_value())
            except (OSError, ValueError) as error:  # its words may repeat the address
                log.warning("the address of worker.alive_url did not answer", error=type(error).__name__)
        await asyncio.sleep(interval_seconds)


def _ask(url: str) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "heartline"})  # noqa: S310 - http(s) by its settings
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
        answer.read(1024)
