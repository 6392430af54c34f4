"""How large an account gets with its age: its state, and the memory of a worker that holds it.

    python -m bench.ageing [--accounts 200] [--days 1095] [--events 2] [--users 5]

Accounts live in one partition without Kafka around it. Each day its events are folded, every account is looked at as
on the scan of a day's end, and what is published goes nowhere. What is kept of an account is bounded by windows, the
longest of which is a season of last year: so its state must stop growing, and here is when, and at how much.
"""

import argparse
import gc
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from heartline.bench.workload import Shape, Workload
from heartline.replay.lines import InputRecord
from stream.calendar.clock import ManualClock
from stream.calendar.day import DAY_MS
from stream.config.settings import Settings
from stream.kinds.state import decode_state, encode_state
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import make_processor

STEP_DAYS: Final = 73  # a fifth of a year


@dataclass(slots=True)
class Arrived:
    """A record as the fold sees it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Age:
    """What accounts of one age take.

    Attributes:
        days: since their first event.
        mean_bytes, max_bytes: of their encoded states.
        resident_mib: of the process, the states being objects in it.
        cpu_seconds: that the last step took.
        states: encoded, by account.
    """

    days: int
    mean_bytes: float
    max_bytes: int
    resident_mib: float
    cpu_seconds: float
    states: dict[str, bytes]


def ages(workload: Workload, events_a_day: int, last_day: int, days: int, step_days: int = STEP_DAYS) -> Iterator[Age]:
    """Live to the end of `last_day`, and say after every so many days what the accounts take.

    Args:
        workload: whose events these are.
        events_a_day: of all accounts together.
        last_day: the last one, counted from 1970-01-01.
        days: how many.
        step_days: between two answers.
    """
    clock = ManualClock(0)
    settings = Settings()
    processor, partition, topics = make_processor(settings, clock), AccountPartition(0), settings.kafka.topics
    began = time.process_time()
    for number in range(1, days + 1):
        day = last_day - days + number
        chunks: dict[str, list[InputRecord]] = {}
        for record in workload.over(events_a_day, day * DAY_MS, DAY_MS):
            chunks.setdefault(topics.input(record.kind), []).append(record)
        clock.current_ms = (day + 1) * DAY_MS - 1
        for topic, records in chunks.items():
            arrived = [Arrived(at, clock.current_ms, each.key, each.value) for at, each in enumerate(records)]
            processor.fold(partition, topic, arrived)
        for _ in processor.evaluate(partition):
            pass
        partition.outputs.clear()
        partition.dirty.clear()
        if number % step_days == 0 or number == days:
            states = {name: encode_state(state) for name, state in partition.states.items()}
            sizes = [len(state) for state in states.values()]
            gc.collect()
            cpu_seconds, began = time.process_time() - began, time.process_time()
            yield Age(number, statistics.fmean(sizes), max(sizes), _resident_mib(), cpu_seconds, states)


def object_bytes(states: Sequence[bytes], copies: int = 2_000) -> float:
    """What an account takes as an object, as a worker holds one that is hot: many are decoded, and kept."""
    gc.collect()
    before = _resident_mib()
    kept = [decode_state(states[number % len(states)]) for number in range(copies)]
    return (_resident_mib() - before) * 2**20 / len(kept)


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Print a line for each age."""
    parser = argparse.ArgumentParser(prog="python -m bench.ageing", description=__doc__)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--days", type=int, default=1095)
    parser.add_argument("--events", type=int, default=2, help="of an account a day, in the mean")
    parser.add_argument("--users", type=int, default=5, help="of an account")
    given = parser.parse_args()
    workload = Workload(Shape(given.accounts * given.events, given.accounts, given.users, "uniform"), 0)
    last_day = time.time_ns() // 10**6 // DAY_MS - 1
    for age in ages(workload, given.accounts * given.events, last_day, given.days):
        print(
            f"{age.days} days: a state {age.mean_bytes:,.0f} bytes, at most {age.max_bytes:,}; "
            f"{age.resident_mib:.1f} MiB; {age.cpu_seconds:.1f} s of CPU",
            flush=True,
        )
    print(f"as an object: {object_bytes(list(age.states.values())):,.0f} bytes")


if __name__ == "__main__":
    main()
