"""A fleet that nobody here can run: 100 partitions on 50 workers with failures, simulated from measured parts.

    python -m bench.fleet [--partitions 100] [--workers 50] [--events-per-second 400000] [--accounts 10000000]

Time goes in steps of a tenth of a second. Events arrive at every partition by its share, workers fold what their core
allows, and the group does what a classic consumer group does: whoever is silent for a session is put out, whoever joins
has everybody stop until all have come, and the partitions of the others stay where they are. What a step costs is
measured on a real worker and named in `Parts`; what is simulated is how they come together. Two clusters of the kind
that `make chaos` runs keep the rules of the group honest; the sums of 50 workers are not measured anywhere.
"""

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

STEP_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Parts:
    """What was measured, or is set.

    Attributes:
        fold_us: of processor time to fold and commit an event. Source: `make bench-tables`, 200,000 accounts.
        look_us: of an account on the hourly scan, its checkpoint included. Source: `python -m bench.periodic_scan`.
        report_us: of a whole report. Source: docs/benchmarks-parts.md.
        checkpoint_ms: of one partition's transaction. Source: docs/engine.md.
        checkpoint_seconds: between two of a partition. Source: `worker.checkpoint_interval_seconds`.
        session_seconds: of silence until a member is put out. Source: `worker.session_timeout_seconds`.
        heartbeat_seconds: until a member hears of a rebalance, at most. Source: Faust's `broker_heartbeat_interval`.
        assign_seconds: from the last member's join until all fold again, recovery aside. Source: logs of `make chaos`.
        start_seconds: of a process, until it joins. Source: the same.
        changelog_us, store_us: of recovery, an account. Source: `make bench-tables`, 1,000,000 accounts.
        state_bytes, report_bytes: on Kafka. Source: docs/sizing.md.
    """

    fold_us: float = 28
    look_us: float = 90
    report_us: float = 400
    checkpoint_ms: float = 1.0
    checkpoint_seconds: float = 1.0
    session_seconds: float = 30
    heartbeat_seconds: float = 3
    assign_seconds: float = 2
    start_seconds: float = 5
    changelog_us: float = 24
    store_us: float = 3
    state_bytes: int = 1024
    report_bytes: int = 4400


@dataclass(frozen=True)
class Load:
    """What comes in, over all partitions.

    Attributes:
        events_per_second, reports_per_second: in the busiest hour.
        accounts: all.
        skew: how unequal partitions are: their shares are drawn evenly from 1 - skew to 1 + skew.
    """

    events_per_second: float
    reports_per_second: float
    accounts: int
    skew: float = 0.3


@dataclass
class Worker:
    """One worker: away until a moment, and which session of it the group still knows.

    Attributes:
        joins_at: when it (again) asks to join; None: it is a member.
        silent_since: when it was killed, while the group does not know; None: the group is right about it.
        is_new: it has joined, and has nothing in memory yet.
    """

    joins_at: float | None = None
    silent_since: float | None = None
    is_new: bool = False

    @property
    def is_running(self) -> bool:
        return self.joins_at is None


