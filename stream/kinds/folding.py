"""Each kind of event into its account, and the count of those that did not count."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from stream.contracts.decode import Answer, AnyEvent, Outcome, Subscription, Ticket, Touchpoint, Update, Usage
from stream.contracts.topics import Kind
from stream.kinds.state import (
    AccountState,
    fold_answer,
    fold_outcome,
    fold_subscription,
    fold_ticket,
    fold_touchpoint,
    fold_update,
    fold_usage,
    fold_usages,
)
from stream.kinds.usage import NO_CHANGE

Fold = Callable[[AccountState, Any], bool]
FoldRun = Callable[[AccountState, Sequence[Any]], int]


class Bounded(Protocol):
    """Facts of one kind that count what came too late, and what was beyond their bounds."""

    late: int
    overflow: int


# By kind: how it is folded, and which facts of the account it makes.
_FOLDS: Final[dict[Kind, tuple[Fold, Callable[[AccountState], Bounded]]]] = {
    "ticket": (fold_ticket, lambda state: state.ticket),
    "survey": (fold_answer, lambda state: state.survey),
    "touchpoint": (fold_touchpoint, lambda state: state.touchpoint),
    "outcome": (fold_outcome, lambda state: state.outcome),
    "subscription": (fold_subscription, lambda state: state.subscription),
}


class Folding:
    """How events are folded, those of one kind and account that come in a run together.

    Args:
        counts: gets ("late", kind), ("overflow", kind) and ("repeated", kind) for what did not count.

    Attributes:
        by_kind: folds a run of events; returns the place of the first that may have moved a measure, or NO_CHANGE (-1).
    """

    def __init__(self, counts: Counter[tuple[str, str]]) -> None:
        self._counts = counts
        self.by_kind: dict[Kind, FoldRun] = {"usage": self._usage, "account": _one_by_one(fold_update)}
        for kind, (fold, facts) in _FOLDS.items():
            self.by_kind[kind] = self._counted(kind, _one_by_one(fold), facts)

    def _usage(self, state: AccountState, events: Sequence[Usage]) -> int:
        """Fold usage and keep count of what did not count."""
        activity = state.usage
        repeated, late, overflow = activity.repeated, activity.late, activity.overflow
        first_change_index = fold_usages(state, events)
        if activity.repeated > repeated:
            self._counts["repeated", "usage"] += activity.repeated - repeated
        if activity.late > late:
            self._counts["late", "usage"] += activity.late - late
        if activity.overflow > overflow:
            self._counts["overflow", "usage"] += activity.overflow - overflow
        return first_change_index

    def _counted(self, kind: Kind, fold: FoldRun, facts: Callable[[AccountState], Bounded]) -> FoldRun:
        """The fold of a kind that also keeps count of what was too late, or beyond the bounds of its account."""

        def counted(state: AccountState, events: Sequence[AnyEvent]) -> int:
            part = facts(state)
            late, overflow = part.late, part.overflow
            first_change_index = fold(state, events)
            if part.late > late:
                self._counts["late", kind] += part.late - late
            if part.overflow > overflow:
                self._counts["overflow", kind] += part.overflow - overflow
            return first_change_index

        return counted


def _one_by_one(fold: Fold) -> FoldRun:
    """The fold of a run, where one event's fold is all there is."""

    def fold_run(state: AccountState, events: Sequence[AnyEvent]) -> int:
        first_change_index = NO_CHANGE
        for place, event in enumerate(events):
            if fold(state, event) and first_change_index == NO_CHANGE:
                first_change_index = place
        return first_change_index

    return fold_run


_BY_TYPE: Final[dict[type, Fold]] = {
    Usage: fold_usage,
    Ticket: fold_ticket,
    Answer: fold_answer,
    Touchpoint: fold_touchpoint,
    Outcome: fold_outcome,
    Subscription: fold_subscription,
    Update: fold_update,
}


def fold_event(state: AccountState, event: AnyEvent) -> bool:
    """Fold an event of any kind, and count nothing; returns whether a measure may have moved."""
    return _BY_TYPE[type(event)](state, event)
