"""Bytes to events: msgspec for the canonical form, pydantic for everything that msgspec refuses.

The fast form of an event is made of its contract: a struct of the same fields, each as its type's `Fast` says. Both
forms have the same attributes, so a fold takes either.

Invariant: of the fields that a contract names, the fast path accepts nothing that the contract refuses, and reads
every value alike (a property test holds it to that). So a record is refused only by pydantic, in pydantic's words, and
feeds with other names merely take the slower way. What a field that no contract names holds is skipped unread.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, get_args

import msgspec
import pydantic_core
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from stream.calendar.day import DAY_MS
from stream.contracts.errors import BadEvent, PassedOver
from stream.contracts.events import (
    EARLIEST_MS,
    FUTURE_SLACK_MS,
    VALUE_BYTES_MAX,
    Fast,
    InputEvent,
    check_time,
    plausible_ms,
    refusal,
)
from stream.kinds.envelopes import DELETION, SchemaOf, parsed, unwrapped
from stream.kinds.feeds import FieldMapping
from stream.kinds.kind import Kind
from stream.kinds.registry import KINDS

_REPLACED: Final = "\ufffd"

# RecursionError by deep nesting, KeyError by a word that the contract does not know.
FAST_ERRORS: Final = (msgspec.DecodeError, TypeError, ValueError, RecursionError, KeyError, BadEvent)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _fast_form(contract: type[InputEvent]) -> type[Any] | None:
    """The struct that msgspec reads an event into; None where a type of its fields has no fast form."""
    fields: list[tuple[str, Any, Any]] = []
    for name, field in contract.model_fields.items():
        fast = _fast_of(field)
        if fast is None:
            return None
        is_optional = type(None) in get_args(field.annotation)
        kept: Any = fast.type | None if is_optional else fast.type
        fields.append((name, kept, msgspec.NODEFAULT if field.is_required() else field.default))
    form = msgspec.defstruct(f"Fast{contract.__name__}", fields, module=__name__, gc=False, kw_only=True)
    globals()[form.__name__] = form  # found here by pickle: events travel between processes
    return form


def _fast_of(field: FieldInfo) -> Fast | None:
    """How the fast path reads a field: said by its type, or by the type that it may leave out."""
    found = [item for item in field.metadata if isinstance(item, Fast)]
    for inner in get_args(field.annotation):
        found += [item for item in getattr(inner, "__metadata__", ()) if isinstance(item, Fast)]
    return found[0] if found else None


# By kind: the struct that the fast path reads; None where there is none.
FAST_FORMS: Final[dict[Kind, type[Any] | None]] = {name: _fast_form(kind.contract) for name, kind in KINDS.items()}


def _fast_reader(kind: Kind) -> Callable[[bytes], Any]:
    """What reads the canonical form of an event; its timestamp may still be a datetime.

    Raises (when it reads):
        one of FAST_ERRORS: then the contract is asked.
    """
    form, contract = FAST_FORMS[kind], KINDS[kind].contract
    if form is None:
        return _never
    read = msgspec.json.Decoder(form).decode
    steps = [
        (name, fast.ready)
        for name, field in contract.model_fields.items()
        if (fast := _fast_of(field)) is not None and fast.ready is not None and name != "timestamp"
    ]
    is_checked = contract.complete.__func__ is not InputEvent.complete.__func__  # type: ignore[attr-defined]
    if not steps and not is_checked:
        return read

    complete = contract.complete if is_checked else None  # bound once, for it is called with every event

    def read_and_complete(value: bytes) -> Any:
        event = read(value)
        for name, ready in steps:
            given = getattr(event, name)
            if given is not None:
                setattr(event, name, ready(given))
        if complete is not None:
            complete(event)
        return event

    return read_and_complete


def _never(value: bytes) -> Any:
    """No canonical form: the feed has names of its own, or the kind is rare."""
    raise ValueError("left to pydantic")


class Decoder:
    """Decodes the records of one kind of event.

    Args:
        kind: the kind.
        mapping: how the feed names things; None when it speaks the contract's language.
        schema_of: asks the Schema Registry; None: there is none.
        reads_headers: whether records may be CloudEvents of the binary mode (`envelopes.with_attributes`).
    """

    def __init__(
        self,
        kind: Kind,
        mapping: FieldMapping | None = None,
        schema_of: SchemaOf | None = None,
        *,
        reads_headers: bool = False,
    ) -> None:
        self._kind = kind
        self._mapping = mapping
        self._schema_of = schema_of
        self.reads_headers = reads_headers
        self._fast = _fast_reader(kind) if mapping is None else _never
        self._ahead = KINDS[kind].ahead
        names = KINDS[kind].contract.model_fields
        self._named = msgspec.json.Decoder(
            msgspec.defstruct("Named", [(name, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for name in names])
        )

    def decode_all(self, values: Sequence[bytes | None], now_ms: int) -> list[InputEvent | BadEvent]:
        """The events of a chunk, with an error in the place of each that is refused, for its time (`check_time`), too.

        Nearly as quick as msgspec alone where all are canonical.
        """
        events = self._all_canonical(values)
        if events is not None:
            times = [event.timestamp for event in events]
            oldest_ms, newest_ms = min(times, default=EARLIEST_MS), max(times, default=now_ms)
            if newest_ms > now_ms and self._ahead is not None:
                newest_ms = max([self._to_now(event, now_ms).timestamp for event in events])
            if oldest_ms >= EARLIEST_MS and newest_ms <= now_ms + FUTURE_SLACK_MS:
                return events
        return [self._decode_or_refuse(value, now_ms) for value in values]

    def _all_canonical(self, values: Sequence[bytes | None]) -> list[Any] | None:
        """All events; None if one is not in its canonical form, or too large."""
        try:
            if max(map(len, values), default=0) > VALUE_BYTES_MAX:  # type: ignore[arg-type]  # None is a TypeError
                return None
            events = list(map(self._fast, values))  # type: ignore[arg-type]
        except FAST_ERRORS:
            return None
        for event in events:
            moment: Any = event.timestamp
            if type(moment) is not int:  # as in `epoch_ms`, whose call would cost a tenth of decoding
                since = moment - _EPOCH
                event.timestamp = since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000
        return events

    def _decode_or_refuse(self, value: bytes | None, now_ms: int) -> InputEvent | BadEvent:
        try:
            event: InputEvent = self.decode_at(value, now_ms)
        except BadEvent as error:
            return error
        return event

    def _to_now(self, event: Any, now_ms: int) -> Any:
        """The event, changed as its kind says where it is dated ahead of the clock."""
        if self._ahead is not None and event.timestamp is not None and event.timestamp > now_ms:
            self._ahead(event, now_ms)
        return event

    def decode_at(self, value: bytes | None, now_ms: int) -> Any:
        """The same as `decode`, for an event that arrives at a moment.

        Raises:
            BadEvent: as `decode`, and where its time is impossible (`check_time`).
        """
        event = self.decode(value)
        moment = event.timestamp
        if moment is None or EARLIEST_MS <= moment <= now_ms:
            return event
        event = self._to_now(event, now_ms)
        check_time(event.timestamp, now_ms)
        return event

    def decode(self, value: bytes | None) -> Any:
        """One record's value as an event, its timestamp in epoch milliseconds (None: an update without one).

        Raises:
            BadEvent: with the reason and a sentence naming field and value.
        """
        event = self._canonical(value)
        return self._slow(value) if event is None else event

    def _canonical(self, value: bytes | None) -> InputEvent | None:
        """The same by way of msgspec; None: pydantic decides."""
        if value is None or len(value) > VALUE_BYTES_MAX:
            return None
        try:
            event: Any = self._fast(value)
            event.timestamp = plausible_ms(event.timestamp)
        except FAST_ERRORS:
            return None
        return event  # type: ignore[no-any-return]

    def _slow(self, value: bytes | None) -> Any:
        """The same by way of pydantic: tolerant of aliases, mapped names and unusual forms, and precise in refusing."""
        if not value:
            raise BadEvent("empty", f"{self._kind} event: the record has no value")
        if len(value) > VALUE_BYTES_MAX:
            raise BadEvent(
                "too_large", f"{self._kind} event: {len(value)} bytes; at most {VALUE_BYTES_MAX} are accepted"
            )
        try:
            data = parsed(value, self._schema_of)
        except ValueError as error:
            data = self._tolerant(value)
            if data is None:
                raise BadEvent("not_json", f"{self._kind} event: {error}") from None
        if isinstance(data, dict):
            data = unwrapped(data)
            if data is None:
                raise PassedOver(self._kind, DELETION)
        if self._mapping is not None and isinstance(data, dict):
            if not self._mapping.takes(data):
                raise PassedOver(self._kind)
            data = self._mapping.apply(data)
        return validate(self._kind, data)

    def _tolerant(self, value: bytes) -> dict[str, Any] | None:
        """What is not quite JSON, as the fast path reads it: a field that no contract names may hold broken text.

        None: it is no JSON, or broken where it is read.
        """
        try:
            if self._mapping is not None:
                parsed = pydantic_core.from_json(value.decode("utf-8", "replace"), allow_inf_nan=False)
                mapped = self._mapping.apply(parsed) if isinstance(parsed, dict) else {}
                read = [mapped.get(name) for name in KINDS[self._kind].contract.model_fields]
                return parsed if mapped and _REPLACED not in str(read) else None
            named = self._named.decode(value)
            found = {name: getattr(named, name) for name in named.__struct_fields__}
            return {
                name: pydantic_core.from_json(bytes(raw), allow_inf_nan=False)
                for name, raw in found.items()
                if raw is not msgspec.UNSET
            }
        except (ValueError, RecursionError, msgspec.DecodeError):
            return None


def validate(kind: Kind, data: object) -> Any:
    """Evaluate already parsed JSON by the contract of its kind.

    Raises:
        BadEvent: the first thing that is wrong, named by field and value.
    """
    if not isinstance(data, dict):
        raise BadEvent("wrong_type", f"{kind} event: expected a JSON object, found {type(data).__name__}")
    contract: type[InputEvent] = KINDS[kind].contract
    try:
        event = contract.model_validate(data)
    except ValidationError as error:
        raise refusal(kind, error) from None
    contract.complete(event)
    return event
