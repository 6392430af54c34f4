"""What a health update costs the alerting process: evaluated against a real Redis, with 10,000 alerts open.

    python bench/alerting.py [updates]

Kafka is left out: records are handed over as the poll loop does, 500 at a time, to the process's own handler. Every
account is evaluated once beforehand; each measured update moves its score and users. Once with small reports, once with
whole ones: four weeks of history, what moved, and every measure that a rule looks at.
"""

import gc
import sys
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from alerts.config import read_config
from consumers.alerting.alerting_handler import Alerting
from consumers.alerting.audit_log import AuditLog
from consumers.alerting.metrics import Metrics
from consumers.alerting.outbox import Outbox
from consumers.alerting.process import GC_THRESHOLDS
from consumers.alerting.projection import Projection
from consumers.alerting.rebuild_state import Rebuilt
from consumers.alerting.recipients import NOBODY
from consumers.alerting.state import StateStore
from consumers.redis_client import RedisSettings, connect
from heartline.embedded import ValkeyServer
from stream.contracts.report import Change, Contribution, encode_report
from stream.topics import Topics
from tests.reports import MONDAY, make_report

ACCOUNTS = 50_000
OPEN = 10_000
BATCH = 500
TOPICS = Topics()
MEASURES: Final = {
    **{"dau": 12, "wau": 30, "mau": 42, "mau_previous": 44, "depth": 0.5, "nps": 20, "nps_responses": 5},
    **{"license_utilization": 0.7, "silence_working_days": 0, "silence_limit_days": 3, "days_since_active": 0},
    **{"champions": 4, "champions_gone": 0, "days_known": 400, "milestones_reached": 3, "milestone_stuck_days": 3},
    **{"time_to_first_value_days": 2, "first_value_waiting_days": None, "days_to_renewal": 200},
    **{"escalation_running_hours": 0, "open_tickets": 2, "open_urgent_tickets": 0, "open_detractors": 0},
    **{"open_promoters": 0, "goals_off_track": 0, "outcome_pace_min": 1.1, "cancellation_requested": 0},
    **{"subscriptions_active": 1, "wau_growth": 0.02, "stickiness": 0.4, "users_for_half": 6, "breadth": 0.6},
}


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
    gc.set_threshold(*GC_THRESHOLDS)
    with ValkeyServer() as server:
        for whole in (False, True):
            handler = make_handler(server.url, f"bench-{whole}:")
            handler.on_assigned(TOPICS.health, 0)
            run(handler, [record(n, 0, whole) for n in range(ACCOUNTS)])
            records = [record(n, 1, whole) for n in range(ACCOUNTS, ACCOUNTS + updates)]
            seconds, cpu = run(handler, records)
            size = sum(len(each.value) for each in records) // updates
            print(
                f"{updates} updates of {size} bytes, {OPEN} alerts open: {updates / seconds:,.0f}/s, "
                f"{cpu / updates * 1e6:.1f} us of CPU each"
            )


def record(offset: int, moved: int, whole: bool) -> Record:
    """One account's report, `moved` points and users from its first; the offset says whose."""
    number = offset % ACCOUNTS
    moved *= offset // ACCOUNTS
    name, score = f"account-{number}", (40 if number < OPEN else 80) + moved
    report = make_report(name, score)
    if whole:
        past = [score + day % 3 - 1 for day in range(27)]
        parts = [Contribution(measure, "adoption", 11, 20.0, 0.5, 1.0) for measure in list(MEASURES)[:12]]
        moves = [Change(measure, 42, 11, -1.0) for measure in list(MEASURES)[:12]]
        fields: dict[str, Any] = {"contributions": parts, "changes_7d": moves, "changes_28d": moves}
        report = make_report(name, score, past=past, measures=MEASURES | {"dau": 12 + moved}, **fields)
    return Record(TOPICS.health, 0, offset, 0, name.encode(), encode_report(report))


def run(handler: Alerting, records: Sequence[Record]) -> tuple[float, float]:
    """Hand over records; seconds, and seconds of this process's CPU."""
    began, cpu = time.perf_counter(), time.process_time()
    for first in range(0, len(records), BATCH):
        batch: Any = records[first : first + BATCH]
        handler.handle(TOPICS.health, 0, batch)
    return time.perf_counter() - began, time.process_time() - cpu


def make_handler(url: str, prefix: str) -> Alerting:
    """The process's own, telling nobody."""
    client = connect(RedisSettings(url=SecretStr(url)))
    config = read_config()
    store = StateStore(client, prefix, Outbox(client, prefix), AuditLog(client, prefix))
    return Alerting(
        store,
        config,
        Projection(),
        Metrics(CollectorRegistry(), TOPICS.health, config.book.names, []),
        topics=TOPICS,
        event_clock=False,
        recipients=NOBODY,
        rebuild=lambda partition: Rebuilt(),
        clock_ms=lambda: int(MONDAY.timestamp() * 1000),
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
