"""The dead man's switch: asked while the worker is well, and then alone."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from stream.config.settings import WorkerSettings
from stream.engine.alive_ping import ping_while_well


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """An address, and what was asked there."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200 if len(paths) != 2 else 500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/ping/secret-id", paths
    server.shutdown()
    server.server_close()


async def test_it_is_asked_while_nothing_is_wrong_and_an_error_ends_nothing(
    asked: tuple[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    url, paths = asked
    problems = iter([None, "not ready", None, None])
    enough = asyncio.Event()

    def problem() -> str | None:
        try:
            return next(problems)
        except StopIteration:
            enough.set()
            return "over"

    task = asyncio.create_task(ping_while_well(SecretStr(url), problem, interval_seconds=0))
    await enough.wait()
    task.cancel()
    assert paths == ["/ping/secret-id"] * 3, "of four moments, three were well; the second answer was an error"
    assert "secret-id" not in caplog.text


def test_an_address_without_tls_is_refused() -> None:
    with pytest.raises(ValidationError, match="https"):
        WorkerSettings(alive_url=SecretStr("http://example.com/ping"))
