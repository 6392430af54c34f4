"""The language of the contracts: the types of their fields, what all events share, and the words of refusals.

Each kind of event declares its contract in `stream.kinds`, as a pydantic model of these types. The models are the
authority on what is accepted: they make the JSON Schemas under docs/schemas, they word every refusal, and whatever the
fast path of `stream.kinds.decode` will not take is checked by them. Unknown fields are ignored, so that feeds may
grow. Values are strict: the string "9" is not the number 9.

A type says with `Fast` how the fast path reads it, so that the two ways of reading stand side by side, once.
"""

import unicodedata
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
    model_validator,
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
    "unknown_alias",
)

VALUE_BYTES_MAX: Final = 1 << 20
FUTURE_SLACK_MS: Final = 86_400_000
EARLIEST_MS: Final = 946_684_800_000  # 2000-01-01: anything before is a broken clock, and would poison the windows
LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01: what lies behind it is no milliseconds, or a word for "no end"
_NO_END_MS: Final = 253_370_764_800_000  # 9999-01-01; the year is how databases say that something has no end

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EXPECTED_MOMENT: Final = "expected ISO-8601 with a zone, as 2026-01-31T09:30:00Z, or epoch milliseconds as an integer"
TOO_FAR: Final = "it is after 2100-01-01; is it in microseconds? epoch milliseconds are expected"
TOO_OLD: Final = "it is before 2000-01-01; is it in seconds? epoch milliseconds are expected"


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
    """Epoch milliseconds as ISO-8601 in UTC, with microseconds where there are any.

    >>> iso(1_769_851_800_000), iso(1_769_851_800_250)
    ('2026-01-31T09:30:00Z', '2026-01-31T09:30:00.250000Z')
    """
    text: str = msgspec.to_builtins(_EPOCH + timedelta(milliseconds=ms))
    return text


def _moment_ms(value: object) -> int:
    """ISO-8601 with a zone, or epoch milliseconds, to epoch milliseconds of some plausible time."""
    if isinstance(value, str):
        moment = _parse(value)
        if moment.tzinfo is None:
            raise PydanticCustomError("moment_type", "the zone is missing: add Z or an offset, as +02:00")
        value = epoch_ms(moment)
    elif not isinstance(value, int) or isinstance(value, bool):
        raise PydanticCustomError("moment_type", _EXPECTED_MOMENT)
    if value < EARLIEST_MS:
        raise PydanticCustomError("too_old", TOO_OLD)
    if value >= LATEST_MS:
        raise PydanticCustomError("moment_range", TOO_FAR)
    return value


def plausible_ms(moment: datetime | int) -> int:
    """The same of what the fast path read; ValueError leaves the rest to the contract."""
    ms = epoch_ms(moment)
    if not EARLIEST_MS <= ms < LATEST_MS:
        raise ValueError("no plausible time")
    return ms


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


_BLANK_LETTERS: Final = "\u115f\u1160\u2800\u3164\uffa0"  # letters by their category, and nothing to the eye


def is_visible(text: str) -> bool:
    """Whether anything of a text can be seen: blanks, and what only steers how letters are set, can not.

    >>> is_visible("Acme"), is_visible(" \u00a0\u200b"), is_visible(""), is_visible("\u3164"), is_visible("\u3164!")
    (True, False, False, False, True)
    """
    if text[:1].isalnum() and text[0] not in _BLANK_LETTERS:  # by far the most, and quicker
        return True
    return any(unicodedata.category(letter)[0] not in "ZC" and letter not in _BLANK_LETTERS for letter in text)


def _digits(value: object) -> object:
    """A whole number as the id that its digits make; feeds number their things."""
    value = _whole(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _whole(value: object) -> object:
    """9.0 as 9: JSON knows one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(longest: int) -> Callable[[object], object]:
    """How a text is read that people are shown: cut to a length, and None where nothing of it can be seen."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        return value[:longest] if is_visible(value) else None

    return read


_TEXT_SCHEMA: Final = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]})

Id = Annotated[
    str,
    Field(min_length=1, max_length=256),
    BeforeValidator(_digits),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1, "maxLength": 256}, {"type": "integer"}]}),
    Fast(Annotated[str, Meta(min_length=1, max_length=256)]),
]
Moment = Annotated[
    int,
    BeforeValidator(_moment_ms),
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": EARLIEST_MS}]}),
    Fast(Annotated[datetime, Meta(tz=True)] | Annotated[int, Meta(ge=0, lt=1 << 47)], plausible_ms),
]
# Texts that people are shown: longer ones are cut, since a fact is worth more than the end of its label.
Text64 = Annotated[str | None, BeforeValidator(_text(64)), _TEXT_SCHEMA, Fast(str, _text(64))]
Text128 = Annotated[str | None, BeforeValidator(_text(128)), _TEXT_SCHEMA, Fast(str, _text(128))]
Text256 = Annotated[str | None, BeforeValidator(_text(256)), _TEXT_SCHEMA, Fast(str, _text(256))]
# What is not kept can't be wrong: neither its length nor its type may lose the fact that it comes with.
NotKept = Annotated[Any, Fast(Any)]
Whole = Annotated[int, BeforeValidator(_whole), Fast(int)]
Finite = Annotated[float, Field(allow_inf_nan=False), Fast(float)]
Level = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False), Fast(Annotated[float, Meta(ge=-1e15, le=1e15)])]
NotNegative = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False), Fast(Annotated[float, Meta(ge=0, le=1e12)])]
Seats = Annotated[
    int, Field(ge=0, le=10_000_000), BeforeValidator(_whole), Fast(Annotated[int, Meta(ge=0, le=10_000_000)])
]


def _is_nothing(name: str, value: object) -> bool:
    """Whether an optional field says nothing; a date in the year 9999 says that there is none."""
    if value is None or value == "":
        return True
    if not name.endswith("_at") and name != "term_end":
        return False
    return value.startswith("9999-") if isinstance(value, str) else isinstance(value, int) and value >= _NO_END_MS


class Contract(BaseModel):
    """What all contracts share: null and "" in a field that may be left out mean that it is not given."""

    model_config = ConfigDict(strict=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        given = dict(data)
        for name, field in cls.model_fields.items():
            if name in data and not field.is_required() and _is_nothing(name, data[name]):
                given[name] = None
                if field.default is not None:
                    del given[name]
        return given


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
        raise BadEvent("too_old", f"timestamp = {ms}: {TOO_OLD}")


_REASON_BY_TYPE: Final = {
    "missing": "missing_field",
    "literal_error": "unknown_value",
    "zone_unknown": "unknown_value",
    "too_old": "too_old",
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
