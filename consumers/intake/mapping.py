"""A sender's payload to Heartline's events, by tables: where each field lies, and what its words mean.

A vendor is a list of rows, one a type of its events. What a row does not name is not read; null and "" mean not given.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, NamedTuple

from stream.topics import Kind

Payload = Mapping[str, Any]
Value = Callable[[Payload], Any]


class UnreadableError(Exception):
    """A payload that says nothing which the vendor's documentation knows: which field, what it is, what is accepted."""


class Translated(NamedTuple):
    """One event of the contract of its kind, not yet validated."""

    kind: Kind
    event: dict[str, Any]


class Unreadable(NamedTuple):
    """One payload of several that nothing can be made of: the sentence, and what was sent."""

    detail: str
    payload: Any


class Ignored(NamedTuple):
    """A payload that says nothing about an account's health, as documented."""

    reason: str


Made = Translated | Ignored  # by a row, which either is for a payload or is not
Outcome = Made | Unreadable


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


def translate(rows: Sequence[Row], type_field: str, type_name: object, payload: Payload) -> Made:
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


def apply(row: Row, payload: Payload) -> Made:
    """The event of a row; `Ignored` where a field says so."""
    if row.kind is None or row.fields is None:
        return Ignored(row.reason)
    event: dict[str, Any] = {}
    for name, value_of in row.fields.items():
        value = value_of(payload)
        if value is None or value == "":
            continue
        if type(value) is Ignored:
            return value
        event[name] = value
    return Translated(row.kind, event)


def find(data: Any, path: str) -> Any:
    """What lies at a path of names and list positions joined by dots; None where it leads nowhere.

    >>> find({"a": [{"b": 7}]}, "a.0.b"), find({"a": None}, "a.b")
    (7, None)
    """
    return _follow(data, path.split("."))


