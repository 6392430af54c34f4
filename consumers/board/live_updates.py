"""Tells open pages what has changed, at most once a second, by server-sent events."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Final

from fastapi.sse import ServerSentEvent

NAMED_MAX: Final = 200  # more accounts than that at once, and every page looks for itself
PAUSE_SECONDS: Final = 1.0
LISTENERS_MAX: Final = 500
LISTENERS_MAX_OF_ADDRESS: Final = 50
RECONNECT_MS: Final = 2000


class Hub:
    """Between the thread that reads Kafka and the pages that listen.

    Bursts become one event: what changes within a second is collected, and each listener gets it when it is ready.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self.version = 0

    def changed(self, accounts: set[str]) -> None:
        """Accounts have changed; empty: something else has. From any thread."""
        with self._lock:
            self.version += 1
            listeners = list(self._listeners)
        for listener in listeners:
            listener.put(accounts)

    def open(self, address: str = "") -> "Listener | None":
        """A new listener; None when there are too many already, or too many from this address."""
        with self._lock:
            of_address = sum(each.address == address for each in self._listeners)
            if len(self._listeners) >= LISTENERS_MAX or of_address >= LISTENERS_MAX_OF_ADDRESS:
                return None
            listener = Listener(asyncio.get_running_loop(), address)
            self._listeners.add(listener)
            return listener

    def close(self, listener: "Listener") -> None:
        """It listens no more."""
        with self._lock:
            self._listeners.discard(listener)

    def end(self) -> None:
        """No more events: every page's stream ends, and the page asks anew."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.end()

    @property
    def listeners(self) -> int:
        """How many pages listen."""
        return len(self._listeners)


class Listener:
    """One open page.

    Args:
        loop: the one that its events are sent on.
        address: who listens.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, address: str) -> None:
        self.address = address
        self._loop = loop
        self._lock = threading.Lock()
        self._accounts: set[str] = set()
        self._news = asyncio.Event()
        self._over = False

    def end(self) -> None:
        """Its stream ends; from any thread."""
        self._over = True
        self._wake()

    def put(self, accounts: set[str]) -> None:
        """Something to tell; from any thread."""
        with self._lock:
            self._accounts |= accounts
        self._wake()

    async def events(self) -> AsyncIterator[ServerSentEvent]:
        """Events for the page, until it is closed: the accounts that changed, or null for many."""
        yield ServerSentEvent(event="hello", data={}, retry=RECONNECT_MS)
        while True:
            await self._news.wait()
            if self._over:
                return
            self._news.clear()
            with self._lock:
                accounts, self._accounts = self._accounts, set()
            named = sorted(accounts) if len(accounts) <= NAMED_MAX else None
            yield ServerSentEvent(event="changed", data={"accounts": named})
            await asyncio.sleep(PAUSE_SECONDS)

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._news.set)
        except RuntimeError:
            return  # the loop has ended, and the page with it
