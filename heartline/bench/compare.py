"""The comparison: the same job on stock Faust, as a process beside which nothing else of the run works."""

import json
import sys
import time
from dataclasses import dataclass
from typing import Final

from heartline.bench.environment import Environment
from heartline.bench.sending import OnSent, send_all
from heartline.bench.worker_process import BenchError
from heartline.bench.workload import Workload
from heartline.embedded.process import GuardedProcess
from stream.config.settings import KafkaSettings

EVENTS_MAX: Final = 20_000
_DEADLINE_SECONDS: Final = 180.0
_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class StockCost:
    """What stock Faust needed, from the first to the last event, start excluded.

    Attributes:
        events: folded.
        seconds: on the wall.
        cpu_seconds: user and system.
    """

    events: int
    seconds: float
    cpu_seconds: float


def stock_settings(worker: KafkaSettings) -> KafkaSettings:
    """Topics and a group of its own, beside the worker's."""
    prefix = f"{worker.topic_prefix}stock-"
    return worker.model_copy(update={"topic_prefix": prefix, "app_id": f"{prefix}app"})


async def measure_stock(
    environment: Environment, workload: Workload, events: int, end_ms: int, on_sent: OnSent
) -> StockCost:
    """Send further events to topics of their own and let stock Faust fold them into the states that the worker left.

    Raises:
        SendError: Kafka did not take them.
        BenchError: it ended without a result, or took too long.
    """
    await send_all(stock_settings(environment.kafka), workload.present(events, end_ms), on_sent)
    kafka, log = environment.kafka, environment.folder / "stock.log"
    arguments = [kafka.bootstrap_servers, kafka.topic_prefix, kafka.app_id, str(kafka.partitions), str(events)]
    arguments.append(str(environment.folder / "stock"))
    process = GuardedProcess("stock Faust", [sys.executable, "-P", "-m", "heartline.bench.stock", *arguments], log)
    process.start()
    try:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while process.running and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        if process.running or process.exit_status != 0:
            state = f"has not folded {events:,} events" if process.running else f"ended with {process.exit_status}"
            raise BenchError(f"stock Faust {state}; it said last:\n{process.log_tail()}")
        results = json.loads(log.read_text("utf-8").strip().splitlines()[-1])
    finally:
        process.stop()
    return StockCost(events, results["seconds"], results["cpu_seconds"])
