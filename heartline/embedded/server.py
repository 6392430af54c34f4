"""What both embedded servers share: data folder, ports, readiness, restart on the same data, clean-up."""

import shutil
import tempfile
import time
import weakref
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from heartline.embedded.errors import EmbeddedServerError, PortInUseError
from heartline.embedded.ports import LOOPBACK, free_ports, is_free
from heartline.embedded.process import GRACE_SECONDS, GuardedProcess

READY_POLL_SECONDS = 0.05
PORT_TRIES = 3


class EmbeddedServer(ABC):
    """One server on loopback with a data folder of its own.

    `stop()` and `kill()` keep the data, so that `start()` goes on with it on the same port; `close()`, or the end of
    a `with` block, removes the data too when the folder is a temporary one.
    """

    name: ClassVar[str]
    port_count: ClassVar[int] = 1

    def __init__(self, data_dir: Path | None, port: int | None, start_deadline_seconds: float) -> None:
        """Take the folder and port given; a temporary folder and a free port where none is given."""
        self._given_port = port
        self._ports: list[int] = []
        self._start_deadline_seconds = start_deadline_seconds
        self._grace_seconds = GRACE_SECONDS
        self._temporary = data_dir is None
        self.data_dir = (
            Path(tempfile.mkdtemp(prefix=f"heartline-{self.name.lower()}-")) if data_dir is None else data_dir
        )
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.log_path = self.data_dir / f"{self.name.lower()}.log"
        self._processes: list[GuardedProcess] = []  # at most the latest one; a list, so that the clean-up shares it
        self._clean_up = weakref.finalize(self, _clean_up, self._processes, self.data_dir if self._temporary else None)

    @property
    def port(self) -> int:
        """The port it listens on. Raises EmbeddedServerError before the first start, when none is chosen yet."""
        if not self._ports:
            raise EmbeddedServerError(f"{self.name} has no port yet: call start() first")
        return self._ports[0]

    @property
    def pid(self) -> int:
        """The server's process id; 0 when it was never started."""
        return self._processes[0].pid if self._processes else 0

    @property
    def running(self) -> bool:
        """Whether the server's process runs."""
        return any(process.running for process in self._processes)

    def start(self) -> Self:
        """Start the server and wait until it answers; does nothing when it runs.

        Raises PortInUseError when the given port, or the one of the first start, is taken; EmbeddedServerError with
        the end of the server's log when it ends or does not answer in time.
        """
        if self.running:
            return self
        chosen_here = not self._ports
        for remaining in reversed(range(PORT_TRIES)):
            if chosen_here:
                self._choose_ports()
            try:
                self._launch()
            except PortInUseError:
                if not chosen_here or self._given_port is not None or remaining == 0:
                    raise
            else:
                break
        return self

    def check(self) -> None:
        """Raise EmbeddedServerError with the end of the server's log when it was started and does not run any more."""
        for process in self._processes:
            if not process.running:
                raise self._failure(process, f"ended with status {process.exit_status}")

    def stop(self) -> None:
        """End the server cleanly and keep its data."""
        for process in self._processes:
            process.stop()

    def kill(self) -> None:
        """End the server at once (SIGKILL), as a crash would, and keep its data."""
        for process in self._processes:
            process.kill()

    def restart(self) -> Self:
        """Stop the server if it runs, and start it on the same data and port."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """End the server and remove its data folder if it is a temporary one. The server can't be started again."""
        self._clean_up()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _prepare(self) -> list[str]:
        """Write what the server reads, and give its command."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Tell whether the server answers as its clients need it to."""

    def _choose_ports(self) -> None:
        self._ports = free_ports(self.port_count)
        if self._given_port is not None:
            self._ports[0] = self._given_port

    def _launch(self) -> None:
        for port in self._ports:
            if not is_free(port):
                raise PortInUseError(
                    f"{self.name} cannot listen on {LOOPBACK}:{port}: another process does; "
                    "stop that one, or choose another port"
                )
        orphan_folder = self.data_dir if self._temporary else None
        process = GuardedProcess(self.name, self._prepare(), self.log_path, orphan_folder, self._grace_seconds)
        self._processes[:] = [process]
        process.start()
        self._wait_until_ready(process)

    def _wait_until_ready(self, process: GuardedProcess) -> None:
        deadline = time.monotonic() + self._start_deadline_seconds
        try:
            while not self._is_ready():
                if not process.running:
                    raise self._failure(process, f"ended with status {process.exit_status}")
                if time.monotonic() > deadline:
                    raise self._failure(
                        process, f"did not answer on port {self.port} within {self._start_deadline_seconds:g} s"
                    )
                time.sleep(READY_POLL_SECONDS)
        except BaseException:
            process.stop()
            raise

    def _failure(self, process: GuardedProcess, what: str) -> EmbeddedServerError:
        tail = process.log_tail()
        if "Address already in use" in tail or "Address in use" in tail:
            return PortInUseError(
                f"{self.name} cannot listen on {LOOPBACK}:{self.port}: another process took it; choose another port"
            )
        return EmbeddedServerError(f"{self.name} {what}. The end of its log {self.log_path}:\n{tail}")


def _clean_up(processes: list[GuardedProcess], temporary: Path | None) -> None:
    for process in processes:
        process.stop()
    if temporary is not None:
        shutil.rmtree(temporary, ignore_errors=True)
