"""Heartline's processes as a test runs them: the commands that an operator types, killed as rudely."""

import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from heartline.cli import main
from tests.deadlines import HANG_SECONDS
from tests.forked import ForkedProcess


class Role:
    """One `heartline ...` process with its output in a file.

    Args:
        args: what follows `heartline`.
        env: variables on top of this process's own, from which every HEARTLINE_ variable is taken out.
        log: where its output goes; appended to, so that a restart's lines follow the first start's.
    """

    def __init__(self, args: list[str], env: Mapping[str, str], log: Path) -> None:
        self._args = args
        self._env = _environment(env)
        self.log = log
        self.process: ForkedProcess | subprocess.Popen[bytes] | None = None

    def start(self, ready: str | None = None) -> Self:
        """Start it; with `ready`, wait until it has printed that."""
        before = self.output().count(ready) if ready is not None else 0
        self.process = ForkedProcess(main, self._args, self._env, self.log)
        if ready is not None:
            wait_for(lambda: self.output().count(ready) > before or self.exit_code() is not None, HANG_SECONDS, ready)
            assert self.exit_code() is None, f"{self._args} ended with {self.exit_code()}:\n{self.output()[-4000:]}"
        return self

    def output(self) -> str:
        """All it printed so far."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def exit_code(self) -> int | None:
        """Its exit status; None while it runs."""
        return self.process.poll() if self.process is not None else None

    def stop(self, seconds: float = 40) -> int:
        """Ask it to stop (SIGTERM) and give its exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(max(seconds, HANG_SECONDS))

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(HANG_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        if error is not None:
            print(f"--- {self._args} ---\n{self.output()[-6000:]}")  # noqa: T201 - pytest shows it beside the failure


def heartline(env: Mapping[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself: its status, what it printed, and its errors.

    Args:
        env: variables as of a `Role`.
        args: what follows `heartline`.
    """
    with tempfile.TemporaryDirectory(prefix="heartline-command-") as folder:
        out, errors = Path(folder, "out"), Path(folder, "errors")
        process = ForkedProcess(main, args, _environment(env), out, errors)
        try:
            status = process.wait(HANG_SECONDS)
        finally:
            process.kill()
        return subprocess.CompletedProcess(args, status, out.read_text("utf-8"), errors.read_text("utf-8"))


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    """This process's variables without any of Heartline's, and these."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")} | dict(env)


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until a condition holds; fail by name when it never does: within `seconds`, or longer on a busy machine.

    The more a look costs, the longer the pause behind it: a topic that is read whole takes the processor from those who
    are waited for.
    """
    seconds = max(seconds, HANG_SECONDS)
    deadline = time.monotonic() + seconds
    while True:
        before = time.thread_time()
        if condition():
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(min(max(0.1, 8 * (time.thread_time() - before)), 1.0))


def asked(url: str) -> tuple[int, str]:
    """What a process answers by HTTP: status and body."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
