"""Which archive of Kafka's classes a start takes, and when another one is wanted."""

import os
from pathlib import Path

import pytest

from heartline.embedded.class_archive import archive_path, reading_arguments, replace
from heartline.embedded.java import JavaRuntime
from heartline.embedded.kafka_lock import KafkaLock

LOCK = KafkaLock("4.3.1", 17, ())


@pytest.fixture
def java(tmp_path: Path) -> JavaRuntime:
    program = tmp_path / "java"
    program.touch()
    return JavaRuntime(program, 17, "PATH")


def test_each_runtime_and_each_kafka_has_an_archive_of_its_own(java: JavaRuntime, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch()
    found = {
        archive_path(LOCK, java, tmp_path),
        archive_path(KafkaLock("3.9.2", 17, ()), java, tmp_path),
        archive_path(LOCK, JavaRuntime(other, 17, "PATH"), tmp_path),
        archive_path(LOCK, JavaRuntime(java.program, 25, "PATH"), tmp_path),
    }

    assert len(found) == 4


def test_a_runtime_that_was_updated_asks_for_another_one_and_takes_the_old_ones_place(
    java: JavaRuntime, tmp_path: Path
) -> None:
    before = archive_path(LOCK, java, tmp_path)
    os.utime(java.program, ns=(1, 1))
    after = archive_path(LOCK, java, tmp_path)
    assert before is not None
    assert after is not None
    assert before != after
    another = tmp_path / "kafka-4.3.1-java25-0123456789ab.jsa"
    written = tmp_path / "written"
    for path in (before, another, written):
        path.touch()

    replace(written, after)

    assert sorted(tmp_path.glob("*.jsa")) == sorted([after, another])


def test_a_start_reads_an_archive_only_where_there_is_one(java: JavaRuntime, tmp_path: Path) -> None:
    path = archive_path(LOCK, java, tmp_path)
    assert path is not None
    assert reading_arguments(path) == []

    path.touch()

    assert reading_arguments(path)[0] == f"-XX:SharedArchiveFile={path}"


def test_java_12_can_have_none(java: JavaRuntime, tmp_path: Path) -> None:
    path = archive_path(LOCK, JavaRuntime(java.program, 12, "PATH"), tmp_path)

    assert path is None
    assert reading_arguments(path) == []
