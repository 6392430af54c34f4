"""What a round came to, against one undisturbed pass: lost, doubled, missed, or none of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import redis

from alerts.model import AccountRecord
from consumers.alerting.rebuild_state import read_steps, rebuild
from stream.config.settings import KafkaSettings
from stream.contracts.report import decode_report
from tests.chaos.company import STAYED, USERS, Round, expected_states, facts_of
from tests.chaos.world import PARTITIONS, PREFIX, World
from tests.integration.topics import last_values

_record = msgspec.json.Decoder(AccountRecord)


@dataclass
class Verdict:
    """One round.

    Attributes:
        number: of the round.
        faults: that were done to it.
        wrong: what differs from the undisturbed pass, a sentence each; empty: nothing.
        repeats: messages that the receiver got again, under an id that it knew.
        settled_seconds: from the last fault's healing until everything was as it must be.
    """

    number: int
    faults: Sequence[str]
    wrong: list[str] = field(default_factory=list)
    repeats: int = 0
    settled_seconds: float = 0.0


@dataclass(frozen=True)
class Seen:
    """What is there: one reading for all rounds."""

    states: Mapping[str, bytes]
    reports: Mapping[str, bytes]
    alerts: Mapping[str, Any]
    logged: Mapping[str, Any]
    taken: Sequence[tuple[str, str, str]]


def look(world: World) -> Seen:
    """Read everything.

    Raises:
        Exception: one of the servers is away.
    """
    client: Any = redis.Redis.from_url(world.redis_url)
    records = [
        _record.decode(value)
        for number in range(PARTITIONS)
        for value in client.hvals(f"{PREFIX}heartline:accounts:{number}")
    ]
    client.close()
    settings = KafkaSettings(bootstrap_servers=world.bootstrap, topic_prefix=PREFIX, partitions=PARTITIONS)
    steps = [step for number in range(PARTITIONS) for step in read_steps(settings, number)]
    return Seen(
        last_values(world.bootstrap, world.topics.changelog),
        last_values(world.bootstrap, world.topics.health),
        {record.account_id: record for record in records},
        {record.account_id: record for record in rebuild(steps).records},
        list(world.receiver.taken),
    )


def differences(told: Round, seen: Seen) -> list[str]:
    """What is not as it must be."""
    expected, wrong = expected_states(told), list[str]()
    for name in told.accounts:
        value = seen.states.get(name)
        if value is None:
            wrong.append(f"{name}: no state")
        elif facts_of(value) != expected[name]:
            have, want = facts_of(value), expected[name]
            wrong.append(f"{name}: the state has {have[0]} events, one pass gives {want[0]}")
        report = seen.reports.get(name)
        users = STAYED if name in told.declining else USERS
        if report is None:
            wrong.append(f"{name}: no report")
        elif decode_report(report).measures.get("mau") != users:
            wrong.append(f"{name}: the report's mau is {decode_report(report).measures.get('mau')}, not {users}")
        for where, records in (("Redis", seen.alerts), ("the log", seen.logged)):
            record = records.get(name)
            is_open = record is not None and record.alert is not None and record.alert.is_open
            if is_open is not (name in told.declining):
                wrong.append(f"{name}: {'no' if not is_open else 'a'} red flag in {where}")
    opened: dict[str, set[str]] = {name: set() for name in told.accounts}
    for each, kind, account in seen.taken:
        if account in opened and kind == "alert.opened":
            opened[account].add(each)
    for name, ids in opened.items():
        if len(ids) != (name in told.declining):
            wrong.append(f"{name}: {len(ids)} red flags were told")
    return wrong


def repeats(told: Round, seen: Seen) -> int:
    """How often the receiver got a message that it had taken before."""
    counts = Counter((each, kind) for each, kind, account in seen.taken if account in told.accounts)
    return sum(counts.values()) - len(counts)
