"""Extreme and broken input for the worker's fold, evaluation and states, made of the contracts themselves.

    python -m tests.fuzz [--seconds 600 | --events 1000000] [--seed 1]

Bytes of events and of states go through the health processor as the worker runs it. What must hold whatever they are:
nothing is raised, an account that can't be carried on is in quarantine, no event puts one there, every score is within
0 and 100, a state comes back from its encoding as it was, and another account beside it gets its report.
A failure prints the seed that repeats it.
"""

import argparse
import json
import logging
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
from pydantic import BaseModel

from stream.calendar.clock import ManualClock
from stream.calendar.day import DAY_MS
from stream.contracts.report import decode_report
from stream.engine.state_cache import restore
from stream.kinds.erasure import user_digest
from stream.kinds.kind import Kind
from stream.kinds.registry import KINDS
from stream.kinds.state import STATE_VERSION, StateVersionError, decode_state, encode_state
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor
from stream.worker.repartition import FORGET, RELEASE, RepartitionedRecord, repartition
from tests.streams import TOPICS, Rec, record

NOW_MS: Final = 1_796_000_000_000
FUZZED: Final = "fuzzed"
BESIDE: Final = "beside"

NUMBERS: Final = [
    0,
    -0.0,
    1,
    5e-324,
    2.2e-308,
    1e-200,
    1e-9,
    0.1,
    3,
    100,
    1e9,
    1e12,
    1e15,
    2**53 + 1,
    2**63,
    1e200,
    1e308,
]
WORDS: Final = [
    "",
    " ",
    "a",
    "f1",
    "f2",
    "u1",
    "u2",
    "u3",
    "A" * 300,
    "\x00",
    "é",
    "\u200b",
    "\U0001f6a9",
    "null",
    "=1+1",
]
PLAIN: Final = ["a", "b", "f1", "f2", "u1", "u2", "u3"]
ZONES: Final = [
    "UTC",
    "Asia/Tokyo",
    "America/New_York",
    "Pacific/Kiritimati",
    "Pacific/Apia",
    "Africa/Monrovia",
    "No/Where",
]
MOMENTS: Final = [
    *(NOW_MS - DAY_MS * days for days in (0, 1, 7, 30, 89, 400, 4_000)),
    *(NOW_MS + DAY_MS * days for days in (1, 30, 4_000)),
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "1969-12-31T23:59:59Z",
    "2024-02-29T12:00:00+14:00",
    "2024-03-31T02:30:00+01:00",
    0,
    1,
    1_772_442_000,
    (1 << 47) - 1,
    1 << 47,
]
JUNK: Final[list[Any]] = [None, True, [], {}, [[]], {"a": {}}, -1, "x", 1e400, "9.0"]
FIELDS_BROKEN_RATIO: Final = 0.02


class FuzzError(AssertionError):
    """Something that must hold does not; the message says how to repeat it."""


@dataclass
class Found:
    """What a run did.

    Attributes:
        cases: lives and states that were tried.
        events: what was fed, records without a value among it.
        lives: of events alone, which no event ended in quarantine.
        refused: dead letters by reason.
        unreadable: states that brought their account into quarantine.
    """

    cases: int = 0
    events: int = 0
    lives: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0


