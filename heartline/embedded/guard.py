"""The small process between Heartline and a server, so that the server never outlives its owner.

Run as a script (`python -I -S guard.py ...`) with the standard library alone. It starts the server, says its process
id on standard output, and ends it when any of these happens:

- the owner writes `stop`: the server gets SIGTERM, and SIGKILL when the grace time is over;
- the owner's end of standard input closes, or the guard has another parent: the owner is gone, however it went
  (kill -9 as well). The server is ended likewise, and its temporary folder is removed;
- the guard itself gets SIGTERM or SIGHUP: as if the owner were gone.

When the guard itself is killed with kill -9, Linux ends the server (PR_SET_PDEATHSIG); macOS has no such thing and
would leave it running. The guard does not set this on the owner directly because Linux ties it to the owner's thread:
a server started from a worker thread would die with that thread.
"""

import argparse
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""Source: prctl(2)."""
PARENT_CHECK_SECONDS = 1.0


def die_with_guard() -> None:
    """Ask Linux to kill this process when the guard ends. Runs in the child before the server's program."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Guard:
    """Watches one server until it ends or has to end."""

    def __init__(self, command: list[str], grace_seconds: float, orphan_folder: Path | None) -> None:
        """Start the server; what it prints goes to the guard's standard error."""
        self._grace_seconds = grace_seconds
        self._orphan_folder = orphan_folder
        self._parent = os.getppid()
        self._ended_by_signal = False
        self._wake_reader, wake_writer = os.pipe()
        os.set_blocking(wake_writer, False)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # only to wake the wait below
        self._server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            preexec_fn=die_with_guard,  # safe: this process has one thread
        )
        print(self._server.pid, flush=True)  # noqa: T201  (the one line the owner waits for)

    def run(self) -> int:
        """Wait for the end and give the server's exit status, 128 + N when signal N ended it."""
        asked = self._wait_for_reason()
        if self._server.poll() is None:
            self._end_server()
        if not asked and self._orphan_folder is not None:
            shutil.rmtree(self._orphan_folder, ignore_errors=True)
        status = self._server.returncode
        return 128 - status if status < 0 else status

    def _wait_for_reason(self) -> bool:
        """Wait until the server ended or has to; False when its owner is gone."""
        while self._server.poll() is None:
            readable, _, _ = select.select([0, self._wake_reader], [], [], PARENT_CHECK_SECONDS)
            if self._ended_by_signal or os.getppid() != self._parent:
                return False
            if self._wake_reader in readable:
                os.read(self._wake_reader, 1024)
            if 0 in readable:
                return os.read(0, 1024).startswith(b"stop")
        return True

    def _end_server(self) -> None:
        self._server.terminate()
        try:
            self._server.wait(self._grace_seconds)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _on_signal(self, number: int, frame: object) -> None:
        self._ended_by_signal = True


def main() -> int:
    """Read the arguments and guard."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--grace-seconds", type=float, required=True)
    parser.add_argument("--orphan-folder", type=Path)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    try:
        guard = Guard(arguments.command, arguments.grace_seconds, arguments.orphan_folder)
    except OSError as error:
        print(f"cannot start {arguments.command[0]}: {error}", file=sys.stderr)  # noqa: T201
        return 127
    return guard.run()


if __name__ == "__main__":
    sys.exit(main())
