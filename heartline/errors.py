"""Errors of the command line's own: what a person typed, and the files that they named."""

from stream.contracts.errors import HeartlineError


class FileError(HeartlineError):
    """A file that was named can't be read or written: the message names the file, the line and what to do."""


class UnknownNameError(HeartlineError):
    """Nothing has the name or id that was given: the message says where to look."""