def value_of(chance: random.Random, name: str, annotation: Any) -> Any:
    """A value for a field of a contract, mostly one that it accepts."""
    if chance.random() < FIELDS_BROKEN_RATIO:
        return chance.choice(JUNK)
    model = next((each for each in (annotation, *get_args(annotation)) if _is_model(each)), None)
    if model is not None:
        return fields_of(chance, model)
    text = repr(annotation)
    if name == "erase_users":
        return [user_digest(chance.choice([*PLAIN, *WORDS])) for _ in range(chance.randrange(3))]
    if "list[" in text:
        inner = next((each for each in _flat(annotation) if _is_model(each)), None)
        if inner is None:
            return [chance.choice(PLAIN) for _ in range(chance.randrange(4))]
        return [fields_of(chance, inner) for _ in range(chance.randrange(4))]
    literals = [word for each in _flat(annotation) if get_origin(each) is Literal for word in get_args(each)]
    if literals:
        return chance.choice(literals)
    if "moment" in text or name.endswith(("timestamp", "_at", "_end")):
        usual = NOW_MS - chance.randrange(400) * DAY_MS - chance.randrange(DAY_MS)
        return usual if chance.random() < 0.8 else chance.choice(MOMENTS)
    if name == "timezone":
        return chance.choice(ZONES)
    if re.search(r"\bfloat\b|\bint\b", text) or name == "score":
        return chance.choice([1, -1]) * chance.choice(NUMBERS) if chance.random() < 0.2 else chance.choice(NUMBERS[:12])
    if "bool" in text:
        return chance.random() < 0.5
    return chance.choice(WORDS if chance.random() < 0.1 else PLAIN)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _flat(annotation: Any) -> Iterator[Any]:
    """An annotation and all that are within it."""
    yield annotation
    for each in get_args(annotation):
        yield from _flat(each)


def fields_of(chance: random.Random, model: type[BaseModel]) -> dict[str, Any]:
    """An object of a contract: what it requires, and some of the rest."""
    return {
        name: value_of(chance, name, each.annotation)
        for name, each in model.model_fields.items()
        if each.is_required() or chance.random() < 0.5
    }


def event(chance: random.Random, kind: Kind) -> bytes:
    """An event of the fuzzed account; one in a hundred is no JSON any more."""
    made = fields_of(chance, KINDS[kind].contract) | {"account_id": FUZZED}
    value = json.dumps(made).encode()
    if chance.random() < 0.01:
        at = chance.randrange(len(value))
        value = value[:at] + chance.randbytes(chance.randrange(4)) + value[at + chance.randrange(3) :]
    return value


def rerouted(chance: random.Random) -> bytes:
    """A record of the repartition topic: another partition's event, a release, or what no worker wrote."""
    kind = chance.choice(list(KINDS))
    topic = chance.choice([TOPICS.input(kind), TOPICS.input(kind), RELEASE, FORGET, TOPICS.repartition, ""])
    arrived = RepartitionedRecord(topic, 1, chance.randrange(1 << 40), NOW_MS, FUZZED.encode(), event(chance, kind))
    value = repartition(TOPICS.repartition, arrived, FUZZED, 0).value or b""
    return value if chance.random() < 0.8 else value[: chance.randrange(len(value))] + chance.randbytes(2)


