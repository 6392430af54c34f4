"""Events as they reach a fold, made of their fields alone."""

from typing import Any, TypeVar, cast

from stream.contracts.events import InputEvent

E = TypeVar("E", bound=InputEvent)


def event_of(contract: type[E], ms: int, **fields: Any) -> E:
    """An event of a contract that happened at a moment; nothing is checked."""
    given = {"account_id": "acme", "event_id": "e1"} | fields
    return cast(E, contract.model_construct(timestamp=ms, **given))
