"""The lock: exactly which jars make up a broker, and the checksum of each.

One data file per Kafka line lies beside this module. `relock` writes them.
"""

import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePosixPath

from heartline.embedded.errors import EmbeddedServerError, UnknownVersionError

DEFAULT_VERSION = "4"
"""The newest locked Kafka of this line is used when nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class LockedJar:
    """One jar: its Maven coordinates, size in bytes and SHA-256 in hexadecimal."""

    group: str
    artifact: str
    version: str
    size_bytes: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        """The file's name, without folders."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def path(self) -> PurePosixPath:
        """The path inside a Maven repository. Source: Maven's repository layout."""
        return PurePosixPath(*self.group.split("."), self.artifact, self.version, self.file_name)


@dataclass(frozen=True, slots=True)
class KafkaLock:
    """One broker: its version, the oldest Java that runs it, and its jars in class path order."""

    version: str
    java: int
    jars: tuple[LockedJar, ...]

    @property
    def size_bytes(self) -> int:
        """The size of all jars together."""
        return sum(jar.size_bytes for jar in self.jars)


def parse_lock(text: str) -> KafkaLock:
    """Read one lock file.

    Raises EmbeddedServerError when a jar has no usable checksum: a lock that can't refuse anything is no lock.
    """
    data = tomllib.loads(text)
    return KafkaLock(data["kafka"], data["java"], locked_jars(text))


def locked_jars(text: str) -> tuple[LockedJar, ...]:
    """Read the jars of a lock file, in class path order.

    Raises EmbeddedServerError when a jar has no usable checksum: a lock that can't refuse anything is no lock.
    """
    jars = []
    for entry in tomllib.loads(text)["jars"]:
        group, artifact, version = entry["coordinate"].split(":")
        if not re.fullmatch(r"[0-9a-f]{64}", entry["sha256"]):
            raise EmbeddedServerError(
                f"lock of jars: {entry['coordinate']} has sha256 {entry['sha256']!r}, "
                "expected 64 hexadecimal digits; write the lock anew with `python -m heartline.embedded.relock`"
            )
        jars.append(LockedJar(group, artifact, version, entry["bytes"], entry["sha256"]))
    return tuple(jars)


def locked_versions() -> list[str]:
    """Give the versions of Kafka that are locked, newest first."""
    return sorted((lock.version for lock in _all_locks()), key=_version_key, reverse=True)


def read_lock(wanted: str = DEFAULT_VERSION) -> KafkaLock:
    """Give the newest lock whose version is `wanted` or begins with it ("4", "3.9", "4.3.1").

    Raises UnknownVersionError when none fits, naming those that there are.
    """
    fitting = [lock for lock in _all_locks() if f"{lock.version}.".startswith(f"{wanted}.")]
    if not fitting:
        raise UnknownVersionError(
            f"Kafka {wanted!r} (HEARTLINE_KAFKA_VERSION or --kafka-version) is not among the locked versions "
            f"{', '.join(locked_versions())}; name one of these, or a beginning such as 4 or 3.9"
        )
    return max(fitting, key=lambda lock: _version_key(lock.version))


def _all_locks() -> list[KafkaLock]:
    folder = resources.files("heartline.embedded")
    files = [entry for entry in folder.iterdir() if re.fullmatch(r"kafka-.+\.lock\.toml", entry.name)]
    return [parse_lock(entry.read_text(encoding="utf-8")) for entry in files]


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
