"""One worker process, as `heartline worker` runs it, and what it costs."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from aiokafka import TopicPartition

from heartline.bench.environment import Environment
from heartline.processes.child_process import Role
from heartline.processes.scrape import Scrape, scrape
from stream.contracts.errors import HeartlineError
from stream.engine.committed_offsets import committed_offsets

STALLED_SECONDS: Final = 60.0
STOP_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.25
_FOLDED: Final = "heartline_worker_records_folded_total"
_PUBLISHED: Final = "heartline_worker_records_published_total"
_AT_REST: Final = (
    "heartline_worker_partitions_catching_up",
    "heartline_worker_pending_accounts",
    "heartline_worker_dirty_accounts",
)
_RECOVERY: Final = "heartline_worker_recovery_seconds_sum"


class BenchError(HeartlineError):
    """A run can't say anything, or says that events were lost or doubled."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a backlog cost the worker.

    Attributes:
        seconds: of the clock on the wall, from ready until the last event is folded and its checkpoint is committed.
        folding_cpu_seconds: user and system, for the same; what is evaluated by then is in.
        evaluated_seconds: the same until every account is evaluated and committed, or the time for that is up.
        cpu_seconds: user and system, for the same.
        changelog_records: written meanwhile.
        pending_accounts: accounts that were not evaluated, or not saved, when the time was up; 0: it was enough.
    """

    seconds: float
    folding_cpu_seconds: float
    evaluated_seconds: float
    cpu_seconds: float
    changelog_records: int
    pending_accounts: int


class MeasuredWorker:
    """A worker process in an environment; use it in `with`."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._role = Role("worker", environment.worker_env, environment.folder)

    def __enter__(self) -> "MeasuredWorker":
        return self

    def __exit__(self, *_: object) -> None:
        self._role.stop()

    def start(self) -> float:
        """Start it; returns the seconds from there to `worker ready`.

        Raises:
            ChildProcessEnded: it ended, or was not ready within a minute.
        """
        self._role.log_path.unlink(missing_ok=True)
        started = time.monotonic()
        self._role.start()
        self._role.wait_ready()
        return time.monotonic() - started

    def stop(self) -> None:
        """End it cleanly; with very many accounts in memory that may take longer than a role is otherwise given.

        Raises:
            BenchError: it did not end with status 0.
        """
        with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            process = psutil.Process(self._role.pid)
            process.terminate()
            process.wait(STOP_SECONDS)
        status = self._role.stop()
        if status != 0:
            raise BenchError(f"the worker ended with status {status}, not 0; it said last:\n{self._role.log_tail()}")

    async def work_off(self, events: int, evaluated_seconds: float) -> Cost:
        """Wait until it has folded that many events since its start, evaluated every account, and committed all of it.

        Call it right after `start`.

        Args:
            events: how many to wait for.
            evaluated_seconds: how long to wait for the evaluation, once all are folded.

        Raises:
            BenchError: it stalls.
            ChildProcessEnded: it ended.
        """
        cpu_before, started = self._cpu_seconds(), time.monotonic()
        await self._wait_folded(events)
        await self.wait_committed(events)
        seconds, folding_cpu_seconds = time.monotonic() - started, self._cpu_seconds() - cpu_before
        waiting = await self.wait_evaluated(evaluated_seconds)
        whole_seconds, cpu_seconds = time.monotonic() - started, self._cpu_seconds() - cpu_before
        records = self._page().total(_PUBLISHED, topic=self._environment.kafka.topics.changelog)
        return Cost(seconds, folding_cpu_seconds, whole_seconds, cpu_seconds, int(records or 0), waiting)

    async def wait_evaluated(self, seconds: float) -> int:
        """Wait until no account waits to be evaluated, nor to be saved; nothing may be sent meanwhile.

        Args:
            seconds: how long at most.

        Returns:
            How many still wait when the time is up; 0: none does.

        Raises:
            BenchError: it stalls.
            ChildProcessEnded: it ended.
        """
        before, moved = -1, time.monotonic()
        deadline = moved + seconds
        while (now := self._waiting()) > 0 and time.monotonic() < deadline:
            before, moved = self._insist(now, before, moved, f"{now:,} accounts to evaluate or to save")
            await asyncio.sleep(_LOOK_SECONDS)
        return now

    def _waiting(self) -> int:
        """Accounts and partitions that are not at rest; 1 where its page does not answer."""
        totals = [self._page().total(name) for name in _AT_REST]
        return sum(1 if total is None else int(total) for total in totals)

    async def wait_committed(self, events: int) -> None:
        """Wait until its checkpoints hold that many events in all, its predecessors' included.

        Raises:
            BenchError: it stalls.
            ChildProcessEnded: it ended.
        """
        kafka = self._environment.kafka
        partitions = [TopicPartition(topic, n) for topic in kafka.topics.inputs for n in range(kafka.partitions)]
        before, moved = -1, time.monotonic()
        while (now := sum((await committed_offsets(kafka, partitions)).values())) < events:
            before, moved = self._insist(now, before, moved, f"committed {now:,} of {events:,} events")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _wait_folded(self, events: int) -> None:
        before, moved = -1, time.monotonic()
        while (now := int(self._page().total(_FOLDED) or 0)) < events:
            before, moved = self._insist(now, before, moved, f"folded {now:,} of {events:,} events")
            await asyncio.sleep(_LOOK_SECONDS)

    def _insist(self, now: int, before: int, moved: float, what: str) -> tuple[int, float]:
        """Refuse to wait for a worker that ended or does not move; gives what to compare with the next time."""
        self._role.check()
        if now != before:
            return now, time.monotonic()
        if time.monotonic() - moved > STALLED_SECONDS:
            raise BenchError(
                f"the worker has {what}, and nothing for {STALLED_SECONDS:g} s; it said last:\n{self._role.log_tail()}"
            )
        return before, moved

    @property
    def recovery_seconds(self) -> float:
        """How long its recovery took, as it says itself: from assignment to ready state."""
        return self._page().total(_RECOVERY) or 0.0

    @property
    def peak_rss_mb(self) -> float:
        """The most memory it ever had resident, in MiB; where the system does not keep that, what it has now."""
        try:
            status = Path(f"/proc/{self._role.pid}/status").read_text("ascii", "replace")
        except OSError:
            return float(psutil.Process(self._role.pid).memory_info().rss / 2**20)
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:"))

    def _cpu_seconds(self) -> float:
        """User and system time of all its threads since it started."""
        times = psutil.Process(self._role.pid).cpu_times()
        return float(times.user + times.system)

    def _page(self) -> Scrape:
        """Its metrics; empty where the page does not answer in time, for it is asked again."""
        return scrape(self._environment.metrics_port) or Scrape(())
