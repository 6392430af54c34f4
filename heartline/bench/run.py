"""One run, from an empty Kafka to the figures."""

import asyncio
import platform
import shutil
import time
from dataclasses import asdict, dataclass
from typing import Final

from heartline.bench.backlog import fill, work_off
from heartline.bench.compare import EVENTS_MAX, StockCost, measure_stock
from heartline.bench.latency import Watcher, quantile
from heartline.bench.measured import Cost, MeasuredWorker
from heartline.bench.place import Place, find_place
from heartline.bench.progress import Progress
from heartline.bench.sending import Paced, send_paced
from heartline.bench.verify import insist_exact, read_counts
from heartline.bench.workload import Shape, Workload

JUDGED_SECONDS: Final = 300.0
PACED_SECONDS: Final = 8.0
# Of the pace that a backlog was worked off at.
SHARES: Final = (0.5, 0.1)


@dataclass(frozen=True)
class Figures:
    """What a run found out.

    Attributes:
        events_per_second: of one worker over a backlog, on the wall clock, from ready to the last event folded.
        cpu_us_per_event: user and system time of the worker's process, from ready to the last commit, when every
            account is judged.
        changelog_records: written for that backlog.
        peak_rss_mb: the most memory resident in that process.
        recovery_seconds: a cold start's, from assignment to ready state, over the whole changelog.
        recovery_warm_seconds: of a start with the local copies that a clean stop left.
        publish_latency_p50_ms, publish_latency_p99_ms: from handing an event to the producer to seeing its committed
            report, with events coming at half of events_per_second.
        publish_latency_tenth_p50_ms, publish_latency_tenth_p99_ms: the same at a tenth.
        events, accounts, users_per_account, distribution: the shape of the backlog.
        partitions: of every topic.
        kafka_version: None where a given broker does not tell.
        python_version: of this process and the worker.
    """

    events_per_second: float
    cpu_us_per_event: float
    changelog_records: int
    peak_rss_mb: float
    recovery_seconds: float
    recovery_warm_seconds: float
    publish_latency_p50_ms: float
    publish_latency_p99_ms: float
    publish_latency_tenth_p50_ms: float
    publish_latency_tenth_p99_ms: float
    events: int
    accounts: int
    users_per_account: int
    distribution: str
    partitions: int
    kafka_version: str | None
    python_version: str


@dataclass(frozen=True)
class Compared(Figures):
    """The same beside stock Faust.

    Attributes:
        stock_events_per_second, stock_cpu_us_per_event: of stock Faust, from its first to its last event.
        ratio: how many times more processor time stock Faust takes for an event.
    """

    stock_events_per_second: float
    stock_cpu_us_per_event: float
    ratio: float


def bench(shape: Shape, partitions: int, with_stock: bool, progress: Progress) -> Figures:
    """Run it.

    Raises:
        BenchError: an event was lost or counted twice, or the worker stalled.
        HeartlineError: servers or processes could not be had; the message says what to do.
    """
    with find_place(partitions, progress.step) as place:
        return asyncio.run(_bench(place, shape, with_stock, progress))


