"""One run, from an empty Kafka to the results."""

import asyncio
import shutil
import time
from dataclasses import dataclass
from typing import Final

from heartline.bench.backlog import fill, work_off
from heartline.bench.compare import EVENTS_MAX, measure_stock
from heartline.bench.environment import Environment, find_environment
from heartline.bench.live import prepare, probed, run_live
from heartline.bench.progress import Progress
from heartline.bench.results import Results, results_of, with_stock_faust
from heartline.bench.verify import read_counts, verify_exact
from heartline.bench.worker_process import MeasuredWorker
from heartline.bench.workload import Shape

# Of the pace that a backlog was worked off at, evaluation included; the gentler first, for it leaves less to evaluate.
SHARES: Final = (0.1, 0.5)
KNOWN_A_PACE: Final = 320


@dataclass(frozen=True)
class Timeouts:
    """How long a run waits for what it measures, in seconds; what takes longer is reported as longer.

    Attributes:
        evaluation: after a backlog's last event is folded, until every account is evaluated and saved.
        idle: before each pace, for the same.
        report: after a pace's last event, until its last probe's report is there.
    """

    evaluation: float = 300.0
    idle: float = 120.0
    report: float = 60.0


DEFAULT_TIMEOUTS: Final = Timeouts()


def bench(
    shape: Shape, partitions: int, with_stock: bool, progress: Progress, timeouts: Timeouts = DEFAULT_TIMEOUTS
) -> Results:
    """Run it.

    Raises:
        BenchError: an event was lost or counted twice, or the worker stalled.
        HeartlineError: servers or processes could not be had; the message says what to do.
    """
    with find_environment(partitions, progress.step) as environment:
        return asyncio.run(_bench(environment, shape, with_stock, progress, timeouts))


async def _bench(
    environment: Environment, shape: Shape, with_stock: bool, progress: Progress, timeouts: Timeouts
) -> Results:
    """Backlog, restart, live load, the books, and perhaps the comparison."""
    now_ms = int(time.time() * 1000)
    workload = await fill(environment, shape, now_ms, progress)
    with MeasuredWorker(environment) as worker:
        cost, peak_rss_mb = await work_off(worker, shape.events, timeouts.evaluation, progress)
        worker.stop()
        recovery_seconds, recovery_warm_seconds = _restart_twice(environment, worker, progress)
        known = range(KNOWN_A_PACE * len(SHARES))
        sent = shape.events + await prepare(environment, known, now_ms)
        full_pace = shape.events / cost.evaluated_seconds
        live = []
        for number, share in enumerate(SHARES):
            await _rest(worker, timeouts.idle, progress)
            numbers = known[number * KNOWN_A_PACE : (number + 1) * KNOWN_A_PACE]
            live.append(await run_live(environment, workload, progress, share * full_pace, numbers, timeouts.report))
            sent += live[-1].paced.confirmed
        await worker.wait_committed(sent)
        peak_rss_mb = max(peak_rss_mb, worker.peak_rss_mb)
        worker.stop()
    progress.step("comparing the state of every account with what was sent")
    exact = verify_exact(await read_counts(environment.kafka), workload.tally, probed(known, live))
    progress.note(f"{exact:,} events sent, {exact:,} counted, each once, in the state of its own account")
    results = results_of(
        environment, shape, cost, peak_rss_mb, (recovery_seconds, recovery_warm_seconds), live, timeouts.report
    )
    if not with_stock:
        return results
    events = max(1, min(shape.events // 10, EVENTS_MAX))
    progress.step(f"the same job on stock Faust: {events:,} further events", events)
    return with_stock_faust(results, await measure_stock(environment, workload, events, now_ms, progress.advance))


async def _rest(worker: MeasuredWorker, seconds: float, progress: Progress) -> None:
    """Wait until nothing waits to be evaluated: a restart has every account evaluated once, and so has a pace."""
    waiting = await worker.wait_evaluated(seconds)
    if waiting > 0:
        progress.note(
            f"{waiting:,} accounts still wait to be evaluated or saved after {seconds:g} s: the latencies to come "
            "include the wait behind them"
        )


def _restart_twice(environment: Environment, worker: MeasuredWorker, progress: Progress) -> tuple[float, float]:
    """Seconds of a recovery without state stores, and with them; the worker has stopped, and runs again."""
    shutil.rmtree(environment.store)
    progress.step("starting it again without its state stores: everything comes back from the changelog")
    worker.start()
    cold_seconds = worker.recovery_seconds
    worker.stop()
    progress.step("starting it again with them")
    worker.start()
    return cold_seconds, worker.recovery_seconds
