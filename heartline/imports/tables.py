"""A file's records, whatever it is: CSV with a heading, JSON lines, or one JSON document; plain, gzip or Zstandard.

What a file is is told by its bytes, not by its name. Text is UTF-8, or UTF-16 with a byte order mark.
"""

import codecs
import csv
import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from heartline.errors import FileError
from heartline.jsonl import read_chunks

DOCUMENT_BYTES_MAX: Final = 128 << 20
FIELD_CHARS_MAX: Final = 1 << 20
_ZIP: Final = b"PK\x03\x04"
_SEPARATORS: Final = ("sep=,", "sep=;", "sep=|", "sep=")  # of the last a tab was stripped

csv.field_size_limit(FIELD_CHARS_MAX)


class Entry(NamedTuple):
    """One record of a file.

    Attributes:
        path, number: where it is; the line, or in a document which record, from 1.
        data: it; None where it can't be read.
        error: why not.
    """

    path: Path
    number: int
    data: dict[str, Any] | None
    error: str = ""


def entries(path: Path, on_read: Callable[[int], None] | None = None) -> Iterator[Entry]:
    """Every record of a file.

    Args:
        path: the file, or `-` for standard input.
        on_read: told how many more bytes of the file, as it is stored, have been read.

    Raises:
        FileError: it can't be opened, is damaged, or is nothing that has records; the sentence says what it is.
    """
    chunks = read_chunks(path, on_read)
    first = next(chunks, b"")
    if first.startswith(_ZIP):
        raise FileError(f"{path}: this is a zip archive (or a spreadsheet); unpack it, or save the sheet as CSV")
    pieces = _text(path, itertools.chain([first], chunks))
    begin = next(pieces, "")
    while not begin.strip() and (more := next(pieces, None)) is not None:
        begin += more
    text = itertools.chain([begin], pieces)
    start = begin.lstrip()
    if not start:
        return
    if start[0] == "[" or (start[0] == "{" and _is_document(start)):
        yield from _of_document(path, text)
    elif start[0] == "{":
        yield from _of_lines(path, text)
    else:
        yield from _of_csv(path, text)


def column_name(name: str) -> str:
    """The heading of a column as a field's name.

    >>> column_name("Customer ID"), column_name("Created (UTC)"), column_name(" organization_id ")
    ('customer_id', 'created_utc', 'organization_id')
    """
    words = "".join(char if char.isalnum() else " " for char in name.strip().lower()).split()
    return "_".join(words)


def _text(path: Path, chunks: Iterable[bytes]) -> Iterator[str]:
    """The characters of a file, piece by piece."""
    decoder: codecs.IncrementalDecoder | None = None
    for chunk in chunks:
        if decoder is None:
            utf16 = chunk[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
            decoder = codecs.getincrementaldecoder("utf-16" if utf16 else "utf-8-sig")()
        try:
            yield decoder.decode(chunk)
        except UnicodeDecodeError as error:
            raise FileError(
                f"{path}: this is not text in UTF-8 (byte {error.object[error.start]:#04x}); save it as UTF-8"
            ) from None


def _is_document(start: str) -> bool:
    """Whether a text that begins with `{` is one object over several lines, or an object with a list in it."""
    line, newline, _ = start.partition("\n")
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return bool(newline) or '":[' in line[:200].replace(" ", "")
    return isinstance(found, dict) and _list_of(found) is not None


def _list_of(document: dict[str, Any]) -> list[Any] | None:
    """The records in what an API answers: the one list of objects among its fields; None without one."""
    lists = [value for value in document.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    is_record = "id" in document or "type" in document or "event_type" in document
    return lists[0] if len(lists) == 1 and not is_record else None


def _of_document(path: Path, text: Iterable[str]) -> Iterator[Entry]:
    pieces, size = [], 0
    for piece in text:
        size += len(piece)
        if size > DOCUMENT_BYTES_MAX:
            raise FileError(
                f"{path}: one JSON document of more than {DOCUMENT_BYTES_MAX >> 20} MiB; export it as JSON lines "
                "(one object a line), for example by `jq -c '.[]'`"
            )
        pieces.append(piece)
    try:
        document = msgspec.json.decode("".join(pieces))
    except (msgspec.DecodeError, RecursionError) as error:
        raise FileError(f"{path}: neither JSON lines nor a JSON document: {error}") from None
    if isinstance(document, dict):
        document = _list_of(document) or [document]
    for number, each in enumerate(document, start=1):
        if isinstance(each, dict):
            yield Entry(path, number, each)
        else:
            yield Entry(path, number, None, f"expected a JSON object, found {type(each).__name__}")


def _lines(text: Iterable[str]) -> Iterator[str]:
    rest = ""
    for piece in text:
        *whole, rest = (rest + piece).split("\n")
        for line in whole:
            yield line + "\n"
    if rest:
        yield rest


def _of_lines(path: Path, text: Iterable[str]) -> Iterator[Entry]:
    decode = msgspec.json.decode
    for number, line in enumerate(_lines(text), start=1):
        if not (line := line.strip("\ufeff \t\r\n")):
            continue
        try:
            data = decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            yield Entry(path, number, None, f"not JSON: {error}")
            continue
        if isinstance(data, dict):
            yield Entry(path, number, data)
        else:
            yield Entry(path, number, None, f"expected a JSON object, found {type(data).__name__}")


def _of_csv(path: Path, text: Iterable[str]) -> Iterator[Entry]:
    lines = _lines(text)
    heading, before = next(lines, ""), 0
    if heading.strip().lower() in _SEPARATORS:  # a spreadsheet's own remark
        heading, before = next(lines, ""), 1
    delimiter = max(",;\t|", key=heading.count)
    names = [column_name(name) for name in next(csv.reader(io.StringIO(heading), delimiter=delimiter), [])]
    if len(names) < 2 or not all(names):
        raise FileError(
            f"{path}: neither JSON nor CSV: its first line is {heading.strip()[:60]!r}, and names no columns"
        )
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Entry(path, reader.line_num + 1 + before, None, f"not CSV: {error}")
            continue
        if not row:
            continue
        number = reader.line_num + 1 + before
        if len(row) > len(names):
            yield Entry(path, number, None, f"{len(row)} values for {len(names)} columns; is a quote missing?")
        else:
            yield Entry(path, number, dict(zip(names, row, strict=False)))
