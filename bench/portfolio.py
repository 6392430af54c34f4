"""The portfolio on a whole company: exact after a kill, rebuilt from Kafka, its pages, and how soon it knows.

    python -m bench.portfolio                     5,000 accounts, three years, every day of each (5.5 million records)
    python -m bench.portfolio --accounts 200 --years 1
    python -m bench.portfolio --figures 50000     how long each figure takes over so many accounts

The first sends a synthetic company with every edge case in it, shuffled, onto a Kafka of its own, kills the process
while it reads, compares every figure with an independent computation in SQL, and measures. What was measured is kept
in bench/results/portfolio.json.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import urlopen

import msgspec
from aiokafka import AIOKafkaProducer
from kafka import KafkaProducer

from consumers.async_kafka import async_connection
from consumers.kafka_client import ensure_topics
from consumers.portfolio.days import Period, day_number, day_of, trailing
from consumers.portfolio.facts import DIMENSIONS, Dimension
from consumers.portfolio.figures import FIGURES, Figure
from consumers.portfolio.query import Query, why_not_by
from consumers.portfolio.store import Store
from heartline.bench.environment import Environment, find_environment
from heartline.synthetic.business import account_days, business
from stream.contracts.partitioner import partition_of
from tests.oracle.portfolio import Oracle, agrees
from tests.unit.consumers.portfolio.books import RULES, Event, moment_ms, records

KEPT: Final = Path(__file__).parent / "results" / "portfolio.json"
PARTITIONS: Final = 12
PAGES: Final = ("/", "/growth", "/cohorts", "/renewals", "/team", "/phases", "/features", "/health")
LATE_EVENTS: Final = 10
KILLED_AT: Final = (0.1, 0.5)  # of the days, when it has so many
_ADDRESS: Final = re.compile(r"http://127\.0\.0\.1:\d+")


class Process:
    """`heartline portfolio serve` on the topics of a run."""

    def __init__(self, where: Environment) -> None:
        self._log = where.folder / f"portfolio-{time.monotonic_ns()}.log"
        self.file = where.folder / "portfolio.duckdb"
        env = where.worker_env | {"HEARTLINE_PORTFOLIO__METRICS_PORT": "null"}
        command = [sys.executable, "-P", "-m", "heartline.cli", "portfolio", "serve", "--port", "0"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([*command, "--file", str(self.file)], env=env, stdout=log, stderr=log)

    @property
    def is_ready(self) -> bool:
        """Whether everything is in its figures."""
        if self._process.poll() is not None:
            raise SystemExit(f"the portfolio ended: {self._log.read_text()[-2000:]}")
        return b"portfolio ready on " in self._log.read_bytes()

    def wait_ready(self) -> float:
        """Seconds until it is."""
        started = time.monotonic()
        while not self.is_ready:
            time.sleep(0.05)
        return time.monotonic() - started

    def kill_at(self, days: int) -> bool:
        """Kill it once it holds so many days of accounts; returns whether it was still reading then."""
        while not self.is_ready:
            if _ADDRESS.search(self._log.read_text()) and self._days() >= days:
                self.end(signal.SIGKILL)
                return True
            time.sleep(0.02)
        self.end()
        return False

    def _days(self) -> int:
        """How many days of accounts are in its file."""
        try:
            return int(json.loads(self.get("/api/v1/portfolio/status"))["account_days"])
        except OSError:  # it says where it listens just before it does
            return -1

    def get(self, path: str) -> bytes:
        """What it answers."""
        found_address = _ADDRESS.search(self._log.read_text())
        assert found_address is not None
        with urlopen(found_address[0] + path, timeout=120) as answer:
            found: bytes = answer.read()
            return found

    def cpu_seconds(self) -> float:
        """Processor time that it took so far, its own and the system's for it."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> int:
        """The most memory that it had so far."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    def end(self, number: int = signal.SIGTERM) -> None:
        """Stop it, or kill it."""
        self._process.send_signal(number)
        self._process.wait(60)


async def send_days(where: Environment, end: datetime, accounts: int, years: float) -> int:
    """Every day of every account, in the order of the days."""
    topic, count = where.kafka.topics.account_days, 0
    producer = AIOKafkaProducer(**async_connection(where.kafka, "bench"), compression_type="lz4", linger_ms=50)
    await producer.start()
    home: dict[str, int] = {}
    midnights: dict[str, int] = {}
    batches: dict[int, Any] = {}
    try:
        for event in account_days(end, accounts, years):
            account = event["account_id"]
            partition = home.setdefault(account, partition_of(account, PARTITIONS))
            value = msgspec.json.encode(event)
            batch = batches.setdefault(partition, producer.create_batch())
            when = midnights.get(event["day"]) or midnights.setdefault(event["day"], moment_ms(event["timestamp"]))
            if batch.append(key=account.encode(), value=value, timestamp=when) is None:
                await producer.send_batch(batch, topic, partition=partition)
                batch = batches[partition] = producer.create_batch()
                batch.append(key=account.encode(), value=value, timestamp=when)
            count += 1
        for partition, batch in batches.items():
            await producer.send_batch(batch, topic, partition=partition)
        await producer.flush()
    finally:
        await producer.stop()
    return count


def send(producer: KafkaProducer, where: Environment, event: Event) -> None:
    """One event to where it belongs."""
    key = str(event.get("account_id") or event.get("currency"))
    producer.send(
        where.kafka.topics.topic_of(event["type"]),
        json.dumps(event).encode(),
        key=key.encode(),
        partition=partition_of(key, PARTITIONS),
        timestamp_ms=moment_ms(str(event.get("recorded_at", event["timestamp"]))),
    )


def differences(process: Process, oracle: Oracle, periods: list[Period], say: Any) -> tuple[int, list[str]]:
    """How many values were compared with the oracle's, and which differ."""
    spans = [(each.name, day_of(each.first_day), day_of(each.next_day)) for each in periods]
    compared, wrong = 0, list[str]()
    text = f"{periods[0].name}..{periods[-1].name}"
    for by in (None, *sorted(DIMENSIONS, key="product".__eq__)):  # by product, the oracle lays all out anew
        say(f"{text} by {by or 'nothing'}")
        answer: dict[str, Any] = {"until": None}
        while answer["until"] != (
            until := _until(process)
        ):  # a day that turns meanwhile moves the running period's end
            expected = oracle.figures(spans, by, date.fromisoformat(until))
            ids = sorted({id_ for id_, _, _ in expected})
            asked = urlencode({"period": text, "figure": ids} | ({"by": by} if by else {}), doseq=True)
            answer = json.loads(process.get(f"/api/v1/portfolio/figures?{asked}"))
        found = {(row["figure"], row["period"], row["group"]): row for row in answer["figures"]}
        for key, theirs in expected.items():
            row = found.pop(key, None)
            ours = None if row is None else row.get("minor", row["value"])
            if (
                row is not None
                and "minor" not in row
                and row["unit"] == answer["currency"]
                and row["value"] is not None
            ):
                ours = row["value"] * 100
            compared += 1
            if not agrees(key[0], ours, theirs):
                wrong.append(f"{key}: {ours} here, {theirs} there")
        wrong += [f"{key}: {row['value']} here, nothing there" for key, row in found.items() if row["value"]]
    return compared, wrong


