"""Jars come from the mirror that the user's Maven settings name, and only if they are the locked ones."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from heartline.embedded.errors import ChecksumMismatchError, JarsUnavailableError
from heartline.embedded.kafka import jar_repository, wanted_lock
from heartline.embedded.kafka_jars import fetch_by_jgo, fetch_jars, missing_jars
from heartline.embedded.kafka_lock import KafkaLock
from heartline.embedded.ports import free_ports

SETTINGS = (
    "<settings><mirrors><mirror><id>house</id><mirrorOf>*</mirrorOf><url>{url}</url></mirror></mirrors></settings>"
)


class Mirror(SimpleHTTPRequestHandler):
    """Serves a Maven repository from a folder, in silence."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def small_lock(tmp_path: Path) -> KafkaLock:
    """The locked logging jars, laid out in `tmp_path/mirror` as a repository."""
    lock = wanted_lock()
    jars = tuple(jar for jar in lock.jars if jar.artifact.startswith(("log4j-", "slf4j-")))
    if missing_jars(lock, jar_repository()):
        fetch_jars(missing_jars(lock, jar_repository()), jar_repository())
    for jar in jars:
        copy = tmp_path / "mirror" / jar.path
        copy.parent.mkdir(parents=True)
        copy.write_bytes((jar_repository() / jar.path).read_bytes())
    return KafkaLock(lock.version, lock.java, jars)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own."""
    home = tmp_path / "home"
    (home / ".m2").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("JGO_CONFIG_FILE", str(home / "jgo.conf"))
    (home / "jgo.conf").touch()
    return home


@pytest.fixture
def mirror(tmp_path: Path, home: Path) -> Iterator[ThreadingHTTPServer]:
    """A mirror on loopback that the Maven settings in the test's home folder name."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Mirror, directory=str(tmp_path / "mirror")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    (home / ".m2" / "settings.xml").write_text(SETTINGS.format(url=f"http://127.0.0.1:{server.server_port}"))
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("mirror")
def test_the_mirror_serves_the_jars(small_lock: KafkaLock, tmp_path: Path) -> None:
    fetch_jars(small_lock.jars, tmp_path / "cache", fetchers=[("jgo", fetch_by_jgo)])

    assert missing_jars(small_lock, tmp_path / "cache") == []


@pytest.mark.usefixtures("mirror")
def test_a_tampered_jar_on_the_mirror_is_refused(small_lock: KafkaLock, tmp_path: Path) -> None:
    tampered = small_lock.jars[0]
    copy = tmp_path / "mirror" / tampered.path
    content = bytearray(copy.read_bytes())
    content[100] ^= 1
    copy.write_bytes(content)

    with pytest.raises(ChecksumMismatchError, match=f"{tampered} as fetched by jgo is not the locked file"):
        fetch_jars(small_lock.jars, tmp_path / "cache", fetchers=[("jgo", fetch_by_jgo)])

    assert missing_jars(small_lock, tmp_path / "cache") == list(small_lock.jars)


@pytest.mark.usefixtures("mirror")
def test_a_jar_that_the_mirror_lacks_is_named(small_lock: KafkaLock, tmp_path: Path) -> None:
    lacking = small_lock.jars[0]
    (tmp_path / "mirror" / lacking.path).unlink()

    with pytest.raises(JarsUnavailableError, match=rf"Tried jgo: .*{lacking.artifact}:jar:{lacking.version}"):
        fetch_jars(small_lock.jars, tmp_path / "cache", fetchers=[("jgo", fetch_by_jgo)])


def test_a_mirror_that_is_down_is_named(small_lock: KafkaLock, home: Path, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    (home / ".m2" / "settings.xml").write_text(SETTINGS.format(url=f"http://127.0.0.1:{port}"))

    with pytest.raises(JarsUnavailableError, match=rf"Tried jgo: .*127\.0\.0\.1.*{port}"):
        fetch_jars(small_lock.jars[:1], tmp_path / "cache", fetchers=[("jgo", fetch_by_jgo)])
