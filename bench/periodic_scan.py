"""A scan over a million accounts in memory: the longest pause of the event loop, and what the scan costs.

    python -m bench.periodic_scan [--accounts 1000000] [--partitions 12] [--hot 200000] [--store memory|FOLDER]

The engine's own checkpoints run over the partitions, with a broker that takes everything at once. A task beside them
asks for the loop every few milliseconds, as heartbeats and folds do, and remembers how long it had to wait. The scan
itself is the one of a new day: every account is evaluated again, and one in ten has news.
"""

import argparse
import asyncio
import gc
import time
from collections.abc import Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from prometheus_client import CollectorRegistry

from stream.calendar.clock import ManualClock
from stream.config.settings import KafkaSettings, Settings, WorkerSettings
from stream.engine import recovery
from stream.engine.checkpoint import Checkpoint
from stream.engine.metrics import EngineMetrics
from stream.engine.partition_assignment import PartitionAssignment
from stream.engine.partition_manager import PartitionManager
from stream.engine.state_cache import evict
from stream.history.daily import close_score
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState
from stream.kinds.usage import UsageEvent
from stream.run import GC_THRESHOLDS
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor, make_processor

DAY_MS = 86_400_000
USERS = 5
FALLS_EVERY = 10
PROBE_SECONDS = 0.005


class Batch:
    """A batch that takes everything."""

    def append(self, **_: Any) -> object:
        return self

    def record_count(self) -> int:
        return 1


class Producer:
    """A broker that takes everything at once."""

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, *_: Any, **__: Any) -> "asyncio.Future[Any]":
        done = asyncio.get_running_loop().create_future()
        done.set_result(SimpleNamespace(offset=0))
        return done

    async def begin_transaction(self) -> None: ...

    async def send_offsets_to_transaction(self, *_: Any) -> None: ...

    async def commit_transaction(self) -> None: ...

    async def stop(self) -> None: ...


def account(number: int, now_ms: int) -> AccountState:
    """An account of five users: one in ten fell silent a while ago, the others are used every day up to yesterday.

    Its closing scores are those of a worker that has been running for weeks.
    """
    state = AccountState()
    falls = number % FALLS_EVERY == 0
    for day in range(0, 26, 2) if falls else range(30):
        user = f"u{number}-{day % USERS}"
        event = UsageEvent(
            account_id=f"account-{number}",
            user_id=user,
            feature="export",
            timestamp=now_ms - (30 - day) * DAY_MS,
            event_id=f"e{day}",
        )
        fold_event(state, event)
    state.usage.recent_ids.keys.clear()
    for back in range(35, 0, -1):
        close_score(state.usage.days, now_ms // DAY_MS - back, 80.0)
    return state


async def producer(_: KafkaSettings, __: int) -> Producer:
    """Stands in for `fenced_producer`."""
    return Producer()


async def ends(_: KafkaSettings, numbers: Sequence[int]) -> dict[int, int]:
    """Stands in for `recovery.changelog_ends`."""
    return dict.fromkeys(numbers, 0)


async def fill(
    processor: HealthProcessor,
    now_ms: int,
    accounts: int,
    settings: Settings,
    fenced: Sequence[PartitionAssignment],
    hot_max: int,
) -> int:
    """Stands in for `recovery.recover`: accounts that were evaluated a day ago."""
    with recovery.gc_paused():
        for assigned in fenced:
            hot = cast(AccountPartition, assigned.partition)
            for name in range(assigned.number, accounts, len(fenced)):
                hot.states[f"account-{name}"] = account(name, now_ms)
            for _slice in processor.evaluate(hot):
                pass
            hot.outputs.clear()
            await assigned.store.open(settings, "id", assigned.changelog_end, now_ms)
            states: dict[str, bytes | None] = {name: hot.encode(state) for name, state in hot.states.items()}
            hot.dirty.clear()
            await evict(hot, hot_max, states)
            assigned.committed.changelog_end = len(states)
            await assigned.store.append(Checkpoint(states, [], {}, None, []), assigned.committed.changelog_end, now_ms)
    return accounts


async def run(accounts: int, partitions: int, hot: int, store: str) -> None:
    """Fill, evaluate once, turn the day, and measure until nobody is scheduled."""
    clock = ManualClock(20_004 * DAY_MS + 1)  # a Tuesday: at weekends nobody is late
    worker = WorkerSettings(hot_accounts_max=hot, store=store)
    settings = Settings(kafka=KafkaSettings(partitions=partitions), worker=worker)
    processor = make_processor(settings, clock)
    manager = PartitionManager(settings, processor, EngineMetrics(CollectorRegistry()))
    with (
        patch("stream.engine.partition_manager.fenced_producer", producer),
        patch("stream.engine.recovery.changelog_ends", ends),
        patch("stream.engine.recovery.recover", partial(fill, processor, clock.current_ms, accounts)),
    ):
        await manager.assign(range(partitions), 1)
        await manager.recover()
    clock.advance(days=1)
    pauses: list[float] = []
    busy: list[float] = []
    probing = asyncio.create_task(_probe(pauses, busy))
    began, cpu = time.monotonic(), time.process_time()
    manager.begin_seek()
    manager.observe_ends({})  # there is no backlog to fold first
    rounds = 0
    while rounds == 0 or any(p.pending_count for p in manager.partitions()):
        await asyncio.sleep(0.2)
        rounds += 1
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    probing.cancel()
    pauses.sort()
    published = sum(
        state.published is not None and state.published.as_of_ms == clock.current_ms
        for hot in manager.partitions()
        for name in (*hot.states, *hot.cold)
        if (state := hot.peek(name)) is not None
    )
    print(
        f"accounts={accounts} published={published} partitions={partitions} scan_seconds={seconds:.1f} "
        f"cpu_seconds={cpu:.1f} cpu_ratio={cpu / seconds:.2f} cpu_us_per_account={cpu / accounts * 1e6:.0f} "
        f"pause_p99_ms={pauses[int(len(pauses) * 0.99)] * 1e3:.1f} pause_max_ms={pauses[-1] * 1e3:.1f} "
        f"own_pause_max_ms={max(busy) * 1e3:.1f}"
    )
    await manager.close()


async def _probe(pauses: list[float], busy: list[float]) -> None:
    """How long the loop let its others wait, and how much of that was its own work, not another process's."""
    while True:
        started, cpu = time.perf_counter(), time.thread_time()
        await asyncio.sleep(PROBE_SECONDS)
        pauses.append(time.perf_counter() - started - PROBE_SECONDS)
        busy.append(time.thread_time() - cpu)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=12)
    parser.add_argument("--hot", type=int, default=200_000)
    parser.add_argument("--store", default="memory", help="memory, or an empty folder for state stores")
    arguments = parser.parse_args()
    gc.set_threshold(*GC_THRESHOLDS)
    asyncio.run(run(arguments.accounts, arguments.partitions, arguments.hot, arguments.store))
