"""A command with everything that it starts, so that a test can tell whether anything of it stays."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.deadlines import HANG_SECONDS
from tests.integration.roles import wait_for

_LOOK_SECONDS = 0.2


class Family:
    """One `heartline ...` process, and all processes that it or its children ever started.

    Args:
        args: what follows `heartline`.
        folder: for its output, and for whatever it puts into the folder for temporary files.
        env: variables on top of this process's own, from which all settings of Heartline are taken out.
    """

    def __init__(self, args: list[str], folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")}
        self._out, self._err = folder / "out", folder / "err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "heartline.cli", *args],
                env=kept | {"TMPDIR": str(self.temporary)} | dict(env or {}),
                stdout=out,
                stderr=err,
            )
        self._members: dict[int, psutil.Process] = {}
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._watching.start()

    @property
    def out(self) -> str:
        """What it printed on stdout so far."""
        return self._out.read_text("utf-8", "replace")

    @property
    def err(self) -> str:
        """What it printed on stderr so far."""
        return self._err.read_text("utf-8", "replace")

    def wait_said(self, words: str, seconds: float = 90) -> None:
        """Wait until it has printed something, on either."""
        wait_for(lambda: words in self.out + self.err or self.process.poll() is not None, seconds, words)
        assert words in self.out + self.err, self.out + self.err

    def wait_ended(self, seconds: float = 60) -> int:
        """Wait for its end, and give its exit status."""
        return self.process.wait(max(seconds, HANG_SECONDS))

    def child(self, words: str) -> psutil.Process:
        """The living member whose command line has these words, and is no guard."""
        for member in list(self._members.values()):
            line = _command_line(member)
            if words in line and "guard.py" not in line and member.is_running():
                return member
        raise AssertionError(f"no process with {words!r} among {[_command_line(m) for m in self._members.values()]}")

    def left(self) -> list[str]:
        """Command lines of members that are still there."""
        self._watching.join(5)
        return [_command_line(member)[:200] for member in self._members.values() if _lives(member)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(HANG_SECONDS)
        if error is not None:
            print(f"--- stdout ---\n{self.out[-4000:]}\n--- stderr ---\n{self.err[-6000:]}")  # noqa: T201

    def _watch(self) -> None:
        """Look again and again: a process that lost its parent can't be found from it any more."""
        try:
            root = psutil.Process(self.process.pid)
            while self.process.poll() is None:
                for member in root.children(recursive=True):
                    self._members.setdefault(member.pid, member)
                time.sleep(_LOOK_SECONDS)
        except psutil.NoSuchProcess:
            return


def _lives(member: psutil.Process) -> bool:
    try:
        return member.is_running() and member.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _command_line(member: psutil.Process) -> str:
    try:
        return " ".join(member.cmdline())
    except psutil.NoSuchProcess:
        return ""
