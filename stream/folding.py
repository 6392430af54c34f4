"""Each kind of event into its account, and the count of those that did not count."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

from stream.account import (
    LATE,
    MOVED,
    OVERFLOW,
    UNMOVED,
    AccountState,
    fold_answer,
    fold_outcome,
    fold_subscription,
    fold_ticket,
    fold_touchpoint,
    fold_update,
    fold_usage,
)
from stream.decode import Answer, AnyEvent, Outcome, Subscription, Ticket, Touchpoint, Update, Usage
from stream.topics import Kind

Fold = Callable[[AccountState, Any], bool]


class Bounded(Protocol):
    """Facts of one kind that count what came too late, and what was beyond their bounds."""

    late: int
    overflow: int


# By kind: how it is folded, and which facts of the account it makes.
_FOLDS: Final[dict[Kind, tuple[Fold, Callable[[AccountState], Bounded]]]] = {
    "ticket": (fold_ticket, lambda state: state.support),
    "survey": (fold_answer, lambda state: state.sentiment),
    "touchpoint": (fold_touchpoint, lambda state: state.contacts),
    "outcome": (fold_outcome, lambda state: state.outcomes),
    "subscription": (fold_subscription, lambda state: state.subscriptions),
}


class Folding:
    """How events are folded.

    Args:
        counts: gets ("late", kind), ("overflow", kind) and ("repeated", kind) for what did not count.

    Attributes:
        by_kind: folds one event; returns whether a measure may have moved.
    """

    def __init__(self, counts: Counter[tuple[str, str]]) -> None:
        self._counts = counts
        self.by_kind: dict[Kind, Fold] = {"usage": self._usage, "account": fold_update}
        for kind, (fold, facts) in _FOLDS.items():
            self.by_kind[kind] = self._counted(kind, fold, facts)

    def _usage(self, state: AccountState, event: Usage) -> bool:
        """Fold usage and keep count of what did not count; returns whether a measure may have moved."""
        outcome = fold_usage(state, event)
        if outcome == UNMOVED:
            return False
        if outcome == MOVED:
            return True
        if outcome == OVERFLOW:
            self._counts["overflow", "usage"] += 1
            return True
        self._counts["late" if outcome == LATE else "repeated", "usage"] += 1
        return False

    def _counted(self, kind: Kind, fold: Fold, facts: Callable[[AccountState], Bounded]) -> Fold:
        """The fold of a kind that also keeps count of what was too late, or beyond the bounds of its account."""

        def counted(state: AccountState, event: AnyEvent) -> bool:
            part = facts(state)
            late, overflow = part.late, part.overflow
            changed = fold(state, event)
            if part.late > late:
                self._counts["late", kind] += 1
            elif part.overflow > overflow:
                self._counts["overflow", kind] += 1
            return changed

        return counted


_BY_TYPE: Final[dict[type, Fold]] = {
    Usage: lambda state, event: fold_usage(state, event) == MOVED,
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
