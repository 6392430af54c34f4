"""Reading JSON lines: whatever way the bytes are packed, the same lines come out, and damage is said."""

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from heartline import jsonl
from heartline.errors import FileError
from heartline.jsonl import read_lines

Pack = Callable[[bytes], bytes]


def zstd(data: bytes) -> bytes:
    """One Zstandard frame."""
    return zstandard.ZstdCompressor().compress(data)


PACKS: list[tuple[str, Pack]] = [
    ("plain", lambda data: data),
    ("gzip", gzip.compress),
    ("gzip in two members", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
    ("zstd", zstd),
    ("zstd in two frames", lambda data: zstd(data[:9]) + zstd(data[9:])),
]


@pytest.mark.parametrize("pack", [pack for _, pack in PACKS], ids=[name for name, _ in PACKS])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a":1}\n{"b":2}\n', [(1, b'{"a":1}'), (2, b'{"b":2}')]),  # the usual
        (b'{"a":1}\n{"b":2}', [(1, b'{"a":1}'), (2, b'{"b":2}')]),  # no line end at the end
        (b'{"a":1}\r\n{"b":2}\r\n', [(1, b'{"a":1}'), (2, b'{"b":2}')]),  # Windows line ends
        (b'\n  \n{"a":1}\n\n{"b":2}\n', [(3, b'{"a":1}'), (5, b'{"b":2}')]),  # blank lines keep their numbers
        (b'\xef\xbb\xbf{"a":1}\n', [(1, b'{"a":1}')]),  # a byte order mark
        (b"", []),  # nothing
    ],
)
def test_lines_come_with_their_numbers_however_they_are_packed(
    tmp_path: Path, pack: Pack, content: bytes, expected: list[tuple[int, bytes]]
) -> None:
    """The file's name says nothing: only its bytes do."""
    file = tmp_path / "events"
    file.write_bytes(pack(content))
    assert list(read_lines(file)) == expected


@given(lines=st.lists(st.binary(min_size=0, max_size=40).map(lambda b: b.replace(b"\n", b" "))), size=st.integers(1, 9))
@example(lines=[b"\xef\xbb\xbf{}"], size=1)
def test_chunks_of_any_size_cut_into_the_same_lines(lines: list[bytes], size: int) -> None:
    """Where a read ends must not matter; a byte order mark before a line is none of its text."""
    content = b"\n".join(lines)

    def chunks(_: Path, on_read: None) -> list[bytes]:
        return [content[at : at + size] for at in range(0, len(content), size)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "_chunks", chunks)
        got = list(read_lines(Path("x")))
    texts = [line.removeprefix(b"\xef\xbb\xbf").strip() for line in lines]
    assert got == [(n, text) for n, text in enumerate(texts, 1) if text]


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_a_file_that_was_cut_off_gives_its_lines_and_then_says_so(tmp_path: Path, pack: Pack) -> None:
    """What could be read was read; the rest is not passed over in silence."""
    content = b"".join(b'{"n":%d}\n' % (n * n * 7919) for n in range(100_000))
    file = tmp_path / "cut"
    file.write_bytes(pack(content)[:-100])
    got: list[tuple[int, bytes]] = []
    with pytest.raises(FileError, match="end too early, after line") as raised:
        got.extend(read_lines(file))
    assert str(file) in str(raised.value)


def test_damaged_data_are_named_as_such(tmp_path: Path) -> None:
    """Flipped bytes inside a gzip file."""
    data = bytearray(gzip.compress(bytes(range(256)) * 100))
    data[20:40] = b"\xff" * 20
    file = tmp_path / "bad.gz"
    file.write_bytes(data)
    with pytest.raises(FileError, match="damaged"):
        list(read_lines(file))


@pytest.mark.parametrize(
    ("name", "words"), [("missing.jsonl", "No such file"), (".", "Is a directory")], ids=["missing", "folder"]
)
def test_a_file_that_can_not_be_opened_is_named(tmp_path: Path, name: str, words: str) -> None:
    """Both by reading and by the check beforehand."""
    path = tmp_path / name
    for attempt in (lambda: list(read_lines(path)), lambda: jsonl.check_readable(path)):
        with pytest.raises(FileError, match=words) as raised:
            attempt()
        assert str(path) in str(raised.value)


def test_one_endless_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that is hardly JSON lines must not fill the memory."""
    monkeypatch.setattr(jsonl, "LINE_BYTES_MAX", 1 << 20)
    file = tmp_path / "blob"
    file.write_bytes(b'{"a":1}\n' + b"x" * (4 << 20))
    with pytest.raises(FileError, match=r"blob:2: longer than 1 MiB"):
        list(read_lines(file))


@pytest.mark.parametrize("pack", [pack for _, pack in PACKS], ids=[name for name, _ in PACKS])
def test_progress_adds_up_to_the_size_of_the_file_as_stored(tmp_path: Path, pack: Pack) -> None:
    """So that a bar over compressed files ends at its end."""
    file = tmp_path / "events"
    file.write_bytes(pack(b"".join(b'{"n":%d}\n' % (n * n * 7919) for n in range(200_000))))
    read: list[int] = []
    assert sum(1 for _ in read_lines(file, read.append)) == 200_000
    assert sum(read) == file.stat().st_size


def test_a_dash_reads_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe, packed or not."""
    file = tmp_path / "in"
    file.write_bytes(gzip.compress(b'{"a":1}\n'))
    with file.open("rb") as source:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(source.raw)))
        assert list(read_lines(Path("-"))) == [(1, b'{"a":1}')]
