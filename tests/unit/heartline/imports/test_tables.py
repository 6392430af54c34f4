"""A file's records, whatever it is; what is none is called by its name."""

import codecs
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from heartline.errors import FileError
from heartline.imports.tables import Entry, entries

ROWS = [{"id": "1", "name": "Ann"}, {"id": "2", "name": "Bob"}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)

FILES = [
    (LINES.encode(), "JSON lines"),
    (LINES.replace("\n", "\r\n").encode(), "with Windows' line ends"),
    (codecs.BOM_UTF8 + LINES.encode(), "with a byte order mark"),
    (LINES.encode("utf-16"), "in UTF-16"),
    (codecs.BOM_UTF8 + LINES.encode().replace(b"\n", b"\n" + codecs.BOM_UTF8, 1), "two files with marks, joined"),
    (gzip.compress(LINES.encode()), "packed by gzip"),
    (zstandard.compress(LINES.encode()), "packed by Zstandard"),
    (json.dumps(ROWS).encode(), "an array"),
    (json.dumps(ROWS, indent=2).encode(), "an array over many lines"),
    (json.dumps({"tickets": ROWS, "next_page": None}).encode(), "an API's page"),
    (json.dumps({"tickets": ROWS, "count": 2}, indent=1).encode(), "an API's page over many lines"),
    (b"ID,Name\n1,Ann\n2,Bob\n", "CSV"),
    (b"\xef\xbb\xbfid;name\r\n1;Ann\r\n2;Bob\r\n", "a spreadsheet's CSV"),
    (b"sep=;\r\nid;name\r\n1;Ann\r\n2;Bob\r\n", "a spreadsheet's CSV with its remark"),
    ("id;name\n1;Ann\n2;Bob\n".encode("utf-16"), "a spreadsheet's CSV in UTF-16"),
    (b'"id"\t"name"\n1\tAnn\n2\t"Bob"\n', "with tabs"),
    (b"\n\n" + LINES.encode(), "blank lines before"),
]


@pytest.mark.parametrize(("content", "what"), FILES, ids=[case[-1] for case in FILES])
def test_the_records_of_a_file_are_the_same_whatever_it_is(content: bytes, what: str, tmp_path: Path) -> None:
    (path := tmp_path / "export").write_bytes(content)
    assert [entry.data for entry in entries(path)] == ROWS


def test_a_quoted_value_may_hold_line_ends_and_commas(tmp_path: Path) -> None:
    (path := tmp_path / "a.csv").write_text('id,comment\n1,"two\nlines, and ""more"""\n2,b\n', "utf-8")
    found = list(entries(path))
    assert [entry.data for entry in found] == [
        {"id": "1", "comment": 'two\nlines, and "more"'},
        {"id": "2", "comment": "b"},
    ]


NOT_READ = [
    (b"PK\x03\x04rest", "zip archive", "a spreadsheet or an archive"),
    (b"\xff\x00\x81binary", "not text", "binary"),
    (b"hello world\n", "neither JSON nor CSV", "prose"),
    (b'[{"id": 1}, ', "neither JSON lines nor a JSON document", "cut off"),
    (gzip.compress(LINES.encode())[:-8], "too early", "packed and cut off"),
]


@pytest.mark.parametrize(("content", "told", "what"), NOT_READ, ids=[case[-1] for case in NOT_READ])
def test_what_has_no_records_is_named_as_what_it_is(content: bytes, told: str, what: str, tmp_path: Path) -> None:
    (path := tmp_path / "export").write_bytes(content)
    with pytest.raises(FileError, match=told):
        list(entries(path))


BAD: list[tuple[str, list[int], str]] = [
    (LINES + "{\n" + LINES, [3], "a broken line"),
    ("7\n", [], "no object at all"),
    ("id,name\n1,Ann,more\n2,Bob\n", [2], "a quote is missing"),
    (json.dumps([ROWS[0], 7]), [2], "a number among records"),
]


@pytest.mark.parametrize(("content", "numbers", "what"), BAD, ids=[case[-1] for case in BAD])
def test_a_bad_record_is_told_with_its_line_and_the_others_are_read(
    content: str, numbers: list[int], what: str, tmp_path: Path
) -> None:
    (path := tmp_path / "export").write_text(content, "utf-8")
    if not numbers:
        with pytest.raises(FileError):
            list(entries(path))
        return
    bad: list[Entry] = [entry for entry in entries(path) if entry.data is None]
    assert [entry.number for entry in bad] == numbers
    assert all(entry.error for entry in bad)


def test_an_empty_file_has_none(tmp_path: Path) -> None:
    for content in (b"", b"\n \n", codecs.BOM_UTF8):
        (path := tmp_path / "export").write_bytes(content)
        empty: list[Any] = list(entries(path))
        assert empty == []
