"""Heartline and its peers on the same events, one after another on one broker, and a table in docs/benchmarks.md.

    make bench-peers

The topics are filled once. Heartline's worker works them off, then each peer reads the same topics. A peer that is too
slow for all of them gets a stretch of them that begins in the middle, and the states that the first half has left: so
its states are as large as everyone's are on average.

Each Python peer gets an environment of its own, made from its pinned requirements and thrown away at the end. The Java
peers need a JDK; their jars are fetched as Kafka's own are, and checked against a lock.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from bench.page import machine, write
from bench.peer_programs import plain_job
from bench.peers import PEERS, Peer, run_peer
from bench.same_job import KINDS, verify_same
from heartline.bench.backlog import fill, work_off
from heartline.bench.environment import Environment, find_environment
from heartline.bench.progress import Progress
from heartline.bench.sending import send_all
from heartline.bench.verify import read_counts, verify_exact
from heartline.bench.worker_process import BenchError, Cost, MeasuredWorker
from heartline.bench.workload import Shape, Workload
from heartline.replay.lines import InputRecord
from stream.config.settings import KafkaSettings
from stream.contracts.errors import HeartlineError
from stream.kinds.decode import Decoder
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState, encode_state

KEPT = Path(__file__).parent / "results" / "peers.json"
PARTITIONS = 4
EVALUATION_SECONDS = 300.0
CHUNK = 5_000
JOB_ALONE = "the Python job alone: decode and fold, nothing around"
PLAIN_ALONE = "the plain job alone, nothing around"


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        name: who.
        keeps: how the state is kept.
        events: how many were folded.
        cpu_us_per_event: user and system time of the process.
        second_half_us_per_event: the same of the second half of the events; None: not known.
        events_per_second: on the wall.
        peak_rss_mb: the most memory resident in the process; None: not known.
        alone: the name of the row of the job that it does with nothing around; None: there is none.
    """

    name: str
    keeps: str
    events: int
    cpu_us_per_event: float
    second_half_us_per_event: float | None
    events_per_second: float
    peak_rss_mb: float | None
    alone: str | None = JOB_ALONE


