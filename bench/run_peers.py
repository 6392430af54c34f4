"""Heartline and its peers on the same job, one after another, and a table of it in docs/benchmarks.md.

    make bench-peers

Each Python peer gets an environment of its own, made from its pinned requirements and thrown away at the end. The Java
peer needs a JDK; its jars come from Maven by jgo, as Kafka's own do.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jgo

from bench.page import machine, write
from heartline.bench.place import Place, find_place
from heartline.bench.progress import Progress
from heartline.bench.run import Figures, bench
from heartline.bench.sending import send_all
from heartline.bench.workload import Shape, Workload
from heartline.embedded.java import find_java
from heartline.embedded.relock import OLDEST_JAVA
from heartline.replay.lines import Record

ROOT = Path(__file__).resolve().parents[1]
DEADLINE_SECONDS = 300


@dataclass(frozen=True)
class Peer:
    """A program that does the job, and what it needs."""

    name: str
    program: str
    package: str
    keeps: str
    events: int
    environ: tuple[tuple[str, str], ...] = ()

    @property
    def is_java(self) -> bool:
        """Whether it runs on Java; `package` is then a Maven coordinate."""
        return self.program.endswith(".java")

    @property
    def requirements(self) -> Path:
        """Its pinned requirements."""
        return ROOT / "bench" / f"requirements-{self.program.split('_')[0].removesuffix('.py')}.txt"

    @property
    def version(self) -> str:
        """The pinned version of its package."""
        if self.is_java:
            return self.package.rpartition(":")[2]
        return re.search(rf"^{self.package}==(.+)$", self.requirements.read_text("utf-8"), re.MULTILINE)[1]


# The slower ones get fewer events; each has work for several seconds.
PEERS = (
    Peer("stock Faust", "faust_stock.py", "faust-streaming", "in memory, a changelog record an event", 30_000),
    Peer("Quix Streams", "quix.py", "quixstreams", "RocksDB, changelog every 5 s", 150_000),
    Peer(
        "Bytewax",
        "bytewax_flow.py",
        "bytewax",
        "in memory, saved to SQLite every second",
        600_000,
        (("RECOVERY", "1"),),
    ),
    Peer("Bytewax", "bytewax_flow.py", "bytewax", "in memory only, lost in a crash", 600_000),
    Peer(
        "Kafka Streams",
        "KafkaStreamsPeer.java",
        "org.apache.kafka:kafka-streams:4.3.1",
        "RocksDB behind a cache, changelog and offsets in a transaction a second",
        200_000,
        (("GUARANTEE", "exactly_once_v2"),),
    ),
    Peer(
        "Kafka Streams",
        "KafkaStreamsPeer.java",
        "org.apache.kafka:kafka-streams:4.3.1",
        "RocksDB behind a cache, changelog every second, counts again after a crash",
        200_000,
        (("GUARANTEE", "at_least_once"),),
    ),
)
EVENTS_MAX = max(peer.events for peer in PEERS)


def usage_only(workload: Workload, events: int) -> Iterator[Record]:
    """That many usage events; the peers know no other kind."""
    found = (record for record in workload.history() if record.kind == "usage")
    return (record for record, _ in zip(found, range(events), strict=False))


def python_runner(peer: Peer, folder: str) -> list[str | Path]:
    """A Python with the peer's pinned requirements."""
    venv.create(folder, with_pip=True)
    python = Path(folder) / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*install, "-r", peer.requirements], check=True)
    return [python]


def java_runner(peer: Peer, folder: str) -> list[str | Path]:
    """A Java that compiles and runs one source file, with the peer's jars; compiling is over before the first event."""
    jars = [str(artifact.resolve()) for artifact in jgo.resolve(peer.package)]
    return [find_java(OLDEST_JAVA).program, f"-Djava.io.tmpdir={folder}", "-Xmx1g", "-cp", os.pathsep.join(jars)]


def run_peer(peer: Peer, place: Place, topic: str) -> dict[str, float]:
    """Make its environment, let it do the job, and give what it printed."""
    with tempfile.TemporaryDirectory(prefix="heartline-peer-") as folder:
        runner = java_runner(peer, folder) if peer.is_java else python_runner(peer, folder)
        environ = (
            {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")}
            | {
                "PYTHONPATH": str(ROOT),
                "TMPDIR": folder,
                "BOOTSTRAP": place.kafka.bootstrap_servers,
                "TOPIC": topic,
                "PARTITIONS": str(place.kafka.partitions),
                "EVENTS": str(peer.events),
            }
            | dict(peer.environ)
        )
        result = subprocess.run(
            [*runner, ROOT / "bench" / "peers" / peer.program],
            env=environ,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    if result.returncode != 0:
        sys.exit(f"{peer.name} ended with {result.returncode}:\n{result.stderr[-3000:]}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def table(heartline: Figures, peers: list[tuple[Peer, dict[str, float]]]) -> str:
    """The rows, and the machine that they are of."""
    rows = [
        "| | state | events | µs CPU an event | events/s | peak MiB | CPU, Heartline = 1 |",
        "|---|---|---|---|---|---|---|",
        f"| Heartline, the whole worker | in memory, changelog and offsets in a transaction a second | "
        f"{heartline.events:,} | {heartline.cpu_us_per_event:.1f} | {heartline.events_per_second:,} | "
        f"{heartline.peak_rss_mb:.0f} | 1 |",
    ]
    for peer, figures in peers:
        cpu_us = figures["cpu_seconds"] / figures["events"] * 1e6
        rows.append(
            f"| {peer.name} {peer.version} | {peer.keeps} | {figures['events']:,} | {cpu_us:.1f} | "
            f"{figures['events'] / figures['seconds']:,.0f} | {figures['peak_rss_mb']:.0f} | "
            f"{cpu_us / heartline.cpu_us_per_event:.1f} |"
        )
    return "\n".join([*rows, "", machine(heartline.kafka_version)])


def main() -> None:
    """One run of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="for Heartline")
    parser.add_argument("--accounts", type=int, default=2_000)
    parser.add_argument("--only", help="peers whose name has this in it, and Heartline")
    parser.add_argument("--no-write", action="store_true", help="print the table only")
    options = parser.parse_args()
    with Progress() as progress:
        heartline = bench(Shape(options.events, options.accounts, 50, "zipf"), 4, False, progress)
        results = []
        with find_place(4, progress.step) as place:
            shape = Shape(2 * EVENTS_MAX, options.accounts, 50, "zipf")
            workload = Workload(shape, int(time.time() * 1000))
            asyncio.run(send_all(place.kafka, usage_only(workload, EVENTS_MAX), lambda _: None))
            for peer in [peer for peer in PEERS if options.only is None or options.only in peer.name]:
                progress.step(f"{peer.name} {peer.version} over {peer.events:,} events")
                figures = run_peer(peer, place, place.kafka.topics.input("usage"))
                results.append((peer, figures))
    text = table(heartline, results)
    print(text)
    if not options.no_write and options.only is None:
        write("peers", text)


if __name__ == "__main__":
    main()
