"""The jars of the Java peers: locked with their checksums beside the programs, fetched as Kafka's own are.

    python -m bench.jars    write the locks anew, after a new release

No part of the product knows of them.
"""

from pathlib import Path
from typing import Any

import jgo

from heartline.embedded.kafka import jar_repository
from heartline.embedded.kafka_jars import fetch_jars, is_intact
from heartline.embedded.kafka_lock import LockedJar, locked_jars
from heartline.embedded.relock import OLDEST_JAVA, jar_entries

FOLDER = Path(__file__).resolve().parent / "peer_programs" / "java"
# What is asked for; of two versions of what they need the one that comes first is taken.
WANTED = {
    "kafka-streams": ("org.apache.kafka:kafka-streams:4.3.1",),
    "flink": (
        "org.apache.flink:flink-clients:2.2.1",
        "org.apache.flink:flink-connector-kafka:5.0.0-2.2",
        "org.apache.flink:flink-connector-base:2.2.1",
        "org.apache.flink:flink-statebackend-rocksdb:2.2.1",
    ),
}


def lock_path(name: str) -> Path:
    """Where the lock of a peer is."""
    return FOLDER / f"{name}.lock.toml"


def peer_jars(name: str) -> tuple[LockedJar, ...]:
    """The locked jars of a peer; the first is the peer's own."""
    return locked_jars(lock_path(name).read_text("utf-8"))


def class_path(name: str) -> list[Path]:
    """Where a peer's jars are, fetched if they were not there.

    Raises:
        EmbeddedServerError: they can't be fetched, or are not the locked ones.
    """
    jars, repository = peer_jars(name), jar_repository()
    absent = [jar for jar in jars if not is_intact(jar, repository / jar.path)]
    if absent:
        fetch_jars(absent, repository)
    return [repository / jar.path for jar in jars]


def lock_text(name: str) -> str:
    """Resolve and fetch what a peer needs and give the text of its lock."""
    found: dict[tuple[str, str], Any] = {}
    for coordinate in WANTED[name]:
        for artifact in jgo.resolve(coordinate):
            found.setdefault((artifact.groupId, artifact.artifactId), artifact)
    head = f"# What {WANTED[name][0]} needs at run time. Written by `python -m bench.jars`.\njava = {OLDEST_JAVA}\n"
    return head + jar_entries(list(found.values()))


def main() -> None:
    """Write every lock."""
    for name in WANTED:
        lock_path(name).write_text(lock_text(name), "utf-8")


if __name__ == "__main__":
    main()
