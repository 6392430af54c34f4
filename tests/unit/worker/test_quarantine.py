"""One account whose state or events raise can't stop the rest, and nothing of it is lost."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from stream.calendar.clock import ManualClock
from stream.calendar.day import DAY_MS
from stream.contracts.dead_letters import read_dead_letter
from stream.contracts.errors import EngineError
from stream.contracts.quarantine import QuarantineEntry, decode_entry
from stream.engine.checkpoint import take_checkpoint
from stream.engine.state_cache import restore
from stream.kinds.state import (
    MIGRATIONS,
    STATE_VERSION,
    AccountState,
    StateVersionError,
    decode_state,
    encode_state,
)
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor
from stream.worker.quarantine import ACCOUNTS_MAX, Quarantine
from stream.worker.repartition import FORGET, RELEASE, RepartitionedRecord, repartition
from tests.streams import TOPICS, Rec, record
from tests.unit.stream.lives import DAY, usage

NOW_MS = (DAY + 1) * DAY_MS


class World:
    """A processor and one partition of it, on which an account raises where a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = ManualClock(NOW_MS)
        self.processor = HealthProcessor(TOPICS, self.clock, wall=self.clock)
        self.partition = self.processor.new_partition(0, 1)
        self.offset = 0
        self._monkeypatch = monkeypatch

    def send(self, *accounts: str, users: int = 1) -> None:
        """An event of each account."""
        records = []
        for account_id in accounts:
            for user in range(users):
                self.offset += 1
                event = usage(user, DAY, account_id) | {"event_id": f"e{self.offset}"}
                records.append(record("usage", event, self.offset))
        self.processor.fold(self.partition, TOPICS.input("usage"), records)

    def evaluate(self) -> None:
        for _ in self.processor.evaluate(self.partition):
            pass

    def take(self, topic: str) -> list[tuple[str, bytes | None]]:
        """What was published there since the last call."""
        found = [each for each in self.partition.outputs if each.topic == topic]
        self.partition.outputs = [each for each in self.partition.outputs if each.topic != topic]
        return [((each.key or b"").decode(), each.value) for each in found]

    def entries(self) -> dict[str, QuarantineEntry | None]:
        """What was reported to the quarantine topic since the last call."""
        found = self.take(TOPICS.quarantine)
        return {account_id: None if value is None else decode_entry(value) for account_id, value in found}

    def reported(self) -> set[str]:
        """The accounts with a health report since the last call."""
        return {account_id for account_id, _ in self.take(TOPICS.health)}

    def held(self) -> list[int]:
        """The offsets of the events that were held since the last call."""
        letters = [read_dead_letter(value or b"") for _, value in self.take(TOPICS.dead_letters)]
        assert {letter.reason for letter in letters} <= {"quarantined"}
        assert all(letter.value for letter in letters), "with their bytes"
        return [letter.offset for letter in letters]

    def break_fold(self, account_id: str) -> None:
        """From now on its usage can't be folded."""
        fold = self.processor._ingest._fold["usage"]

        def broken(state: AccountState, events: list[Any]) -> int:
            if events[0].account_id == account_id:
                fold(state, events[:1])  # half of it is done
                raise ZeroDivisionError("float division by zero")
            return fold(state, events)

        self._monkeypatch.setitem(self.processor._ingest._fold, "usage", broken)

    def release(self, account_id: str, topic: str = RELEASE, held: tuple[Rec, ...] = ()) -> None:
        """As `heartline quarantine release` does: the release, then what was held."""
        self.offset += 1
        home = repartition(TOPICS.repartition, _envelope(topic, account_id.encode(), None), account_id, 0)
        following = [
            repartition(TOPICS.repartition, _envelope(TOPICS.input("usage"), each.key, each.value), account_id, 0)
            for each in held
        ]
        records = [Rec(TOPICS.repartition, 0, 0, 1, output.key, output.value) for output in (home, *following)]
        self.processor.fold(self.partition, TOPICS.repartition, records)


def _envelope(topic: str, key: bytes | None, value: bytes | None) -> RepartitionedRecord:
    return RepartitionedRecord(topic, 0, 0, NOW_MS, key, value)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with monkeypatch.context() as patched:
        yield World(patched)


