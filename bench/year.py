"""A company's year, compressed: whether memory stays flat and lag bounded, and what gives way when there is too much.

    python -m bench.year [--accounts 1000000] [--days 365] [--events-per-day 200000] [--minutes 60] [--aged-days 730]

One worker with a state store, on the event clock: time moves by the events, and a day of the company takes what the
worker takes for it: its next part is sent when less than a tenth of a day is left to fold. An hourly scan would
come every second, so that a scan comes once a day here, beside the turn of each account's own day; all else is as an
installation has it. Every account is met before the first day. With `--aged-days` each has lived
for so long: its state is one of a few lives that were lived through before (`bench.ageing`), and the worker recovers
them all. A line a day says what the worker's own metrics say, its
processor time, which does not depend on what else the machine does, and the memory that the system says it holds.

At the end a burst of `--burst-days` comes at once: what waits, what grows, and for how long.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import psutil
from aiokafka import AIOKafkaProducer

from bench.ageing import ages, object_bytes
from heartline.bench.environment import Environment, find_environment
from heartline.bench.sending import send_all
from heartline.bench.workload import Shape, Workload, account_id
from heartline.processes.child_process import ChildProcessEnded, Role
from heartline.processes.scrape import Scrape, scrape
from stream.calendar.day import DAY_MS
from stream.contracts.partitioner import partition_of
from stream.engine.connection import client_arguments
from stream.engine.topology import prepare_topics

WARM_UP_SHARE: Final = 1 / 3
USERS_PER_ACCOUNT: Final = 5
LOOK_SECONDS: Final = 2.0
LEFT_SHARE: Final = 0.1
STUCK_SECONDS: Final = 5.0
BATCH_BYTES: Final = 900_000
LIVES: Final = Shape(events=20, accounts=10, users_per_account=USERS_PER_ACCOUNT, distribution="uniform")


@dataclass(frozen=True)
class Day:
    """What was seen of one day of the company.

    Attributes:
        number: 1 is the first.
        resident_mib: the worker's memory at its end.
        cpu_seconds: of the worker, for the day.
        lag_records: not folded yet, the most that was seen.
        pending_accounts: waiting to be evaluated, the most that was seen.
        accounts: that the worker knows at its end.
        hot: of them in memory as objects, the most that was seen.
    """

    number: int
    resident_mib: float
    cpu_seconds: float
    lag_records: int
    pending_accounts: int
    accounts: int
    hot: int


def growth_mib(days: Sequence[Day]) -> float | None:
    """How much memory grows in 30 days after the warm-up, by least squares; None: fewer than four days after it.

    >>> growth_mib([Day(n, 300.0 + n, 1.0, 0, 0, 10, 10) for n in range(1, 13)])
    30.0
    """
    after = [day for day in days if day.number > len(days) * WARM_UP_SHARE]
    if len(after) < 4:
        return None
    slope, _ = statistics.linear_regression([day.number for day in after], [day.resident_mib for day in after])
    return slope * 30


class Watch:
    """The worker as it is seen from outside."""

    def __init__(self, role: Role, port: int) -> None:
        self._role, self._port = role, port
        self._process = psutil.Process(role.pid)
        self._cpu_before = self._cpu_seconds()
        self._lag = self._pending = self._hot = self.restarts = 0

    def look(self) -> None:
        """Remember the most of what waits and is held; a worker that ended is started again."""
        try:
            self._role.check()
        except ChildProcessEnded as ended:  # it leaves where a restart is the cure; its supervisor is here
            print(f"{ended}\nstarted again", flush=True)
            self.restarts += 1
            self._role.start()
            self._process, self._cpu_before = psutil.Process(self._role.pid), 0.0
        page = scrape(self._port) or Scrape(())
        self._lag = max(self._lag, int(page.total("heartline_worker_lag_records") or 0))
        self._pending = max(self._pending, int(page.total("heartline_worker_pending_accounts") or 0))
        self._hot = max(self._hot, int(page.total("heartline_worker_hot_accounts") or 0))

    def day(self, number: int) -> Day:
        """What was seen since the last one."""
        self.look()
        page = scrape(self._port) or Scrape(())
        cpu = self._cpu_seconds()
        seen = Day(
            number,
            self._process.memory_info().rss / 2**20,
            cpu - self._cpu_before,
            self._lag,
            self._pending,
            int(page.total("heartline_worker_accounts") or 0),
            self._hot,
        )
        self._cpu_before, self._lag, self._pending, self._hot = cpu, 0, 0, 0
        return seen

    def waits(self) -> tuple[int, int]:
        """Records that are not folded, accounts that are not evaluated; very many before the accounts are recovered."""
        page = scrape(self._port) or Scrape(())
        if not page.total("heartline_worker_accounts"):
            return sys.maxsize, sys.maxsize
        lag = page.total("heartline_worker_lag_records")
        pending = page.total("heartline_worker_pending_accounts")
        return (sys.maxsize if lag is None else int(lag)), (sys.maxsize if pending is None else int(pending))

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


class Company:
    """Its events, a day at a time."""

    def __init__(self, accounts: int, events_per_day: int, days: int) -> None:
        shape = Shape(events_per_day, accounts, USERS_PER_ACCOUNT, "zipf")
        self._workload = Workload(shape, 0)
        self._first_ms = (int(time.time() * 1000) // DAY_MS - days - 1) * DAY_MS
        self._accounts, self._events_per_day = accounts, events_per_day

    async def write_aged(self, environment: Environment, days: int) -> None:
        """The state of every account as it is after so many days, on the changelog: one of a few lives."""
        *_, age = ages(Workload(LIVES, 0), LIVES.events, self._first_ms // DAY_MS - 1, days, days)
        lives = list(age.states.values())
        as_object = object_bytes(lives)
        print(f"a state of {days} days: {age.mean_bytes:,.0f} bytes, as an object {as_object:,.0f}", flush=True)
        kafka = environment.kafka
        await prepare_topics(kafka)
        async with AIOKafkaProducer(**client_arguments(kafka), max_batch_size=BATCH_BYTES) as producer:
            batches = {number: producer.create_batch() for number in range(kafka.partitions)}
            for number in range(self._accounts):
                name = account_id(number)
                at, state = partition_of(name, kafka.partitions), {"key": name.encode(), "timestamp": None}
                state["value"] = lives[number % len(lives)]
                if batches[at].append(**state) is None:
                    await (await producer.send_batch(batches[at], kafka.topics.changelog, partition=at))
                    batches[at] = producer.create_batch()
                    batches[at].append(**state)
            for at, batch in batches.items():
                await (await producer.send_batch(batch, kafka.topics.changelog, partition=at))

    async def meet_all(self, environment: Environment) -> None:
        """An event of every account, on the day before the first."""
        records = self._workload.everyone(self._first_ms - DAY_MS, DAY_MS)
        await send_all(environment.kafka, records, lambda _: None)

    async def send(self, environment: Environment, number: int, share: float = 1.0, part: int = 0) -> None:
        """A day's events, or one of its parts."""
        count = int(self._events_per_day * share)
        first_ms = self._first_ms + number * DAY_MS + int(part * share * DAY_MS)
        records = self._workload.over(count, first_ms, int(DAY_MS * share))
        await send_all(environment.kafka, records, lambda _: None)


