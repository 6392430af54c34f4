"""Erasing an account, or one of its users, from its state; and keeping what was on its way from bringing it back.

An erased account leaves a state that holds nothing but the moment: whatever Kafka had by then is passed over, from
whichever topic it comes. A user's use is kept under a name that says nothing, so that no number of the account moves.
A week later, when nothing older can still be on its way, the moment is forgotten, too.

Invariant: an erased id, of a user or in the state of an account, stands nowhere in what is encoded.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from stream.calendar.day import DAY_MS
from stream.kinds.state import AccountState, newest_ms
from stream.kinds.usage import UsageState

# How long an erased account's records may have been on their way, from a producer or in a topic that lags.
REMEMBERED_MS: Final = 8 * DAY_MS

# In the place of a user's digest: all of the account.
WHOLE_ACCOUNT: Final = ""


def user_digest(user_id: str) -> str:
    """How an erasure names a user: the SHA-256 of the id, in hex, so that the order to erase tells nobody of them.

    >>> user_digest("u1")[:8]
    'bb82030d'
    """
    return hashlib.sha256(user_id.encode()).hexdigest()


def erased_account(at_ms: int) -> AccountState:
    """What is left of an account: that it was erased, at a Kafka timestamp."""
    return AccountState(erasures=[(WHOLE_ACCOUNT, at_ms)])


def is_nothing(state: AccountState) -> bool:
    """Whether a state holds nothing but erasures: there is no account to evaluate."""
    if not state.erasures or state.published is not None or state.profile or state.overrides or state.user.people:
        return False
    return newest_ms(state) is None


def erase_users(state: AccountState, digests: Iterable[str], at_ms: int) -> None:
    """Give users a name that says nothing, in all that the state has of them.

    Args:
        state: the account's.
        digests: of the users' ids (`user_digest`); whom the account does not know is remembered all the same.
        at_ms: the Kafka timestamp of the record that asks for it.
    """
    wanted = frozenset(digests)
    names = _user_ids(state)
    for user_id in sorted(name for name in names if user_digest(name) in wanted):
        _rename(state, user_id, _new_name(state.usage, names))
    state.erasures += [(digest, at_ms) for digest in sorted(wanted)]
    if state.published is not None:
        state.published.digest = ""  # so that the next report, without them, takes the place of the last one


def is_erased(state: AccountState, user_id: str | None, at_ms: int) -> bool:
    """Whether a record that Kafka had at a moment is of what was erased after it.

    Args:
        state: the account's, with at least one erasure.
        user_id: whom the event names; None: nobody.
        at_ms: its Kafka timestamp.
    """
    digest = None if user_id is None else user_digest(user_id)
    return any(at_ms <= erased_ms and what in (WHOLE_ACCOUNT, digest) for what, erased_ms in state.erasures)


def forget_old_erasures(state: AccountState, now_ms: int) -> bool:
    """Forget erasures that nothing on its way can be older than; returns whether there were any."""
    kept = [erasure for erasure in state.erasures if erasure[1] > now_ms - REMEMBERED_MS]
    if len(kept) == len(state.erasures):
        return False
    state.erasures = kept
    return True


def _user_ids(state: AccountState) -> set[str]:
    """Everyone whom the state names."""
    usage = state.usage
    return {
        *usage.users,
        *usage.remembered,
        *state.user.people,
        *(answer.user_id for answer in state.survey.answers.values() if answer.user_id),
        *(touchpoint.user_id for touchpoint in state.touchpoint.touchpoints.values() if touchpoint.user_id),
    }


def _new_name(usage: UsageState, taken: set[str]) -> str:
    """A name that nobody of the account has."""
    while True:
        name = f"erased-{usage.next_ordinal}"
        usage.next_ordinal += 1
        if name not in taken:
            taken.add(name)
            return name


def _rename(state: AccountState, user_id: str, name: str) -> None:
    usage, answers, contacts = state.usage, state.survey.answers, state.touchpoint.touchpoints
    if user_id in usage.users:
        usage.users[name] = usage.users.pop(user_id)
    if state.user.people.pop(user_id, None) is not None:  # who it is goes; what they did counts on
        state.user.changes += 1
    if user_id in usage.remembered:
        usage.remembered[name] = usage.remembered.pop(user_id)
    for response_id, answer in answers.items():
        if answer.user_id == user_id:
            answers[response_id] = replace(answer, user_id=name)
    for event_id, touchpoint in contacts.items():
        if touchpoint.user_id == user_id:
            contacts[event_id] = replace(touchpoint, user_id=name)
