"""A table of one's own: which column is which field of the contract, and what its values are called.

kind: usage
fields: {account_id: customer, user_id: login, feature: action, timestamp: time}
values: {feature: {rpt: reports}}
constants: {survey: nps}
decimal: ","
timezone: Europe/Berlin
"""

import hashlib
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consumers.intake.mapping import (
    Outcome,
    Payload,
    Row,
    Translated,
    Value,
    always,
    apply,
    at,
    moment,
    number,
    paths_of,
    text,
)
from heartline.errors import FileError
from heartline.imports.sources import Source
from heartline.imports.tables import column_name
from stream.calendar.names import ZoneName
from stream.kinds.registry import KINDS as EVENT_KINDS
from stream.topics import Kind

_NUMBERS = frozenset({"score", "mrr", "licensed_seats", "seats", "value", "duration_seconds", "amount"})
_MOMENTS = frozenset({"timestamp", "started_at", "renewal_at"})


class ColumnMap(BaseModel):
    """What `--map` names."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = Field(description="which kind of event a row is")
    fields: dict[str, str] = Field(description="contract field to column, or to a path in JSON")
    values: dict[str, dict[str, str]] = Field({}, description="contract field to {the file's word: the contract's}")
    constants: dict[str, str | int | float] = Field({}, description="contract field to what it always is")
    decimal: Literal[".", ","] | None = Field(None, description="before decimals; null: told by each number itself")
    timezone: ZoneName = Field("UTC", description="of moments that say none")


def read_column_map(path: Path) -> ColumnMap:
    """The map in a YAML file.

    Raises:
        FileError: it can't be read, is no map, or names a field that the contract does not have.
    """
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
        mapped = ColumnMap.model_validate(data)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}; check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise FileError(f"{path}: {where}: {first['msg']}; expected {', '.join(ColumnMap.model_fields)}") from None
    known = EVENT_KINDS[mapped.kind].contract.model_fields.keys()
    for name in (*mapped.fields, *mapped.values, *mapped.constants):
        if name not in known:
            raise FileError(f"{path}: {name}: no field of a {mapped.kind} event; expected one of {', '.join(known)}")
    return mapped


def mapped_source(mapped: ColumnMap) -> Source:
    """The source of files whose columns are mapped.

    A row without an id of its own gets one from what it holds, so that the same row counts once however often it comes.
    """
    fields: dict[str, Value] = {name: _value(name, column, mapped) for name, column in mapped.fields.items()}
    fields |= {name: always(value) for name, value in mapped.constants.items()}
    needs_id = "event_id" in EVENT_KINDS[mapped.kind].contract.model_fields and "event_id" not in fields
    row = Row(("*",), mapped.kind, fields)

    def translate(record: Payload) -> list[Outcome]:
        outcome = apply(row, record)
        if needs_id and isinstance(outcome, Translated):
            digest = hashlib.blake2b(msgspec.json.encode(record, order="sorted"), digest_size=12)
            outcome.event["event_id"] = digest.hexdigest()
        return [outcome]

    columns = frozenset(path.partition(".")[0] for path in paths_of(fields.values()))
    return Source("csv", "any table", translate, columns)


def _value(name: str, column: str, mapped: ColumnMap) -> Value:
    words, zone = mapped.values.get(name), ZoneInfo(mapped.timezone)

    def read(value: Any) -> Any:
        if words is not None and isinstance(value, str | int):
            value = words.get(str(value), value)
        if name in _MOMENTS:
            return moment(value, zone)
        return number(value, mapped.decimal) if name in _NUMBERS else text(value)

    # As the heading of a table has it, and as its field is called once it is read.
    return at(*dict.fromkeys((column, column_name(column))), read=read)