def _follow(data: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def named(data: Any, path: str) -> Mapping[str, Any]:
    """The object at a path; empty where there is none, whatever lies there.

    >>> named({"a": {"b": 7}}, "a"), named({"a": 7}, "a")
    ({'b': 7}, {})
    """
    found = find(data, path)
    return found if isinstance(found, dict) else {}


def listed(data: Any, path: str) -> Sequence[Any]:
    """The list at a path; empty where there is none, whatever lies there.

    >>> listed({"a": [7]}, "a"), listed({"a": 7}, "a")
    ([7], [])
    """
    found = find(data, path)
    return found if isinstance(found, list) else []


def at(*paths: str, read: Callable[[Any], Any] = lambda value: value) -> Value:
    """The first of several paths that gives anything, read by a function of this module."""

    first, *others = paths
    lookups = [(path, None if "." not in path else path.split(".")) for path in others]

    def first_value_of(payload: Payload) -> Any:  # the first path, a name by far the most, is looked up without a loop
        value = payload.get(first) if steps_of_first is None else _follow(payload, steps_of_first)
        if value is not None and value != "":
            return read(value)
        for path, steps in lookups:
            value = payload.get(path) if steps is None else _follow(payload, steps)
            if value is not None and value != "":
                return read(value)
        return None

    steps_of_first = None if "." not in first else first.split(".")
    first_value_of.paths = paths  # type: ignore[attr-defined]  # so that an import can tell which columns nobody reads
    return first_value_of


def paths_of(values: Iterable[Value]) -> frozenset[str]:
    """The paths that some values are looked up at."""
    return frozenset(path for value in values for path in getattr(value, "paths", ()))


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
    return str(value) if type(value) is int else value  # which true and false are not


def of_tool(tool: str) -> Callable[[Any], Any]:
    """A tool's own id of a customer as an alias of an account; ids that a vendor sends as numbers, too.

    >>> of_tool("zendesk")(360001), of_tool("zendesk")(None)
    ('zendesk:360001', None)
    """

    def read(value: Any) -> Any:
        bare = text(value)
        return f"{tool}:{bare}" if isinstance(bare, str) and bare else value

    return read


def first_of(*values: Value) -> Value:
    """The first of several values that is given."""

    def value_of(payload: Payload) -> Any:
        found = (each(payload) for each in values)
        return next((value for value in found if value is not None and value != ""), None)

    value_of.paths = tuple(paths_of(values))  # type: ignore[attr-defined]
    return value_of


def or_ignored(value: Value, reason: str) -> Value:
    """A value without which a payload is ignored, as documented: whose account it is about, above all.

    What a vendor sends about nobody's account is ignored and never refused: the vendor can't add the account, and would
    send the same again for days, or stop sending at all.
    """

    def value_of(payload: Payload) -> Any:
        found = value(payload)
        return Ignored(reason) if found is None or found == "" else found

    value_of.paths = tuple(paths_of([value]))  # type: ignore[attr-defined]
    return value_of


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


def number(value: Any, decimal: str | None = None) -> Any:
    """A number that is written as text, as in a CSV file; the rest as it is, so that the contract names it.

    Blanks alone are None: not given.

    Args:
        value: what a record has.
        decimal: the sign before decimals; None: it is told by the number itself. Of two different signs the last one
            is it. A lone comma is it unless three digits follow, a lone dot always, and of several alike none.

    >>> number("40"), number("1,200.50"), number(" 7.0 "), number("many"), number("nan")
    (40, 1200.5, 7, 'many', 'nan')
    >>> number("12,5"), number("1.200,50"), number("1,200"), number("1,200", ","), number("1.200.000")
    (12.5, 1200.5, 1200, 1.2, 1200000)
    """
    if not isinstance(value, str):
        return whole(value)
    written = value.strip()
    if decimal is None and _NUMBER.fullmatch(written):
        return _finite(written, value)
    for blank in _BLANKS:
        written = written.replace(blank, "")
    point = decimal or _decimal_sign(written)
    head, _, tail = written.partition(point) if point else (written, "", "")
    group = "," if point == "." else "." if point == "," else ",."
    digits = head.lstrip("+-")
    if not digits and not tail:
        return value if written else None
    parts = re.split(f"[{group}]", digits)
    if len(parts) > 1 and not (1 <= len(parts[0]) <= 3 and all(len(part) == 3 for part in parts[1:])):
        return value
    found = f"{head[: len(head) - len(digits)]}{''.join(parts)}.{tail or 0}"
    return _finite(found, value) if _NUMBER.fullmatch(found) else value


def _finite(written: str, value: str) -> Any:
    found = float(written)
    return whole(found) if math.isfinite(found) else value


_NUMBER: Final = re.compile(r"[+-]?[0-9]*\.?[0-9]+([eE][+-]?[0-9]{1,3})?")
_BLANKS: Final = " \u00a0\u202f'\u2019"  # between thousands, in some countries


def _decimal_sign(written: str) -> str | None:
    """Which of comma and dot stands before the decimals of a number; None: neither."""
    commas, dots = written.count(","), written.count(".")
    if commas and dots:
        return "," if written.rindex(",") > written.rindex(".") else "."
    if commas:
        is_group = len(written) - written.index(",") == 4 and not written.lstrip("+-").startswith("0")
        return "," if commas == 1 and not is_group else None
    return "." if dots == 1 else None


def moment(value: Any, zone: tzinfo = UTC) -> Any:
    """A moment as exports write it, in ISO-8601; the rest as it is.

    Args:
        value: what a record has.
        zone: of a moment that says none.

    >>> moment("2026-02-19 01:54:52"), moment("2026-02-19"), moment("2026-02-19 01:54:52 UTC")
    ('2026-02-19T01:54:52+00:00', '2026-02-19T00:00:00+00:00', '2026-02-19T01:54:52+00:00')
    >>> moment(1_767_225_600), moment("1767225600"), moment("soon")
    ('2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00', 'soon')
    """
    if isinstance(value, str):
        written = value.strip()
        if written.isascii() and written.isdigit() and len(written) in (10, 13):
            value = int(written)
        else:
            try:
                if _IN_UTC.fullmatch(value) is not None and (zone is UTC or value[-1] == "Z"):  # by far the most
                    datetime.fromisoformat(value)
                    return f"{value[:10]}T{value[11:19]}+00:00"
                found = datetime.fromisoformat(written.removesuffix(" UTC").removesuffix(" utc"))
            except ValueError:
                return value
            return (found if found.tzinfo is not None else found.replace(tzinfo=zone)).isoformat()
    return value if isinstance(value, int) and value >= MILLISECONDS_MIN else seconds(value)


_IN_UTC: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}Z?")
SECONDS_MAX: Final = 253_402_300_800  # the year 10000
MILLISECONDS_MIN: Final = 100_000_000_000  # as seconds the year 5138, as milliseconds 1973
