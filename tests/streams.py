"""Generated months of events as raw JSON objects, and the worker's fold of them without Kafka."""

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final

from stream.calendar.clock import Clock, EventClock
from stream.kinds.subscription import CHANGES
from stream.topics import Kind, Topics
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor

Raw = dict[str, Any]

DAY_MS: Final = 86_400_000
FIRST_DAY: Final = (date(2025, 1, 1) - date(1970, 1, 1)).days
ACCOUNTS: Final = ("acme", "birch")
USERS: Final = tuple(f"u{number}" for number in range(7))
FEATURES: Final = ("export", "import", "search", "share", "root")
CORE: Final = frozenset({"export", "search", "never"})
STATUSES: Final = (
    *("opened", "updated", "pending", "escalated", "deescalated", "solved", "closed", "reopened", "removed"),
)
PRIORITIES: Final = ("low", "moderate", "high", "critical", "normal")
TICKET_DAYS: Final = 60  # from a ticket's first event to its last
GOALS: Final = ("go live", "reports automated", "no target")
SCORES: Final = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}

TOPICS: Final = Topics()


@dataclass
class Rec:
    """A record as the worker sees it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def record(kind: Kind, value: Raw | bytes | None, offset: int = 0, timestamp: int = 0, key: bytes | None = None) -> Rec:
    """One record of the input topic of a kind."""
    raw = json.dumps(value).encode() if isinstance(value, dict) else value
    return Rec(TOPICS.input(kind), 0, offset, timestamp, key, raw)


def fold(
    events: Iterable[Raw], chunk_size: int = 1000, core: frozenset[str] = CORE, clock: Clock | None = None
) -> tuple[HealthProcessor, AccountPartition]:
    """Fold raw events in their order, in chunks of one topic each, as the worker would."""
    processor = HealthProcessor(TOPICS, clock or EventClock(), core_features=core)
    partition = AccountPartition(0)
    chunk: list[Rec] = []
    for offset, event in enumerate(events):
        found = record(event["type"], event, offset)
        if chunk and (found.topic != chunk[0].topic or len(chunk) >= chunk_size):
            processor.fold(partition, chunk[0].topic, chunk)
            chunk = []
        chunk.append(found)
    if chunk:
        processor.fold(partition, chunk[0].topic, chunk)
    return processor, partition


def make_stream(seed: int, size: int, span_days: int) -> list[Raw]:
    """`size` events of two accounts over `span_days` days, in the order of time, each once."""
    rng = random.Random(seed)
    tickets = [rng.randrange(span_days) for _ in range(8)]
    made = []
    for number in range(size):
        kind = rng.choices(tuple(_MAKERS), (14, 4, 4, 1, 1, 1, 1))[0]
        made.append(_MAKERS[kind](rng, number, span_days, tickets))
    made.sort(key=lambda item: item[0])
    return [event | {"timestamp": _written(rng, ms)} for ms, event in made]


def arrive(events: Sequence[Raw], seed: int, late_days: float, repeats_ratio: float) -> list[Raw]:
    """The events in an order of arrival: up to `late_days` late, and some of them twice within 20 events."""
    rng = random.Random(seed)
    delayed = sorted(events, key=lambda event: epoch_ms(event["timestamp"]) + rng.random() * late_days * DAY_MS)
    placed = list(enumerate(map(float, range(len(delayed)))))
    again = [(index, at + rng.uniform(0.5, 20)) for index, at in placed if rng.random() < repeats_ratio]
    return [delayed[index] for index, _ in sorted([*placed, *again], key=lambda item: item[1])]


def epoch_ms(timestamp: str | int) -> int:
    """A raw timestamp as epoch milliseconds."""
    if isinstance(timestamp, int):
        return timestamp
    return (datetime.fromisoformat(timestamp) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _written(rng: random.Random, ms: int) -> str | int:
    """A moment in one of the forms that the contract takes."""
    if rng.random() < 0.3:
        return ms
    zone = rng.choice((UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))))
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).astimezone(zone).isoformat()


def _moment(rng: random.Random, day: int) -> int:
    """A moment of a day, more often than by chance its first or last millisecond."""
    in_day = rng.choice((0, DAY_MS - 1, rng.randrange(DAY_MS), rng.randrange(DAY_MS)))
    return (FIRST_DAY + day) * DAY_MS + in_day


def _own_moment(rng: random.Random, day: int, number: int) -> int:
    """The same for what has versions: no two at one moment, for of them the one that arrives later holds."""
    in_day = rng.choice((number, DAY_MS - 1 - number, rng.randrange(DAY_MS), rng.randrange(DAY_MS)))
    return (FIRST_DAY + day) * DAY_MS + in_day


def _usage(rng: random.Random, number: int, span_days: int, tickets: list[int]) -> tuple[int, Raw]:
    user = min(int(rng.expovariate(0.6)), len(USERS) - 1)  # a few make most of the use
    event: Raw = {
        "type": "usage",
        "event_id": f"e{number}",
        "account_id": rng.choice(ACCOUNTS),
        "user_id": USERS[user],
        "feature": rng.choice(FEATURES),
    }
    if rng.random() < 0.5:
        event["session_id"] = f"s{user}-{rng.randrange(3)}"
        event["duration_seconds"] = rng.choice((None, 0, 12.5, 200, 3000.4, 90_000))
    return _moment(rng, rng.randrange(span_days)), event


def _ticket(rng: random.Random, number: int, span_days: int, tickets: list[int]) -> tuple[int, Raw]:
    ticket = rng.randrange(len(tickets))
    first_day = tickets[ticket]
    event = {
        "type": "ticket",
        "event_id": f"e{number}",
        "account_id": ACCOUNTS[ticket % 2],
        "ticket_id": f"t{ticket}",
        "status": rng.choice(STATUSES),
        "priority": rng.choice(PRIORITIES),
        "category": rng.choice(("billing", "access", None)),
    }
    return _own_moment(rng, min(first_day + rng.randrange(TICKET_DAYS), span_days - 1), number), event


def _survey(rng: random.Random, number: int, span_days: int, tickets: list[int]) -> tuple[int, Raw]:
    answer = rng.randrange(40)  # some are answered again: a newer version
    survey = ("nps", "nps", "csat", "ces")[answer % 4]
    event = {
        "type": "survey",
        "event_id": f"e{number}",
        "response_id": f"r{answer}",
        "account_id": ACCOUNTS[answer // 4 % 2],
        "user_id": USERS[answer // 8],
        "survey": survey,
        "score": rng.randint(*SCORES[survey]),
    }
    if rng.random() < 0.2:
        del event["response_id"]
    return _own_moment(rng, rng.randrange(span_days), number), event


def _account(rng: random.Random, number: int, span_days: int, tickets: list[int]) -> tuple[int, Raw]:
    event: Raw = {
        "type": "account",
        "account_id": rng.choice(ACCOUNTS),
        "licensed_seats": rng.choice((None, 0, 3, 5, 20)),
    }
    if rng.random() < 0.5:
        event["renewal_at"] = (FIRST_DAY + rng.randrange(2 * span_days)) * DAY_MS
    if rng.random() < 0.3:
        event["lifecycle_stage"] = rng.choice((None, "active"))
    if rng.random() < 0.7:
        due_ms = (FIRST_DAY + rng.randrange(2 * span_days)) * DAY_MS
        event["goals"] = [
            {"name": GOALS[0], "target": 100, "due_at": due_ms},
            {"name": GOALS[1], "target": rng.choice((50, 0, None))},
            {"name": GOALS[2]},
            {"name": "never told", "target": 3, "due_at": due_ms},
        ]
    ms = (FIRST_DAY + rng.randrange(span_days)) * DAY_MS + number  # no two at once: which of them holds is not defined
    return ms, event


def _touchpoint(rng: random.Random, number: int, span_days: int, tickets: list[int]) -> tuple[int, Raw]:
    touchpoint = rng.randrange(60)  # some are told again: a newer version
    event: Raw = {
        "type": "touchpoint",
        "event_id": f"c{touchpoint}",
        "account_id": ACCOUNTS[touchpoint % 2],
        "kind": rng.choice(("call", "mail", "qbr", "training", "onsite", "play", "meeting", "webinar")),
    }
    if rng.random() < 0.4:
        event["user_id"] = rng.choice(USERS)
    if rng.random() < 0.4:
        event["response_id"] = f"r{rng.randrange(40)}"
    return _own_moment(rng, rng.randrange(span_days), number), event


def _outcome(rng: random.Random, number: int, span_days: int, tickets: list[int]) -> tuple[int, Raw]:
    event: Raw = {
        "type": "outcome",
        "event_id": f"e{number}",
        "account_id": rng.choice(ACCOUNTS),
        "goal": rng.choice(GOALS),
        "value": rng.choice((0, 1.5, 40, 99.5, 100, 150)),
    }
    return _own_moment(rng, rng.randrange(span_days), number), event


def _subscription(rng: random.Random, number: int, span_days: int, tickets: list[int]) -> tuple[int, Raw]:
    subscription = rng.randrange(4)
    day = rng.randrange(span_days)
    event: Raw = {
        "type": "subscription",
        "event_id": f"e{number}",
        "account_id": ACCOUNTS[subscription % 2],
        "subscription_id": f"s{subscription}",
        "status": rng.choice(CHANGES),
    }
    if event["status"] == "moved":
        event["moved_to"] = ACCOUNTS[0]
    if rng.random() < 0.5:
        event["mrr"] = rng.choice((0, 99.5, 1200))
    if rng.random() < 0.5:
        event["renewal_at"] = (FIRST_DAY + day + rng.choice((-5, 20, 40, 365))) * DAY_MS
    return _own_moment(rng, day, number), event


_MAKERS: Final[dict[str, Callable[[random.Random, int, int, list[int]], tuple[int, Raw]]]] = {
    "usage": _usage,
    "ticket": _ticket,
    "survey": _survey,
    "account": _account,
    "touchpoint": _touchpoint,
    "outcome": _outcome,
    "subscription": _subscription,
}
