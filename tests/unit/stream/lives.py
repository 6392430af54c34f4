"""Small lives of accounts for the tests of the processor, and what to ask of a partition that folded one."""

from typing import Any

from stream.calendar.day import DAY_MS
from stream.contracts.dead_letters import DeadLetter, read_dead_letter
from stream.contracts.report import HealthReport, decode_report
from stream.topics import Kind
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor
from tests.streams import TOPICS, Raw, record

DAY = 20_000
KAFKA_MS = 1_771_000_000_000

Part = AccountPartition


def usage(number: int, day: int = DAY, account_id: str = "acme", user_id: str = "ann", ms: int = 0) -> Raw:
    event = {"type": "usage", "event_id": f"e{number}", "account_id": account_id, "user_id": user_id}
    return event | {"feature": "export", "timestamp": day * DAY_MS + ms}


def month(account_id: str = "acme", users: int = 4, first: int = DAY - 89, last: int = DAY) -> list[Raw]:
    """Every user on every day."""
    return [
        usage(day * 10 + user, day, account_id, f"u{user}", user)
        for day in range(first, last + 1)
        for user in range(users)
    ]


def evaluated(processor: HealthProcessor, partition: Part) -> list[HealthReport]:
    """Evaluate, and take out what is to be published."""
    for _ in processor.evaluate(partition):
        pass
    outputs, partition.outputs = partition.outputs, []
    return [decode_report(output.value or b"") for output in outputs if output.topic == TOPICS.health]


def letters(partition: Part) -> list[DeadLetter]:
    return [
        read_dead_letter(output.value or b"") for output in partition.outputs if output.topic == TOPICS.dead_letters
    ]


def fold_one(processor: HealthProcessor, partition: Part, kind: Kind, value: Raw | bytes | None, **fields: Any) -> None:
    processor.fold(partition, TOPICS.input(kind), [record(kind, value, **fields)])
