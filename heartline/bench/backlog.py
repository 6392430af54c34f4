"""A backlog: events in the topics, and what one worker needs to work them off."""

from heartline.bench.environment import Environment
from heartline.bench.progress import Progress
from heartline.bench.sending import send_all
from heartline.bench.worker_process import Cost, MeasuredWorker
from heartline.bench.workload import Shape, Workload


async def fill(environment: Environment, shape: Shape, end_ms: int, progress: Progress) -> Workload:
    """Send the events of a shape; its tally tells what was sent.

    Args:
        environment: where to.
        shape: the sizes.
        end_ms: the moment by which history ends, epoch milliseconds.
        progress: counts each that is sent.

    Raises:
        SendError: Kafka did not take them.
    """
    workload = Workload(shape, end_ms)
    progress.step(f"filling the topics with {shape.events:,} events of {shape.accounts:,} accounts", shape.events)
    await send_all(environment.kafka, workload.history(), progress.advance)
    return workload


async def work_off(
    worker: MeasuredWorker, events: int, evaluated_seconds: float, progress: Progress
) -> tuple[Cost, float]:
    """Start a worker and let it work off what is there; gives what it cost, and its peak memory in MiB.

    Args:
        worker: not started yet.
        events: how many there are.
        evaluated_seconds: how long to wait after the last one is folded until every account is evaluated.
        progress: shows the steps.

    Raises:
        BenchError: it stalls.
        ChildProcessEnded: it ended.
    """
    progress.step("starting a worker")
    worker.start()
    progress.step(f"one worker over {events:,} events")
    cost = await worker.work_off(events, evaluated_seconds)
    folding, whole = cost.folding_cpu_seconds / events * 1e6, cost.cpu_seconds / events * 1e6
    rest = "until every account was evaluated and committed"
    if cost.pending_accounts > 0:
        rest = (
            f"within {evaluated_seconds:g} s, when {cost.pending_accounts:,} accounts were not evaluated or saved yet"
        )
    progress.note(
        f"{whole:.2f} µs of processor time an event: {folding:.2f} until the last one was folded and committed, "
        f"the rest {rest}"
    )
    return cost, worker.peak_rss_mb
