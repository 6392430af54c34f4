"""A kind of event is declared once: whoever forgets a part is told at import, and the rest of the product follows."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from heartline.reference.json_schemas import all_schemas
from stream.contracts.events import DatedEvent, InputEvent
from stream.kinds.decode import FAST_FORMS, Decoder
from stream.kinds.folding import FOLDS
from stream.kinds.kind import EventKind
from stream.kinds.registry import KINDS, checked
from stream.kinds.state import AccountState
from stream.topics import KINDS as NAMES
from stream.topics import SOURCES, Topics


class Undocumented(DatedEvent):
    __doc__ = ""


class Uncounted(msgspec.Struct):
    newest_ms: int = 0


DECLARED = tuple(KINDS.values())


def with_ticket(**parts: Any) -> tuple[EventKind[Any], ...]:
    """The kinds with another ticket."""
    return tuple(replace(kind, **parts) if kind.name == "ticket" else kind for kind in DECLARED)


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        (DECLARED[:-1], "Kind names .*registry declares"),
        (DECLARED[::-1], "Kind names .*registry declares"),
        (with_ticket(source=None), "Source names .* the kinds declare"),
        (with_ticket(topic="product-usage"), "kind ticket: another kind has its topic, product-usage"),
        (with_ticket(fold=None), "kind ticket: expected either fold or fold_batch"),
        (with_ticket(fold_batch=lambda *_: -1), "kind ticket: expected either fold or fold_batch"),
        (with_ticket(state=Uncounted), "kind ticket: AccountState needs a field ticket: Uncounted"),
        (with_ticket(contract=Undocumented), "kind ticket: Undocumented needs a docstring"),
        (with_ticket(counts_repeats=True), r"kind ticket: TicketState needs the fields \['repeated'\]"),
    ],
)
def test_a_part_that_is_forgotten_is_told_at_import(declared: tuple[EventKind[Any], ...], told: str) -> None:
    with pytest.raises(TypeError, match=told):
        checked(declared)


def test_everything_about_a_kind_derives_from_its_declaration() -> None:
    assert checked(DECLARED) == KINDS
    assert tuple(KINDS) == NAMES == tuple(FOLDS) == tuple(FAST_FORMS) == tuple(Topics().inputs.values())
    assert {kind.name: kind.source for kind in DECLARED if kind.source is not None} == SOURCES
    for name, kind in KINDS.items():
        assert Topics("eu-").input(name) == f"eu-{kind.topic}"
        assert all_schemas()[name]["title"] == kind.contract.__name__
        assert isinstance(Decoder(name), Decoder)
        assert issubclass(kind.contract, InputEvent)


def test_a_kind_keeps_what_it_knows_under_its_name() -> None:
    state = AccountState()
    assert {name: type(getattr(state, name)) for name, kind in KINDS.items() if kind.state is not None} == {
        name: kind.state for name, kind in KINDS.items() if kind.state is not None
    }
