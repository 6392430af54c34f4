"""Events into their account, several of one kind and account at a time, and the count of those that did not count."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from stream.calendar.zones import zone
from stream.contracts.events import InputEvent
from stream.kinds.decode import FAST_FORMS
from stream.kinds.kind import NO_CHANGE, EventKind, Kind
from stream.kinds.registry import KINDS
from stream.kinds.state import AccountState

# Folds events of one account in their order; returns the index of the first that may move a measure, or NO_CHANGE.
BatchFold = Callable[[AccountState, Sequence[Any]], int]


def _batch_fold(kind: EventKind[Any]) -> BatchFold:
    """How events of a kind fold into their account."""
    name, fold, fold_batch = kind.name, kind.fold, kind.fold_batch

    def of_all(account: AccountState, events: Sequence[Any]) -> int:
        known = account.profile.get("timezone")
        assert fold_batch is not None
        return fold_batch(getattr(account, name), events, None if known is None else zone(known[0]))

    def one_by_one(account: AccountState, events: Sequence[Any]) -> int:
        part = account if kind.state is None else getattr(account, name)
        first_change_index = NO_CHANGE
        assert fold is not None
        for index, event in enumerate(events):
            if fold(part, event) and first_change_index == NO_CHANGE:
                first_change_index = index
        return first_change_index

    return one_by_one if fold_batch is None else of_all


FOLDS: Final[dict[Kind, BatchFold]] = {name: _batch_fold(kind) for name, kind in KINDS.items()}
_BY_TYPE: Final[dict[type, BatchFold]] = {
    form: FOLDS[name] for name, kind in KINDS.items() for form in (kind.contract, FAST_FORMS[name]) if form is not None
}


def fold_event(account: AccountState, event: InputEvent) -> bool:
    """Fold an event of any kind, and count nothing; returns whether a measure may have moved."""
    return _BY_TYPE[type(event)](account, [event]) != NO_CHANGE


def counted_folds(counts: Counter[tuple[str, str]]) -> dict[Kind, BatchFold]:
    """The folds, which also keep count of what did not count.

    Args:
        counts: gets ("late", kind), ("overflow", kind) and ("repeated", kind).
    """
    return {name: _counted(kind, FOLDS[name], counts) for name, kind in KINDS.items()}


def _counted(kind: EventKind[Any], fold: BatchFold, counts: Counter[tuple[str, str]]) -> BatchFold:
    """The fold of a kind that also counts what was too late, beyond the bounds of its account, or a repeat."""
    if kind.state is None:
        return fold
    name, counts_repeats = kind.name, kind.counts_repeats

    def counted(account: AccountState, events: Sequence[Any]) -> int:
        part = getattr(account, name)
        late, overflow = part.late, part.overflow
        repeated = part.repeated if counts_repeats else 0
        first_change_index = fold(account, events)
        if part.late > late:
            counts["late", name] += part.late - late
        if part.overflow > overflow:
            counts["overflow", name] += part.overflow - overflow
        if counts_repeats and part.repeated > repeated:
            counts["repeated", name] += part.repeated - repeated
        return first_change_index

    return counted
