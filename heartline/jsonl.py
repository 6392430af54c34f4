"""JSON lines from files: plain, gzip or Zstandard, or from standard input, one line at a time.

What the bytes are is told by their first four, not by the file's name, so a pipe and a misnamed file work as well.
"""

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Final

import zstandard

from heartline.errors import FileError

STDIN: Final = Path("-")
LINE_BYTES_MAX: Final = 64 << 20
_CHUNK_BYTES: Final = 1 << 20
_ZSTD_CHUNK_BYTES: Final = 1 << 14  # of compressed bytes, which may grow a thousandfold
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_BOM: Final = b"\xef\xbb\xbf"


def check_readable(path: Path) -> None:
    """Say at once, before any work, that a named file can't be read, whatever it is.

    Raises:
        FileError: it is missing, a folder, or not ours to read.
    """
    if path != STDIN:
        _open(path).close()


def check_json_lines(path: Path) -> None:
    """Say at once, before any work, that a named file can't be read, or is no file of JSON lines but something else.

    Raises:
        FileError: as `check_readable`; or what it is instead.
    """
    if path == STDIN:
        return
    with _open(path) as raw:
        magic = raw.peek(4)[:4]
    if magic.startswith((b"PK\x03\x04", b"\xff\xfe", b"\xfe\xff")):
        what = "a zip archive: unpack it" if magic.startswith(b"PK") else "in UTF-16: save it as UTF-8"
        raise FileError(f"{path}: {what}; expected JSON lines, one object a line, plain, .gz or .zst")
    first = next((line for _, line in read_lines(path)), b"")
    if first.startswith(b"[") or first == b"{":
        what = "one JSON document: `jq -c '.[]'` makes lines of a list"
        raise FileError(f"{path}: {what}; expected JSON lines, one object a line")
    if first and not first.startswith(b"{") and b"," in first:
        raise FileError(
            f"{path}: looks like CSV, it begins with {first[:60]!r}; `heartline import --from csv --map` reads tables"
        )


def read_lines(path: Path, on_read: Callable[[int], None] | None = None) -> Iterator[tuple[int, bytes]]:
    """Every line that is not blank, as (line number from 1, bytes without the line end).

    Args:
        path: the file, or `-` for standard input.
        on_read: told now and then how many more bytes of the file, as it is stored, have been read: for a progress bar.

    Raises:
        FileError: the file can't be opened, its compressed data are damaged or cut off, or one line is longer
            than 64 MiB, so that these are hardly JSON lines.
    """
    number = 0
    try:
        for number, line in enumerate(_split(path, on_read), start=1):
            if line := line.removeprefix(_BOM).strip():  # files that were joined have one within, too
                yield number, line
    except EOFError:
        raise FileError(
            f"{path}: the compressed data end too early, after line {number}; was the file copied whole?"
        ) from None
    except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise FileError(f"{path}: the compressed data are damaged after line {number}: {error}") from None
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error} (after line {number})") from None


def read_chunks(path: Path, on_read: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """The plain bytes of a file in pieces, for whoever does not read JSON lines.

    Raises:
        FileError: the file can't be opened, or its compressed data are damaged or cut off.
    """
    try:
        yield from _chunks(path, on_read)
    except EOFError:
        raise FileError(f"{path}: the compressed data end too early; was the file copied whole?") from None
    except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise FileError(f"{path}: the compressed data are damaged: {error}") from None
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from None


def _split(path: Path, on_read: Callable[[int], None] | None) -> Iterator[bytes]:
    """Every line in order, cut from large reads: several times faster than asking a decompressor line by line."""
    number, parts, held = 1, list[bytes](), 0  # parts: the beginning of a line that is not yet whole
    for chunk in _chunks(path, on_read):
        first, *others = chunk.split(b"\n")
        parts.append(first)
        held += len(first)
        if others:
            yield b"".join(parts)
            *whole, last = others
            yield from whole
            number += len(others)
            parts, held = [last], len(last)
        elif held > LINE_BYTES_MAX:
            raise FileError(
                f"{path}:{number}: longer than {LINE_BYTES_MAX >> 20} MiB; expected JSON lines, one object a line"
            )
    yield b"".join(parts)


def _chunks(path: Path, on_read: Callable[[int], None] | None) -> Iterator[bytes]:
    """The plain bytes, in pieces, without a byte order mark."""
    with _open(path) as raw:
        reported = 0
        magic = raw.peek(4)[:4]
        if magic.startswith(_GZIP_MAGIC):
            chunks = _gzip_chunks(raw)
        elif magic == _ZSTD_MAGIC:
            chunks = _zstd_chunks(raw)
        else:
            chunks = iter(lambda: raw.read1(_CHUNK_BYTES), b"")
        yield next(chunks, b"").removeprefix(_BOM)
        for chunk in chunks:
            if on_read is not None and path != STDIN:
                reported, before = raw.tell(), reported
                on_read(reported - before)
            yield chunk
        if on_read is not None and path != STDIN:
            on_read(raw.tell() - reported)


def _open(path: Path) -> BufferedReader:
    if path == STDIN:
        return open(sys.stdin.fileno(), "rb", closefd=False)
    try:
        return path.open("rb")
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}; check the path") from None


def _gzip_chunks(raw: BufferedReader) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=raw) as source:
        while chunk := source.read1(_CHUNK_BYTES):
            yield chunk


def _zstd_chunks(raw: BufferedReader) -> Iterator[bytes]:
    """Frame after frame. The library's own stream reader ends a file that was cut off as if all were well."""
    frame = None
    while data := raw.read1(_ZSTD_CHUNK_BYTES):
        while data:
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            yield frame.decompress(data)
            data = frame.unused_data if frame.eof else b""
            frame = None if frame.eof else frame
    if frame is not None:
        raise EOFError
