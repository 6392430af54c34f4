"""Cold states on the disk: whatever becomes of files and locations, a state is the one that was saved last."""

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from stream.config.settings import KafkaSettings, Settings, WorkerSettings
from stream.engine import partition_store
from stream.engine.checkpoint import Checkpoint, take_checkpoint
from stream.engine.frames import FrameFile
from stream.engine.partition_assignment import PartitionAssignment
from stream.engine.state_cache import restore
from stream.engine.state_store import StateStore
from stream.engine.store_files import UnreadableStateError
from stream.engine.store_index import VERSION, StoreIdentity
from tests.examples import examples
from tests.tally import Tally, TallyPartition, TallyProcessor

IDENTITY = StoreIdentity(VERSION, "heartline-state-changelog", "id", 3, 12)
WORK = TallyProcessor(Settings())
ENCODE, DECODE = TallyPartition(0).encode, TallyPartition(0).decode
NAMES = [f"account-{number}" for number in range(9)]
NOW_MS = 1_800_000_000_000


@dataclass
class World:
    """One partition with its store, and a dictionary that says what its states must be.

    Attributes:
        folder: where stores are.
        hot_max: how many accounts may be hot.
        should: how often each account was counted, in the partition.
        changelog: the committed state of each account, encoded.
        end: of the changelog.
    """

    folder: Path
    hot_max: int
    should: dict[str, int] = field(default_factory=dict)
    changelog: dict[str, bytes] = field(default_factory=dict)
    end: int = 0

    def __post_init__(self) -> None:
        self.assigned = self.taken()

    def taken(self) -> PartitionAssignment:
        """The partition as a process recovers it: the store, then what the changelog has beyond it."""
        assigned = PartitionAssignment(TallyPartition(3, 12), SimpleNamespace())
        assigned.changelog_end = self.end
        assigned.committed.changelog_end = self.end
        config = Settings(kafka=KafkaSettings(), worker=WorkerSettings(store=str(self.folder)))
        asyncio.run(assigned.store.open(config, "id", assigned.changelog_end, NOW_MS))
        if assigned.store.loaded_offset < self.end:
            asyncio.run(self._caught_up(assigned))
        return assigned

    async def _caught_up(self, assigned: PartitionAssignment) -> None:
        locations = await assigned.store.append_replayed(self.changelog)
        for name, value in self.changelog.items():
            assigned.partition.cold[name] = locations.get(name, value)
        for name in self.changelog:
            restore(assigned.partition, name, self.hot_max)
        await assigned.store.finish_replay(assigned.changelog_end, NOW_MS)

    def count(self, name: str) -> None:
        """An event."""
        partition = self.assigned.partition
        tally = partition.state(name)
        if tally is None:
            tally = partition.states[name] = Tally({}, {})
        tally.counts["usage"] = tally.counts.get("usage", 0) + 1
        partition.dirty.add(name)
        self.should[name] = self.should.get(name, 0) + 1

    async def checkpoint(self, then: list[str], *, kept: bool = True) -> None:
        """A checkpoint; between its snapshot and the store events go on."""
        assigned = self.assigned
        snapshot = await take_checkpoint(WORK, assigned.partition, 1.0, self.hot_max)
        self._commit(snapshot)
        for name in then:
            self.count(name)
        self.look()
        if kept:
            await assigned.store.append(snapshot, assigned.committed.changelog_end, NOW_MS)
        self.look()

    def _commit(self, snapshot: Checkpoint) -> None:
        self.end += len(snapshot.states)
        self.assigned.committed.changelog_end = self.end
        self.changelog |= {name: value for name, value in snapshot.states.items() if value is not None}

    async def compact(self, events: list[str]) -> None:
        """A compaction, with events and a checkpoint while locations move."""
        store = self.assigned.store._store
        if store is None or store.failed or store._segment is None:
            return
        number = store.rotate()
        if self.assigned.store.compaction is None:
            self.assigned.store.compaction = asyncio.create_task(self.assigned.store._compact(store, number))
        compaction = self.assigned.store.compaction
        while not compaction.done():
            await asyncio.sleep(0)
            if events:
                self.count(events.pop())
                await self.checkpoint([])
        self.look()
        assert {location >> 64 for location in self.locations()} <= set(store._files._open), (
            "nothing lies in a closed file"
        )
        if store._files.path("snapshot", number).exists():
            assert all(each >= 2 * number for each in store._files._open), "and what was replaced is closed"

    def locations(self) -> list[int]:
        """Every location that memory holds."""
        partition = self.assigned.partition
        return [
            location
            for location in (*partition.cold.values(), *partition.saved_at.values())
            if isinstance(location, int)
        ]

    def restart(self) -> None:
        """A kill and a start: what was not committed is gone."""
        self.assigned.store.release()
        self.assigned = self.taken()
        self.should = {name: DECODE(value).counts["usage"] for name, value in self.changelog.items()}
        self.look()

    def tear(self) -> None:
        """A kill within a write to the segment, and a start."""
        store = self.assigned.store._store
        if store is not None and store._segment is not None and store._segment.size > 200:
            with store._segment.path.open("r+b") as file:
                file.truncate(store._segment.size - 3)
        self.restart()

    def look(self) -> None:
        """Every account is there, once, and its state is right."""
        partition = self.assigned.partition
        assert partition.states.keys().isdisjoint(partition.cold)
        assert {*partition.states, *partition.cold} == set(self.should)
        found = {name: tally.counts["usage"] for name in self.should if (tally := partition.peek(name)) is not None}
        assert found == self.should
        assert partition.saved_at.keys() <= partition.states.keys()


