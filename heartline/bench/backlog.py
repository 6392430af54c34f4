"""A backlog: events in the topics, and what one worker needs to work them off."""

from heartline.bench.measured import Cost, MeasuredWorker
from heartline.bench.place import Place
from heartline.bench.progress import Progress
from heartline.bench.sending import send_all
from heartline.bench.workload import Shape, Workload


async def fill(place: Place, shape: Shape, end_ms: int, progress: Progress) -> Workload:
    """Send the events of a shape; its tally tells what was sent.

    Args:
        place: where to.
        shape: the sizes.
        end_ms: the moment by which history ends, epoch milliseconds.
        progress: is told of each that is sent.

    Raises:
        SendError: Kafka did not take them.
    """
    workload = Workload(shape, end_ms)
    progress.step(f"filling the topics with {shape.events:,} events of {shape.accounts:,} accounts", shape.events)
    await send_all(place.kafka, workload.history(), progress.advance)
    return workload


async def work_off(
    worker: MeasuredWorker, events: int, judged_seconds: float, progress: Progress
) -> tuple[Cost, float]:
    """Start a worker and let it work off what is there; gives what it cost, and its peak memory in MiB.

    Args:
        worker: not started yet.
        events: how many there are.
        judged_seconds: how long to wait after the last one is folded until every account is judged.
        progress: is told of the steps.

    Raises:
        BenchError: it stalls.
        RoleEnded: it ended.
    """
    progress.step("starting a worker")
    worker.start()
    progress.step(f"one worker over {events:,} events")
    cost = await worker.work_off(events, judged_seconds)
    folding, whole = cost.folding_cpu_seconds / events * 1e6, cost.cpu_seconds / events * 1e6
    rest = "until every account was judged and committed"
    if cost.waiting > 0:
        rest = f"within {judged_seconds:g} s, when {cost.waiting:,} accounts still waited to be judged or saved"
    progress.note(
        f"{whole:.2f} µs of processor time an event: {folding:.2f} until the last one was folded and committed, "
        f"the rest {rest}"
    )
    return cost, worker.peak_rss_mb
