"""A guarded child process: start, stop with a deadline, kill, and the end of its log for error messages."""

import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from heartline.embedded import guard
from heartline.embedded.errors import EmbeddedServerError

GRACE_SECONDS = 15.0
"""How long a server may take to end after SIGTERM before it gets SIGKILL."""


class GuardedProcess:
    """One server process that ends with its owner (this process), whatever ends the owner. See `guard`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log_path: Path,
        orphan_folder: Path | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        """Describe the process; nothing starts yet.

        `log_path` gets everything that it prints. `orphan_folder` is removed when the owner dies without stopping it.
        `grace_seconds`: how long it may take to end after SIGTERM before it gets SIGKILL.
        """
        self._grace_seconds = grace_seconds
        self.name = name
        self.log_path = log_path
        self._command = list(command)
        self._orphan_folder = orphan_folder
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The server's own process id; 0 before the start."""
        return self._pid

    @property
    def running(self) -> bool:
        """Whether the server runs."""
        return self._guard is not None and self._guard.poll() is None

    @property
    def exit_status(self) -> int | None:
        """The server's exit status, 128 + N after signal N; None before the start and while it runs."""
        return None if self._guard is None else self._guard.poll()

    def start(self) -> None:
        """Start the server in a session of its own, so that Ctrl-C at the terminal reaches its owner alone.

        Raises EmbeddedServerError when its program can't be run.
        """
        options = ["--grace-seconds", str(self._grace_seconds)]
        if self._orphan_folder is not None:
            options += ["--orphan-folder", str(self._orphan_folder)]
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, *options, "--", *self._command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self._guard.stdout is not None
        with self._guard.stdout as answer:
            line = answer.readline()
        if not line:
            self._join(GRACE_SECONDS)
            raise EmbeddedServerError(f"{self.name} did not start: {self.log_tail()}")
        self._pid = int(line)

    def stop(self) -> None:
        """End the server: SIGTERM, then SIGKILL after GRACE_SECONDS. Does nothing when it does not run."""
        if self._guard is None:
            return
        assert self._guard.stdin is not None
        if self.running:
            with contextlib.suppress(BrokenPipeError):  # the server ends by itself just now
                self._guard.stdin.write(b"stop\n")
                self._guard.stdin.flush()
        self._join(self._grace_seconds + 10)

    def kill(self) -> None:
        """End the server at once with SIGKILL, as a crash would. Does nothing when it does not run."""
        if self._guard is None:
            return
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        self._join(self._grace_seconds + 10)

    def log_tail(self, lines: int = 15) -> str:
        """Give the last lines logged since the start, for an error message; says so when there are none."""
        try:
            with self.log_path.open(encoding="utf-8", errors="replace") as log:
                log.seek(self._log_start)
                tail = "".join(deque(log, maxlen=lines)).rstrip()
        except OSError as error:
            return f"(no log: {error})"
        return tail or f"(its log {self.log_path} is empty)"

    def _join(self, deadline_seconds: float) -> None:
        assert self._guard is not None
        try:
            self._guard.wait(deadline_seconds)
        except subprocess.TimeoutExpired:
            # Guard and server share one process group; only a server stuck in the kernel gets here.
            os.killpg(self._guard.pid, signal.SIGKILL)
            self._guard.wait()
        finally:
            if self._guard.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    self._guard.stdin.close()