async def live(environment: Environment, watch: Watch, company: Company, given: argparse.Namespace) -> list[Day]:
    """The days, until they or the minutes are over."""
    days: list[Day] = []
    deadline = time.monotonic() + given.minutes * 60
    for number in range(given.days):
        began = time.monotonic()
        for part in range(given.parts):
            await company.send(environment, number, 1 / given.parts, part)
            watch.look()
            await _wait_for_room(watch, given)
        days.append(watch.day(number + 1))
        seen = days[-1]
        print(
            f"day {seen.number}: {time.monotonic() - began:.1f} s, worker {seen.cpu_seconds:.1f} s of CPU, "
            f"{seen.resident_mib:.0f} MiB, {seen.accounts:,} accounts, at most {seen.hot:,} hot, "
            f"{seen.lag_records:,} records behind and {seen.pending_accounts:,} accounts waiting",
            flush=True,
        )
        if time.monotonic() > deadline:
            break
    return days


async def _wait_for_room(watch: Watch, given: argparse.Namespace) -> None:
    """Until little is left to fold, and few accounts wait or no fewer than a while ago: the last wait for events."""
    fewest, since = sys.maxsize, time.monotonic()
    while True:
        lag, pending = watch.waits()
        if pending < fewest:
            fewest, since = pending, time.monotonic()
        is_evaluated = pending <= given.accounts * LEFT_SHARE or time.monotonic() - since > STUCK_SECONDS
        if lag <= given.events_per_day * LEFT_SHARE and is_evaluated:
            return
        await asyncio.sleep(LOOK_SECONDS / 4)
        watch.look()


