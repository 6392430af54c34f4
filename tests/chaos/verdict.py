"""What a round came to, against one undisturbed pass: lost, doubled, missed, or none of it."""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import msgspec
import redis
from kafka import KafkaConsumer, TopicPartition

from alerts.alert_events import AlertEvent, decode_alert_event
from alerts.model import AccountRecord
from consumers.alerting.rebuild_state import rebuild
from stream.contracts.report import decode_report
from tests.chaos.company import STAYED, USERS, Round, expected_states, facts_of, revenue_cents
from tests.chaos.faults import REPEATS_EXPLAINED_BY
from tests.chaos.receiver import Taken
from tests.chaos.world import PARTITIONS, PREFIX, World

LOST_ANSWER: Final = "the receiver's answer was lost"
_record = msgspec.json.Decoder(AccountRecord)


@dataclass
class Verdict:
    """One round.

    Attributes:
        number: of the round.
        faults: that were done to it.
        brokers: of the installation.
        wrong: what differs from the undisturbed pass, a sentence each; empty: nothing.
        repeats: by what explains them, messages that the receiver got again, under an id that it knew.
        settled_seconds: from the last fault's healing until everything was as it must be.
    """

    number: int
    faults: Sequence[str]
    brokers: int
    wrong: list[str] = field(default_factory=list)
    repeats: dict[str, int] = field(default_factory=dict)
    settled_seconds: float = 0.0


@dataclass(frozen=True)
class Seen:
    """What is there: one reading for all rounds.

    Attributes:
        states, reports: the last value of each account.
        alerts, logged: each account's record in Redis, and as the log of alerts would restore it.
        taken: by the receiver.
        revenue: in cents a year by account, as the portfolio says it; None: there is no portfolio.
    """

    states: Mapping[str, bytes]
    reports: Mapping[str, bytes]
    alerts: Mapping[str, Any]
    logged: Mapping[str, Any]
    taken: Sequence[Taken]
    revenue: Mapping[str, int] | None


class Eyes:
    """Reads everything, again and again: of the topics only what is new since the last time, past the proxies."""

    def __init__(self, world: World) -> None:
        self._world = world
        topics = world.topics
        self._positions = {
            TopicPartition(topic, number): 0
            for topic in (topics.changelog, topics.health, topics.alerts)
            for number in range(PARTITIONS)
        }
        self._consumer: Any = None
        self._values: dict[str, dict[str, bytes]] = {topics.changelog: {}, topics.health: {}}
        self._steps: dict[int, list[AlertEvent]] = {number: [] for number in range(PARTITIONS)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._disconnect()

    def _connect(self) -> None:
        self._consumer = KafkaConsumer(
            bootstrap_servers=self._world.inner_bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=8 << 20,
            request_timeout_ms=10_000,
        )
        self._consumer.assign([*self._positions])
        for part, position in self._positions.items():
            self._consumer.seek(part, position)

    def _disconnect(self) -> None:
        if self._consumer is not None:
            with contextlib.suppress(Exception):
                self._consumer.close()
        self._consumer = None

    def look(self) -> Seen:
        """Everything as it is now.

        Raises:
            Exception: one of the servers is away.
        """
        client: Any = redis.Redis.from_url(self._world.redis_url, socket_timeout=5)
        records = [
            _record.decode(value)
            for number in range(PARTITIONS)
            for value in client.hvals(f"{PREFIX}heartline:accounts:{number}")
        ]
        client.close()
        self._read_on()
        topics = self._world.topics
        steps = [step for number in range(PARTITIONS) for step in self._steps[number]]
        return Seen(
            self._values[topics.changelog],
            self._values[topics.health],
            {record.account_id: record for record in records},
            {record.account_id: record for record in rebuild(steps).records},
            list(self._world.receiver.taken),
            self._world.ledger() if self._world.has_ledger else None,
        )

    def _read_on(self) -> None:
        """Every committed record up to where the topics end now; after an error by a new connection."""
        try:
            if self._consumer is None:
                self._connect()
            ends = self._consumer.end_offsets([*self._positions])
            while behind := [part for part, end in ends.items() if self._positions[part] < end]:
                for part, records in self._consumer.poll(timeout_ms=2000).items():
                    for record in records:
                        self._take(part, record)
                before = dict(self._positions)
                self._positions = {part: self._consumer.position(part) for part in self._positions}
                if before == self._positions:
                    raise TimeoutError(f"not read to the end: {behind}; a broker is away, or a transaction is open")
        except Exception:
            self._disconnect()
            raise

    def _take(self, part: TopicPartition, record: Any) -> None:
        if part.topic == self._world.topics.alerts:
            if record.value is not None:
                self._steps[part.partition].append(decode_alert_event(record.value))
        elif record.value is None:
            self._values[part.topic].pop(record.key.decode(), None)
        else:
            self._values[part.topic][record.key.decode()] = record.value


def differences(told: Round, seen: Seen) -> list[str]:
    """What is not as it must be."""
    expected, wrong = expected_states(told), list[str]()
    for name in told.accounts:
        value = seen.states.get(name)
        if value is None:
            wrong.append(f"{name}: no state")
        elif facts_of(value) != expected[name]:
            have, want = facts_of(value), expected[name]
            other = "its other facts differ" if have[0] == want[0] else f"one pass gives {want[0]}"
            wrong.append(f"{name}: the state has {have[0]} events, {other}")
        report = seen.reports.get(name)
        users = STAYED if name in told.declining else USERS
        if report is None:
            wrong.append(f"{name}: no report")
        elif decode_report(report).measures.get("mau") != users:
            wrong.append(f"{name}: the report's mau is {decode_report(report).measures.get('mau')}, not {users}")
        if seen.revenue is not None and seen.revenue.get(name) != revenue_cents(name):
            wrong.append(f"{name}: the ledger has {seen.revenue.get(name)} cents a year, not {revenue_cents(name)}")
        for where, records in (("Redis", seen.alerts), ("the log", seen.logged)):
            record = records.get(name)
            is_open = record is not None and record.alert is not None and record.alert.is_open
            if is_open is not (name in told.declining):
                wrong.append(f"{name}: {'no' if not is_open else 'a'} red flag in {where}")
    opened: dict[str, set[str]] = {name: set() for name in told.accounts}
    for each in seen.taken:
        if each.account in opened and each.kind == "alert.opened":
            opened[each.account].add(each.message)
        if each.account in opened and each.kind == "alert.reminded":
            wrong.append(f"{each.account}: a reminder, of an episode of this hour")
    for name, ids in opened.items():
        if len(ids) != (name in told.declining):
            wrong.append(f"{name}: {len(ids)} red flags were told")
    return wrong


def repeats(told: Round, seen: Seen, faults: Sequence[str]) -> dict[str, int]:
    """How often the receiver got a message that it had taken before, by what explains it; "" explains nothing."""
    times: dict[tuple[str, str], list[bool]] = {}
    for each in seen.taken:
        if each.account in told.accounts:
            times.setdefault((each.message, each.kind), []).append(each.is_answered)
    possible = [name for name in faults if name in REPEATS_EXPLAINED_BY]
    found: Counter[str] = Counter()
    for answered in times.values():
        for before in answered[:-1]:
            found[LOST_ANSWER if not before else " or ".join(possible)] += 1
    return dict(found)
