"""A sender's payload to Heartline's events, by tables: where each field lies, and what its words mean.

A vendor is a list of rows, one a type of its events. What a row does not name is not read; null and "" mean not given.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from stream.contracts.topics import Kind

Payload = Mapping[str, Any]
Value = Callable[[Payload], Any]


class UnreadableError(Exception):
    """A payload that says nothing which the vendor's documentation knows: which field, what it is, what is accepted."""


class Translated(NamedTuple):
    """One event of the contract of its kind, not yet validated."""

    kind: Kind
    event: dict[str, Any]


class Ignored(NamedTuple):
    """A payload that says nothing about an account's health, as documented."""

    reason: str


Outcome = Translated | Ignored


@dataclass(frozen=True)
class Row:
    """How one type of a vendor's events becomes one of ours.

    Args:
        types: the vendor's names for it; one that ends with `*` stands for all that begin so.
        kind: the kind of event that it becomes; None: nothing, as documented.
        fields: contract field to what gives its value; None and "" leave the field out.
        reason: why it is ignored.
    """

    types: tuple[str, ...]
    kind: Kind | None = None
    fields: Mapping[str, Value] | None = None
    reason: str = ""

    def matches(self, type_name: str) -> bool:
        """Whether the row is for events of this type."""
        return any(type_name.startswith(name[:-1]) if name.endswith("*") else type_name == name for name in self.types)


def translate(rows: Sequence[Row], type_field: str, type_name: object, payload: Payload) -> Outcome:
    """One payload by the first row that is for its type.

    Args:
        rows: the vendor's table.
        type_field: where the type stands, for the message.
        type_name: the type of this payload.
        payload: the parsed body.

    Raises:
        UnreadableError: no row is for this type.
    """
    if isinstance(type_name, str):
        for row in rows:
            if row.matches(type_name):
                return apply(row, payload)
    accepted = ", ".join(name for row in rows for name in row.types)
    raise UnreadableError(f"{type_field} = {repr(type_name)[:80]}: expected one of {accepted}")


def apply(row: Row, payload: Payload) -> Outcome:
    """The event of a row; `Ignored` where a field says so."""
    if row.kind is None or row.fields is None:
        return Ignored(row.reason)
    event: dict[str, Any] = {}
    for name, value_of in row.fields.items():
        value = value_of(payload)
        if isinstance(value, Ignored):
            return value
        if value is not None and value != "":
            event[name] = value
    return Translated(row.kind, event)


def find(data: Any, path: str) -> Any:
    """What lies at a path of names and list positions joined by dots; None where it leads nowhere.

    >>> find({"a": [{"b": 7}]}, "a.0.b"), find({"a": None}, "a.b")
    (7, None)
    """
    for step in path.split("."):
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def at(*paths: str, read: Callable[[Any], Any] = lambda value: value) -> Value:
    """The first of several paths that gives anything, read by a function of this module."""

    def value_of(payload: Payload) -> Any:
        for path in paths:
            value = find(payload, path)
            if value is not None and value != "":
                return read(value)
        return None

    return value_of


def always(value: Any) -> Value:
    """The same for every payload."""
    return lambda _: value


def joined(*values: Value, by: str = ":") -> Value:
    """Several values as one id; None where one of them is missing."""

    def value_of(payload: Payload) -> Any:
        parts = [text(each(payload)) for each in values]
        return by.join(parts) if all(isinstance(part, str) and part for part in parts) else None

    return value_of


def text(value: Any) -> Any:
    """A whole number as its digits, for ids that a vendor sends as numbers; the rest as it is.

    >>> text(360001), text("a"), text(True)
    ('360001', 'a', True)
    """
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def words(table: Mapping[str, str]) -> Callable[[Any], Any]:
    """A vendor's word as ours, whatever its case; an unknown word stays, so that the contract names it."""
    return lambda value: table.get(value.lower(), value) if isinstance(value, str) else value


def known_words(table: Mapping[str, str]) -> Callable[[Any], Any]:
    """The same, but an unknown word means nothing: for vendors whose words their customers make up."""
    return lambda value: table.get(value.lower()) if isinstance(value, str) else None


def seconds(value: Any) -> Any:
    """Epoch seconds as an aware moment in ISO-8601; the rest as it is, so that the contract names it.

    >>> seconds(1_767_225_600)
    '2026-01-01T00:00:00+00:00'
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < SECONDS_MAX:
        return datetime.fromtimestamp(value, UTC).isoformat()
    return value


def whole(value: Any) -> Any:
    """9.0 as 9, the rest as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


SECONDS_MAX: Final = 253_402_300_800  # the year 10000
