"""Write the lock files anew: `python -m heartline.embedded.relock`. For developers, after a new Kafka release.

jgo resolves the broker's dependencies from its published pom. The logging back end is added by hand and by itself:
asked for together with the broker, its dependency management would override the broker's own versions.
"""

import hashlib
from pathlib import Path
from typing import Any

import jgo

BROKERS: dict[str, tuple[str, ...]] = {
    # Kafka logs by SLF4J 1.7 and brings no back end: log4j 2 (the version in its own pom) for 4.x, reload4j for 3.9.
    "4.3.1": ("org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",),
    "3.9.2": ("org.slf4j:slf4j-reload4j:1.7.36", "ch.qos.reload4j:reload4j:1.2.25"),
}
OLDEST_JAVA = 17
"""Kafka 4's servers need it; 3.9 runs on it as well. Source: Apache Kafka documentation, "Java Version"."""


def lock_text(version: str, logging: tuple[str, ...]) -> str:
    """Resolve and fetch one broker and give the text of its lock file."""
    artifacts = jgo.resolve(f"org.apache.kafka:kafka_2.13:{version}")
    for coordinate in logging:
        artifacts.append(jgo.resolve(coordinate)[0])
    lines = [
        f"# Apache Kafka {version} and what it needs at run time. Written by `python -m heartline.embedded.relock`.",
        f'kafka = "{version}"',
        f"java = {OLDEST_JAVA}",
    ]
    return "\n".join(lines) + "\n" + jar_entries(artifacts)


def jar_entries(artifacts: list[Any]) -> str:
    """Fetch what jgo has resolved and give its part of a lock file."""
    lines = []
    for artifact in artifacts:
        content = Path(artifact.resolve()).read_bytes()
        lines += [
            "",
            "[[jars]]",
            f'coordinate = "{artifact.groupId}:{artifact.artifactId}:{artifact.version}"',
            f"bytes = {len(content)}",
            f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write every lock file beside this module."""
    for version, logging in BROKERS.items():
        line = ".".join(version.split(".")[:2])
        target = Path(__file__).with_name(f"kafka-{line}.lock.toml")
        target.write_text(lock_text(version, logging), encoding="utf-8")


if __name__ == "__main__":
    main()
