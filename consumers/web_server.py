"""An HTTP server that others may reach: uvicorn with a socket bound before it starts, limits, and no trust in headers.

uvicorn alone believes `X-Forwarded-For` from this machine, waits without end for the rest of a request, and accepts as
many connections as the system gives. Here a request must be complete within `request_seconds`, a connection more than
`connections_max` is closed at once, and who is at the other end is what the socket says.
"""

import asyncio
import functools
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import h11
import uvicorn
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from stream.contracts.errors import ConfigError

SHUTDOWN_SECONDS: Final = 3
STOP_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Limits:
    """What one server takes.

    Args:
        connections_max: open connections; one more is closed at once.
        header_bytes_max: of the request line and headers together.
        request_seconds: from a request's first byte (of a new connection: from its opening) to its last.
        idle_seconds: for how long a connection without a request stays open.
    """

    connections_max: int = 1_000
    header_bytes_max: int = 32 << 10
    request_seconds: float = 15.0
    idle_seconds: int = 10


def listen(host: str, port: int, setting: str) -> list[socket.socket]:
    """Sockets that listen on every address of a host.

    Args:
        host, port: where; port 0 is any free one, the same for all addresses.
        setting: how the two settings are called in an error, `board.host, board.port`.

    Raises:
        ConfigError: the port is taken, or the host is not this machine's.
    """
    found: list[socket.socket] = []
    try:
        for family, *_, address in dict.fromkeys(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)):
            bound = (address[0], found[0].getsockname()[1] if found else port, *address[2:])
            found.append(socket.create_server(bound, family=family, backlog=256))
    except OSError as error:
        for each in found:
            each.close()
        variable = "HEARTLINE_" + setting.rpartition(" ")[2].upper().replace(".", "__")
        raise ConfigError(
            f"{setting} = {host}:{port}: can't listen there ({error.strerror}); end what listens there, "
            f"or set {variable} to another port (0: any free one)"
        ) from None
    return found


class WebServer:
    """One application on one address.

    Args:
        app: what answers.
        host, port, setting: as for `listen`.
        limits: what it takes.
        on_started: called on the server's loop once it accepts connections.
        on_stopping: called on the server's loop before it closes connections.

    Raises:
        ConfigError: the port is taken.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        setting: str,
        *,
        limits: Limits | None = None,
        on_started: Callable[[], None] | None = None,
        on_stopping: Callable[[], None] | None = None,
    ) -> None:
        limits = limits or Limits()
        self._sockets = listen(host, port, setting)
        self.port = int(self._sockets[0].getsockname()[1])
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        config = uvicorn.Config(
            app,
            http=functools.partial(_LimitedProtocol, limits=limits),  # type: ignore[arg-type]  # a factory will do
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=limits.header_bytes_max,
            timeout_keep_alive=limits.idle_seconds,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        self._server = _Server(config, on_started, on_stopping)
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Serve on this thread until `stop`, or until SIGINT or SIGTERM where it is the main thread."""
        self._server.run(self._sockets)

    async def serve(self) -> None:
        """The same within a loop that runs already."""
        await self._server.serve(self._sockets)

    def start(self, name: str) -> None:
        """Serve on a thread of its own."""
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and let requests that are being answered end; from any thread."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)


class BodyLimit:
    """An application that gets bodies of a limited size: 413 for a larger one, announced or not.

    Args:
        app: what is behind it.
        bytes_max: of a body.
    """

    def __init__(self, app: ASGIApp, bytes_max: int) -> None:
        self._app = app
        self._bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        announced = dict(scope.get("headers", ())).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > self._bytes_max:
            refusal = PlainTextResponse(f"expected a body of at most {self._bytes_max} bytes\n", 413)
            await refusal(scope, receive, send)
            return
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._bytes_max:
                raise HTTPException(413, f"expected a body of at most {self._bytes_max} bytes")
            return message

        await self._app(scope, receive_limited, send)


class _Server(uvicorn.Server):
    """Calls back when it has started and before it stops."""

    def __init__(
        self,
        config: uvicorn.Config,
        on_started: Callable[[], None] | None,
        on_stopping: Callable[[], None] | None,
    ) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._on_stopping = on_stopping

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self._on_started is not None:
            self._on_started()

    async def shutdown(self, sockets: Any = None) -> None:
        if self._on_stopping is not None:
            self._on_stopping()
        await super().shutdown(sockets)


class _LimitedProtocol(H11Protocol):
    """One connection: refused beyond the limit, and closed when a request does not arrive in time."""

    def __init__(self, *args: Any, limits: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if len(self.connections) >= self._limits.connections_max:
            self.transport = transport
            transport.abort()
            return
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._arm()
        else:
            self._disarm()

    def on_response_complete(self) -> None:
        super().on_response_complete()  # which goes on with what the client has sent already
        if self.conn.their_state is h11.SEND_BODY or self.conn.trailing_data[0]:
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._limits.request_seconds, self.transport.close)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
