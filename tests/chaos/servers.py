"""What the processes stand on: brokers and Redis, each behind its proxy and started again, and disks that fill up."""

import contextlib
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Final
from unittest import mock

from heartline.embedded import EmbeddedServerError, KafkaServer, ValkeyServer, kafka_config
from heartline.embedded.ports import free_ports
from heartline.embedded.server import EmbeddedServer
from tests.chaos.proxy import FaultyProxy

FIRST_START_SECONDS: Final = 300.0
_LOOK_SECONDS: Final = 0.3


class Supervised:
    """A server that is started again whenever it has ended, unless it is to stay away for now.

    Args:
        server: not started yet.
        proxy: that stands before it.
        inner_port: the way past the proxy.
    """

    def __init__(self, server: EmbeddedServer, proxy: FaultyProxy, inner_port: int) -> None:
        self.server, self.proxy, self.inner_port = server, proxy, inner_port
        self._is_wanted, self._stop, self._has_answered = True, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._supervise, daemon=True)

    def start(self) -> None:
        """Start it for the first time; it does not answer yet."""
        self._thread.start()

    def _supervise(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            if self._is_wanted and not self.server.running:
                with contextlib.suppress(EmbeddedServerError):  # killed on its way, or its disk is full: again
                    self.server.start()
                    self._has_answered.set()

    def wait_until_up(self) -> None:
        """Wait until it has answered once.

        Raises:
            TimeoutError: it has not.
        """
        if not self._has_answered.wait(FIRST_START_SECONDS):
            raise TimeoutError(f"{self.server.name} did not start; see {self.server.log_path}")

    def kill(self) -> None:
        """SIGKILL, and it stays away."""
        self._is_wanted = False
        self.server.kill()

    def freeze(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def revive(self) -> None:
        """Whatever was done to it ends; it is started again in a moment."""
        self._signal(signal.SIGCONT)
        self._is_wanted = True

    def _signal(self, number: int) -> None:
        if self.server.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.server.pid, number)

    def close(self) -> None:
        """End it and remove its data."""
        self._stop.set()
        self._is_wanted = False
        self.server.kill()
        self._thread.join(30)
        self.server.close()
        self.proxy.close()


def kafka_cluster(count: int, disk: Path | None) -> list[Supervised]:
    """Brokers that are each other's replicas, every topic on as many of them as are there; not started.

    Clients reach each through its proxy, brokers one another past it.

    Args:
        count: 1, or 3.
        disk: where the last one keeps its data; None: where the others do.
    """
    ports = [free_ports(4) for _ in range(count)]
    cluster_id = kafka_config.random_id()
    voters = ",".join(f"{number}@127.0.0.1:{each[2]}" for number, each in enumerate(ports))
    found = []
    for number, (own, inner, controller, outer) in enumerate(ports):
        properties = {
            "node.id": str(number),
            "controller.quorum.voters": voters,
            "listeners": (f"PLAINTEXT://127.0.0.1:{own},INNER://127.0.0.1:{inner},CONTROLLER://127.0.0.1:{controller}"),
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{outer},INNER://127.0.0.1:{inner}",
            "inter.broker.listener.name": "INNER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,INNER:PLAINTEXT",
        }
        if count > 1:
            properties |= {
                "offsets.topic.replication.factor": str(count),
                "transaction.state.log.replication.factor": str(count),
                "transaction.state.log.min.isr": "2",
                "min.insync.replicas": "2",
                "metadata.max.idle.interval.ms": "500",
            }
        is_on_disk = disk is not None and number == count - 1
        server = _Node(cluster_id, port=own, properties=properties, heap_mib=384, data_dir=disk if is_on_disk else None)
        server._ports = [own, controller]
        found.append(Supervised(server, FaultyProxy(outer, own), inner))
    return found


class _Node(KafkaServer):
    """A broker of a cluster whose id is given."""

    def __init__(self, cluster_id: str, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self._cluster_id = cluster_id

    def _format(self, command: list[str], settings: Path) -> None:
        with mock.patch.object(kafka_config, "random_id", return_value=self._cluster_id):
            super()._format(command, settings)


def redis_server(disk: Path | None) -> tuple[Supervised, int]:
    """Redis with an append-only file, behind its proxy; not started.

    Args:
        disk: where its data is; None: in a folder of its own.

    Returns:
        it, and the proxy's port.
    """
    own, outer = free_ports(2)
    return Supervised(ValkeyServer(port=own, data_dir=disk), FaultyProxy(outer, own), own), outer


class Disk:
    """A small file system that can be filled to its last byte.

    Args:
        folder: where it is mounted.
        mib: how large it is.

    Raises:
        PermissionError: this user may not mount one.
    """

    def __init__(self, folder: Path, mib: int) -> None:
        self.folder = folder
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "heartline-chaos", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            raise PermissionError(f"{folder}: this user may not mount a file system, so no disk will be full")
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Nothing can be written any more."""
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(1))

    def free(self) -> None:
        """As it was."""
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it, with whatever is on it."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False)