def test_an_event_that_cannot_be_folded_holds_its_account_and_no_other(world: World) -> None:
    world.send("acme", "birch")
    world.evaluate()
    assert world.reported() == {"acme", "birch"}
    world.break_fold("acme")
    world.send("acme", "birch", users=2)
    world.send("acme")
    world.evaluate()
    entry = world.entries()["acme"]
    assert entry is not None
    assert (entry.step, entry.error) == ("fold", "ZeroDivisionError: float division by zero")
    assert (entry.topic, entry.partition, entry.offset) == (TOPICS.input("usage"), 0, 3)
    assert entry.since_ms == NOW_MS
    assert world.held() == [3, 4, 7], "every event since, in order"
    assert world.partition.quarantined_count == 1
    world.clock.advance(days=20)
    world.evaluate()
    assert world.reported() == {"birch"}, "the periodic scan leaves it alone, too"
    assert world.entries() == {}, "it is reported once"


def test_an_account_that_cannot_be_evaluated_is_held_and_the_others_are_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate_one = world.processor._evaluate_one

    def broken(partition: AccountPartition, account_id: str, *arguments: Any) -> None:
        if account_id == "acme":
            raise OverflowError("cannot convert float infinity to integer")
        evaluate_one(partition, account_id, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(world.processor, "_evaluate_one", broken)
        world.send("acme", "birch")
        world.evaluate()
    assert world.reported() == {"birch"}
    entry = world.entries()["acme"]
    assert entry is not None
    assert entry.step == "evaluate"
    world.release("acme")
    world.evaluate()
    assert world.reported() == {"acme"}
    assert world.entries() == {"acme": None}
    assert world.partition.quarantined_count == 0


@pytest.mark.parametrize(
    "value",
    [b"\xc1\x00", b"", msgspec.msgpack.encode({"a": 1}), msgspec.msgpack.encode([STATE_VERSION, "x"])],
    ids=["no MessagePack", "empty", "a map", "a field of another type"],
)
async def test_a_state_that_cannot_be_read_holds_its_account_at_a_recovery(world: World, value: bytes) -> None:
    world.partition.cold = {"acme": value, "birch": encode_state(AccountState())}
    for account_id in ("acme", "birch"):
        restore(world.partition, account_id, hot_max=10)
    world.send("acme", "birch")
    world.evaluate()
    entry = world.entries()["acme"]
    assert entry is not None
    assert (entry.step, entry.topic, entry.partition, entry.offset) == ("decode", TOPICS.changelog, 0, None)
    assert world.reported() == {"birch"}
    assert world.held() == [1]
    checkpoint = await take_checkpoint(world.processor, world.partition, 1)
    assert "acme" not in checkpoint.states, "what the changelog has of it stays"
    world.release("acme")
    world.evaluate()
    assert world.entries()["acme"] is not None, "it still can't be read"
    world.release("acme", FORGET, (record("usage", usage(1, DAY, "acme") | {"event_id": "again"}, 9),))
    world.evaluate()
    assert world.entries() == {"acme": None}
    assert world.reported() == {"acme"}


async def test_a_forgotten_account_without_events_leaves_a_tombstone(world: World) -> None:
    world.partition.cold = {"acme": b"\xc1"}
    restore(world.partition, "acme", hot_max=10)
    world.release("acme", FORGET)
    checkpoint = await take_checkpoint(world.processor, world.partition, 1)
    assert checkpoint.states == {"acme": None}


async def test_a_state_that_cannot_be_saved_holds_its_account_and_the_checkpoint_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.send("acme", "birch")
    world.partition.states["acme"].profile["mrr"] = (1 << 70, 1)  # no MessagePack integer
    checkpoint = await take_checkpoint(world.processor, world.partition, 1, hot_max=1)
    assert checkpoint.states.keys() == {"birch"}
    assert "acme" in world.partition.states, "it stays where it is, hot"
    again = await take_checkpoint(world.processor, world.partition, 1, hot_max=1)
    (entry,) = [each for each in again.outputs if each.topic == TOPICS.quarantine]
    assert decode_entry(entry.value or b"").step == "encode"
    world.send("acme")
    assert world.held() == [3]


async def test_a_restart_remembers_who_is_in_quarantine_and_a_release_folds_what_was_held(world: World) -> None:
    """As if nothing had happened: half-folded events are recognised when they come again."""
    undisturbed = HealthProcessor(TOPICS, world.clock, wall=world.clock)
    expected = undisturbed.new_partition(0, 1)
    world.break_fold("acme")
    events = [record("usage", usage(user, DAY, "acme") | {"event_id": f"e{user}"}, user) for user in range(4)]
    world.processor.fold(world.partition, TOPICS.input("usage"), events[:2])
    undisturbed.fold(expected, TOPICS.input("usage"), events)
    checkpoint = await take_checkpoint(world.processor, world.partition, 1)
    assert "acme" in checkpoint.pending

    again = HealthProcessor(TOPICS, world.clock, wall=world.clock)
    partition = again.new_partition(0, 1)
    value = checkpoint.states["acme"]
    assert value is not None
    partition.cold["acme"] = value
    restore(partition, "acme", hot_max=10)
    for _ in again.evaluate(partition):
        pass
    assert partition.quarantined_count == 1
    assert partition.outputs == [], "it was reported by the process before"
    again.fold(partition, TOPICS.input("usage"), events[2:])
    assert len(partition.outputs) == 2

    world.processor, world.partition = again, partition
    world.release("acme", held=tuple(events))
    for processor, part in ((again, partition), (undisturbed, expected)):
        for _ in processor.evaluate(part):
            pass
    found, should = partition.states["acme"], expected.states["acme"]
    assert found.usage.repeated == 1, "the half that was folded"
    found.usage.repeated = 0
    assert found == should


def test_what_no_account_is_at_fault_for_ends_the_process() -> None:
    quarantine = Quarantine()
    for error in (EngineError("another release's states"), MemoryError()):
        with pytest.raises(type(error)):
            quarantine.add("acme", "decode", error, "changelog", 0, None)
    for number in range(ACCOUNTS_MAX):
        quarantine.add(f"account-{number}", "fold", ValueError("?"), "usage", 0, number)
    quarantine.add("account-0", "fold", ValueError("?"), "usage", 0, 1_000)
    with pytest.raises(
        EngineError, match=r"account 'one more' raised ValueError: \? at usage\[0\]@7, and 100 accounts"
    ):
        quarantine.add("one more", "fold", ValueError("?"), "usage", 0, 7)


def test_a_state_of_a_newer_release_is_refused_and_not_cut() -> None:
    raw = msgspec.msgpack.decode(encode_state(AccountState()))
    newer = msgspec.msgpack.encode([STATE_VERSION + 1, *raw[1:], {"new": "facts"}])
    with pytest.raises(StateVersionError, match=f"a state of version {STATE_VERSION + 1} .* Start the newer release"):
        decode_state(newer)
    another_shape = msgspec.msgpack.encode([STATE_VERSION + 1, "all of it is different"])
    with pytest.raises(StateVersionError, match="Start the newer release"):
        decode_state(another_shape)
    partition = AccountPartition(0, cold={"acme": newer})
    with pytest.raises(StateVersionError):
        restore(partition, "acme", 10)


def test_a_state_that_is_too_old_is_refused_and_an_older_one_is_migrated_in_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = AccountState(profile={"name": ("Acme", 5)})
    raw = msgspec.msgpack.decode(encode_state(state))
    old = msgspec.msgpack.encode([STATE_VERSION - 2, *raw[1:4], {"name": "Acme"}, *raw[5:]])
    with pytest.raises(StateVersionError, match="too old to migrate from"):
        decode_state(old)
    taken: list[int] = []

    def first(values: list[Any]) -> list[Any]:
        """Profiles had no moments."""
        taken.append(values[0])
        return [*values[:4], {name: (value, 0) for name, value in values[4].items()}, *values[5:]]

    def second(values: list[Any]) -> list[Any]:
        """And nobody knew when the name was set: in the fifth."""
        taken.append(values[0])
        return [*values[:4], {name: (value, 5) for name, (value, _) in values[4].items()}, *values[5:]]

    monkeypatch.setitem(MIGRATIONS, STATE_VERSION - 2, first)
    monkeypatch.setitem(MIGRATIONS, STATE_VERSION - 1, second)
    assert decode_state(old) == state
    assert taken == [STATE_VERSION - 2, STATE_VERSION - 1]
