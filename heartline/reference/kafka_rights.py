"""The rights on Kafka that each process needs, and no more: what `heartline acls` prints, and the tests run under.

A topic that a process makes itself (`kafka.create_topics`) needs CREATE on it besides; in production an operator makes
the topics, once, by starting the worker with an administrator's name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from stream.config.settings import KafkaSettings

Process = Literal["worker", "alerting", "board", "intake", "portfolio"]
PROCESSES: Final[tuple[Process, ...]] = get_args(Process)

Resource = Literal["topic", "group", "transactional-id"]
Operation = Literal["Read", "Write", "Describe", "DescribeConfigs"]
READS: Final[tuple[Operation, ...]] = ("Read", "Describe")
WRITES: Final[tuple[Operation, ...]] = ("Write", "Describe")


@dataclass(frozen=True)
class Right:
    """What one process may do to one resource.

    Attributes:
        resource, name: which; of a prefixed one all that begin with the name.
        operations: what it may do.
        is_prefix: whether the name is a prefix.
    """

    resource: Resource
    name: str
    operations: tuple[Operation, ...]
    is_prefix: bool = False


def rights_of(process: Process, kafka: KafkaSettings) -> list[Right]:
    """The rights of one process; the topics' names are the installation's."""
    merged: dict[tuple[Resource, str, bool], dict[Operation, None]] = {}
    for right in _RIGHTS[process](kafka):
        merged.setdefault((right.resource, right.name, right.is_prefix), {}).update(dict.fromkeys(right.operations))
    return [Right(resource, own, tuple(found), prefix) for (resource, own, prefix), found in merged.items()]


def _each(names: Sequence[str], operations: tuple[Operation, ...]) -> Iterator[Right]:
    for name in names:
        yield Right("topic", name, operations)


def _worker(kafka: KafkaSettings) -> Iterator[Right]:
    topics = kafka.topics
    yield from _each([*topics.sources, topics.changelog], READS)
    outputs = [topics.changelog, topics.repartition, topics.health, topics.dead_letters, topics.quarantine]
    yield from _each([*outputs, topics.waiting_aliases, topics.account_days], WRITES)
    yield from _each([spec.name for spec in topics.specs()], ("Describe",))  # their counts are compared at the start
    yield Right("group", kafka.installation, READS)
    yield Right("transactional-id", f"{kafka.installation}-", WRITES, is_prefix=True)


def _alerting(kafka: KafkaSettings) -> Iterator[Right]:
    topics = kafka.topics
    yield from _each([topics.health, topics.alert_commands, topics.alerts], READS)
    yield from _each([topics.alerts, topics.alert_commands, topics.input("touchpoint")], WRITES)
    yield Right("group", f"{kafka.installation}-alerting", READS)
    yield Right("group", kafka.installation, ("Describe",))  # whether a worker runs


def _board(kafka: KafkaSettings) -> Iterator[Right]:
    topics = kafka.topics
    yield from _each(
        [topics.health, topics.changelog, topics.alerts, topics.dead_letters, topics.scorecard_reviews], READS
    )
    yield from _each([*topics.inputs, topics.aliases], READS)  # what comes in, as it comes
    yield from _each([topics.alert_commands, topics.input("account"), topics.scorecard_reviews], WRITES)
    for group in (kafka.installation, f"{kafka.installation}-alerting"):
        yield Right("group", group, ("Describe",))


def _intake(kafka: KafkaSettings) -> Iterator[Right]:
    topics = kafka.topics
    yield from _each([*topics.inputs, topics.aliases, topics.dead_letters], WRITES)
    yield Right("topic", f"{topics.prefix}intake-", ("Read", "Write", "Describe"), is_prefix=True)


def _portfolio(kafka: KafkaSettings) -> Iterator[Right]:
    yield from _each([*kafka.topics.ledger, kafka.topics.aliases], READS)


_RIGHTS: Final = {"worker": _worker, "alerting": _alerting, "board": _board, "intake": _intake, "portfolio": _portfolio}


def commands(process: Process, kafka: KafkaSettings, principal: str) -> list[str]:
    """The same as lines for kafka-acls."""
    start = f"kafka-acls --bootstrap-server {kafka.bootstrap_servers.split(',')[0]} --add --allow-principal {principal}"
    found = []
    for right in rights_of(process, kafka):
        operations = " ".join(f"--operation {operation}" for operation in right.operations)
        pattern = " --resource-pattern-type prefixed" if right.is_prefix else ""
        found.append(f"{start} {operations} --{right.resource} {right.name}{pattern}")
    return found