some = st.lists(st.sampled_from(NAMES), max_size=4)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("events"), some),
        st.tuples(st.just("checkpoint"), some),
        st.tuples(st.just("compact"), some),
        st.tuples(st.sampled_from(["restart", "torn", "disk full", "left out"]), st.just([])),
    ),
    max_size=30,
)


@examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps, hot_max=st.integers(1, 5))
def test_whatever_order_saving_cooling_compacting_and_dying_come_in_every_state_is_the_last_one(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[str]]], hot_max: int
) -> None:
    world = World(tmp_path_factory.mktemp("store"), hot_max)
    for step, names in steps:
        if step == "events":
            for name in names:
                world.count(name)
        elif step == "checkpoint":
            asyncio.run(world.checkpoint(names))
        elif step == "compact":
            asyncio.run(world.compact(list(names)))
        elif step == "torn":
            world.tear()
        elif step == "disk full":
            world.assigned.store.disable(OSError(28, "No space left on device"))
        elif step == "left out":  # killed between the commit and the store
            asyncio.run(world.checkpoint([], kept=False))
            world.restart()
        else:
            world.restart()
        world.look()
    world.assigned.store.release()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Nine accounts, saved, two of them hot."""
    world = World(tmp_path, hot_max=2)
    for name in NAMES:
        world.count(name)
    asyncio.run(world.checkpoint([]))
    return world


def test_memory_holds_locations_of_what_is_cold_and_bytes_only_until_the_store_has_them(world: World) -> None:
    cold = world.assigned.partition.cold
    assert len(cold) == 7
    assert all(isinstance(found, int) for found in cold.values())
    asyncio.run(world.checkpoint([]))
    for name in list(cold)[:3]:
        world.count(name)
    asyncio.run(world.checkpoint([], kept=False))
    assert sum(isinstance(found, bytes) for found in cold.values()) == 1, "two of the three that moved are hot"
    world.assigned.store.release()


def test_an_account_that_was_only_looked_at_costs_no_second_write(world: World) -> None:
    store = world.assigned.store._store
    assert store is not None
    assert store._segment is not None
    size = store._segment.size
    for name in NAMES:
        assert world.assigned.partition.state(name) is not None
    asyncio.run(world.checkpoint([]))
    assert store._segment.size == size
    assert all(isinstance(found, int) for found in world.assigned.partition.cold.values())
    world.assigned.store.release()


def test_what_comes_after_the_disk_is_full_stays_in_memory_and_the_rest_is_still_read(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: FrameFile, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(FrameFile, "_write", full)
        for name in NAMES[:4]:
            world.count(name)
        asyncio.run(world.checkpoint([]))
    assert "what changes from now on stays in memory until the worker is restarted" in caplog.text
    for name in NAMES[:5]:
        world.count(name)
    asyncio.run(world.checkpoint([]))
    kinds = {type(found) for found in world.assigned.partition.cold.values()}
    assert kinds == {bytes, int}
    world.restart()
    assert all(isinstance(found, int) for found in world.assigned.partition.cold.values()), (
        "the next start caught it up"
    )
    world.assigned.store.release()


@pytest.mark.parametrize("damage", ["another byte", "the end is missing", "the disk does not answer"])
def test_a_state_that_cannot_be_read_back_is_an_error_that_says_what_to_do(
    damage: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = world.assigned.store._store
    assert store is not None
    assert store._segment is not None
    path = store._segment.path
    content = path.read_bytes()
    name = list(world.assigned.partition.cold)[-1]
    if damage == "another byte":
        where = content.index(ENCODE(Tally({"usage": 1}, {})))
        path.write_bytes(content[:where] + bytes(byte ^ 1 for byte in content[where:]))
    elif damage == "the end is missing":
        path.write_bytes(content[: len(content) // 4])
    else:

        def broken(*_: Any) -> bytes:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("stream.engine.frames.os.pread", broken)
    with pytest.raises(
        UnreadableStateError, match=r"segment-1 at byte \d+: .*; a restart deletes a store .*worker.store"
    ):
        world.assigned.partition.state(name)
    assert name in world.assigned.partition.cold
    monkeypatch.undo()
    world.restart()
    world.assigned.store.release()


def test_what_is_folded_next_is_fetched_from_the_disk_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    partition, told = world.assigned.partition, list[tuple[int, int]]()
    monkeypatch.setattr("os.posix_fadvise", lambda _, offset, length, __: told.append((offset, length)), raising=False)
    cold, hot = list(partition.cold), list(partition.states)
    partition.expect({cold[0]: [1]})
    assert told == [], "one alone is read at once anyway"
    partition.expect([cold[0], hot[0], "unknown", cold[1]])
    assert len(told) == 2
    content = (world.folder / "heartline" / "003" / "segment-1").read_bytes()
    for name, (offset, length) in zip(cold[:2], told, strict=True):
        assert DECODE(content[offset + 4 : offset + length]) == partition.peek(name)
    monkeypatch.undo()
    partition.expect(cold)  # the system itself
    partition.cold[cold[0]] = b"in memory"
    monkeypatch.delattr("os.posix_fadvise", raising=False)
    partition.expect(cold)  # one that can't be told
    world.assigned.store.release()


def test_a_location_answers_for_its_own_account_only(world: World) -> None:
    partition = world.assigned.partition
    first, second = list(partition.cold)[:2]
    partition.cold[first] = partition.cold[second]
    with pytest.raises(UnreadableStateError, match=f"the state of '{first}'"):
        partition.peek(first)
    world.assigned.store.release()


def test_a_state_that_fits_no_record_stays_in_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.engine.checkpoint.STATE_BYTES_MAX", 100)
    world.count(NAMES[0])
    large = world.assigned.partition.states[NAMES[0]]
    large.digests = {f"topic-{number}": number for number in range(50)}
    asyncio.run(world.checkpoint([]))
    for name in NAMES[1:4]:
        world.count(name)
    asyncio.run(world.checkpoint([]))
    assert NAMES[0] not in world.assigned.partition.states
    found = world.assigned.partition.peek(NAMES[0])
    assert found is not None
    assert len(found.digests) == 50, "not the smaller one that the store has"
    world.assigned.store.release()


def test_a_compaction_that_fails_leaves_every_place_where_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    store = world.assigned.store._store
    assert store is not None

    def full(*_: Any) -> bool:
        raise OSError(28, "No space left on device")

    number = store.rotate()
    with monkeypatch.context() as patched:
        patched.setattr("stream.engine.state_store.merge", full)
        asyncio.run(world.assigned.store._compact(store, number))
    assert "could not be compacted" in caplog.text
    world.look()
    asyncio.run(world.compact([]))
    assert store._files.numbers("segment") == [3]
    world.assigned.store.release()


def test_another_process_goes_on_without_the_store_and_keeps_its_states_in_memory(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_store, "RELEASE_SECONDS", 0)
    other = world.taken()
    assert other.store._store is None
    assert {type(found) for found in other.partition.cold.values()} == {bytes}
    assert StateStore(world.folder / "elsewhere", IDENTITY).load() is None
    world.assigned.store.release()
