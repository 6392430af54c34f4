"""The roles of an installation as child processes of the command line: started, watched, stopped, never orphaned."""

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from heartline.embedded.process import GuardedProcess
from stream.contracts.errors import HeartlineError

READY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05


class ChildProcessEnded(HeartlineError):
    """A role ended, or did not get ready, while it was needed: says which, and the end of what it said."""


class Role:
    """One process of the `heartline` command: `worker`, `alerting` or `board`.

    It runs in a session of its own under a guard, so Ctrl-C at the terminal reaches this process alone, and the role
    ends when this process does, however that happens.

    Args:
        name: the command.
        environ: its whole environment.
        folder: a temporary one, where its log goes; removed if this process dies without stopping the role.
        arguments: what follows the command.
    """

    def __init__(self, name: str, environ: Mapping[str, str], folder: Path, arguments: tuple[str, ...] = ()) -> None:
        self.name = name
        self.log_path = folder / f"{name}.log"
        self._environ = environ
        self._read_bytes = 0
        # -P: a module of the folder where the command was typed must not be taken for ours.
        command = [sys.executable, "-P", "-m", "heartline.cli", name, *arguments]
        self._process = GuardedProcess(name, command, self.log_path, orphan_folder=folder)

    def start(self) -> None:
        """Start it; does not wait."""
        with _environment(self._environ):
            self._process.start()

    @property
    def ready(self) -> bool:
        """Whether it has said that it is ready.

        Raises:
            ChildProcessEnded: it ended instead.
        """
        self.check()
        return re.search(rf"\b{self.name} ready\b", self.log_path.read_text("utf-8", "replace")) is not None

    def wait_ready(self) -> None:
        """Wait until it says that it is ready.

        Raises:
            ChildProcessEnded: it ended instead, or took more than a minute.
        """
        deadline = time.monotonic() + READY_SECONDS
        while not self.ready and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        self.insist_ready()

    def insist_ready(self) -> None:
        """Do nothing if it has said that it is ready.

        Raises:
            ChildProcessEnded: it has not.
        """
        if not self.ready:
            raise ChildProcessEnded(
                f"{self.name} was not ready within {READY_SECONDS:g} s:\n{self._process.log_tail()}"
            )

    def check(self) -> None:
        """Do nothing while it runs.

        Raises:
            ChildProcessEnded: it does not.
        """
        if not self._process.running:
            status = self._process.exit_status
            raise ChildProcessEnded(
                f"{self.name} ended with status {status}; the last that it said:\n{self._process.log_tail()}"
            )

    def log_tail(self) -> str:
        """The last lines that it said."""
        return self._process.log_tail()

    def new_lines(self) -> list[str]:
        """The whole lines that it has said since the last call."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(self._read_bytes)
                whole, newline, _ = log.read().rpartition(b"\n")
        except OSError:
            return []
        self._read_bytes += len(whole) + len(newline)
        return whole.decode("utf-8", "replace").splitlines()

    def stop(self) -> int | None:
        """End it cleanly, by force when it takes too long; its exit status."""
        self._process.stop()
        return self._process.exit_status

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid


@contextlib.contextmanager
def _environment(environ: Mapping[str, str]) -> Iterator[None]:
    """This process's environment for as long as a child is being started from it."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
