"""The peers: what each is, how it keeps its state, and how it is made to run."""

import json
import os
import re
import subprocess
import tempfile
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.jars import FOLDER as JAVA_FOLDER
from bench.jars import class_path, peer_jars
from heartline.bench.worker_process import BenchError
from heartline.embedded.errors import JavaMissingError
from heartline.embedded.java import find_java
from heartline.embedded.relock import OLDEST_JAVA

ROOT = Path(__file__).resolve().parents[1]
DEADLINE_SECONDS = 900
# As Heartline does while it works off a backlog.
COMMIT_SECONDS = 5


@dataclass(frozen=True)
class Peer:
    """A program that does the job, and what it needs.

    Attributes:
        name: of the library.
        program: in `bench/peer_programs`; one in Java is compiled with the classes that it uses.
        package: with its pinned version: a Python package, or for Java the name of a lock of jars.
        keeps: how it keeps its state.
        events: at most so many of the backlog; None: all of it. With fewer it begins in the middle (see `run_peers`).
        environ: variables beside topics and numbers.
        is_plain: whether it does the smaller job of `bench/peer_programs/plain_job.py`, from the first event on.
    """

    name: str
    program: str
    package: str
    keeps: str
    events: int | None = None
    environ: tuple[tuple[str, str], ...] = ()
    is_plain: bool = False

    @property
    def is_java(self) -> bool:
        """Whether it runs on Java."""
        return self.program.endswith(".java")

    @property
    def requirements(self) -> Path:
        """Its pinned requirements, for one in Python."""
        return ROOT / "bench" / f"requirements-{self.program.split('_')[0].removesuffix('.py')}.txt"

    @property
    def version(self) -> str:
        """The pinned version of its package."""
        if self.is_java:
            return peer_jars(self.package)[0].version
        found = re.search(rf"^{self.package}==(.+)$", self.requirements.read_text("utf-8"), re.MULTILINE)
        assert found is not None, f"{self.requirements} does not pin {self.package}"
        return found[1]


PEERS = (
    Peer(
        "stock Faust",
        "faust_stock.py",
        "faust-streaming",
        "in memory, a changelog record an event, counts again after a crash",
        30_000,
    ),
    Peer("Quix Streams", "quix.py", "quixstreams", "RocksDB, changelog every 5 s, counts again after a crash", 100_000),
    Peer(
        "Bytewax",
        "bytewax_flow.py",
        "bytewax",
        "in memory, saved to SQLite every 5 s",
        environ=(("RECOVERY", "1"),),
    ),
    Peer("Bytewax", "bytewax_flow.py", "bytewax", "in memory only, lost in a crash"),
    Peer(
        "Bytewax",
        "bytewax_batches.py",
        "bytewax",
        "the first again by hand: a batch of an account at a time, saved to SQLite as bytes",
    ),
    Peer("Pathway", "pathway_flow.py", "pathway", "in memory only, lost in a crash"),
    Peer(
        "Quix Streams",
        "quix_plain.py",
        "quixstreams",
        "RocksDB, changelog every 5 s, counts again after a crash",
        100_000,
        is_plain=True,
    ),
    Peer(
        "Bytewax",
        "bytewax_plain.py",
        "bytewax",
        "in memory only, lost in a crash",
        is_plain=True,
    ),
    Peer(
        "Kafka Streams",
        "KafkaStreamsPeer.java",
        "kafka-streams",
        "RocksDB behind a cache, changelog and offsets in a transaction every 5 s",
        environ=(("GUARANTEE", "exactly_once_v2"),),
    ),
    Peer(
        "Kafka Streams",
        "KafkaStreamsPeer.java",
        "kafka-streams",
        "RocksDB behind a cache, changelog every 5 s, counts again after a crash",
        environ=(("GUARANTEE", "at_least_once"),),
    ),
    Peer(
        "Flink",
        "FlinkPeer.java",
        "flink",
        "on the heap, all of it to a local folder every 5 s, exactly once",
        environ=(("BACKEND", "hashmap"),),
    ),
    Peer(
        "Flink",
        "FlinkPeer.java",
        "flink",
        "the same, no keyBy between source and fold (experimental)",
        environ=(("BACKEND", "hashmap"), ("SHUFFLE", "none")),
    ),
    Peer(
        "Flink",
        "FlinkPeer.java",
        "flink",
        "RocksDB, what changed to a local folder every 5 s, exactly once",
        environ=(("BACKEND", "rocksdb"),),
    ),
)


def python_command(peer: Peer, folder: Path) -> list[str | Path]:
    """The peer in a Python of its own with its pinned requirements."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    install: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*install, "-r", peer.requirements], check=True)
    return [python, ROOT / "bench" / "peer_programs" / peer.program]


def java_command(program: str, lock: str, folder: Path) -> list[str | Path]:
    """A Java program of `bench/peer_programs/java` compiled, with the jars of a lock, and the Java that runs it."""
    java = find_java(OLDEST_JAVA).program
    jars = os.pathsep.join(str(path) for path in class_path(lock))
    classes = folder / "classes"
    compiler: list[str | Path] = [java, "-m", "jdk.compiler/com.sun.tools.javac.Main", "-nowarn", "-d", classes]
    compiled = subprocess.run(
        [*compiler, "-cp", jars, "-sourcepath", JAVA_FOLDER, JAVA_FOLDER / program],
        capture_output=True,
        text=True,
        check=False,
    )
    if compiled.returncode != 0:
        raise JavaMissingError(f"{java} could not compile {program}; a JDK is needed:\n{compiled.stderr[-2000:]}")
    run: list[str | Path] = [java, f"-Djava.io.tmpdir={folder}", "-Xmx2g", "-cp", f"{classes}{os.pathsep}{jars}"]
    return [*run, program.removesuffix(".java")]


def run_peer(peer: Peer, peer_env: Mapping[str, str]) -> dict[str, float]:
    """Make its environment, let it do the job, and give what it printed.

    Args:
        peer: which.
        peer_env: where the events are and how many, see `bench/peer_programs/meter.py`.

    Raises:
        BenchError: it ended with an error, or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="heartline-peer-") as name:
        folder = Path(name)
        command = java_command(peer.program, peer.package, folder) if peer.is_java else python_command(peer, folder)
        outside = {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")}
        environ = (
            outside
            | {"PYTHONPATH": str(ROOT), "TMPDIR": name, "COMMIT_SECONDS": str(COMMIT_SECONDS)}
            | dict(peer_env)
            | dict(peer.environ)
        )
        try:
            result = subprocess.run(
                command, env=environ, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise BenchError(f"{peer.name} was not done within {DEADLINE_SECONDS} s") from None
    if result.returncode != 0:
        raise BenchError(f"{peer.name} ended with {result.returncode}:\n{result.stderr[-3000:]}")
    results: dict[str, float] = json.loads(result.stdout.strip().splitlines()[-1])
    return results
