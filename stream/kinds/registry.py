"""Every kind of event, by name: topics, decoding, folding, schemas, sources, replay and docs derive from this table.

A kind that forgets a part is an error when this module is imported.
"""

from typing import Any, Final, get_args

from msgspec.structs import fields

from stream.kinds import account, outcome, subscription, survey, ticket, touchpoint, usage, user
from stream.kinds.kind import EventKind, Kind, Source
from stream.kinds.state import AccountState

_DECLARED: Final[tuple[EventKind[Any], ...]] = (
    usage.KIND,
    ticket.KIND,
    survey.KIND,
    account.KIND,
    touchpoint.KIND,
    outcome.KIND,
    subscription.KIND,
    user.KIND,
)


def checked(declared: tuple[EventKind[Any], ...], state: type = AccountState) -> dict[Kind, EventKind[Any]]:
    """The kinds by name.

    Raises:
        TypeError: one lacks a part, or two share what must differ; the message says which and what to do.
    """
    names, sources = [kind.name for kind in declared], [kind.source for kind in declared if kind.source is not None]
    if tuple(names) != get_args(Kind):
        raise TypeError(f"stream.kinds.kind.Kind names {get_args(Kind)}, stream.kinds.registry declares {names}")
    if tuple(sources) != get_args(Source):
        raise TypeError(f"stream.kinds.kind.Source names {get_args(Source)}, the kinds declare {sources}")
    parts = {field.name: field.type for field in fields(state)}
    topics: set[str] = set()
    for kind in declared:
        if kind.topic in topics:
            raise TypeError(f"kind {kind.name}: another kind has its topic, {kind.topic}")
        topics.add(kind.topic)
        if (kind.fold is None) == (kind.fold_batch is None):
            raise TypeError(f"kind {kind.name}: expected either fold or fold_batch")
        if kind.state is not None and parts.get(kind.name) is not kind.state:
            raise TypeError(f"kind {kind.name}: AccountState needs a field {kind.name}: {kind.state.__name__}")
        if not (kind.contract.__doc__ or "").strip():
            raise TypeError(f"kind {kind.name}: {kind.contract.__name__} needs a docstring; its schema shows it")
        counted = {"late", "overflow"} | ({"repeated"} if kind.counts_repeats else set())
        counted |= {"newest_ms"} if kind.source is not None else set()
        kept = set() if kind.state is None else {field.name for field in fields(kind.state)}
        if kind.state is not None and not counted <= kept:
            raise TypeError(f"kind {kind.name}: {kind.state.__name__} needs the fields {sorted(counted - kept)}")
    return {kind.name: kind for kind in declared}


KINDS: Final = checked(_DECLARED)
