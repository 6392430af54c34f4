"""A data folder is formatted from what Kafka wrote once, as a cluster of its own."""

from pathlib import Path

from heartline.embedded.formatted import checkpoint_path, keep, write
from heartline.embedded.kafka_lock import read_lock


def test_each_folder_has_the_kept_feature_levels_and_ids_of_its_own(tmp_path: Path) -> None:
    known = checkpoint_path(read_lock(), tmp_path / "cache")
    first = tmp_path / "first"
    first.mkdir()
    (first / "bootstrap.checkpoint").write_bytes(b"levels")

    keep(first, known)
    folders = [tmp_path / "second", tmp_path / "third"]
    assert all(write(folder, known) for folder in folders)

    properties = [
        dict(line.split("=") for line in (folder / "meta.properties").read_text().splitlines()) for folder in folders
    ]
    assert [sorted(each) for each in properties] == [["cluster.id", "directory.id", "node.id", "version"]] * 2
    assert len({each[name] for each in properties for name in ("cluster.id", "directory.id")}) == 4
    assert {(folder / "bootstrap.checkpoint").read_bytes() for folder in folders} == {b"levels"}
    assert [path.name for path in known.parent.iterdir()] == [known.name]


def test_without_kept_feature_levels_nothing_is_written_and_kafka_formats(tmp_path: Path) -> None:
    assert not write(tmp_path / "data", checkpoint_path(read_lock(), tmp_path))
    assert not (tmp_path / "data").exists()
