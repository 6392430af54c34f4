"""A real Apache Kafka on loopback: one KRaft node, broker and controller in one process."""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from heartline.embedded import class_archive, formatted, kafka_config
from heartline.embedded.cache import cache_dir
from heartline.embedded.errors import EmbeddedServerError
from heartline.embedded.java import find_java
from heartline.embedded.kafka_jars import class_path, fetch_jars, missing_jars
from heartline.embedded.kafka_lock import DEFAULT_VERSION, KafkaLock, read_lock
from heartline.embedded.ports import LOOPBACK, is_open
from heartline.embedded.server import EmbeddedServer

START_DEADLINE_SECONDS = 90.0
FORMAT_DEADLINE_SECONDS = 60.0
ARCHIVE_DEADLINE_SECONDS = 180.0  # five seconds of a processor, which a busy machine may not have soon


def wanted_lock(version: str | None = None) -> KafkaLock:
    """Give the lock of `version`, else of HEARTLINE_KAFKA_VERSION, else of the newest line."""
    return read_lock(version or os.environ.get("HEARTLINE_KAFKA_VERSION") or DEFAULT_VERSION)


def jar_repository() -> Path:
    """Give the folder that holds the fetched jars, laid out as a Maven repository."""
    return cache_dir() / "maven"


class KafkaServer(EmbeddedServer):
    """Apache Kafka for the demo, `heartline up --embedded` and the tests.

    Topics are never created by themselves; create them explicitly. Data survives `stop()`, `kill()` and `restart()`.
    """

    name = "Kafka"
    port_count = 2  # clients and controller

    def __init__(
        self,
        *,
        data_dir: Path | None = None,
        port: int | None = None,
        version: str | None = None,
        properties: Mapping[str, str] | None = None,
        heap_mib: int = kafka_config.HEAP_MIB,
        start_deadline_seconds: float = START_DEADLINE_SECONDS,
        class_archive_to: Path | None = None,
    ) -> None:
        """Describe the broker; nothing starts yet.

        `version` is a locked one or its beginning ("4", "3.9"); without it HEARTLINE_KAFKA_VERSION, then the newest.
        `properties` adds to the broker's settings and wins over them. A data folder keeps the version that formatted
        it, or a newer one: Kafka refuses older ones. `class_archive_to` is a file that it leaves when it is stopped,
        see `class_archive`.
        """
        super().__init__(data_dir, port, start_deadline_seconds)
        self.lock = wanted_lock(version)
        self._properties = dict(properties or {})
        self._heap_mib = heap_mib
        self._class_archive_to = class_archive_to
        if class_archive_to is not None:
            self._grace_seconds = ARCHIVE_DEADLINE_SECONDS

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients, "127.0.0.1:PORT". Raises EmbeddedServerError before the first start."""
        return f"{LOOPBACK}:{self.port}"

    def _prepare(self) -> list[str]:
        repository = jar_repository()
        if absent := missing_jars(self.lock, repository):
            fetch_jars(absent, repository)
        java = find_java(self.lock.java)
        logs = self.data_dir / "logs"
        properties = kafka_config.server_properties(logs, self._ports[0], self._ports[1], self._properties)
        arguments = kafka_config.java_arguments(class_path(self.lock, repository), self.data_dir, self._heap_mib)
        kept = class_archive.archive_path(self.lock, java, cache_dir())
        arguments = [*class_archive.reading_arguments(kept), *arguments]
        for name, text in {
            "server.properties": kafka_config.properties_text(properties),
            "log4j2.properties": kafka_config.log4j2_properties(),
            "log4j.properties": kafka_config.log4j_properties(),
            "java.arguments": kafka_config.argument_file_text(arguments),
        }.items():
            (self.data_dir / name).write_text(text, encoding="utf-8")
        command = [str(java.program), f"@{self.data_dir / 'java.arguments'}"]
        settings = self.data_dir / "server.properties"
        if not (logs / "meta.properties").exists():
            # Formatting also tells of settings that Kafka refuses; those that are always the same need no telling.
            known = formatted.checkpoint_path(self.lock, cache_dir())
            if self._properties or not formatted.write(logs, known):
                self._format(command, settings)
                if not self._properties:
                    formatted.keep(logs, known)
        if self._class_archive_to is not None:
            command[1:1] = class_archive.writing_arguments(self._class_archive_to)
        return [*command, "kafka.Kafka", str(settings)]

    def _format(self, command: list[str], settings: Path) -> None:
        options = ["format", "-t", kafka_config.random_id(), "-c", str(settings)]
        answer = subprocess.run(
            [*command, "kafka.tools.StorageTool", *options],
            capture_output=True,
            text=True,
            timeout=FORMAT_DEADLINE_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if answer.returncode != 0:
            # The rest is Java's stack.
            first_line = (answer.stderr or answer.stdout).strip().partition("\n")[0]
            raise EmbeddedServerError(
                f"Kafka {self.lock.version} could not format its data folder {self.data_dir}: {first_line}"
            )

    def _is_ready(self) -> bool:
        if not is_open(self.port):
            return False
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers, request_timeout_ms=2_000)
            try:
                return any(not broker.get("is_fenced", False) for broker in admin.describe_cluster()["brokers"])
            finally:
                admin.close()
        except (KafkaError, OSError):
            return False


def write_class_archive(version: str | None = None) -> None:
    """Run a broker once so that later ones start quicker, see `class_archive`; does nothing where that was done.

    `version` as for `KafkaServer`. A broker that does not start, or leaves no archive, is no error here: later ones do
    without, and say what is wrong with them.
    """
    lock = wanted_lock(version)
    kept = class_archive.archive_path(lock, find_java(lock.java), cache_dir())
    if kept is None or kept.is_file():
        return
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=kept.parent) as incoming:
        written = Path(incoming) / kept.name
        try:
            with KafkaServer(version=version, class_archive_to=written):
                pass
        except EmbeddedServerError:
            return
        if written.is_file():
            class_archive.replace(written, kept)