def _until(process: Process) -> str:
    """The day up to which it answers."""
    until: str = json.loads(process.get("/api/v1/portfolio/figures?figure=arr"))["until"]
    return until


def company(accounts: int, years: float, say: Any) -> dict[str, Any]:
    """A whole company through Kafka: exact, and how fast."""
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    events = business(end, accounts, years)
    with find_environment(PARTITIONS, say) as where:
        ensure_topics(where.kafka, list(where.kafka.topics.ledger))
        say(f"sending {len(events):,} records, shuffled")
        order = random.Random(1)
        arrival_order = {event["event_id"]: order.random() for event in events}
        shuffled = sorted(
            events, key=lambda event: arrival_order[event["event_id"]]
        )  # a correction after what it corrects
        producer = KafkaProducer(bootstrap_servers=where.kafka.bootstrap_servers, linger_ms=20)
        for event in shuffled:
            send(producer, where, event)
        producer.flush()
        say("sending the days of the accounts")
        days = asyncio.run(send_days(where, end, accounts, years))
        say(f"{days:,} days sent; reading, and killing it in between")
        kills = sum(Process(where).kill_at(round(share * days)) for share in KILLED_AT)
        process = Process(where)
        process.wait_ready()
        status = json.loads(process.get("/api/v1/portfolio/status"))
        say(f"killed {kills} times, holds {status['records']:,} records and {status['account_days']:,} days")
        if (status["records"], status["account_days"], status["unusable"]) != (len(events), days, 0):
            raise SystemExit(f"not everything is there: {status}")
        told = itertools.chain(events, account_days(end, accounts, years))
        oracle = Oracle(told, "UTC", datetime.now(UTC).date())
        compared, wrong = 0, list[str]()
        for periods in (trailing(end.date(), "quarter", 12), trailing(end.date(), "month", 12)):
            count, found = differences(process, oracle, periods, say)
            compared, wrong = compared + count, wrong + found
        process.end()
        if wrong:
            raise SystemExit("\n".join([f"{len(wrong)} of {compared} values differ:", *wrong[:20]]))
        say(f"{compared:,} values are those of the independent computation; building it anew")
        process.file.unlink()
        process = Process(where)
        rebuilt = process.wait_ready()
        rebuilt_cpu = process.cpu_seconds()
        say(f"ready after {rebuilt:.1f} s")
        pages = {path: _milliseconds(process, path) for path in PAGES}
        page_cpu = {path: _cpu_milliseconds(process, producer, where, number) for number, path in enumerate(PAGES)}
        lags = [_lag_seconds(process, producer, where, number) for number in range(LATE_EVENTS)]
        again = {path: _milliseconds(process, path) for path in PAGES}
        peak = process.peak_mb()
        process.end()
        producer.close()
    return {
        "accounts": accounts,
        "years": years,
        "records": len(events),
        "account_days": days,
        "kills": kills,
        "values_compared": compared,
        "values_that_differ": 0,
        "rebuild_seconds": round(rebuilt, 1),
        "rebuild_cpu_seconds": round(rebuilt_cpu, 1),
        "page_ms_first": {path: round(ms) for path, ms in pages.items() if ms is not None},
        "page_cpu_ms_after_a_change": page_cpu,
        "page_ms_after_a_change": {path: round(ms) for path, ms in again.items() if ms is not None},
        "live_lag_seconds_max": round(max(lags), 2),
        "peak_rss_mb": peak,
    }


