"""The copy on the local disk: what it says is what was saved, or nothing."""

import asyncio
import logging
import multiprocessing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from stream.config.settings import KafkaSettings, Settings, WorkerSettings
from stream.engine import copies, local_copy
from stream.engine.checkpoint import Snapshot
from stream.engine.checkpoints import Checkpoints
from stream.engine.contents import VERSION, Contents, Identity, Moment
from stream.engine.failstop import ExitCode
from stream.engine.frames import FrameFile, TornFrameError, read_frames
from stream.engine.local_copy import CopyInUseError, LocalCopy
from stream.engine.owned import Owned
from stream.engine.pace import Pace
from stream.engine.partition import Partition
from stream.worker.metrics import WorkerMetrics
from tests.tally import Tally, TallyProcessor
from tests.unit.engine.fakes import FakeBroker, Stopped, stop

IDENTITY = Identity(VERSION, "heartline-state-changelog", "id", 3, 12)
NOW_MS = 1_800_000_000_000


States = dict[str, bytes | None]


def save(copy: LocalCopy, position: int, states: States) -> dict[str, int]:
    """Add a checkpoint; who is called u... waits to be evaluated."""
    needs_evaluation = [key for key, value in states.items() if key.startswith("u") and value is not None]
    return copy.save(Moment(position, NOW_MS, position), states, needs_evaluation)


def states_of(copy: LocalCopy, contents: Contents) -> dict[str, bytes]:
    """Every state, read from its place."""
    return {key: copy.read(key, place) for key, place in contents.places.items() if place is not None}


def loaded(folder: Path, identity: Identity = IDENTITY) -> tuple[int, dict[str, bytes]] | None:
    """The position and the states that a process finds that starts now."""
    copy = LocalCopy(folder, identity)
    try:
        contents = copy.load()
        return None if contents is None else (contents.moment.position, states_of(copy, contents))
    finally:
        copy.close()


def filled(folder: Path, *checkpoints: States) -> None:
    """A copy that holds these, at the positions 1, 2, ..."""
    copy = LocalCopy(folder, IDENTITY)
    copy.load()
    for position, states in enumerate(checkpoints, 1):
        save(copy, position, states)
    copy.close()


