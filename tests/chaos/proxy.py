"""A TCP proxy in a thread of its own, whose connections suffer as a network's do."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable
from typing import Final

_CHUNK: Final = 1 << 16


class FaultyProxy:
    """Forwards a loopback port to another.

    Args:
        port: where it listens.
        target_port: where it connects to.
        tls: ends TLS, as what stands before a server without it does; None: passes what comes.
    """

    def __init__(self, port: int, target_port: int, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.port, self._target = port, target_port
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._delay_seconds = 0.0
        self._is_half_open = False
        self._requests_left: int | None = None
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._run, name=f"proxy-{port}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        )
        self._loop.run_forever()

    def _do(self, what: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(what)

    def delay(self, seconds: float) -> None:
        """Everything takes so much longer, in both directions."""

        def change() -> None:
            self._delay_seconds = seconds

        self._do(change)

    def half_open(self) -> None:
        """Connections stay, and nothing passes any more: as behind a firewall that forgot them."""

        def change() -> None:
            self._is_half_open = True

        self._do(change)

    def cut(self) -> None:
        """Reset every connection."""
        self._do(self._abort)

    def cut_after_request(self, requests: int) -> None:
        """So many more pieces reach the server; its answers, and every connection, are lost behind the last."""

        def change() -> None:
            self._requests_left = requests

        self._do(change)

    def heal(self) -> None:
        """As it should be; what was half open is reset."""

        def change() -> None:
            was_half_open = self._is_half_open
            self._delay_seconds, self._is_half_open, self._requests_left = 0.0, False, None
            if was_half_open:
                self._abort()

        self._do(change)

    def close(self) -> None:
        """Listen no more."""

        def stop() -> None:
            if self._server is not None:
                self._server.close()
            self._abort()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.call_later(0.1, self._loop.stop)

        self._do(stop)
        self._thread.join(5)

    def _abort(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, there_writer}
        self._writers |= both
        try:
            await asyncio.gather(
                self._pump(reader, there_writer, is_request=True), self._pump(there_reader, writer, is_request=False)
            )
        except asyncio.CancelledError:
            return
        finally:
            self._writers -= both

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_request: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self._delay_seconds:
                    await asyncio.sleep(self._delay_seconds)
                if self._is_half_open:
                    continue
                writer.write(data)
                await writer.drain()
                if is_request and self._requests_left is not None:
                    self._requests_left -= 1
                    if self._requests_left <= 0:
                        self._requests_left = None
                        await asyncio.sleep(0.02)  # it is in the server's hands
                        self._abort()
        writer.transport.abort()
