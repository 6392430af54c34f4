"""One run, from an empty Kafka to the figures."""

import asyncio
import shutil
import time
from dataclasses import dataclass
from typing import Final

from heartline.bench.backlog import fill, work_off
from heartline.bench.compare import EVENTS_MAX, measure_stock
from heartline.bench.figures import Figures, compared, figures_of
from heartline.bench.live import prepare, probed, run_live
from heartline.bench.measured import MeasuredWorker
from heartline.bench.place import Place, find_place
from heartline.bench.progress import Progress
from heartline.bench.verify import insist_exact, read_counts
from heartline.bench.workload import Shape

# Of the pace that a backlog was worked off at, judging included; the gentler first, for it leaves less to judge.
SHARES: Final = (0.1, 0.5)
KNOWN_A_PACE: Final = 320


@dataclass(frozen=True)
class Patience:
    """How long a run waits for what it measures, in seconds; what takes longer is told as longer, not waited for.

    Attributes:
        judged: after a backlog's last event is folded, until every account is judged and saved.
        rest: before each pace, for the same.
        report: after a pace's last event, until its last probe's report is there.
    """

    judged: float = 300.0
    rest: float = 120.0
    report: float = 60.0


DEFAULT_PATIENCE: Final = Patience()


def bench(
    shape: Shape, partitions: int, with_stock: bool, progress: Progress, patience: Patience = DEFAULT_PATIENCE
) -> Figures:
    """Run it.

    Raises:
        BenchError: an event was lost or counted twice, or the worker stalled.
        HeartlineError: servers or processes could not be had; the message says what to do.
    """
    with find_place(partitions, progress.step) as place:
        return asyncio.run(_bench(place, shape, with_stock, progress, patience))


async def _bench(place: Place, shape: Shape, with_stock: bool, progress: Progress, patience: Patience) -> Figures:
    """Backlog, restart, live load, the books, and perhaps the comparison."""
    now_ms = int(time.time() * 1000)
    workload = await fill(place, shape, now_ms, progress)
    with MeasuredWorker(place) as worker:
        cost, peak_rss_mb = await work_off(worker, shape.events, patience.judged, progress)
        worker.stop()
        recovery_seconds, recovery_warm_seconds = _restart_twice(place, worker, progress)
        known = range(KNOWN_A_PACE * len(SHARES))
        sent = shape.events + await prepare(place, known, now_ms)
        full_pace = shape.events / cost.judged_seconds
        live = []
        for number, share in enumerate(SHARES):
            await _rest(worker, patience.rest, progress)
            numbers = known[number * KNOWN_A_PACE : (number + 1) * KNOWN_A_PACE]
            live.append(await run_live(place, workload, progress, share * full_pace, numbers, patience.report))
            sent += live[-1].paced.confirmed
        await worker.wait_committed(sent)
        peak_rss_mb = max(peak_rss_mb, worker.peak_rss_mb)
        worker.stop()
    progress.step("comparing the state of every account with what was sent")
    exact = insist_exact(await read_counts(place.kafka), workload.tally, probed(known, live))
    progress.note(f"{exact:,} events sent, {exact:,} counted, each once, in the state of its own account")
    figures = figures_of(
        place, shape, cost, peak_rss_mb, (recovery_seconds, recovery_warm_seconds), live, patience.report
    )
    if not with_stock:
        return figures
    events = max(1, min(shape.events // 10, EVENTS_MAX))
    progress.step(f"the same job on stock Faust: {events:,} further events", events)
    return compared(figures, await measure_stock(place, workload, events, now_ms, progress.advance))


async def _rest(worker: MeasuredWorker, seconds: float, progress: Progress) -> None:
    """Wait until nothing waits to be judged: a restart has every account judged once, and so has a pace."""
    waiting = await worker.wait_judged(seconds)
    if waiting > 0:
        progress.note(
            f"{waiting:,} accounts still wait to be judged or saved after {seconds:g} s: the latencies to come "
            "include the wait behind them"
        )


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
