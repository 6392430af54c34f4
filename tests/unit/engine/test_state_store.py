"""The store on the local disk: what it says is what was saved, or nothing."""

import asyncio
import logging
import multiprocessing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from stream.config.settings import KafkaSettings, Settings, WorkerSettings
from stream.engine import partition_store, state_store
from stream.engine.checkpoint import Checkpoint
from stream.engine.failstop import ExitCode
from stream.engine.frames import FrameFile, TornFrameError, read_frames
from stream.engine.metrics import EngineMetrics
from stream.engine.partition_assignment import PartitionAssignment
from stream.engine.partition_manager import PartitionManager
from stream.engine.state_store import StateStore, StoreInUseError
from stream.engine.store_index import VERSION, Index, StoreIdentity, StorePosition
from tests.examples import examples
from tests.tally import Tally, TallyPartition, TallyProcessor
from tests.unit.engine.fakes import FakeBroker, Stopped, stop

IDENTITY = StoreIdentity(VERSION, "heartline-state-changelog", "id", 3, 12)
NOW_MS = 1_800_000_000_000


States = dict[str, bytes | None]


def save(store: StateStore, position: int, states: States) -> dict[str, int]:
    """Add a checkpoint; who is called u... waits to be evaluated."""
    needs_evaluation = [key for key, value in states.items() if key.startswith("u") and value is not None]
    return store.save(StorePosition(position, NOW_MS, position), states, needs_evaluation)


def states_of(store: StateStore, index: Index) -> dict[str, bytes]:
    """Every state, read from its location."""
    return {key: store.read(key, location) for key, location in index.locations.items() if location is not None}


def loaded(folder: Path, identity: StoreIdentity = IDENTITY) -> tuple[int, dict[str, bytes]] | None:
    """The position and the states that a process finds that starts now."""
    store = StateStore(folder, identity)
    try:
        index = store.load()
        return None if index is None else (index.position.offset, states_of(store, index))
    finally:
        store.close()


def filled(folder: Path, *checkpoints: States) -> None:
    """A store that holds these, at the positions 1, 2, ..."""
    store = StateStore(folder, IDENTITY)
    store.load()
    for position, states in enumerate(checkpoints, 1):
        save(store, position, states)
    store.close()


names = st.sampled_from(["a", "b", "c", "u1", "u2"])
steps = st.lists(
    st.one_of(
        st.dictionaries(names, st.one_of(st.none(), st.binary(max_size=20)), max_size=4),
        st.sampled_from(
            ["restart", "compact", "killed before the snapshot", "killed before the clean-up", "half a frame"]
        ),
    ),
    max_size=25,
)


@examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_whatever_order_saving_compacting_and_dying_come_in_the_store_says_what_was_saved(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("store")
    store, should, position = StateStore(folder, IDENTITY), dict[str, bytes](), 0
    store.load()

    def restart() -> StateStore:
        store.close()
        again = StateStore(folder, IDENTITY)
        found = again.load()
        if position == 0:
            assert found is None
            return again
        assert found is not None
        assert states_of(again, found) == should
        assert found.position == StorePosition(position, NOW_MS, position)
        assert found.pending.keys() == {key for key in should if key.startswith("u")}
        return again

    for step in steps:
        if isinstance(step, dict):
            position += 1
            save(store, position, step)
            both: States = {**should, **step}
            should = {key: value for key, value in both.items() if value is not None}
        elif step == "compact":
            if position:
                store.compact(store.rotate())
        elif step == "killed before the snapshot":
            store.rotate()
            (folder / "new-snapshot").write_bytes(b"half of a snapshot")
            store = restart()
        elif step == "killed before the clean-up" and position:
            kept = {path: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}
            store.compact(store.rotate())
            for path, content in kept.items():
                path.write_bytes(content)
            store = restart()
        elif step == "half a frame" and store._segment is not None:
            with store._segment.path.open("ab") as file:
                file.write(b"\x50\x00\x00\x00half")
            store = restart()
        else:
            store = restart()
    restart().close()


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (StoreIdentity(VERSION - 1, "heartline-state-changelog", "id", 3, 12), "the files are of an older version"),
        (StoreIdentity(VERSION, "heartline-state-changelog", "another", 3, 12), "the changelog was created again"),
        (StoreIdentity(VERSION, "another", "id", 3, 12), "it is another application's"),
        (StoreIdentity(VERSION, "heartline-state-changelog", "id", 4, 12), "it is another partition's"),
        (StoreIdentity(VERSION, "heartline-state-changelog", "id", 3, 16), "the partition count has changed"),
    ],
)
def test_a_store_of_something_else_is_deleted_and_why_is_said(
    other: StoreIdentity, reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled(tmp_path, {"a": b"1"})
    assert loaded(tmp_path, other) is None, reason
    assert "'partition': 3" in caplog.text or "'partition': 4" in caplog.text
    assert "is of StoreIdentity(" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize("damage", ["a flipped byte", "a missing segment", "no frames at all"])
def test_a_damaged_store_is_deleted_as_a_whole(damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = StateStore(tmp_path, IDENTITY)
    store.load()
    for position in (1, 2, 3):
        save(store, position, {"a": b"%d" % position})
        store.rotate()
    store.close()
    second = tmp_path / "segment-2"
    if damage == "a missing segment":
        second.unlink()
    else:
        content = bytearray(second.read_bytes())
        content[-1] ^= 1
        second.write_bytes(content if damage == "a flipped byte" else b"?")
    assert loaded(tmp_path) is None
    assert "can't be used and is deleted, the changelog is read instead" in caplog.text
    assert loaded(tmp_path) is None


def test_the_end_of_the_last_segment_may_be_cut_off(tmp_path: Path) -> None:
    filled(tmp_path, {"a": b"1"}, {"b": b"2"})
    segment = tmp_path / "segment-1"
    whole = segment.read_bytes()
    for size in range(len(whole)):
        segment.write_bytes(whole[:size])
        assert loaded(tmp_path) in (None, (1, {"a": b"1"}), (2, {"a": b"1", "b": b"2"})), size
    frames = list(read_frames(tmp_path / "segment-1"))
    assert len(frames) < 3, "the torn frame is cut off, so that what follows can be read"


def _hold(folder: str, ready: Any) -> None:
    store = StateStore(Path(folder), IDENTITY)
    ready.send(True)
    ready.recv()
    store.close()


def test_only_one_process_holds_a_copy(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_hold, args=(str(tmp_path), theirs))
    process.start()
    try:
        assert ours.recv()
        with pytest.raises(StoreInUseError):
            StateStore(tmp_path, IDENTITY)
        process.kill()  # a kill lets go of it
        process.join()
        StateStore(tmp_path, IDENTITY).close()
    finally:
        process.kill()
        process.join()
        ours.close()
        theirs.close()


def test_a_compaction_leaves_off_when_the_store_is_closed(tmp_path: Path) -> None:
    store = StateStore(tmp_path, IDENTITY)
    save(store, 1, {"a": b"1"})
    number = store.rotate()
    store.close()
    assert not store.compact(number)
    assert list(store.new_locations(number)) == []
    assert not (tmp_path / "snapshot-2").exists()
    assert loaded(tmp_path) == (1, {"a": b"1"})


def test_a_segment_is_compacted_when_it_is_larger_than_its_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_store, "SEGMENT_BYTES_MIN", 2_000)

    async def run() -> None:
        assigned = ready(tmp_path)
        for number in range(1, 200):
            assigned.committed.changelog_end = number
            states: States = {f"a{number % 10}": b"x" * 100}
            await assigned.store.append(Checkpoint(states, [], {}, None, []), assigned.committed.changelog_end, NOW_MS)
            if assigned.store.compaction is not None:
                await assigned.store.compaction
        assigned.store.release()

    asyncio.run(run())
    assert sum(path.stat().st_size for path in tmp_path.rglob("*-*")) < 10_000
    assert loaded(tmp_path / "heartline" / "003") == (199, {f"a{number}": b"x" * 100 for number in range(10)})


def test_a_frame_that_is_not_whole_does_not_count(tmp_path: Path) -> None:
    file = FrameFile(tmp_path / "frames")
    for payload in (b"one", b"", b"three"):
        file.append(payload)
    file.close()
    assert list(read_frames(file.path)) == [(8, b"one"), (19, b""), (27, b"three")]
    file.path.write_bytes(file.path.read_bytes()[:-1])
    frames = read_frames(file.path)
    assert [next(frames), next(frames)] == [(8, b"one"), (19, b"")]
    with pytest.raises(TornFrameError, match="damaged at byte 19") as caught:
        next(frames)
    assert caught.value.offset == 19


def ready(folder: Path, changelog_end: int = 0) -> PartitionAssignment:
    """A partition with an empty store in that folder."""
    assigned = PartitionAssignment(TallyPartition(3, 12), SimpleNamespace())
    assigned.changelog_end = changelog_end
    assigned.store._store = StateStore(folder / "heartline" / "003", IDENTITY)
    assigned.store._store.load()
    return assigned


@pytest.mark.parametrize(
    ("position", "hours", "end", "problem", "reason"),
    [
        (10, 0, 11, None, "the store is of the last checkpoint: only its marker follows"),
        (10, 0, 500, None, "others went on: the changelog says what"),
        (10, 19, 500, None, "tombstones are still there"),
        (10, 30, 11, None, "however old, nothing was written since"),
        (10, 30, 12, "30 hours old", "what was deleted meanwhile may be forgotten"),
        (10, 0, 9, "records that it holds were lost", "the changelog was cut or restored"),
    ],
)
def test_a_store_is_caught_up_or_refused(position: int, hours: int, end: int, problem: str | None, reason: str) -> None:
    found = partition_store.unfit(StorePosition(position, NOW_MS - hours * 3_600_000), end, NOW_MS)
    assert (problem is None and found is None) or (problem is not None and problem in (found or "")), reason


def test_a_full_disk_costs_the_store_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assigned = ready(tmp_path)
    assigned.committed.changelog_end = 7
    asyncio.run(
        assigned.store.append(Checkpoint({"a": b"1"}, [], {}, None, []), assigned.committed.changelog_end, NOW_MS)
    )

    def full(self: FrameFile, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(FrameFile, "_write", full)
        asyncio.run(
            assigned.store.append(Checkpoint({"a": b"2"}, [], {}, None, []), assigned.committed.changelog_end, NOW_MS)
        )
    assert "No space left on device" in caplog.text
    asyncio.run(
        assigned.store.append(Checkpoint({"a": b"3"}, [], {}, None, []), assigned.committed.changelog_end, NOW_MS)
    )
    assigned.store.release()
    found = loaded(tmp_path / "heartline" / "003")
    assert found == (7, {"a": b"1"}), "what it holds is right for its position, and is caught up from there"


async def test_what_nobody_foresaw_in_the_store_ends_the_process_instead_of_the_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assigned = ready(tmp_path)
    assigned.producer = FakeBroker(epochs={3: 0}).producer(3)
    assigned.partition.states["a"] = Tally({"usage": 1}, {})
    assigned.partition.dirty.add("a")
    metrics = EngineMetrics(CollectorRegistry())
    manager = PartitionManager(Settings(), TallyProcessor(Settings()), metrics, stop)
    manager._assigned[3] = assigned
    manager._scheduler.add(3)

    def broken(self: StateStore, *arguments: Any) -> None:
        raise ValueError("nobody foresaw this")

    monkeypatch.setattr(StateStore, "save", broken)
    with pytest.raises(Stopped) as caught:
        await manager.checkpoint(3)
    assert caught.value.code == ExitCode.CHECKPOINT
    assigned.store.release()


def test_a_store_comes_back_with_what_it_says_of_the_partition(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = Settings(kafka=KafkaSettings(), worker=WorkerSettings(store=str(tmp_path)))

    def taken(changelog_end: int) -> PartitionAssignment:
        assigned = PartitionAssignment(TallyPartition(3, 12), SimpleNamespace())
        assigned.changelog_end = changelog_end
        asyncio.run(assigned.store.open(settings, "id", assigned.changelog_end, NOW_MS))
        return assigned

    def cold(assigned: PartitionAssignment) -> dict[str, bytes]:
        assert all(isinstance(location, int) for location in assigned.partition.cold.values()), (
            "the states stay on the disk"
        )
        return {key: assigned.partition.read(key, int(location)) for key, location in assigned.partition.cold.items()}

    first = taken(changelog_end=50)
    assert (first.store.loaded_offset, first.partition.cold) == (0, {})
    asyncio.run(first.store.append_replayed({"u1": b"1", "a": b"1", "gone": b"0"}))
    asyncio.run(first.store.append_replayed({"a": b"2", "gone": None}))
    first.partition.restore_pending(["u1"])
    first.partition.watermark_ms = 99
    asyncio.run(first.store.finish_replay(first.changelog_end, NOW_MS))
    first.committed.changelog_end = 60
    asyncio.run(
        first.store.append(Checkpoint({"b": b"3"}, [], {}, None, [], ["b"], 100), first.committed.changelog_end, NOW_MS)
    )
    first.store.release()

    second = taken(changelog_end=61)
    assert (second.store.loaded_offset, second.partition.watermark_ms) == (60, 100)
    assert cold(second) == {"u1": b"1", "a": b"2", "b": b"3"}
    assert second.partition.pending_keys() == ["u1", "b"]
    second.store.release()

    lost = taken(changelog_end=10)
    assert (lost.store.loaded_offset, lost.partition.cold) == (0, {})
    assert "records that it holds were lost" in caplog.text
    lost.store.release()


def test_many_states_are_in_several_frames_and_count_when_the_last_one_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.engine.store_index.BYTES_A_FRAME", 100)
    first: States = {f"a{number}": b"1" * 40 for number in range(10)}
    second: States = {**{f"a{number}": b"2" * 40 for number in range(10)}, "u1": b"3", "gone": None}
    filled(tmp_path, {**first, "gone": b"0"}, second)
    segment = tmp_path / "segment-1"
    assert len(list(read_frames(segment))) == 1 + 4 + 4
    assert loaded(tmp_path) == (2, {key: value for key, value in second.items() if value is not None})
    segment.write_bytes(segment.read_bytes()[:-1])
    store = StateStore(tmp_path, IDENTITY)
    index = store.load()
    assert index is not None
    assert index.position.offset == 1, "the changelog says the second checkpoint's states again"
    assert set(states_of(store, index).values()) <= {b"0", b"1" * 40, b"2" * 40}
    store.close()


def test_a_recovery_that_was_cut_off_left_nothing_that_could_be_believed(tmp_path: Path) -> None:
    assigned = ready(tmp_path, changelog_end=50)
    asyncio.run(assigned.store.append_replayed({"a": b"1"}))
    assigned.store.release()
    assert loaded(tmp_path / "heartline" / "003") is None
    assert [path.name for path in (tmp_path / "heartline" / "003").iterdir()] == ["lock"]


def test_what_is_added_while_a_store_is_caught_up_makes_it_no_younger(tmp_path: Path) -> None:
    assigned = ready(tmp_path, changelog_end=50)
    assigned.committed.changelog_end = 7
    asyncio.run(assigned.store.append(Checkpoint({"a": b"1"}, [], {}, None, []), 7, NOW_MS - 30 * 3_600_000))
    asyncio.run(assigned.store.append_replayed({"b": b"2"}))
    assert assigned.store._store is not None
    assert partition_store.unfit(assigned.store._store.position, 50, NOW_MS) is not None, (
        "a tombstone of the last 30 hours may be gone"
    )
    assigned.store.release()
