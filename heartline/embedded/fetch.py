"""Make the embedded servers ready beforehand, so that the demo and the tests start at once."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from heartline.embedded.java import JavaRuntime, find_java
from heartline.embedded.kafka import jar_repository, wanted_lock
from heartline.embedded.kafka_jars import fetch_jars, missing_jars
from heartline.embedded.kafka_lock import KafkaLock, LockedJar
from heartline.embedded.valkey import find_valkey


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the embedded servers will run on; `fetched_bytes` is 0 when everything was in the cache already."""

    kafka_version: str
    jar_count: int
    fetched_bytes: int
    repository: Path
    java: JavaRuntime
    valkey: Path


def fetch(version: str | None = None, console: Console | None = None) -> Fetched:
    """Fetch what is missing in the cache and check that Java and Valkey are there.

    Prints nothing when nothing is missing, else a progress bar on `console` (standard error without one).
    `version` as for `KafkaServer`. Raises EmbeddedServerError, worded, for whatever is not to be had.
    """
    lock, repository = wanted_lock(version), jar_repository()
    java, valkey = find_java(lock.java), find_valkey()
    absent = missing_jars(lock, repository)
    if absent:
        _fetch_with_bar(lock, absent, repository, console or Console(stderr=True))
    return Fetched(lock.version, len(lock.jars), sum(jar.size_bytes for jar in absent), repository, java, valkey)


def _fetch_with_bar(lock: KafkaLock, absent: list[LockedJar], repository: Path, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(f"Apache Kafka {lock.version}", total=sum(jar.size_bytes for jar in absent))
        fetch_jars(absent, repository, progress=lambda jar: bar.advance(task, jar.size_bytes))
