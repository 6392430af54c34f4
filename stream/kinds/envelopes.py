"""What feeds wrap events in: Schema Registry's framing, CloudEvents, Debezium's changes, Kafka Connect's schemas.

An envelope is recognised by what it is, so that nobody has to name it, and what it says beside the event is there for
`feeds` to map: `ce` has the attributes of a CloudEvent, `cdc` what Debezium tells of a change.

Sources: Confluent's wire format (a zero byte, four bytes of the schema's id, the data); CloudEvents 1.0, its JSON
format and its Kafka binding; Debezium's change events; Kafka Connect's JsonConverter with schemas.
"""

import base64
import binascii
import io
import struct
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec
import pydantic_core

from stream.contracts.errors import BadEvent
from stream.contracts.events import iso

DELETION: Final = "a row was deleted, which says nothing that happened"
_MAGIC: Final = b"\x00"
_FRAME_BYTES: Final = 5
_CE_HEADER: Final = "ce_"
_OPERATIONS: Final = frozenset({"c", "r", "u", "d"})


class Schema(NamedTuple):
    """A schema as a registry has it.

    Attributes:
        kind: AVRO, JSON or PROTOBUF.
        text: as it was registered.
        read: for AVRO, what reads a record of it.
    """

    kind: str
    text: str
    read: Callable[[Any], Any] | None = None


# The schema of an id. Raises BadEvent where the registry knows none of that id.
SchemaOf = Callable[[int], Schema]


def parsed(value: bytes, schema_of: SchemaOf | None) -> Any:
    """The JSON of a value, or what is in its frame as JSON would have it.

    Args:
        value: of a record.
        schema_of: asks the Schema Registry; None: there is none, and only framed JSON can be read.

    Raises:
        ValueError: it is no JSON.
        BadEvent: a frame whose schema can't be had or used.
    """
    if value[:1] != _MAGIC:
        return pydantic_core.from_json(value, allow_inf_nan=False)
    if len(value) <= _FRAME_BYTES:
        raise BadEvent("not_json", "a Schema Registry's frame without data behind it")
    (schema_id,) = struct.unpack(">I", value[1:_FRAME_BYTES])
    data = value[_FRAME_BYTES:]
    if schema_of is None:
        try:
            return pydantic_core.from_json(data, allow_inf_nan=False)
        except ValueError:
            raise BadEvent(
                "not_json",
                f"framed for a Schema Registry, with schema {schema_id}, and no JSON: set schema_registry.url, and "
                "install the extra: pip install 'heartline[avro]'",
            ) from None
    schema = schema_of(schema_id)
    if schema.kind == "JSON":
        return pydantic_core.from_json(data, allow_inf_nan=False)
    if schema.read is None:
        raise BadEvent("not_json", f"schema {schema_id} is of the kind {schema.kind}: expected AVRO or JSON")
    try:
        return _as_json(schema.read(io.BytesIO(data)))
    except (EOFError, IndexError, KeyError, ValueError, TypeError, struct.error, OverflowError) as error:
        raise BadEvent("not_json", f"not a record of schema {schema_id}: {type(error).__name__}: {error}") from None


def _as_json(value: Any) -> Any:
    """What Avro's logical types become in Python, as the contracts take it."""
    if isinstance(value, dict):
        return {str(name): _as_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00Z"
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def unwrapped(data: dict[str, Any]) -> dict[str, Any] | None:
    """What an object is about, out of its envelopes; None where it is about nothing: a deletion.

    What a CloudEvent or a change says by itself takes the place of what the event leaves out: its id, its time.

    >>> unwrapped({"specversion": "1.0", "id": "7", "type": "used", "data": {"user_id": "ann"}})["event_id"]
    '7'
    >>> unwrapped({"op": "d", "before": {"id": 1}, "after": None}) is None
    True

    Raises:
        BadEvent: a CloudEvent whose data can't be read.
    """
    if "account_id" in data:  # an event as it is, whatever else it has
        return data
    if data.keys() == {"schema", "payload"} and isinstance(data["payload"], dict):
        data = data["payload"]
    if "specversion" in data and ("data" in data or "data_base64" in data):
        return _of_cloud_event(data)
    if data.get("op") in _OPERATIONS and "after" in data:
        return _of_change(data)
    return data


def _of_cloud_event(event: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {name: value for name, value in event.items() if name not in ("data", "data_base64")}
    data = event.get("data")
    if "data_base64" in event:
        try:
            data = base64.b64decode(str(event["data_base64"]), validate=True)
        except (binascii.Error, ValueError):
            raise BadEvent("not_json", "CloudEvent: data_base64 is no base64") from None
    if isinstance(data, str | bytes):
        try:
            data = pydantic_core.from_json(data, allow_inf_nan=False)
        except ValueError:
            raise BadEvent("not_json", "CloudEvent: data is no JSON; expected a JSON object") from None
    if not isinstance(data, dict):
        raise BadEvent("wrong_type", f"CloudEvent: data is a {type(data).__name__}: expected a JSON object")
    return _completed(data, event.get("id"), event.get("time")) | {"ce": attributes}


def _of_change(change: Mapping[str, Any]) -> dict[str, Any] | None:
    if change["op"] == "d" or not isinstance(change["after"], dict):
        return None
    details = {name: value for name, value in change.items() if name != "after"}
    at_ms = change.get("ts_ms")
    return _completed(change["after"], None, iso(at_ms) if isinstance(at_ms, int) else None) | {"cdc": details}


def _completed(data: dict[str, Any], event_id: Any, moment: Any) -> dict[str, Any]:
    completed = dict(data)
    for name, value in (("event_id", event_id), ("timestamp", moment)):
        if completed.get(name) in (None, "") and value is not None:
            completed[name] = value
    return completed


def with_attributes(value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> bytes | None:
    """The value of a CloudEvent of the binary mode with its headers' attributes, in the structured mode.

    So that the attributes stay with it wherever it is sent on to. What is no CloudEvent stays as it is.

    >>> with_attributes(b"{}", [("ce_specversion", b"1.0"), ("ce_id", b"7")])
    b'{"specversion":"1.0","id":"7","data_base64":"e30="}'
    """
    found = {
        name.removeprefix(_CE_HEADER): (text or b"").decode("utf-8", "replace")
        for name, text in headers
        if name.startswith(_CE_HEADER)
    }
    if value is None or "specversion" not in found:
        return value
    return msgspec.json.encode(found | {"data_base64": base64.b64encode(value).decode()})
