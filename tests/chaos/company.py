"""What the accounts of a round do, and what must come of it whatever is done to the processes meanwhile.

Half of them decline: of eight users six stopped a month ago. The newest days are sent first, so that no account looks
worse on the way than it is in the end: each decliner has one red flag, and the others have none.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from stream.calendar.clock import EventClock
from stream.kinds.state import AccountState, decode_state
from stream.topics import Topics
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor
from tests.streams import Rec

DAY_MS: Final = 86_400_000
USERS: Final = 8
STAYED: Final = 2


@dataclass(frozen=True)
class Round:
    """The accounts of one round.

    Attributes:
        number: of the round.
        accounts: all of them.
        declining: those that must have a red flag in the end.
        events: (kind, account, value), in the order in which they are sent.
    """

    number: int
    accounts: tuple[str, ...]
    declining: frozenset[str]
    events: tuple[tuple[str, str, bytes], ...]


def make_round(number: int, chance: random.Random, now_ms: int, accounts: int = 8) -> Round:
    """A round's events."""
    names = tuple(f"r{number}-{at}" for at in range(accounts))
    declining = frozenset(names[: accounts // 2])
    events = [event for name in names for event in _life(name, name in declining, now_ms)]
    by_age = sorted(events, key=lambda each: -each[0])
    repeated = chance.sample(by_age, len(by_age) // 20)  # a producer that sends again
    told = [(kind, name, json.dumps(value).encode()) for _, kind, name, value in [*by_age, *repeated]]
    return Round(number, names, declining, tuple(told))


def _life(name: str, declines: bool, now_ms: int) -> Iterator[tuple[int, str, str, dict[str, Any]]]:
    yield now_ms, "account", name, {"account_id": name, "name": name.title(), "timestamp": now_ms - DAY_MS}
    paid = {
        "event_id": f"{name}-s",
        "account_id": name,
        "subscription_id": "s1",
        "status": "started",
        "currency": "EUR",
    }
    started_ms = now_ms - 200 * DAY_MS
    yield started_ms, "subscription", name, paid | {"amount": revenue_cents(name) / 1200, "timestamp": started_ms}
    ticket = {"event_id": f"{name}-t", "account_id": name, "ticket_id": "t1", "status": "opened", "priority": "high"}
    yield now_ms - DAY_MS, "ticket", name, ticket | {"timestamp": now_ms - DAY_MS}
    for day in range(1, 66, 3):
        for user in range(USERS if day > 32 or not declines else STAYED):
            at_ms = now_ms - day * DAY_MS - user * 1000
            event = {"event_id": f"{name}-{day}-{user}", "account_id": name, "user_id": f"u{user}", "feature": "export"}
            yield at_ms, "usage", name, event | {"timestamp": at_ms}


def revenue_cents(name: str) -> int:
    """What an account pays a year, in cents: another amount each, by the month."""
    return (100 + sum(name.encode()) % 97) * 1200


def expected_states(told: Round) -> dict[str, list[Any]]:
    """What one undisturbed pass makes of the round's events, without any engine."""
    topics = Topics()
    processor, partition = HealthProcessor(topics, EventClock()), AccountPartition(0)
    for offset, (kind, name, value) in enumerate(told.events):
        topic = topics.input(kind)  # type: ignore[arg-type]
        processor.fold(partition, topic, [Rec(topic, 0, offset, 0, name.encode(), value)])
    return {name: facts(state) for name, state in partition.states.items()}


def facts(state: AccountState) -> list[Any]:
    """What the events alone decide, whatever the order of the topics, as every release since 0.2.0 has it."""
    usage = state.usage
    users = {name: record[1:] for name, record in usage.users.items()}
    paid = {
        name: [(each.ms, each.code, each.mrr) for each in changes]
        for name, changes in state.subscription.changes.items()
    }
    return [usage.events, users, sorted(usage.features), state.ticket, state.profile, paid]


def facts_of(value: bytes) -> list[Any]:
    """The same of a record of the changelog."""
    return facts(decode_state(value))
