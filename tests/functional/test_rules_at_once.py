"""From one event to the alert that it opens or ends: what moves no point of the score is not left for the next day."""

from datetime import UTC, datetime
from typing import Any

import pytest

from alerts.config import read_config
from alerts.model import AccountRecord
from consumers.alerting.batch import DecodedRecord, evaluate_batch
from consumers.alerting.recipients import NOBODY
from consumers.alerting.state import LoadedState
from stream.calendar.clock import EventClock
from stream.calendar.day import DAY_MS
from stream.contracts.report import HealthReport, encode_report
from stream.measures.product_config import ProductConfig
from stream.topics import Kind
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor
from tests.streams import TOPICS, Raw
from tests.unit.stream.lives import DAY, evaluated, fold_one, month

HOUR_MS = 3_600_000
JOURNEY = ProductConfig(key_actions=frozenset({"share"}))


def event(type_: Kind, event_id: str, day: int, hour: int, **fields: Any) -> Raw:
    """One event of acme."""
    plain = {"type": type_, "event_id": event_id, "account_id": "acme", "timestamp": day * DAY_MS + hour * HOUR_MS}
    return plain | fields


def answer(day: int) -> Raw:
    return event("survey", "a1", day, 1, response_id="r1", survey="nps", score=2, user_id="u1")


def call(event_id: str, day: int, hour: int) -> Raw:
    return event("touchpoint", event_id, day, hour, kind="call", user_id="u1")


def goal() -> Raw:
    named = {"name": "reports a week", "target": 100, "due_at": "2024-12-01T00:00:00Z"}
    return event("account", "p1", DAY - 89, 0, goals=[named], fields={"goals": [named]})


def outcome(event_id: str, day: int, hour: int, value: float) -> Raw:
    return event("outcome", event_id, day, hour, goal="reports a week", value=value)


def contract(event_id: str, status: str, day: int, hour: int, renewal_day: int) -> Raw:
    renewal_at = datetime.fromtimestamp(renewal_day * DAY_MS / 1000, UTC).isoformat()
    return event("subscription", event_id, day, hour, subscription_id="s1", status=status, renewal_at=renewal_at)


def ticket(status: str, hour: int) -> Raw:
    return event("ticket", status, DAY - 9, hour, ticket_id="t1", status=status, priority="urgent")


USED = month(users=1)


@pytest.mark.parametrize(
    ("past", "now", "rule", "steps"),
    [
        # Here people call back, and an unhappy answer waits for it since ten days.
        (
            [call("t1", DAY - 60, 1), answer(DAY - 10)],
            call("t2", DAY, 8),
            "detractor_follow_up",
            (["firing"], ["resolved"]),
        ),
        # A goal on its line, until a lower number is told; and far behind, until the number is right.
        ([goal(), outcome("o1", DAY - 2, 1, 80)], outcome("o2", DAY, 8, 5), "outcome_off_track", ([], ["firing"])),
        (
            [goal(), outcome("o1", DAY - 2, 1, 5)],
            outcome("o2", DAY, 8, 90),
            "outcome_off_track",
            (["firing"], ["resolved"]),
        ),
        # The first value, long waited for.
        (
            [],
            event("usage", "first", DAY, 8, user_id="u0", feature="share"),
            "onboarding_stuck",
            (["firing"], ["resolved"]),
        ),
        # A contract, until they ask to leave it.
        (
            [contract("s1", "started", DAY - 80, 1, DAY + 30)],
            contract("s2", "cancellation_requested", DAY, 8, DAY + 30),
            "cancellation_requested",
            ([], ["firing"]),
        ),
    ],
)
def test_what_people_enter_one_by_one_counts_at_once(
    past: list[Raw], now: Raw, rule: str, steps: tuple[list[str], list[str]]
) -> None:
    """The worker's processor and the alerting's rules, in one process; all of it on one day."""
    processor = HealthProcessor(TOPICS, EventClock(), product=JOURNEY)
    partition = AccountPartition(0)
    for each in [*past, *USED]:
        fold_one(processor, partition, each["type"], each)
    before, record = alerted(evaluated(processor, partition), None, rule)
    fold_one(processor, partition, now["type"], now)
    after, _ = alerted(evaluated(processor, partition), record, rule)
    assert (before, after) == steps


def alerted(
    reports: list[HealthReport], record: AccountRecord | None, rule: str
) -> tuple[list[str], AccountRecord | None]:
    """The steps of one rule, and what is remembered of the account."""
    incoming = [DecodedRecord("acme", report, encode_report(report), 0) for report in reports]
    known = {"acme": record} if record is not None else {}
    options: dict[str, Any] = {"next_offset": 1, "now_ms": 0, "event_clock": True, "recipients": NOBODY}
    found = evaluate_batch(incoming, LoadedState(known), read_config(), **options)
    changed = [step for _, step in found.signals if step.signal is not None and step.signal.rule == rule]
    steps = [str(step.change) for step in changed]
    return steps, found.changes.records.get("acme", record)