async def wait_for_nothing(watch: Watch, minutes_max: float) -> tuple[float | None, float]:
    """Wait until all is folded, and then for as long as accounts are still evaluated.

    On the event clock the last ones wait for the next event.

    Returns:
        Seconds until all was folded (None: it never was), and until the end.
    """
    began, folded_after, before = time.monotonic(), None, -1
    while time.monotonic() - began < minutes_max * 60:
        await asyncio.sleep(LOOK_SECONDS)
        lag, pending = watch.waits()
        watch.look()
        if lag == 0 and folded_after is None:
            folded_after = time.monotonic() - began
        if lag == 0 and pending == before:
            break
        before = pending
    return folded_after, time.monotonic() - began


async def burst(
    environment: Environment, watch: Watch, company: Company, first: int, days: int, minutes_max: float
) -> str:
    """Days at once: what gives way, and how long until nothing waits."""
    for number in range(first, first + days):
        await company.send(environment, number)
        watch.look()
    folded_after, seconds = await wait_for_nothing(watch, minutes_max)
    seen = watch.day(0)
    folded = "not within the time" if folded_after is None else f"after {folded_after:.0f} s"
    return (
        f"burst of {days} days at once: at most {seen.pending_accounts:,} accounts waiting and {seen.lag_records:,} "
        f"records behind; all folded {folded}, nothing waits after {seconds:.0f} s; "
        f"{seen.cpu_seconds:.0f} s of CPU, {seen.resident_mib:.0f} MiB at its end"
    )


async def run(given: argparse.Namespace) -> None:
    """The year."""
    with find_environment(given.partitions, print) as environment:
        env = environment.worker_env | {
            "HEARTLINE_WORKER__CLOCK": "event",
            "HEARTLINE_WORKER__SCAN_INTERVAL_SECONDS": "86400",
            "HEARTLINE_WORKER__HOT_ACCOUNTS_MAX": str(given.hot),
        }
        company = Company(given.accounts, given.events_per_day, given.days + given.burst_days)
        if given.aged_days:
            await company.write_aged(environment, given.aged_days)
        role = Role("worker", env, environment.folder)
        role.start()
        try:
            while not role.ready:  # a busy machine may take longer than a minute
                await asyncio.sleep(LOOK_SECONDS)
            watch = Watch(role, environment.metrics_port)
            if not given.aged_days:
                await company.meet_all(environment)
                await wait_for_nothing(watch, given.minutes)
            print(f"every account was met: {(met := watch.day(0)).accounts:,}, {met.resident_mib:.0f} MiB", flush=True)
            days = await live(environment, watch, company, given)
            if given.burst_days:
                print(
                    await burst(environment, watch, company, len(days), given.burst_days, given.burst_minutes),
                    flush=True,
                )
            _say(days, given, watch.restarts)
        finally:
            role.stop()


def _say(days: Sequence[Day], given: argparse.Namespace, restarts: int) -> None:
    """The verdict."""
    grown = growth_mib(days)
    after = [day for day in days if day.number > len(days) * WARM_UP_SHARE]
    print(
        f"{datetime.now(UTC):%Y-%m-%d}: {len(days)} of {given.days} days, "
        f"{len(days) * given.events_per_day:,} events of "
        f"{days[-1].accounts:,} accounts; after the first third {min(day.resident_mib for day in after):.0f} to "
        f"{max(day.resident_mib for day in after):.0f} MiB, "
        f"{'unknown' if grown is None else f'{grown:+.1f} MiB'} in 30 days; at most "
        f"{max(day.lag_records for day in after):,} records behind (a day has {given.events_per_day:,}); "
        f"{sum(day.cpu_seconds for day in days):.0f} s of CPU; started again {restarts} times"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.year", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument(
        "--aged-days", type=int, default=0, help="how long every account has lived before the first day"
    )
    parser.add_argument("--events-per-day", type=int, default=200_000)
    parser.add_argument("--parts", type=int, default=4, help="in which a day is sent; fewer where days are short")
    parser.add_argument("--minutes", type=float, default=60, help="stop after so many, however far it went")
    parser.add_argument("--partitions", type=int, default=12)
    parser.add_argument("--burst-days", type=int, default=3)
    parser.add_argument("--burst-minutes", type=float, default=15, help="how long to wait for its end")
    parser.add_argument("--hot", type=int, default=200_000, help="worker.hot_accounts_max")
    asyncio.run(run(parser.parse_args()))
