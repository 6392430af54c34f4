"""Errors of the command line's own: what a person typed, and the files that they named."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stream.contracts.errors import HeartlineError


class FileError(HeartlineError):
    """A file that was named can't be read or written: the message names the file, the line and what to do."""


class UnknownNameError(HeartlineError):
    """Nothing has the name or id that was given: the message says where to look."""


@contextmanager
def writing(path: Path, option: str | None = None) -> Iterator[None]:
    """Say which file could not be written, and under which option it was given.

    Raises:
        FileError: the system refused it within the block.
    """
    try:
        yield
    except OSError as error:
        given = f" given as {option}" if option is not None else ""
        raise FileError(f"{path}: can't be written: {error.strerror}; check the path{given}") from None