names = st.sampled_from(["a", "b", "c", "u1", "u2"])
steps = st.lists(
    st.one_of(
        st.dictionaries(names, st.one_of(st.none(), st.binary(max_size=20)), max_size=4),
        st.sampled_from(["restart", "compact", "killed before the base", "killed before the clean-up", "half a frame"]),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_whatever_order_saving_compacting_and_dying_come_in_the_copy_says_what_was_saved(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("copy")
    copy, should, position = LocalCopy(folder, IDENTITY), dict[str, bytes](), 0
    copy.load()

    def restart() -> LocalCopy:
        copy.close()
        again = LocalCopy(folder, IDENTITY)
        found = again.load()
        if position == 0:
            assert found is None
            return again
        assert found is not None
        assert states_of(again, found) == should
        assert found.moment == Moment(position, NOW_MS, position)
        assert found.needs_evaluation.keys() == {key for key in should if key.startswith("u")}
        return again

    for step in steps:
        if isinstance(step, dict):
            position += 1
            save(copy, position, step)
            both: States = {**should, **step}
            should = {key: value for key, value in both.items() if value is not None}
        elif step == "compact":
            if position:
                copy.compact(copy.rotate())
        elif step == "killed before the base":
            copy.rotate()
            (folder / "new-base").write_bytes(b"half of a base")
            copy = restart()
        elif step == "killed before the clean-up" and position:
            kept = {path: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}
            copy.compact(copy.rotate())
            for path, content in kept.items():
                path.write_bytes(content)
            copy = restart()
        elif step == "half a frame" and copy._journal is not None:
            with copy._journal.path.open("ab") as file:
                file.write(b"\x50\x00\x00\x00half")
            copy = restart()
        else:
            copy = restart()
    restart().close()


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (Identity(VERSION - 1, "heartline-state-changelog", "id", 3, 12), "the files are of an older version"),
        (Identity(VERSION, "heartline-state-changelog", "another", 3, 12), "the changelog was created again"),
        (Identity(VERSION, "another", "id", 3, 12), "it is another application's"),
        (Identity(VERSION, "heartline-state-changelog", "id", 4, 12), "it is another partition's"),
        (Identity(VERSION, "heartline-state-changelog", "id", 3, 16), "the partition count has changed"),
    ],
)
def test_a_copy_of_something_else_is_deleted_and_why_is_said(
    other: Identity, reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled(tmp_path, {"a": b"1"})
    assert loaded(tmp_path, other) is None, reason
    assert "partition 3" in caplog.text or "partition 4" in caplog.text
    assert "is of Identity(" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize("damage", ["a flipped byte", "a missing journal", "no frames at all"])
def test_a_damaged_copy_is_deleted_as_a_whole(damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    copy = LocalCopy(tmp_path, IDENTITY)
    copy.load()
    for position in (1, 2, 3):
        save(copy, position, {"a": b"%d" % position})
        copy.rotate()
    copy.close()
    second = tmp_path / "journal-2"
    if damage == "a missing journal":
        second.unlink()
    else:
        content = bytearray(second.read_bytes())
        content[-1] ^= 1
        second.write_bytes(content if damage == "a flipped byte" else b"?")
    assert loaded(tmp_path) is None
    assert "is of no use and is deleted, the changelog is read instead" in caplog.text
    assert loaded(tmp_path) is None


def test_the_end_of_the_last_journal_may_be_cut_off(tmp_path: Path) -> None:
    filled(tmp_path, {"a": b"1"}, {"b": b"2"})
    journal = tmp_path / "journal-1"
    whole = journal.read_bytes()
    for size in range(len(whole)):
        journal.write_bytes(whole[:size])
        assert loaded(tmp_path) in (None, (1, {"a": b"1"}), (2, {"a": b"1", "b": b"2"})), size
    frames = list(read_frames(tmp_path / "journal-1"))
    assert len(frames) < 3, "the torn frame is cut off, so that what follows can be read"


def _hold(folder: str, ready: Any) -> None:
    copy = LocalCopy(Path(folder), IDENTITY)
    ready.send(True)
    ready.recv()
    copy.close()


def test_only_one_process_holds_a_copy(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_hold, args=(str(tmp_path), theirs))
    process.start()
    try:
        assert ours.recv()
        with pytest.raises(CopyInUseError):
            LocalCopy(tmp_path, IDENTITY)
        process.kill()  # a kill lets go of it
        process.join()
        LocalCopy(tmp_path, IDENTITY).close()
    finally:
        process.kill()
        process.join()
        ours.close()
        theirs.close()


def test_a_compaction_leaves_off_when_the_copy_is_closed(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path, IDENTITY)
    save(copy, 1, {"a": b"1"})
    number = copy.rotate()
    copy.close()
    assert not copy.compact(number)
    assert list(copy.new_places(number)) == []
    assert not (tmp_path / "base-2").exists()
    assert loaded(tmp_path) == (1, {"a": b"1"})


def test_a_journal_is_compacted_when_it_is_larger_than_its_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_copy, "JOURNAL_BYTES_MIN", 2_000)

    async def run() -> None:
        owned = ready(tmp_path)
        for number in range(1, 200):
            owned.changelog_saved = number
            states: States = {f"a{number % 10}": b"x" * 100}
            await copies.keep(owned, Snapshot(states, [], {}, None, []), NOW_MS)
            if owned.compaction is not None:
                await owned.compaction
        copies.let_go(owned)

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


def ready(folder: Path, changelog_end: int = 0) -> Owned[Tally]:
    """A partition with an empty copy in that folder."""
    owned: Owned[Tally] = Owned(Partition(3, 12, decode=TallyProcessor(Settings()).decode), SimpleNamespace())
    owned.topic_ids = {"heartline-state-changelog": "id"}
    owned.changelog_end = changelog_end
    owned.copy = LocalCopy(folder / "heartline" / "003", IDENTITY)
    owned.copy.load()
    return owned


@pytest.mark.parametrize(
    ("position", "hours", "end", "problem", "reason"),
    [
        (10, 0, 11, None, "the copy is of the last checkpoint: only its marker follows"),
        (10, 0, 500, None, "others went on: the changelog says what"),
        (10, 19, 500, None, "tombstones are still there"),
        (10, 30, 11, None, "however old, nothing was written since"),
        (10, 30, 12, "30 hours old", "what was deleted meanwhile may be forgotten"),
        (10, 0, 9, "records that it holds were lost", "the changelog was cut or restored"),
    ],
)
def test_a_copy_is_caught_up_or_refused(position: int, hours: int, end: int, problem: str | None, reason: str) -> None:
    found = copies.unfit(Moment(position, NOW_MS - hours * 3_600_000), end, NOW_MS)
    assert (problem is None and found is None) or (problem is not None and problem in (found or "")), reason


def test_a_full_disk_costs_the_copy_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    owned = ready(tmp_path)
    owned.changelog_saved = 7
    asyncio.run(copies.keep(owned, Snapshot({"a": b"1"}, [], {}, None, []), NOW_MS))

    def full(self: FrameFile, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(FrameFile, "_write", full)
        asyncio.run(copies.keep(owned, Snapshot({"a": b"2"}, [], {}, None, []), NOW_MS))
    assert "No space left on device" in caplog.text
    asyncio.run(copies.keep(owned, Snapshot({"a": b"3"}, [], {}, None, []), NOW_MS))
    copies.let_go(owned)
    found = loaded(tmp_path / "heartline" / "003")
    assert found == (7, {"a": b"1"}), "what it holds is right for its position, and is caught up from there"


async def test_what_nobody_foresaw_in_the_copy_ends_the_process_instead_of_the_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned = ready(tmp_path)
    owned.producer = FakeBroker(epochs={3: 0}).producer(3)
    owned.partition.states["a"] = Tally({"usage": 1}, {})
    owned.partition.dirty.add("a")
    metrics = WorkerMetrics(CollectorRegistry())
    checkpoints = Checkpoints(
        Settings(), TallyProcessor(Settings()), metrics, stop, [owned], Pace(Settings(), [owned]), lambda: True
    )

    def broken(self: LocalCopy, *arguments: Any) -> None:
        raise ValueError("nobody foresaw this")

    monkeypatch.setattr(LocalCopy, "save", broken)
    with pytest.raises(Stopped) as caught:
        await checkpoints.checkpoint(owned)
    assert caught.value.code == ExitCode.CHECKPOINT
    copies.let_go(owned)


def test_a_copy_comes_back_with_what_it_says_of_the_partition(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    settings = Settings(kafka=KafkaSettings(), worker=WorkerSettings(store=str(tmp_path)))

    def taken(changelog_end: int) -> Owned[Tally]:
        owned: Owned[Tally] = Owned(Partition(3, 12), SimpleNamespace())
        owned.topic_ids, owned.changelog_end = {"heartline-state-changelog": "id"}, changelog_end
        asyncio.run(copies.recall(settings, owned, NOW_MS))
        return owned

    def cold(owned: Owned[Tally]) -> dict[str, bytes]:
        assert all(isinstance(place, int) for place in owned.partition.cold.values()), "the states stay on the disk"
        return {key: owned.partition.read(key, int(place)) for key, place in owned.partition.cold.items()}

    first = taken(changelog_end=50)
    assert (first.recalled, first.partition.cold) == (0, {})
    asyncio.run(copies.keep_part(first, {"u1": b"1", "a": b"1", "gone": b"0"}))
    asyncio.run(copies.keep_part(first, {"a": b"2", "gone": None}))
    first.partition.pending.append(("u1", None))
    first.partition.watermark_ms = 99
    asyncio.run(copies.keep_recovered(first, NOW_MS))
    first.changelog_saved = 60
    asyncio.run(copies.keep(first, Snapshot({"b": b"3"}, [], {}, None, [], ["b"], 100), NOW_MS))
    copies.let_go(first)

    second = taken(changelog_end=61)
    assert (second.recalled, second.partition.watermark_ms) == (60, 100)
    assert cold(second) == {"u1": b"1", "a": b"2", "b": b"3"}
    assert list(second.partition.pending) == [("u1", None), ("b", None)]
    copies.let_go(second)

    lost = taken(changelog_end=10)
    assert (lost.recalled, lost.partition.cold) == (0, {})
    assert "records that it holds were lost" in caplog.text
    copies.let_go(lost)


def test_many_states_are_in_several_frames_and_count_when_the_last_one_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.engine.contents.BYTES_A_FRAME", 100)
    first: States = {f"a{number}": b"1" * 40 for number in range(10)}
    second: States = {**{f"a{number}": b"2" * 40 for number in range(10)}, "u1": b"3", "gone": None}
    filled(tmp_path, {**first, "gone": b"0"}, second)
    journal = tmp_path / "journal-1"
    assert len(list(read_frames(journal))) == 1 + 4 + 4
    assert loaded(tmp_path) == (2, {key: value for key, value in second.items() if value is not None})
    journal.write_bytes(journal.read_bytes()[:-1])
    copy = LocalCopy(tmp_path, IDENTITY)
    contents = copy.load()
    assert contents is not None
    assert contents.moment.position == 1, "the changelog says the second checkpoint's states again"
    assert set(states_of(copy, contents).values()) <= {b"0", b"1" * 40, b"2" * 40}
    copy.close()


def test_a_recovery_that_was_cut_off_left_nothing_that_could_be_believed(tmp_path: Path) -> None:
    owned = ready(tmp_path, changelog_end=50)
    asyncio.run(copies.keep_part(owned, {"a": b"1"}))
    copies.let_go(owned)
    assert loaded(tmp_path / "heartline" / "003") is None
    assert [path.name for path in (tmp_path / "heartline" / "003").iterdir()] == ["lock"]


def test_what_is_added_while_a_copy_is_caught_up_makes_it_no_younger(tmp_path: Path) -> None:
    owned = ready(tmp_path, changelog_end=50)
    owned.changelog_saved = 7
    asyncio.run(copies.keep(owned, Snapshot({"a": b"1"}, [], {}, None, []), NOW_MS - 30 * 3_600_000))
    asyncio.run(copies.keep_part(owned, {"b": b"2"}))
    assert owned.copy is not None
    assert copies.unfit(owned.copy.moment, 50, NOW_MS) is not None, "a tombstone of the last 30 hours may be gone"
    copies.let_go(owned)
