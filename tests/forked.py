"""Heartline's processes, forked from one that has imported Heartline already.

What a process imports costs two to three seconds of a processor and is the same each time; the tests start some two
hundred. In every other way these are processes of their own, which are stopped, killed and waited for like any. As an
operator starts them, interpreter and imports included, `tests.integration.processes` and the tests of `up` and `demo`
do it.
"""

import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Final

_CONTEXT: Final = multiprocessing.get_context("forkserver")
# Of what is not here, a process imports what it needs by itself.
_CONTEXT.set_forkserver_preload(["tests.forked", "heartline.cli", "stream.run", "consumers.alerting.process"])


class ForkedProcess:
    """One process, with the part of `subprocess.Popen` that tests use.

    Args:
        program: a function of a module; the process ends when it returns, or as it exits.
        arguments: what follows the name of the program in `sys.argv`.
        environment: all of its variables.
        log: where its output goes; appended to.
        errors: where its errors go; where its output goes if nothing is said.
    """

    def __init__(
        self,
        program: Callable[[], None],
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        errors: Path | None = None,
    ) -> None:
        for path in (log, errors or log):
            path.touch()
        self._process = _CONTEXT.Process(
            target=_run, args=(program, [*arguments], dict(environment), log, errors or log)
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, -N after signal N; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same, as Popen has it."""
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Its exit status, once it has ended.

        Raises:
            TimeoutExpired: it has not.
        """
        self._process.join(timeout)
        if (status := self.returncode) is None:
            raise TimeoutExpired(self._process.name, timeout)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal; one that has ended gets none."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _run(
    program: Callable[[], None], arguments: list[str], environment: dict[str, str], log: Path, errors: Path
) -> None:
    """The process itself: as if it had been started with these arguments, variables and output."""
    gc.freeze()  # what it has of its parent is no garbage, and looking through it would copy it
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["heartline", *arguments]
    for path, number in ((log, 1), (errors, 2)):
        with path.open("ab") as out:
            os.dup2(out.fileno(), number)
    program()
