"""What earlier releases left behind is read: states of the changelog, and state stores on disk."""

import shutil
from pathlib import Path

import pytest

from stream.engine.state_store import StateStore
from stream.kinds.state import decode_state
from tests.release_fixture import IDENTITY, RELEASES, facts, read, write


def folders() -> list[Path]:
    return sorted(RELEASES.iterdir()) if RELEASES.is_dir() else []


@pytest.fixture(params=[*folders(), None], ids=lambda folder: "this one" if folder is None else folder.name)
def release(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A release's files, to be changed as one likes; this one's are written now."""
    folder = tmp_path / "release"
    if request.param is None:
        write(folder)
    else:
        shutil.copytree(request.param, folder)
    return folder


def test_its_states_are_read_and_say_what_they_said(release: Path) -> None:
    states = read(release)
    assert len(states) == 2
    for account_id, (state, known) in states.items():
        assert facts(state) == known, account_id


def test_its_state_store_is_read_or_was_of_another_version_of_files(release: Path) -> None:
    """A store of another version is made anew from the changelog, which costs a longer start and nothing else."""
    store = StateStore(release / "store", IDENTITY)
    try:
        index = store.load()
        if index is None:
            return
        assert index.position.offset == 2
        found = {key: decode_state(store.read(key, at)) for key, at in index.locations.items() if at is not None}
        assert {name: facts(state) for name, state in found.items()} == {
            name: known for name, (_, known) in read(release).items()
        }
    finally:
        store.close()
