"""Two accounts that turn out to be one: the state that one account would have had."""

from stream.kinds.erasure import WHOLE_ACCOUNT
from stream.kinds.registry import KINDS
from stream.kinds.state import AccountState


def merge_states(kept: AccountState, other: AccountState) -> None:
    """Take another account's state in; `other` must not be used any more.

    What each part can't know any more is said by its kind. What was published of the other one is forgotten; days that
    were written are written again.
    """
    for kind in KINDS.values():
        if kind.state is None:
            kind.merge(kept, other)
        else:
            kind.merge(getattr(kept, kind.name), getattr(other, kind.name))
    kept.erasures += [erasure for erasure in other.erasures if erasure[0] != WHOLE_ACCOUNT]
    kept.reopened_day = min(kept.closed_day, 1)
    kept.needs_evaluation = True