@dataclass
class Partition:
    """One partition: its share of the load, who has it, from when on it is folded, and how many events wait."""

    share: float
    owner: int
    ready_at: float = 0.0
    backlog: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What a failure came to.

    Attributes:
        stopped_share: the most partitions that were not folded at one time, of all.
        stopped_seconds: how long the longest was not folded.
        behind_seconds: the most that a partition was behind: its backlog over what comes in.
        caught_up_seconds: from the first failure until nobody is behind by more than a checkpoint; None: not in time.
        recovery_mb_per_second: read from the brokers by recoveries, in the busiest ten seconds.
        arrived, folded, waiting: events.
    """

    stopped_share: float
    stopped_seconds: float
    behind_seconds: float
    caught_up_seconds: float | None
    recovery_mb_per_second: float
    arrived: float
    folded: float
    waiting: float


@dataclass
class Fleet:
    """The simulation.

    Args:
        parts, load: what it is made of.
        workers, partitions: how many.
        is_static: members have names of their own, and state stores that outlive them.
        chance: for the shares.

    Attributes:
        now: seconds since it began.
        behind_until: the last moment at which a partition had more waiting than comes in during a checkpoint.
    """

    parts: Parts
    load: Load
    workers: int
    partitions: int
    is_static: bool
    chance: random.Random
    now: float = 0.0
    behind_until: float = 0.0
    _workers: list[Worker] = field(init=False)
    _partitions: list[Partition] = field(init=False)
    _paused_at: float | None = field(default=None, init=False)
    _resume_at: float | None = field(default=None, init=False)
    _stopped_since: list[float | None] = field(init=False)
    _stopped_seconds: float = field(default=0.0, init=False)
    _stopped_most: int = field(default=0, init=False)
    _behind_most: float = field(default=0.0, init=False)
    _arrived: float = field(default=0.0, init=False)
    _folded: float = field(default=0.0, init=False)
    _recovered: list[tuple[float, float]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        skew = self.load.skew
        drawn = [1 + self.chance.uniform(-skew, skew) for _ in range(self.partitions)]
        self._workers = [Worker() for _ in range(self.workers)]
        self._partitions = [Partition(share / sum(drawn), number % self.workers) for number, share in enumerate(drawn)]
        self._stopped_since = [None] * self.partitions

    def utilisation(self) -> float:
        """Of the cores of all workers, while nothing fails."""
        parts, load = self.parts, self.load
        cores = (
            load.events_per_second * parts.fold_us / 1e6
            + load.accounts * parts.look_us / 1e6 / 3600
            + load.reports_per_second * parts.report_us / 1e6
            + self.partitions * parts.checkpoint_ms / 1e3 / parts.checkpoint_seconds
        )
        return cores / self.workers

    def broker_mb_per_second(self) -> float:
        """What the workers write, at most: each report is of an account whose state is saved with it."""
        return self.load.reports_per_second * (self.parts.state_bytes + self.parts.report_bytes) / 1e6

    def transactions_per_second(self) -> float:
        """Commits, over all partitions."""
        return self.partitions / self.parts.checkpoint_seconds

    def kill(self, number: int, back_after: float | None) -> None:
        """End a worker; it is started again after so long (None: never)."""
        away = float("inf") if back_after is None else back_after
        self._workers[number] = Worker(self.now + away + self.parts.start_seconds, self.now)

    def stop(self, number: int, back_after: float) -> None:
        """End a worker in order: a dynamic member leaves the group by that, a static one does not."""
        self.kill(number, back_after)
        if not self.is_static:
            self._workers[number].silent_since = self.now - self.parts.session_seconds

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.now + seconds
        while self.now < end:
            self._group()
            self._fold()
            self.now += STEP_SECONDS

    def outcome(self, caught_up_seconds: float | None) -> Outcome:
        """What came of it so far."""
        rates = [
            sum(megabytes for moment, megabytes in self._recovered if at <= moment < at + 10) / 10
            for at, _ in self._recovered
        ]
        return Outcome(
            self._stopped_most / self.partitions,
            self._stopped_seconds,
            self._behind_most,
            caught_up_seconds,
            max(rates, default=0.0),
            self._arrived,
            self._folded,
            sum(partition.backlog for partition in self._partitions),
        )

    def _group(self) -> None:
        """Who is put out, who joins, and when all go on."""
        parts = self.parts
        for number, worker in enumerate(self._workers):
            expired = worker.silent_since is not None and self.now - worker.silent_since >= parts.session_seconds
            joins = worker.joins_at is not None and self.now >= worker.joins_at
            if self.is_static and joins and worker.silent_since is not None and not expired:
                self._workers[number] = Worker()  # it is who it was: nobody else hears of it
                self._recover([each for each in self._partitions if each.owner == number], parts.store_us)
            elif expired or joins:
                silent_since = None if expired else worker.silent_since
                self._workers[number] = Worker(None if joins else worker.joins_at, silent_since, joins)
                if self._paused_at is None:
                    self._paused_at = self.now + parts.heartbeat_seconds / 2
                self._resume_at = None
        if self._paused_at is None or self.now < self._paused_at:
            return
        if self._resume_at is None:
            # A member that is silent and still known keeps all waiting until its session is over.
            known = [each.silent_since for each in self._workers if each.silent_since is not None]
            last = (
                max((since + parts.session_seconds for since in known), default=self.now)
                if not self.is_static
                else self.now
            )
            self._resume_at = max(self.now + parts.heartbeat_seconds / 2, last) + parts.assign_seconds
        if self.now >= self._resume_at:
            self._paused_at = self._resume_at = None
            self._assign()

    def _assign(self) -> None:
        """Partitions stay where they are if they may; the others, and what is too many, go to who has the fewest."""
        members = [number for number, each in enumerate(self._workers) if each.is_running]
        owned = dict.fromkeys(members, 0)
        most = -(-self.partitions // max(len(members), 1))
        homeless = []
        for partition in self._partitions:
            if partition.owner in owned and owned[partition.owner] < most:
                owned[partition.owner] += 1
            else:
                homeless.append(partition)
        for partition in homeless:
            partition.owner = min(owned, key=lambda number: owned[number])
            owned[partition.owner] += 1
        self._recover(homeless, self.parts.changelog_us)
        back = {number for number in members if self._workers[number].is_new}
        stayed = [each for each in self._partitions if each.owner in back and each not in homeless]
        self._recover(stayed, self.parts.store_us)
        for number in back:
            self._workers[number].is_new = False

    def _recover(self, partitions: Sequence[Partition], us: float) -> None:
        """Load states, one worker beside the other, each its own one after another."""
        free_at: dict[int, float] = {}
        for partition in partitions:
            accounts = self.load.accounts * partition.share
            ready = free_at.get(partition.owner, self.now) + accounts * us / 1e6
            free_at[partition.owner] = partition.ready_at = ready
            if us == self.parts.changelog_us:
                self._recovered.append((self.now, accounts * self.parts.state_bytes / 1e6))

    def _fold(self) -> None:
        """A step of arrivals and of work."""
        is_paused = self._paused_at is not None and self.now >= self._paused_at
        fixed = self.utilisation() * self.workers - self.load.events_per_second * self.parts.fold_us / 1e6
        per_worker = max(1 - fixed / self.workers, 0.0) * STEP_SECONDS / (self.parts.fold_us / 1e6)
        room = {number: per_worker for number, each in enumerate(self._workers) if each.is_running and not is_paused}
        stopped = 0
        for number, partition in enumerate(self._partitions):
            came = self.load.events_per_second * partition.share * STEP_SECONDS
            self._arrived += came
            partition.backlog += came
            is_stopped = partition.owner not in room or partition.ready_at > self.now
            if not is_stopped:
                done = min(partition.backlog, room[partition.owner])
                room[partition.owner] -= done
                partition.backlog -= done
                self._folded += done
                self._stopped_since[number] = None
            else:
                stopped += 1
                since = self._stopped_since[number]
                since = self._stopped_since[number] = self.now if since is None else since
                self._stopped_seconds = max(self._stopped_seconds, self.now - since)
            behind = partition.backlog / (self.load.events_per_second * partition.share)
            self._behind_most = max(self._behind_most, behind)
            if behind > self.parts.checkpoint_seconds:
                self.behind_until = self.now
        self._stopped_most = max(self._stopped_most, stopped)


def one_killed(fleet: Fleet) -> None:
    """A worker is killed, and its supervisor starts it again two seconds later."""
    fleet.kill(0, 2)


def one_lost(fleet: Fleet) -> None:
    """A machine is gone for good."""
    fleet.kill(0, None)


def five_lost(fleet: Fleet) -> None:
    """A rack with a tenth of the workers is gone."""
    for number in range(fleet.workers // 10):
        fleet.kill(number, None)


def all_killed(fleet: Fleet) -> None:
    """Every worker at once, as when the power fails for a moment."""
    for number in range(fleet.workers):
        fleet.kill(number, 2)


def rolling(fleet: Fleet) -> None:
    """One worker after another, each when the one before has been back for ten seconds."""
    for number in range(fleet.workers):
        fleet.stop(number, 2)
        fleet.run(2 + fleet.parts.start_seconds + 10)


FAILURES: Final[dict[str, Callable[[Fleet], None]]] = {
    "a worker is killed and started again": one_killed,
    "a worker is gone for good": one_lost,
    "a tenth of the workers is gone for good": five_lost,
    "all are killed and started again": all_killed,
    "a rolling restart": rolling,
}


def simulate(fleet: Fleet, failure: Callable[[Fleet], None], seconds_max: float = 3600) -> Outcome:
    """A minute without failures, the failure, and what follows until nobody is behind."""
    fleet.run(60)
    began = fleet.now
    failure(fleet)
    while fleet.now - began < seconds_max:
        fleet.run(1)
        if fleet.now - fleet.behind_until > fleet.parts.session_seconds + 10:
            return fleet.outcome(max(fleet.behind_until - began, 0.0))
    return fleet.outcome(None)


def table(workers: int, partitions: int, load: Load, parts: Parts) -> str:
    """Every failure, with dynamic and with static members."""
    told = [
        "| failure | members | partitions stopped | for at most | behind at most | caught up after | recovery reads |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, failure in FAILURES.items():
        for is_static in (False, True):
            found = simulate(Fleet(parts, load, workers, partitions, is_static, random.Random(1)), failure)
            after = "not within an hour" if found.caught_up_seconds is None else f"{found.caught_up_seconds:.0f} s"
            told.append(
                f"| {name} | {'static' if is_static else 'dynamic'} | {found.stopped_share:.0%} "
                f"| {found.stopped_seconds:.0f} s | {found.behind_seconds:.0f} s | {after} "
                f"| {found.recovery_mb_per_second:.0f} MB/s |"
            )
    return "\n".join(told)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--partitions", type=int, default=100)
    parser.add_argument("--workers", type=int, default=50)
    parser.add_argument("--events-per-second", type=float, default=400_000)
    parser.add_argument("--reports-per-second", type=float, default=10_000)
    parser.add_argument("--accounts", type=int, default=10_000_000)
    given = parser.parse_args()
    wanted = Load(given.events_per_second, given.reports_per_second, given.accounts)
    quiet = Fleet(Parts(), wanted, given.workers, given.partitions, False, random.Random(1))
    print(
        f"{given.workers} workers, {given.partitions} partitions, {wanted.events_per_second:,.0f} events and "
        f"{wanted.reports_per_second:,.0f} reports a second of {wanted.accounts:,} accounts: "
        f"{quiet.utilisation():.0%} of the cores; {quiet.transactions_per_second():.0f} transactions and "
        f"{quiet.broker_mb_per_second():.0f} MB a second for the brokers, before replication\n"
    )
    print(table(given.workers, given.partitions, wanted, Parts()))
