"""The lock names every jar exactly."""

import pytest

from heartline.embedded.errors import EmbeddedServerError, UnknownVersionError
from heartline.embedded.kafka_lock import locked_versions, parse_lock, read_lock

ENTRY = '[[jars]]\ncoordinate = "org.example:thing:1.2"\nbytes = 3\nsha256 = "{sha256}"\n'
HEAD = 'kafka = "4.3.1"\njava = 17\n'


def test_a_lock_file_is_read() -> None:
    lock = parse_lock(HEAD + ENTRY.format(sha256="ab" * 32))

    (jar,) = lock.jars
    assert (lock.version, lock.java, lock.size_bytes) == ("4.3.1", 17, 3)
    assert str(jar) == "org.example:thing:1.2"
    assert str(jar.path) == "org/example/thing/1.2/thing-1.2.jar"


@pytest.mark.parametrize(
    "sha256",
    [
        pytest.param("", id="none"),
        pytest.param("ab" * 20, id="a SHA-1"),
        pytest.param("AB" * 32, id="upper case would never compare equal"),
        pytest.param("zz" * 32, id="not hexadecimal"),
    ],
)
def test_a_lock_that_could_refuse_nothing_is_refused(sha256: str) -> None:
    with pytest.raises(EmbeddedServerError, match=r"org\.example:thing:1\.2 has sha256 .* expected 64 hexadecimal"):
        parse_lock(HEAD + ENTRY.format(sha256=sha256))


@pytest.mark.parametrize("version", locked_versions())
def test_every_lock_holds_one_broker_with_its_clients_and_a_logging_back_end(version: str) -> None:
    lock = read_lock(version)

    names = [jar.artifact for jar in lock.jars]
    ours = {jar.version for jar in lock.jars if jar.group == "org.apache.kafka"}
    assert ours == {version}
    assert len(names) == len(set(names)) or version.startswith("3.")  # 3.9 has two metrics-core of different groups
    assert len({jar.path for jar in lock.jars}) == len(lock.jars)
    assert {"kafka_2.13", "kafka-clients", "kafka-raft", "scala-library", "slf4j-api"} <= set(names)
    assert {"log4j-slf4j-impl", "slf4j-reload4j"} & set(names)


def test_the_newest_fitting_version_is_chosen() -> None:
    newest = locked_versions()[0]

    assert newest.startswith("4.")
    assert read_lock().version == read_lock("4").version == newest
    assert read_lock("3.9").version.startswith("3.9.")


@pytest.mark.parametrize("wanted", ["5", "3.8", "4.30", "latest", "4."])
def test_a_version_that_is_not_locked_is_refused_with_those_that_are(wanted: str) -> None:
    with pytest.raises(UnknownVersionError, match=rf"Kafka '{wanted}' .* is not among the locked versions 4\..*3\.9"):
        read_lock(wanted)
