"""What a health update costs the alerting process: judged against a real Redis, with 10,000 alerts open.

    python bench/alerting.py [updates]

Kafka is left out: records are handed over as the poll loop does, 500 at a time, to the process's own handler.
"""

import sys
import time
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from alerts.config import read_config
from consumers.audit import AuditLog
from consumers.handler import Alerting
from consumers.metrics import Metrics
from consumers.outbox import Outbox
from consumers.projection import Projection
from consumers.rebuild import Rebuilt
from consumers.settings import RedisSettings
from consumers.state import StateStore, connect
from consumers.telling import NOBODY
from heartline.embedded import ValkeyServer
from stream.report import HealthReport, encode_report
from stream.topics import Topics
from tests.reports import MONDAY, make_report

ACCOUNTS = 50_000
OPEN = 10_000
BATCH = 500
TOPICS = Topics()


class Record(NamedTuple):
    """A record as the poll loop hands it over."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes


def main(updates: int) -> None:
    """Fill, then measure."""
    with ValkeyServer() as server:
        handler = make_handler(server.url)
        handler.take_over(TOPICS.health, 0)
        values = [(f"account-{n}", make_report(f"account-{n}", 40 if n < OPEN else 80)) for n in range(ACCOUNTS)]
        run(handler, values, 0)
        seconds, cpu = run(handler, [values[n % ACCOUNTS] for n in range(updates)], ACCOUNTS)
        cost_us = cpu / updates * 1e6
        print(f"{updates} updates, {OPEN} alerts open: {updates / seconds:,.0f}/s, {cost_us:.1f} us of CPU each")


def run(handler: Alerting, reports: list[tuple[str, HealthReport]], offset: int) -> tuple[float, float]:
    """Hand over reports; seconds, and seconds of this process's CPU."""
    records = [
        Record(TOPICS.health, 0, offset + n, 0, name.encode(), encode_report(report))
        for n, (name, report) in enumerate(reports)
    ]
    began, cpu = time.perf_counter(), time.process_time()
    for first in range(0, len(records), BATCH):
        batch: Any = records[first : first + BATCH]
        handler.handle(TOPICS.health, 0, batch)
    return time.perf_counter() - began, time.process_time() - cpu


def make_handler(url: str) -> Alerting:
    """The process's own, telling nobody."""
    client = connect(RedisSettings(url=SecretStr(url)))
    config = read_config()
    store = StateStore(client, "bench:", Outbox(client, "bench:"), AuditLog(client, "bench:"))
    return Alerting(
        store,
        config,
        Projection(),
        Metrics(CollectorRegistry(), TOPICS.health, config.book.names, []),
        topics=TOPICS,
        event_clock=False,
        telling=NOBODY,
        rebuild=lambda partition: Rebuilt(),
        clock_ms=lambda: int(MONDAY.timestamp() * 1000),
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
