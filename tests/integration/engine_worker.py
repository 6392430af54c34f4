"""Worker processes around `tests.tally`, and the feed that they fold: what the engine's tests play with."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import aiokafka

from stream.config.settings import KafkaSettings, Settings, WorkerSettings
from stream.contracts.partitioner import partition_of
from tests.deadlines import HANG_SECONDS
from tests.forked import ForkedProcess
from tests.tally import run_tally

PARTITIONS = 4
FEED_RATE = 1_000  # events a second, of a feed that goes on while things happen: two hundred for each checkpoint


def engine_settings(bootstrap_servers: str, prefix: str) -> Settings:
    """The settings of a test's own topics and group, with the shortest time-outs that the broker allows.

    Of the 500 accounts of `feed` fewer than half are hot.
    """
    return Settings(
        kafka=KafkaSettings(
            bootstrap_servers=bootstrap_servers, topic_prefix=prefix, app_id=f"{prefix}app", partitions=PARTITIONS
        ),
        worker=WorkerSettings(
            checkpoint_interval_seconds=0.2,
            session_timeout_seconds=6,
            rebalance_timeout_seconds=10,
            hot_accounts_max=200,
            metrics_port=None,
        ),
    )


def _environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables."""
    kafka, worker = settings.kafka, settings.worker
    values = {
        "KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "KAFKA__APP_ID": kafka.app_id,
        "KAFKA__PARTITIONS": str(kafka.partitions),
        "WORKER__CHECKPOINT_INTERVAL_SECONDS": str(worker.checkpoint_interval_seconds),
        "WORKER__SESSION_TIMEOUT_SECONDS": str(worker.session_timeout_seconds),
        "WORKER__REBALANCE_TIMEOUT_SECONDS": str(worker.rebalance_timeout_seconds),
        "WORKER__HOT_ACCOUNTS_MAX": str(worker.hot_accounts_max),
        "WORKER__STORE": worker.store,
        "WORKER__METRICS_PORT": "null" if worker.metrics_port is None else str(worker.metrics_port),
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")}
    inherited.pop("KAFKA_BOOTSTRAP_SERVERS", None)
    return inherited | {f"HEARTLINE_{name}": value for name, value in values.items()}


class WorkerProcess:
    """One worker; its log goes to a file that a failed wait shows.

    Args:
        settings: its settings.
        log: where it writes.
        crash_at: the instant of `tests.crash_points` at which it kills itself.
        instance_id: its name as a static member of the group.
        environment: variables that win over the settings.
    """

    def __init__(
        self,
        settings: Settings,
        log: Path,
        crash_at: str | None = None,
        instance_id: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._extra = dict(environment or {})
        self._settings = settings
        self._instance_id = instance_id
        self._crash_at = crash_at
        self._log = log
        self._process: ForkedProcess | None = None
        self._said_before = 0

    async def start(self, *, ready: bool = True) -> "WorkerProcess":
        """Start it; by default wait until it has its partitions and their states."""
        environment = _environment(self._settings) | ({"CRASH_AT": self._crash_at} if self._crash_at else {})
        environment["HEARTLINE_WORKER__GROUP_INSTANCE_ID"] = self._instance_id or "null"
        environment |= self._extra
        self._said_before = self._log.stat().st_size if self._log.exists() else 0
        self._process = await asyncio.to_thread(ForkedProcess, run_tally, [], environment, self._log)
        if ready:
            await eventually(self._is_ready, HANG_SECONDS, self.log)
        return self

    def _is_ready(self) -> bool:
        assert self.process.returncode is None, f"the worker ended by itself:\n{self.log()}"
        return b"worker ready" in self._log.read_bytes()[self._said_before :]

    @property
    def process(self) -> ForkedProcess:
        assert self._process is not None
        return self._process

    def is_gone(self) -> bool:
        """Whether it has ended, however it did."""
        return self.process.returncode is not None

    def log(self) -> str:
        """What it said so far."""
        return self._log.read_text()

    def send(self, number: signal.Signals) -> None:
        """Send a signal; a process that is gone is fine."""
        self.process.send_signal(number)

    async def wait(self, seconds: float = 20.0) -> int:
        """Its exit status."""
        try:
            return await asyncio.to_thread(self.process.wait, max(seconds, HANG_SECONDS))
        except subprocess.TimeoutExpired:
            await self.kill()
            raise AssertionError(f"the worker did not end within {seconds} s:\n{self.log()}") from None

    async def stop(self) -> int:
        """SIGTERM, then its exit status."""
        self.send(signal.SIGTERM)
        return await self.wait()

    async def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        await asyncio.to_thread(self.process.wait, HANG_SECONDS)


async def eventually(condition: Callable[[], bool], seconds: float, explain: Callable[[], str]) -> None:
    """Wait for a condition; `seconds`, or longer on a busy machine."""
    seconds = max(seconds, HANG_SECONDS)
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s:\n{explain()}")
        await asyncio.sleep(0.05)


def never() -> bool:
    """Nothing ends it."""
    return False


async def feed(
    settings: Settings,
    count: int = sys.maxsize,
    *,
    first: int = 0,
    rate: float | None = None,
    misplaced: bool = False,
    until: Callable[[], bool] = never,
) -> int:
    """Produce events: 90 percent usage, tickets, surveys; a heavy-tailed choice of 500 accounts.

    One in fifty is no number (a dead letter), one in fifty changes nothing.

    Args:
        settings: whose topics.
        count: how many at most.
        first: the number of the first one.
        rate: events a second; None for all at once.
        misplaced: whether half of the accounts arrive in the partition after their own.
        until: asked after every hundred: whether that is enough.

    Returns:
        The number of the next one.
    """
    topics = settings.kafka.topics
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap_servers, linger_ms=10, max_batch_size=1 << 17
    )
    chance, number = random.Random(first), first
    await producer.start()
    try:
        while number - first < count:
            kind = number % 20
            topic = topics.input("ticket" if kind == 0 else "survey" if kind == 1 else "usage")
            value = {7: b"x", 8: b"noop"}.get(number % 50, b"%d" % number)
            account = int(chance.paretovariate(0.8)) % 500
            account_id = f"account-{account}"
            home = partition_of(account_id, PARTITIONS)
            partition = (home + 1) % PARTITIONS if misplaced and account % 2 else home
            await producer.send(topic, value, key=account_id.encode(), partition=partition)
            number += 1
            if number % 100 == 0:
                if until():
                    break
                if rate is not None:
                    await asyncio.sleep(100 / rate)
    finally:
        await producer.stop()
    return number
