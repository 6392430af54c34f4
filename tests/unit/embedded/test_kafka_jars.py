"""Only the locked bytes get into the cache."""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from heartline.embedded.errors import ChecksumMismatchError, JarsUnavailableError
from heartline.embedded.kafka_jars import (
    Fetcher,
    FetchError,
    Progress,
    fetch_by_jgo,
    fetch_by_mvn,
    fetch_jars,
    missing_jars,
    pom_text,
)
from heartline.embedded.kafka_lock import KafkaLock, LockedJar

CONTENT = {"one": b"first jar", "two": b"second jar"}
JARS = tuple(
    LockedJar("org.example", name, "1.0", len(content), hashlib.sha256(content).hexdigest())
    for name, content in CONTENT.items()
)
LOCK = KafkaLock("4.3.1", 17, JARS)


def serving(content: dict[str, bytes]) -> Fetcher:
    """A repository that serves these bytes."""

    def fetch(jars: Sequence[LockedJar], folder: Path, progress: Progress) -> None:
        for jar in jars:
            target = folder / jar.path
            target.parent.mkdir(parents=True)
            target.write_bytes(content[jar.artifact])
            progress(jar)

    return fetch


def unreachable(jars: Sequence[LockedJar], folder: Path, progress: Progress) -> None:
    raise FetchError("no route to host")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_fetched_jars_are_in_the_cache_and_nothing_else_is(tmp_path: Path) -> None:
    arrived: list[str] = []

    fetch_jars(JARS, tmp_path, lambda jar: arrived.append(jar.artifact), [("mirror", serving(CONTENT))])

    assert missing_jars(LOCK, tmp_path) == []
    assert files(tmp_path) == ["one-1.0.jar", "two-1.0.jar"]
    assert arrived == ["one", "two"]


@pytest.mark.parametrize(
    "served",
    [
        pytest.param(b"second jaR", id="same size, other bytes"),
        pytest.param(b"second", id="cut short"),
        pytest.param(b"<html>sign in</html>", id="a proxy's page"),
    ],
)
def test_other_bytes_are_refused_and_not_kept(tmp_path: Path, served: bytes) -> None:
    with pytest.raises(ChecksumMismatchError) as raised:
        fetch_jars(JARS, tmp_path, fetchers=[("mirror", serving({**CONTENT, "two": served}))])

    message = str(raised.value)
    assert "org.example:two:1.0 as fetched by mirror is not the locked file" in message
    assert hashlib.sha256(served).hexdigest() in message
    assert JARS[1].sha256 in message
    assert files(tmp_path) == []


@pytest.mark.parametrize("damage", [b"", b"second jaR"])
def test_a_damaged_file_in_the_cache_is_fetched_again(tmp_path: Path, damage: bytes) -> None:
    fetch_jars(JARS, tmp_path, fetchers=[("mirror", serving(CONTENT))])
    (tmp_path / JARS[1].path).write_bytes(damage)

    absent = missing_jars(LOCK, tmp_path)
    fetch_jars(absent, tmp_path, fetchers=[("mirror", serving(CONTENT))])

    assert absent == [JARS[1]]
    assert missing_jars(LOCK, tmp_path) == []


def test_the_second_way_is_tried_when_the_first_does_not_work(tmp_path: Path) -> None:
    fetch_jars(JARS, tmp_path, fetchers=[("first", unreachable), ("second", serving(CONTENT))])

    assert missing_jars(LOCK, tmp_path) == []


def test_when_no_way_works_the_message_names_all_of_them_and_what_else_can_be_done(tmp_path: Path) -> None:
    with pytest.raises(JarsUnavailableError) as raised:
        fetch_jars(JARS, tmp_path, fetchers=[("first", unreachable), ("second", unreachable)])

    message = str(raised.value)
    assert "Tried first: no route to host; second: no route to host." in message
    assert "KAFKA_BOOTSTRAP_SERVERS" in message
    assert "docker compose" in message
    assert files(tmp_path) == []


def test_without_jgo_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jgo.maven", None)

    with pytest.raises(JarsUnavailableError, match=r"Tried jgo: not installed, `pip install heartline\[embedded\]`"):
        fetch_jars(JARS, tmp_path, fetchers=[("jgo", fetch_by_jgo)])


def test_without_maven_the_message_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(JarsUnavailableError, match=r"Tried mvn: not installed\."):
        fetch_jars(JARS, tmp_path / "cache", fetchers=[("mvn", fetch_by_mvn)])


def test_maven_is_asked_for_exactly_the_locked_jars() -> None:
    namespace = {"m": "http://maven.apache.org/POM/4.0.0"}

    dependencies = ElementTree.fromstring(pom_text(JARS)).findall("m:dependencies/m:dependency", namespace)

    assert [entry.findtext("m:artifactId", namespaces=namespace) for entry in dependencies] == ["one", "two"]
    assert all(entry.find("m:exclusions/m:exclusion", namespace) is not None for entry in dependencies)
