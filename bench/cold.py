"""Accounts that are not in memory: what it costs to have their states on the local disk, in memory and in time.

    python -m bench.cold [--accounts 200000] [--state-bytes 4096] [--hot 1000] [--address-space-mb 0] [--store disk]

Fills a state store with that many states, as a recovery from the changelog does, and then does in processes of their
own what a worker does: starts warm from it, loads and evicts accounts, looks at every one of them as a scan does beside
a task that asks for the loop, and compacts. A limit on the address space shows that none of it needs the states in
memory: with less than all states have, it ends like without.
"""

import argparse
import asyncio
import random
import resource
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

from stream.config.settings import KafkaSettings, Settings, WorkerSettings
from stream.engine.checkpoint import Checkpoint
from stream.engine.partition import Partition
from stream.engine.partition_assignment import PartitionAssignment
from stream.engine.recovery import ChangelogReplay
from stream.engine.state_cache import evict

TOUCHED = 10_000
SLICE = 500
PROBE_SECONDS = 0.002


class PlainPartition(Partition[bytes]):
    """States that are their own bytes, so that only the engine's part is measured."""

    def encode(self, state: bytes) -> bytes:
        return state

    def decode(self, value: bytes) -> bytes:
        return value


def taken(end: int) -> PartitionAssignment:
    """One partition of one, as it is after the fence."""
    assigned = PartitionAssignment(PlainPartition(0, 1), SimpleNamespace(), changelog_end=end)
    assigned.committed.changelog_end = end
    return assigned


def settings(store: str) -> Settings:
    """With a folder for the store, or memory."""
    return Settings(kafka=KafkaSettings(partitions=1), worker=WorkerSettings(store=store))


def resident_mb() -> float:
    """Memory that the process holds now; file pages that the kernel caches don't count."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def peak_mb() -> float:
    """The most that it ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def limit(address_space_mb: int) -> None:
    """From here on more memory than that is refused."""
    if address_space_mb:
        resource.setrlimit(resource.RLIMIT_AS, (address_space_mb << 20, address_space_mb << 20))


class Clock:
    """Wall and processor seconds since it was made, all threads."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    @property
    def wall(self) -> float:
        return time.perf_counter() - self._wall

    @property
    def cpu(self) -> float:
        return time.process_time() - self._cpu


def cold_start(store: str, accounts: int, state_bytes: int, hot: int, address_space_mb: int) -> None:
    """A recovery that reads the whole changelog, records made up on the way."""
    limit(address_space_mb)
    asyncio.run(_cold_start(store, accounts, state_bytes, hot))


async def _cold_start(store: str, accounts: int, state_bytes: int, hot: int) -> None:
    before, clock, chance = resident_mb(), Clock(), random.Random(1)
    pad = chance.randbytes(state_bytes + 1000)
    assigned = taken(accounts)
    await assigned.store.open(settings(store), "id", assigned.changelog_end, 1)
    replay = ChangelogReplay(assigned)
    for first in range(0, accounts, 1000):
        numbers = range(first, min(first + 1000, accounts))
        await replay.add(
            [SimpleNamespace(key=b"account-%d" % n, value=pad[n % 1000 : n % 1000 + state_bytes]) for n in numbers]
        )
    await replay.finish(hot)
    _report("cold start", clock, before, accounts)
    assigned.store.release()


def warm_start(store: str, accounts: int, state_bytes: int, hot: int, address_space_mb: int) -> None:
    """A start from the store, and what a worker does then."""
    limit(address_space_mb)
    asyncio.run(_warm_start(store, accounts, hot))


async def _warm_start(store: str, accounts: int, hot: int) -> None:
    before, clock = resident_mb(), Clock()
    assigned = taken(accounts)
    await assigned.store.open(settings(store), "id", assigned.changelog_end, 1)
    assert len(assigned.partition.cold) == accounts
    _report("warm start", clock, before, accounts)
    partition, names = assigned.partition, random.Random(2).sample(range(accounts), min(TOUCHED, accounts // 10))
    clock = Clock()
    for number in names:
        partition.load(f"account-{number}")
    print(f"load: {clock.cpu / len(names) * 1e6:.2f} us of CPU an account")
    clock = Clock()
    await evict(partition, hot)
    print(f"evict: {clock.cpu / len(names) * 1e6:.2f} us of CPU an account")
    await _scan(partition)
    await _compact(assigned, before)
    print(f"peak: {peak_mb():.0f} MB resident")
    assigned.store.release()


async def _scan(partition: Partition[bytes]) -> None:
    """Look at every account, in slices as a scan does."""
    pauses: list[float] = []
    probing = asyncio.create_task(_probe(pauses))
    clock = Clock()
    for count, name in enumerate(list(partition.cold)):
        partition.peek(name)
        if count % SLICE == 0:
            await asyncio.sleep(0)
    print(
        f"scan: {clock.cpu / len(partition.cold) * 1e6:.2f} us of CPU an account, {clock.wall:.1f} s, "
        f"longest pause {max(pauses) * 1e3:.0f} ms"
    )
    probing.cancel()


async def _compact(assigned: PartitionAssignment, before: float) -> None:
    """A checkpoint, which has everything folded into a new base while others ask for the loop."""
    states: dict[str, bytes | None] = {
        name: assigned.partition.peek(name) for name in list(assigned.partition.cold)[:TOUCHED]
    }
    pauses: list[float] = []
    probing = asyncio.create_task(_probe(pauses))
    clock = Clock()
    await assigned.store.append(Checkpoint(states, [], {}, None, []), assigned.committed.changelog_end, 1)
    assert assigned.store.compaction is not None, (
        "the segments of a cold start are larger than its snapshot, of which there is none"
    )
    await assigned.store.compaction
    print(
        f"compaction: {clock.cpu / len(assigned.partition.cold) * 1e6:.2f} us of CPU an account, {clock.wall:.1f} s, "
        f"longest pause {max(pauses) * 1e3:.0f} ms, {resident_mb() - before:.0f} MB resident"
    )
    probing.cancel()


async def _probe(pauses: list[float]) -> None:
    while True:
        started = time.perf_counter()
        await asyncio.sleep(PROBE_SECONDS)
        pauses.append(time.perf_counter() - started - PROBE_SECONDS)


def _report(what: str, clock: Clock, before: float, accounts: int) -> None:
    print(
        f"{what}: {clock.wall:.2f} s, {clock.cpu / accounts * 1e6:.2f} us of CPU an account, "
        f"{(resident_mb() - before) * 1e6 / accounts:.0f} bytes of memory an account; peak {peak_mb():.0f} MB"
    )


def main() -> None:
    """Both starts, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=200_000)
    parser.add_argument("--state-bytes", type=int, default=4096)
    parser.add_argument("--hot", type=int, default=1000)
    parser.add_argument("--address-space-mb", type=int, default=0, help="0: no limit")
    parser.add_argument("--store", choices=["disk", "memory"], default="disk", help="memory: the cold start alone")
    arguments = parser.parse_args()
    total_mb = arguments.accounts * arguments.state_bytes / 1e6
    print(f"{arguments.accounts:,} states of {arguments.state_bytes:,} bytes: {total_mb:,.0f} MB")
    context = get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for part in (cold_start, warm_start) if arguments.store == "disk" else (cold_start,):
            process = context.Process(
                target=part,
                args=(
                    folder if arguments.store == "disk" else "memory",
                    arguments.accounts,
                    arguments.state_bytes,
                    arguments.hot,
                    arguments.address_space_mb,
                ),
            )
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(f"{part.__name__} ended with {process.exitcode}")


if __name__ == "__main__":
    main()
