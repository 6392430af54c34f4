"""Bring the locked jars into the cache, and refuse any bytes but the locked ones.

Jars are fetched into a folder of their own, checked, and only then moved to their place, so that the cache never
holds half a file or a wrong one, also when two processes fetch at once. Ways to fetch, in this order: jgo (a Maven
resolver in Python), then `mvn` where it is installed, which knows more of the user's settings (credentials, proxies).
"""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import stamina

from heartline.embedded.errors import OTHER_WAYS, ChecksumMismatchError, JarsUnavailableError
from heartline.embedded.kafka_lock import KafkaLock, LockedJar

Progress = Callable[[LockedJar], None]
"""Called for each jar that has arrived."""
Fetcher = Callable[[Sequence[LockedJar], Path, Progress], None]
"""Fetches jars into a folder laid out as a Maven repository. Raises FetchError."""

PARALLEL_DOWNLOADS = 4
TIMEOUT_SECONDS = 30


class FetchError(Exception):
    """One way of fetching did not work; the next may."""


def is_intact(jar: LockedJar, path: Path) -> bool:
    """Tell whether the file is there with the locked size and SHA-256."""
    try:
        return path.stat().st_size == jar.size_bytes and _sha256(path) == jar.sha256
    except FileNotFoundError:
        return False


def missing_jars(lock: KafkaLock, repository: Path) -> list[LockedJar]:
    """Give the jars that the folder lacks or holds damaged."""
    return [jar for jar in lock.jars if not is_intact(jar, repository / jar.path)]


def class_path(lock: KafkaLock, repository: Path) -> list[Path]:
    """Give the jars' paths in the folder, in class path order."""
    return [repository / jar.path for jar in lock.jars]


def fetch_jars(
    jars: Sequence[LockedJar],
    repository: Path,
    progress: Progress = lambda jar: None,
    fetchers: Sequence[tuple[str, Fetcher]] | None = None,
) -> None:
    """Fetch the jars into the folder by the first way that works.

    Raises ChecksumMismatchError when a fetched file is not the locked one, and JarsUnavailableError when no way works.
    """
    repository.mkdir(parents=True, exist_ok=True)
    tried = []
    for name, fetcher in WAYS if fetchers is None else fetchers:
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=repository) as incoming:
            try:
                fetcher(jars, Path(incoming), progress)
            except FetchError as error:
                tried.append(f"{name}: {error}")
            else:
                _accept(jars, Path(incoming), repository, name)
                return
    raise JarsUnavailableError(
        f"could not fetch {len(jars)} jars of Apache Kafka. Tried {'; '.join(tried)}. "
        f"Check the network, or name your mirror in ~/.m2/settings.xml or jgo's configuration. {OTHER_WAYS}"
    )


def _accept(jars: Sequence[LockedJar], incoming: Path, repository: Path, way: str) -> None:
    for jar in jars:
        arrived = incoming / jar.path
        if not is_intact(jar, arrived):
            raise ChecksumMismatchError(
                f"{jar} as fetched by {way} is not the locked file: its sha256 is {_sha256(arrived)} "
                f"({arrived.stat().st_size} bytes), expected {jar.sha256} ({jar.size_bytes} bytes). It was not kept. "
                f"Check the mirror that your Maven settings name. {OTHER_WAYS}"
            )
    for jar in jars:
        target = repository / jar.path
        target.parent.mkdir(parents=True, exist_ok=True)
        (incoming / jar.path).replace(target)


def fetch_by_jgo(jars: Sequence[LockedJar], folder: Path, progress: Progress) -> None:
    """Fetch from the user's repositories, several at once."""
    try:  # an optional dependency, and `requests` is jgo's
        import requests
        from jgo.maven import MavenContext

        from heartline.embedded.repositories import chosen_repositories
    except ImportError as error:
        raise FetchError("not installed, `pip install heartline[embedded]` brings it") from error

    context = MavenContext(repo_cache=folder, remote_repos=chosen_repositories(), timeout=TIMEOUT_SECONDS)

    def fetch_one(jar: LockedJar) -> LockedJar:
        artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
        for attempt in stamina.retry_context(on=requests.RequestException, attempts=4):
            with attempt:
                (folder / jar.path).unlink(missing_ok=True)  # what a broken attempt has left
                artifact.resolve()
        return jar

    with ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
        waiting = [pool.submit(fetch_one, jar) for jar in jars]
        try:
            for done in as_completed(waiting):
                progress(done.result())
        except (requests.RequestException, RuntimeError, OSError) as error:
            pool.shutdown(cancel_futures=True)
            raise FetchError(str(error)) from error


def fetch_by_mvn(jars: Sequence[LockedJar], folder: Path, progress: Progress) -> None:
    """Let Maven copy the jars, exactly those that are locked: nothing transitive."""
    program = shutil.which("mvn")
    if program is None:
        raise FetchError("not installed")
    pom = folder / "pom.xml"
    pom.write_text(pom_text(jars), encoding="utf-8")
    options = [f"-DoutputDirectory={folder}", "-Dmdep.useRepositoryLayout=true"]
    answer = subprocess.run(
        [program, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", *options],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if answer.returncode != 0:
        first_line = (answer.stdout + answer.stderr).strip().partition("\n")[0]
        raise FetchError(f"ended with status {answer.returncode}: {first_line}")
    for jar in jars:
        progress(jar)


def pom_text(jars: Sequence[LockedJar]) -> str:
    """Give a Maven project that depends on exactly these jars."""
    dependencies = "".join(
        f"<dependency><groupId>{jar.group}</groupId><artifactId>{jar.artifact}</artifactId>"
        f"<version>{jar.version}</version>"
        "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>\n"
        for jar in jars
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>heartline</groupId><artifactId>embedded-kafka</artifactId><version>1</version>\n"
        f"<dependencies>\n{dependencies}</dependencies></project>\n"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


WAYS: tuple[tuple[str, Fetcher], ...] = (("jgo", fetch_by_jgo), ("mvn", fetch_by_mvn))