def table(rows: Sequence[Row], below: str) -> str:
    """The rows, the first being what the others are compared with, and a line below them."""
    lines = [
        "| | state | events | µs CPU an event | beside the job itself | of the second half | events/s | peak MiB | "
        "CPU, Heartline = 1 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    alone = {row.name: row.cpu_us_per_event for row in rows if row.name == row.alone}
    for row in rows:
        half = "" if row.second_half_us_per_event is None else f"{row.second_half_us_per_event:.1f}"
        job = alone.get(row.alone) if row.alone not in (None, row.name) else None
        beside = "" if job is None else f"{row.cpu_us_per_event - job:.1f}"
        peak = "" if row.peak_rss_mb is None else f"{row.peak_rss_mb:,.0f}"
        ratio = row.cpu_us_per_event / rows[0].cpu_us_per_event
        lines.append(
            f"| {row.name} | {row.keeps} | {row.events:,} | {row.cpu_us_per_event:.1f} | {beside} | {half} | "
            f"{row.events_per_second:,.0f} | {peak} | {ratio:.1f} |"
        )
    return "\n".join([*lines, "", below])


def heartline_rows(shape: Shape, cost: Cost, peak_rss_mb: float) -> list[Row]:
    """The whole worker, and what of it was spent when the last event was folded and committed."""
    keeps = "in memory with state stores, changelog and offsets in a transaction every 5 s"
    pace = shape.events / cost.seconds
    whole, folding = (seconds / shape.events * 1e6 for seconds in (cost.cpu_seconds, cost.folding_cpu_seconds))
    return [
        Row("Heartline, all evaluated, published and committed", keeps, shape.events, whole, None, pace, peak_rss_mb),
        Row(
            "of it until the last event is folded and committed", keeps, shape.events, folding, None, pace, peak_rss_mb
        ),
    ]


def peer_row(peer: Peer, results: dict[str, float]) -> Row:
    """What a peer printed."""
    events = int(results["events"])
    return Row(
        f"{peer.name} {peer.version}{', the plain job' if peer.is_plain else ''}",
        peer.keeps,
        events,
        results["cpu_seconds"] / events * 1e6,
        results["second_half_cpu_seconds"] / (events - events // 2) * 1e6,
        events / results["seconds"],
        results["peak_rss_mb"],
        alone=None if peer.is_java else PLAIN_ALONE if peer.is_plain else JOB_ALONE,
    )


def fold_alone(records: Iterator[InputRecord], events: int) -> tuple[Row, dict[str, bytes]]:
    """What decoding and folding take with nothing around them, and the encoded states after the first half.

    Args:
        records: the backlog; making them is not counted.
        events: how many it has.
    """
    read = {kind: Decoder(kind).decode for kind in KINDS}
    states: dict[str, AccountState] = {}

    def fold_all(chunk: list[InputRecord]) -> None:
        for record in chunk:
            event = read[record.kind](record.value)
            state = states.get(event.account_id)
            if state is None:
                state = states[event.account_id] = AccountState()
            fold_event(state, event)

    first_seconds = _cpu_seconds(islice(records, events // 2), fold_all)
    halfway = {name: encode_state(state) for name, state in states.items()}
    return _alone_row(JOB_ALONE, events, first_seconds, _cpu_seconds(records, fold_all)), halfway


def plain_alone(records: Iterator[InputRecord], events: int) -> Row:
    """The same of the plain job."""
    states: dict[str, dict[str, Any]] = {}

    def fold_all(chunk: list[InputRecord]) -> None:
        for record in chunk:
            event = plain_job.event_of(record.value)
            states[event["account_id"]] = plain_job.fold(states.get(event["account_id"]), event)

    first_seconds = _cpu_seconds(islice(records, events // 2), fold_all)
    return _alone_row(PLAIN_ALONE, events, first_seconds, _cpu_seconds(records, fold_all))


def _cpu_seconds(records: Iterator[InputRecord], fold_all: Callable[[list[InputRecord]], None]) -> float:
    """Processor time of the folding of some records, without that of making them."""
    spent = 0.0
    gc.disable()  # nothing around; the worker looks for garbage rarely, too
    while chunk := list(islice(records, CHUNK)):
        before = time.process_time()
        fold_all(chunk)
        spent += time.process_time() - before
    gc.enable()
    return spent


def _alone_row(name: str, events: int, first_seconds: float, second_seconds: float) -> Row:
    """The row of a job with nothing around it, from the processor time of either half."""
    whole, second_half_us = first_seconds + second_seconds, second_seconds / (events - events // 2) * 1e6
    return Row(name, "in memory", events, whole / events * 1e6, second_half_us, events / whole, None, name)


@dataclass(frozen=True)
class Feed:
    """Events that a peer reads.

    Attributes:
        kafka: where they are.
        states_before: a file with the states that earlier events have left; None: they begin at the first event.
    """

    kafka: KafkaSettings
    states_before: Path | None

    def peer_env(self, peer: Peer, number: int, events: int) -> dict[str, str]:
        """The variables that lead a peer to it."""
        peer_env = {
            "BOOTSTRAP": self.kafka.bootstrap_servers,
            "TOPICS": ",".join(self.kafka.topics.input(kind) for kind in KINDS),
            "GROUP": f"{self.kafka.topic_prefix}peer-{number}",
            "PARTITIONS": str(self.kafka.partitions),
            "EVENTS": str(min(peer.events or events, events)),
        }
        return peer_env if self.states_before is None else peer_env | {"STATES_BEFORE": str(self.states_before)}


async def middle_feed(
    environment: Environment, shape: Shape, end_ms: int, events: int, before: dict[str, bytes]
) -> Feed:
    """The same events from the middle on, in topics of their own, and the states of before."""
    kafka = environment.kafka.model_copy(update={"topic_prefix": f"{environment.kafka.topic_prefix}middle-"})
    path = environment.folder / "states"
    path.write_bytes(msgspec.msgpack.encode(before))
    history = Workload(shape, end_ms).history()
    await send_all(kafka, islice(history, shape.events // 2, shape.events // 2 + events), lambda _: None)
    return Feed(kafka, path)


async def measure_heartline(environment: Environment, shape: Shape, end_ms: int, progress: Progress) -> list[Row]:
    """Fill the topics and have a worker work them off; every event counted once, or there are no results."""
    workload = await fill(environment, shape, end_ms, progress)
    with MeasuredWorker(environment) as worker:
        cost, peak_rss_mb = await work_off(worker, shape.events, EVALUATION_SECONDS, progress)
        worker.stop()
    verify_exact(await read_counts(environment.kafka), workload.tally, {})
    return heartline_rows(shape, cost, peak_rss_mb)


def measure_all(
    shape: Shape, peers: Sequence[Peer], progress: Progress
) -> Generator[tuple[list[Row], str | None], None, None]:
    """Heartline's rows, then those and one more after each peer, with the broker's version.

    Raises:
        BenchError: the Java peers do another job; or, at the end, a peer failed and the others did not.
    """
    end_ms = int(time.time() * 1000)
    failed: list[str] = []
    if any(peer.is_java for peer in peers):
        sizes = verify_same(end_ms)
        progress.note(
            f"the Java peers fold alike; a state takes {sizes.java:,.0f} bytes there, {sizes.python:,.0f} here"
        )
    with find_environment(PARTITIONS, progress.step) as environment:
        rows = asyncio.run(measure_heartline(environment, shape, end_ms, progress))
        progress.step(f"decoding and folding {shape.events:,} events with nothing around it")
        alone, halfway = fold_alone(Workload(shape, end_ms).history(), shape.events)
        rows.append(alone)
        if any(peer.is_plain for peer in peers):
            rows.append(plain_alone(Workload(shape, end_ms).history(), shape.events))
        yield rows, environment.kafka_version
        whole = Feed(environment.kafka, None)
        few = max((peer.events for peer in peers if peer.events is not None), default=0)
        middle = whole
        if 0 < few <= shape.events // 2:
            middle = asyncio.run(middle_feed(environment, shape, end_ms, few, halfway))
        for number, peer in enumerate(peers):
            peer_env = (whole if peer.events is None or peer.is_plain else middle).peer_env(peer, number, shape.events)
            progress.step(f"{peer.name} {peer.version} over {int(peer_env['EVENTS']):,} events: {peer.keeps}")
            try:
                rows = [*rows, peer_row(peer, run_peer(peer, peer_env))]
            except HeartlineError as error:
                progress.note(f"{error}\nThe others go on.")
                failed.append(f"{peer.name} ({peer.keeps})")
                continue
            yield rows, environment.kafka_version
    if failed:
        raise BenchError(f"no results of {', '.join(failed)}: see above")


def keep(rows: Sequence[Row], about: str, path: Path = KEPT) -> None:
    """Write what was measured as JSON, for whoever computes with it."""
    text = json.dumps({"about": about, "rows": [asdict(row) for row in rows]}, indent=1, ensure_ascii=False)
    path.write_text(f"{text}\n", "utf-8")


def main() -> None:
    """One run of all; what is there is written after each peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=2_000)
    parser.add_argument("--only", default="", help="peers whose row has this in it, and Heartline; prints only")
    parser.add_argument("--no-write", action="store_true", help="print the table only")
    options = parser.parse_args()
    shape = Shape(options.events, options.accounts, 50, "zipf")
    peers = [peer for peer in PEERS if options.only.lower() in f"{peer.name} {peer.keeps}".lower()]
    text = ""
    with Progress() as progress, contextlib.closing(measure_all(shape, peers, progress)) as measured:
        for rows, kafka_version in measured:
            about = f"{shape.accounts:,} accounts of {shape.users_per_account} users, {shape.distribution}. "
            text = table(rows, about + machine(kafka_version))
            if not options.no_write and not options.only:
                keep(rows, about + machine(kafka_version))
                write("peers", text)
        print(text)


if __name__ == "__main__":
    main()
