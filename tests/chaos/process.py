"""The product's processes, each started again whenever it has ended."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.chaos import stepped
from tests.forked import ForkedProcess


class Process:
    """One of them.

    Args:
        role: the command that it runs, and the name of its log.
        arguments: that follow the command.
        env: its settings; those of this process are not for it.
        folder: for its log.
        number: which one of its role.
        release: the Python of an earlier release's environment that it runs on until it is upgraded; None: this one.
    """

    def __init__(
        self, role: str, arguments: Sequence[str], env: dict[str, str], folder: Path, number: int, release: Path | None
    ) -> None:
        self.name, self.release = f"{role}-{number}", release
        self.log = folder / f"{self.name}.log"
        self._offset = folder / f"{self.name}.offset"
        self.step_clock(0)
        self._arguments = [str(self._offset), role, *arguments]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")}
        self._env = kept | env
        self._process: ForkedProcess | subprocess.Popen[bytes] | None = None
        self.is_wanted = True

    def keep_running(self) -> None:
        """What a supervisor does."""
        if not self.is_wanted or (self._process is not None and self._process.poll() is None):
            return
        if self.release is None:
            self._process = ForkedProcess(stepped.main, self._arguments, self._env, self.log)
            return
        command = [str(self.release), "-P", stepped.__file__, *self._arguments]
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(command, env=self._env, stdout=out, stderr=out, start_new_session=True)

    def signal(self, number: int) -> None:
        """Send a signal, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def upgrade(self) -> None:
        """End it in order; this checkout is what is started next."""
        self.release = None
        self.signal(signal.SIGTERM)

    def step_clock(self, seconds: int) -> None:
        """Its wall clock is so far from the true time."""
        stepped.write_offset(self._offset, seconds)

    def end(self) -> None:
        """For good."""
        self.is_wanted = False
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)
