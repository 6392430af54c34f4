"""The language of the contracts: the types of their fields, what all events share, and the words of refusals.

Each kind of event declares its contract in `stream.kinds`, as a pydantic model of these types. The models are the
authority on what is accepted: they make the JSON Schemas under docs/schemas, they word every refusal, and whatever the
fast path of `stream.kinds.decode` will not take is checked by them. Unknown fields are ignored, so that feeds may
grow. Values are strict: the string "9" is not the number 9.

A type says with `Fast` how the fast path reads it, so that the two ways of reading stand side by side, once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from stream.calendar.day import DAY_MS
from stream.contracts.errors import BadEvent

# Why a record can be refused: a closed set, safe as a metric label.
REASONS: Final = (
    "empty",
    "too_large",
    "not_json",
    "missing_field",
    "wrong_type",
    "unknown_value",
    "out_of_range",
    "future",
    "too_old",
    "misrouted",
    "quarantined",
)

VALUE_BYTES_MAX: Final = 1 << 20
FUTURE_SLACK_MS: Final = 86_400_000
EARLIEST_MS: Final = 946_684_800_000  # 2000-01-01: anything before is a broken clock, and would poison the windows

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EXPECTED_MOMENT: Final = "expected ISO-8601 with a zone, as 2026-01-31T09:30:00Z, or epoch milliseconds as an integer"


@dataclass(frozen=True)
class Fast:
    """How the fast path reads a type.

    Attributes:
        type: as msgspec knows it; accepts nothing that the contract refuses.
        ready: makes the contract's value of what msgspec read; ValueError and KeyError leave the event to the contract.
    """

    type: Any
    ready: Callable[[Any], Any] | None = None


def epoch_ms(moment: datetime | int) -> int:
    """A moment as epoch milliseconds, rounded down."""
    if isinstance(moment, int):
        return moment
    since = moment - _EPOCH  # its seconds and microseconds are never negative, and dividing it takes longer
    return since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000


def iso(ms: int) -> str:
    """Epoch milliseconds as ISO-8601 in UTC.

    >>> iso(1_769_851_800_000)
    '2026-01-31T09:30:00Z'
    """
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat().replace("+00:00", "Z")


def _moment_ms(value: object) -> int:
    """ISO-8601 with a zone, or epoch milliseconds, to epoch milliseconds."""
    if isinstance(value, str):
        moment = _parse(value)
        if moment.tzinfo is None:
            raise PydanticCustomError("moment_type", "the zone is missing: add Z or an offset, as +02:00")
        return epoch_ms(moment)
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < 1 << 47:
            raise PydanticCustomError("moment_range", "as epoch milliseconds it is outside of any plausible time")
        return value
    raise PydanticCustomError("moment_type", _EXPECTED_MOMENT)


def _parse(text: str) -> datetime:
    """ISO-8601 as the fast path reads it (fractions are rounded to the microsecond), or in one of its rarer forms."""
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        pass
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("moment_type", _EXPECTED_MOMENT) from None


class Words(Fast):
    """What a field of words takes: each word of a table, in any case of letters, for the word that it stands for.

    Args:
        table: accepted word, in small letters, to the contract's own.
    """

    table: Mapping[str, Any]

    def __init__(self, table: Mapping[str, Any]) -> None:
        super().__init__(str, table.__getitem__)
        object.__setattr__(self, "table", table)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._meant, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.table)}

    def _meant(self, value: object) -> object:
        """The contract's own word; what is unknown is left for the model to refuse."""
        return self.table.get(value.lower(), value) if isinstance(value, str) else value


Id = Annotated[str, Field(min_length=1, max_length=256), Fast(Annotated[str, Meta(min_length=1, max_length=256)])]
Moment = Annotated[
    int,
    BeforeValidator(_moment_ms),
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": 0}]}),
    Fast(Annotated[datetime, Meta(tz=True)] | Annotated[int, Meta(ge=0, lt=1 << 47)], epoch_ms),
]
Text64 = Annotated[str, Field(max_length=64), Fast(Annotated[str, Meta(max_length=64)])]
Text128 = Annotated[str, Field(max_length=128), Fast(Annotated[str, Meta(max_length=128)])]
Text256 = Annotated[str, Field(max_length=256), Fast(Annotated[str, Meta(max_length=256)])]
LongText = Annotated[str, Field(max_length=10_000), Fast(Annotated[str, Meta(max_length=10_000)])]
Whole = Annotated[int, Fast(int)]
Finite = Annotated[float, Field(allow_inf_nan=False), Fast(float)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False), Fast(Annotated[float, Meta(ge=0)])]
Seats = Annotated[int, Field(ge=0, le=10_000_000), Fast(Annotated[int, Meta(ge=0, le=10_000_000)])]


class Contract(BaseModel):
    """What all contracts share."""

    model_config = ConfigDict(strict=True, extra="ignore")


class InputEvent(Contract):
    """An event of any kind; its fields are what reaches the fold, moments in epoch milliseconds."""

    account_id: Id
    event_id: Id | None
    timestamp: Moment | None

    @classmethod
    def complete(cls, event: Any) -> None:
        """Check and fill what depends on several fields; called once with every event, whichever way it was read.

        Raises:
            BadEvent: the fields do not go together.
        """


class DatedEvent(InputEvent):
    """An event that has an id and happened at a moment."""

    event_id: Id
    timestamp: Moment


def check_time(ms: int, now_ms: int) -> None:
    """Refuse events from the far future (they would poison the windows) and from before any product.

    Raises:
        BadEvent: reason `future` or `too_old`.
    """
    if ms > now_ms + FUTURE_SLACK_MS:
        raise BadEvent("future", f"timestamp is {(ms - now_ms) / 3_600_000:.1f} h ahead; at most 24 h are accepted")
    if ms < EARLIEST_MS:
        raise BadEvent("too_old", "timestamp is before 2000-01-01; is it in seconds? epoch milliseconds are expected")


_REASON_BY_TYPE: Final = {
    "missing": "missing_field",
    "literal_error": "unknown_value",
    "zone_unknown": "unknown_value",
}


def refusal(kind: str, error: ValidationError) -> BadEvent:
    """The first error as a BadEvent: reason by pydantic's error type, detail with field, value and expectation."""
    errors = error.errors(include_url=False)
    first = errors[0]
    name = ".".join(str(part) for part in first["loc"])
    code = first["type"]
    reason = _REASON_BY_TYPE.get(code) or ("wrong_type" if code.endswith("_type") else "out_of_range")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    shown = "" if code in ("missing", "override") else f" = {repr(first['input'])[:80]}"
    where = f"{name}{shown}: " if name else ""
    return BadEvent(reason, f"{kind} event: {where}{first['msg']}{more}")