def _milliseconds(process: Process, path: str) -> float | None:
    """How long a page takes; None: there is none."""
    started = time.perf_counter()
    try:
        process.get(path)
    except OSError:
        return None
    return (time.perf_counter() - started) * 1000


def _cpu_milliseconds(process: Process, producer: KafkaProducer, where: Environment, number: int) -> int:
    """Processor time of a page after a change, when nothing is kept of it; in steps of 10."""
    _lag_seconds(process, producer, where, LATE_EVENTS + number)
    before = process.cpu_seconds()
    process.get(PAGES[number])
    return round((process.cpu_seconds() - before) * 1000)


def _lag_seconds(process: Process, producer: KafkaProducer, where: Environment, number: int) -> float:
    """From an event to the figure that holds it."""
    today = datetime.now(UTC).date()
    asked = f"/api/v1/portfolio/figures?{urlencode({'period': today.isoformat(), 'figure': 'new_accounts'})}"

    def counted() -> int:
        return int(json.loads(process.get(asked))["figures"][0]["value"])

    before = counted()
    event = {
        "type": "subscription",
        "event_id": f"live-{number}",
        "account_id": f"live-{number}",
        "subscription_id": f"live-{number}",
        "status": "started",
        "amount": 100,
        "currency": "EUR",
        "timestamp": datetime.now(UTC).isoformat(),
    }
    send(producer, where, event)
    producer.flush()
    started = time.monotonic()
    while counted() == before:
        time.sleep(0.02)
    return time.monotonic() - started


def figures(accounts: int, years: float, say: Any) -> dict[str, Any]:
    """How long each figure takes, in memory: of the running quarter, and of 12 quarters and 36 months by segment."""
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    store = Store(RULES)
    started = time.perf_counter()
    arrivals = records(business(end, accounts, years))
    say(f"{len(arrivals):,} records made in {time.perf_counter() - started:.0f} s")
    started = time.perf_counter()
    store.append(arrivals)
    store.refresh()
    derived = time.perf_counter() - started
    say(f"derived in {derived:.0f} s")
    query = Query(store.cursor(), RULES, day_number(end.date()))
    quarter, months = trailing(end.date(), "quarter", 1), trailing(end.date(), "month", 36)
    asked: dict[str, tuple[list[Period], Dimension | None]] = {
        "one quarter": (quarter, None),
        "36 months": (months, None),
        "36 months by segment": (months, "segment"),
    }
    worst = {
        name: max((_seconds(query, each, periods, by), each.id) for each in FIGURES if why_not_by(each, by) is None)
        for name, (periods, by) in asked.items()
    }
    return {
        "accounts": accounts,
        "records": len(arrivals),
        "derive_seconds": round(derived, 1),
        "slowest_figure_seconds": {name: [round(seconds, 2), id_] for name, (seconds, id_) in worst.items()},
    }


def _seconds(query: Query, figure: Figure, periods: list[Period], by: Dimension | None) -> float:
    started = time.perf_counter()
    query.figures([figure], periods, by)
    return time.perf_counter() - started


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description="the portfolio on a whole company")
    parser.add_argument("--accounts", type=int, default=5_000)
    parser.add_argument("--years", type=float, default=3.0)
    parser.add_argument(
        "--figures", type=int, metavar="ACCOUNTS", help="measure the figures over so many accounts instead"
    )
    parser.add_argument("--keep", metavar="NAME", help="under which name of the results; company, or figures")
    asked = parser.parse_args()

    def say(text: str) -> None:
        print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr)

    found = figures(asked.figures, asked.years, say) if asked.figures else company(asked.accounts, asked.years, say)
    found |= {"date": f"{datetime.now(UTC):%Y-%m-%d}", "load_average": round(os.getloadavg()[0], 1)}
    kept = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    kept[asked.keep or ("figures" if asked.figures else "company")] = found
    KEPT.write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
