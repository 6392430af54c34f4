"""A TCP proxy whose connections a test can cut, or let hang, between a worker and its broker."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class Proxy:
    """Forwards a loopback port to another.

    Args:
        port: where it listens.
        target_port: where it connects to.
    """

    def __init__(self, port: int, target_port: int) -> None:
        self._port = port
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._answering = asyncio.Event()
        self._answering.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        self._answering.set()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Reset every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def lose_answers(self, seconds: float) -> None:
        """Requests still reach the broker, answers don't come back; then every connection is reset."""
        self._answering.clear()
        await asyncio.sleep(seconds)
        self.cut()
        self._answering.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there_writer}
        try:
            await asyncio.gather(self._pump(reader, there_writer, False), self._pump(there_reader, writer, True))
        finally:
            self._writers -= {writer, there_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                if answers:
                    await self._answering.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