async def _bench(place: Place, shape: Shape, with_stock: bool, progress: Progress) -> Figures:
    """Backlog, restart, live load, the books, and perhaps the comparison."""
    now_ms = int(time.time() * 1000)
    workload = await fill(place, shape, now_ms, progress)
    with MeasuredWorker(place) as worker:
        cost, peak_rss_mb = await work_off(worker, shape.events, JUDGED_SECONDS, progress)
        worker.stop()
        recovery_seconds, recovery_warm_seconds = _restart_twice(place, worker, progress)
        await worker.wait_judged(JUDGED_SECONDS)  # a restart has every account judged once
        live = [await _live(place, workload, progress, share * shape.events / cost.seconds) for share in SHARES]
        await worker.wait_committed(shape.events + sum(each.paced.confirmed for each in live))
        peak_rss_mb = max(peak_rss_mb, worker.peak_rss_mb)
        worker.stop()
    progress.step("comparing the state of every account with what was sent")
    probes = {probe: (1, 0, 0) for each in live for probe in each.paced.probes}
    exact = insist_exact(await read_counts(place.kafka), workload.tally, probes)
    progress.note(f"{exact:,} events sent, {exact:,} counted, each once, in the state of its own account")
    figures = _figures(place, shape, cost, peak_rss_mb, recovery_seconds, recovery_warm_seconds, live)
    if not with_stock:
        return figures
    events = max(1, min(shape.events // 10, EVENTS_MAX))
    progress.step(f"the same job on stock Faust: {events:,} further events", events)
    return _compared(figures, await measure_stock(place, workload, events, now_ms, progress.advance))


@dataclass(frozen=True)
class Live:
    """Some seconds of live load: what was sent, and how long each probe's report took, sorted."""

    paced: Paced
    latencies_ms: list[float]


async def _live(place: Place, workload: Workload, progress: Progress, pace: float) -> Live:
    """Live load at that many events a second; its probes are numbered by the events that were sent before."""
    progress.step(f"live for {PACED_SECONDS:g} s, {pace:,.0f} events/s")
    with Watcher(place.kafka) as watcher:
        paced = await send_paced(place.kafka, workload, pace, PACED_SECONDS, first=workload.tally.total)
        latencies = await asyncio.to_thread(watcher.latencies_ms, paced.probes)
    _note_pace(progress, pace, paced)
    return Live(paced, latencies)


def _restart_twice(place: Place, worker: MeasuredWorker, progress: Progress) -> tuple[float, float]:
    """Seconds of a recovery without local copies, and with them; the worker has stopped, and runs again."""
    shutil.rmtree(place.store)
    progress.step("starting it again without its local copies: everything comes back from the changelog")
    worker.start()
    cold_seconds = worker.recovery_seconds
    worker.stop()
    progress.step("starting it again with them")
    worker.start()
    return cold_seconds, worker.recovery_seconds


def _note_pace(progress: Progress, wanted: float, paced: Paced) -> None:
    """Say so where the sender itself was too slow for the pace."""
    if paced.per_second < 0.95 * wanted:
        progress.note(
            f"the live load was {paced.per_second:,.0f} events/s, not {wanted:,.0f}: the sender shares the machine"
        )


def _figures(
    place: Place,
    shape: Shape,
    cost: Cost,
    peak_rss_mb: float,
    recovery_seconds: float,
    recovery_warm_seconds: float,
    live: list[Live],
) -> Figures:
    return Figures(
        events_per_second=round(shape.events / cost.seconds),
        cpu_us_per_event=round(cost.cpu_seconds / shape.events * 1e6, 2),
        changelog_records=cost.changelog_records,
        peak_rss_mb=round(peak_rss_mb, 1),
        recovery_seconds=round(recovery_seconds, 3),
        recovery_warm_seconds=round(recovery_warm_seconds, 3),
        publish_latency_p50_ms=round(quantile(live[0].latencies_ms, 0.5), 1),
        publish_latency_p99_ms=round(quantile(live[0].latencies_ms, 0.99), 1),
        publish_latency_tenth_p50_ms=round(quantile(live[1].latencies_ms, 0.5), 1),
        publish_latency_tenth_p99_ms=round(quantile(live[1].latencies_ms, 0.99), 1),
        events=shape.events,
        accounts=shape.accounts,
        users_per_account=shape.users_per_account,
        distribution=shape.distribution,
        partitions=place.kafka.partitions,
        kafka_version=place.kafka_version,
        python_version=platform.python_version(),
    )


def _compared(figures: Figures, stock: StockCost) -> Compared:
    cpu_us = stock.cpu_seconds / stock.events * 1e6
    return Compared(
        **asdict(figures),
        stock_events_per_second=round(stock.events / stock.seconds),
        stock_cpu_us_per_event=round(cpu_us, 1),
        ratio=round(cpu_us / figures.cpu_us_per_event, 1),
    )
