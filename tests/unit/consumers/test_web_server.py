"""What is reached from outside keeps its limits: time for a request, connections, bodies; and believes no header."""

import contextlib
import socket
from collections.abc import Iterator
from http.client import HTTPResponse

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from consumers.web_server import BodyLimit, Limits, WebServer, listen
from stream.contracts.errors import ConfigError


async def peer(request: Request) -> PlainTextResponse:
    assert request.client is not None
    return PlainTextResponse(f"{request.client.host} {len(await request.body())}")


@contextlib.contextmanager
def serving(limits: Limits) -> Iterator[WebServer]:
    app = Starlette(
        routes=[Route("/", peer, methods=["GET", "POST"])], middleware=[Middleware(BodyLimit, bytes_max=100)]
    )
    server = WebServer(app, "127.0.0.1", 0, "test.host, test.port", limits=limits)
    server.start("test")
    try:
        yield server
    finally:
        server.stop()


def connected(server: WebServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 30)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhalf",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHo",
    ],
    ids=["nothing", "half of the headers", "half of the body", "half of a second request"],
)
def test_a_request_that_does_not_arrive_ends_the_connection(sent: bytes) -> None:
    """uvicorn alone would wait for ever, and keep the connection."""
    with serving(Limits(request_seconds=0.2, idle_seconds=600)) as server, connected(server) as client:
        client.sendall(sent)
        while client.recv(1024):
            pass  # what answers the first request; then the end of the stream, or the socket's time-out fails the test


def test_a_connection_too_many_is_closed_and_the_others_are_served() -> None:
    with serving(Limits(connections_max=1)) as server, connected(server) as first:
        assert status_of(first) == 200
        with connected(server) as second, contextlib.suppress(ConnectionResetError):
            assert second.recv(1024) == b""
        assert status_of(first) == 200


def status_of(connection: socket.socket) -> int:
    """Ask on a connection, and read the whole response."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    with HTTPResponse(connection) as response:
        response.begin()
        response.read()
        return response.status


def test_headers_beyond_the_limit_are_refused() -> None:
    """With 400, which does not reach a client that is still sending: then the connection is reset."""
    with serving(Limits(header_bytes_max=2_000)) as server, contextlib.suppress(httpx2.ReadError, httpx2.WriteError):
        assert httpx2.get(server.url, headers={"X-Long": "x" * 200_000}).status_code == 400


def test_a_body_beyond_the_limit_is_refused_announced_or_not() -> None:
    with serving(Limits()) as server:
        assert httpx2.post(server.url, content=b"x" * 101).status_code == 413
        assert httpx2.post(server.url, content=iter([b"x" * 60, b"x" * 60])).status_code == 413
        assert httpx2.post(server.url, content=b"x" * 100).text == "127.0.0.1 100"


def test_a_forwarded_address_is_not_believed() -> None:
    with serving(Limits()) as server:
        assert httpx2.get(server.url, headers={"X-Forwarded-For": "192.0.2.1"}).text == "127.0.0.1 0"


def test_a_port_that_is_taken_names_the_setting() -> None:
    first = listen("127.0.0.1", 0, "board.host, board.port")
    port = first[0].getsockname()[1]
    with pytest.raises(ConfigError, match=rf"board\.port = 127\.0\.0\.1:{port}: .*HEARTLINE_BOARD__PORT"):
        listen("127.0.0.1", port, "board.host, board.port")
    for each in first:
        each.close()
