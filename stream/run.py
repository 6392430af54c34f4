"""The worker as a process: settings in, exit status out.

It prints `worker ready` (a log line on stderr) once it has its partitions and their states, drains on SIGTERM and
SIGINT, and then exits with 0.
"""

import asyncio
import gc
import logging
import signal
from typing import Any, Final

from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry

from stream.app import make_app
from stream.calendar.clock import EventClock, TrustedClock
from stream.config.logs import configure_logging, get_logger
from stream.config.metrics_server import serve_metrics
from stream.config.settings import Settings
from stream.contracts.denied import denied
from stream.contracts.errors import HeartlineError
from stream.engine.alive_ping import ping_while_well
from stream.engine.broker_clock import check_clock, watch_clock
from stream.engine.event_loop import new_event_loop
from stream.engine.failstop import ExitCode, fail_stop
from stream.engine.processor import Processor
from stream.engine.topology import prepare_topics
from stream.worker.health_processor import make_processor
from stream.worker.metrics import clock_gauge

log = get_logger(__name__)

# States are many, live long and hold no cycles, so looking at them for garbage is waste. Python's own thresholds (700,
# 10, 10) cost 4.6 of 10.5 microseconds an event where nearly every event touches another of 200,000 accounts. What has
# outlived both younger generations is left alone: to go through 200,000 hot accounts takes the loop a second or two.
GC_THRESHOLDS: Final = (10_000, 5, 1_000_000)

# Their routine is not an operator's concern, their errors are.
_QUIET = ("faust", "mode", "aiokafka", "_faust")


def run_worker(settings: Settings) -> None:
    """Run the product's worker until a signal ends it.

    Raises:
        ConfigError: the topics don't fit the settings.
        HeartlineError: the broker can't be reached at start, or the metrics port is taken.
    """
    clock = TrustedClock() if settings.worker.clock == "wall" else None
    run_processor(settings, make_processor(settings, clock or EventClock()), clock)


def run_processor(settings: Settings, processor: Processor[Any], clock: TrustedClock | None = None) -> None:
    """Run a worker around any processor; see `run_worker`. The clock, if any, is compared with the broker's."""
    _configure_logging(settings)
    gc.set_threshold(*GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(settings, processor, clock))


def _configure_logging(settings: Settings) -> None:
    """As everywhere, and without what Faust says of every topic."""
    configure_logging(settings.logs, _QUIET)
    # Faust warns of every topic that it may not create: they exist, `prepare_topics` saw to it.
    for name in ("faust.transport.consumer", "faust.transport.drivers.aiokafka"):
        logging.getLogger(name).setLevel(logging.ERROR)


async def _serve(settings: Settings, processor: Processor[Any], clock: TrustedClock | None) -> None:
    """Prepare the topics, start the app, wait for a signal, drain."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        await prepare_topics(settings.kafka)
    except KafkaError as error:
        servers = settings.kafka.bootstrap_servers
        raise HeartlineError(
            f"kafka.bootstrap_servers = {servers}: "
            + (denied(error) or f"{error}; check that the broker runs and the security settings fit")
        ) from error
    registry = CollectorRegistry()
    app = make_app(settings, processor, registry)
    liveness = app.partition_manager.liveness
    host, port = settings.worker.metrics_host, settings.worker.metrics_port
    serve_metrics("worker", host, port, registry, liveness.livez, liveness.readyz)
    watching = None
    if clock is not None:
        clock_gauge(registry, clock)
        await check_clock(settings.kafka, clock)
        watching = asyncio.create_task(watch_clock(settings.kafka, clock), name="clock")
    pinging = None
    if settings.worker.alive_url is not None:
        pinging = asyncio.create_task(ping_while_well(settings.worker.alive_url, liveness.readyz), name="alive")
    app.finalize()
    starting = asyncio.create_task(app.start())
    signalled = asyncio.create_task(stopping.wait())
    await _until(signalled, starting, "the Faust app did not start")
    if not signalled.done():
        ended = asyncio.create_task(app.wait_until_stopped())
        await _until(signalled, ended, "the Faust app ended by itself")
        ended.cancel()
        if not signalled.done():
            fail_stop(ExitCode.CRASHED, "the Faust app ended by itself", app.crash_reason)
    log.info("stopping: the last checkpoint, then the group is left")
    try:
        async with asyncio.timeout(2 * settings.worker.rebalance_timeout_seconds):
            await app.stop()
    except TimeoutError as error:
        fail_stop(ExitCode.CRASHED, "the worker did not stop in time", error)
    starting.cancel()
    for task in (watching, pinging):
        if task is not None:
            task.cancel()
    gc.freeze()  # the interpreter's last look for garbage would take 8 s for 500,000 accounts
    log.info("worker stopped")


async def _until(signalled: "asyncio.Task[Any]", task: "asyncio.Task[Any]", what: str) -> None:
    """Wait for the signal or the task, whichever is first; a task that fails ends the process."""
    await asyncio.wait([signalled, task], return_when=asyncio.FIRST_COMPLETED)
    if task.done() and not task.cancelled() and task.exception() is not None:
        fail_stop(ExitCode.CRASHED, what, task.exception())