class World:
    """A processor, and a partition with the fuzzed account and one beside it."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.offset = 0
        self.clock = ManualClock(NOW_MS)
        self.processor = HealthProcessor(TOPICS, self.clock, wall=self.clock)
        self.partition: AccountPartition = self.processor.new_partition(0, 1)

    def fold(self, kind: Kind, values: list[bytes | None]) -> None:
        """Fold records of the fuzzed account; None: its tombstone."""
        self.offset += 1
        self.found.events += len(values)
        records = [record(kind, value, self.offset, self.offset, FUZZED.encode()) for value in values]
        self.processor.fold(self.partition, TOPICS.input(kind), records)

    def look(self) -> None:
        """Evaluate, and see that all is as it must be."""
        beside = {"event_id": f"b{self.clock.current_ms}", "account_id": BESIDE, "user_id": "u", "feature": "f"}
        self.fold("usage", [json.dumps(beside | {"timestamp": self.clock.current_ms}).encode()])
        for _ in self.processor.evaluate(self.partition):
            pass
        outputs, self.partition.outputs = self.partition.outputs, []
        reports = [decode_report(each.value) for each in outputs if each.topic == TOPICS.health and each.value]
        beside_it = self.partition.states[BESIDE]
        assert beside_it.published is not None, "the other account has no report"
        assert not beside_it.needs_evaluation, "the other account was held up"
        for report in reports:
            assert report.score is None or 0 <= report.score <= 100, f"the score is {report.score!r}"
        letters = [json.loads(each.value or b"") for each in outputs if each.topic == TOPICS.dead_letters]
        self.found.refused.update(letter["reason"] for letter in letters)
        for state in self.partition.states.values():
            value = encode_state(state)
            assert decode_state(value) == state, "a state does not come back as it was"


def live(chance: random.Random, found: Found) -> None:
    """The life of an account, of extreme events, evaluated in between and long after."""
    world = World(found)
    for _ in range(chance.randrange(1, 5)):
        for _ in range(chance.randrange(1, 12)):
            kind = chance.choice(list(KINDS))
            world.fold(kind, [event(chance, kind) for _ in range(chance.randrange(1, 4))])
        if chance.random() < 0.05:
            world.fold("account", [event(chance, "account"), None, event(chance, "account")])
        routed = Rec(TOPICS.repartition, 0, 0, NOW_MS, FUZZED.encode(), rerouted(chance))
        world.processor.fold(world.partition, TOPICS.repartition, [routed])
        world.look()
        world.clock.advance(days=chance.choice([0.01, 1, 2, 40, 500]))
    world.look()
    assert world.partition.quarantined_count == 0, "an event brought its account into quarantine"
    found.lives += 1


def broken_state(chance: random.Random, value: bytes) -> bytes:
    """The encoding of a state, damaged as disks, other programs and other releases do."""
    if chance.random() < 0.5:
        damaged = bytearray(value)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        return bytes(damaged[: chance.randrange(1, len(damaged) + 1)] if chance.random() < 0.3 else damaged)
    raw = msgspec.msgpack.decode(value, strict=False)
    within = raw
    while isinstance(within, list) and within and chance.random() < 0.7:
        at = chance.randrange(1 if within is raw else 0, len(within)) if len(within) > 1 else 0
        if isinstance(within[at], list) and chance.random() < 0.7:
            within = within[at]
            continue
        within[at] = chance.choice([*JUNK[:-2], *NUMBERS[:14], *WORDS])
        break
    return msgspec.msgpack.encode(raw)


def carry_on(chance: random.Random, found: Found) -> None:
    """A state that was damaged comes back from the changelog, and life goes on."""
    first = World(found)
    for kind in KINDS:
        first.fold(kind, [event(chance, kind) for _ in range(3)])
    first.look()
    state = first.partition.states.get(FUZZED)
    if state is None:
        return
    value = broken_state(chance, encode_state(state))
    world = World(found)
    world.partition.cold[FUZZED] = value
    try:
        restore(world.partition, FUZZED, hot_max=10)
        for _ in range(2):
            kind = chance.choice(list(KINDS))
            world.fold(kind, [event(chance, kind)])
            world.look()
            world.clock.advance(days=1)
    except StateVersionError:
        raw = msgspec.msgpack.decode(value)
        assert raw[0] != STATE_VERSION, "a state of this version was taken for another's"
        return
    if world.partition.quarantined_count:
        found.unreadable += 1
        assert FUZZED in world.partition.quarantined


def run(seed: int, found: Found) -> None:
    """One case.

    Raises:
        FuzzError: what must hold did not.
    """
    chance = random.Random(seed)
    try:
        (live if seed % 2 else carry_on)(chance, found)
    except Exception as error:
        raise FuzzError(f"python -m tests.fuzz --seed {seed} --seconds 0 repeats: {error!r}") from error
    found.cases += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=600, help="how long; 0: the one seed")
    parser.add_argument("--events", type=int, help="so many instead, however long it takes")
    parser.add_argument("--seed", type=int, default=1, help="the first")
    arguments = parser.parse_args()
    logging.disable()  # of each account in quarantine there is an error, as there should be
    found, seed, ends = Found(), arguments.seed, time.monotonic() + arguments.seconds
    while True:
        run(seed, found)
        seed += 1
        if found.events >= arguments.events if arguments.events is not None else time.monotonic() >= ends:
            break
    refused = sum(found.refused.values())
    print(
        f"{found.cases:,} cases with {found.events:,} events, {refused:,} of them refused "
        f"({dict(found.refused.most_common())}); {found.unreadable:,} states in quarantine"
    )


if __name__ == "__main__":
    main()
