"""Which installation runs on this machine: `heartline up --embedded` leaves its addresses, other commands find them.

The file is in the user's state folder, for the user's eyes only. What it says counts while the broker that it names
answers, so a file that a crash left behind misleads nobody.
"""

import json
import os
import socket
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

_CONNECT_SECONDS: Final = 0.5
_NAMED_BY: Final = (
    "HEARTLINE_CONFIG",
    "KAFKA_BOOTSTRAP_SERVERS",
    "HEARTLINE_KAFKA__BOOTSTRAP_SERVERS",
    "REDIS_URL",
    "HEARTLINE_REDIS__URL",
)


@dataclass(frozen=True)
class RunningInstallation:
    """Where everything is."""

    kafka: str
    redis_url: str
    board_url: str


def state_file(environ: Mapping[str, str] = os.environ) -> Path:
    """The file; it may not exist. Source: XDG Base Directory Specification 0.8, `XDG_STATE_HOME`."""
    state = environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "heartline" / "running.json"


def remember(running: RunningInstallation) -> None:
    """Leave the addresses; a folder that can't be written costs only the convenience."""
    path = state_file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(running)), "utf-8")
    except OSError:
        return


def forget(running: RunningInstallation) -> None:
    """Take the addresses away, unless another installation has left its own meanwhile."""
    if _read() == running:
        state_file().unlink(missing_ok=True)


def find_running() -> RunningInstallation | None:
    """The installation that runs; None when none does, as far as is known here."""
    running = _read()
    return running if running is not None and _answers(running.kafka) else None


def use_running(environ: MutableMapping[str, str]) -> RunningInstallation | None:
    """Lead the settings to the installation that runs, unless they say themselves where Kafka or Redis is.

    Args:
        environ: from which the settings will be read; changed.
    """
    if any(environ.get(name) for name in _NAMED_BY):
        return None
    running = find_running()
    if running is not None:
        environ["KAFKA_BOOTSTRAP_SERVERS"] = running.kafka
        environ["REDIS_URL"] = running.redis_url
    return running


def _read() -> RunningInstallation | None:
    try:
        found = json.loads(state_file().read_text("utf-8"))
        return RunningInstallation(**{name: str(found[name]) for name in ("kafka", "redis_url", "board_url")})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), _CONNECT_SECONDS):
            return True
    except (OSError, ValueError):
        return False
