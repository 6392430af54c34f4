"""What a kind of event is: everything that the worker must know of it, declared once, by the module of the kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar

from stream.calendar.zones import Zone
from stream.contracts.events import InputEvent

Kind = Literal["usage", "ticket", "survey", "account", "touchpoint", "outcome", "subscription", "user"]

# What reports and scorecards call the source that tells of a kind.
Source = Literal["usage", "tickets", "surveys", "touchpoints", "outcomes", "subscriptions"]

E = TypeVar("E", bound=InputEvent)

NO_CHANGE: Final = -1  # a fold found nothing that moves a measure


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKind(Generic[E]):
    """One kind of event.

    Attributes:
        name: what the kind is called: the field `type` of a line in a file, a section of `feeds`, and the part of
            `AccountState` that its events make.
        topic: its input topic, without the prefix of the installation.
        contract: what is accepted.
        state: the part of an account that its events make; None: they change the account itself.
        merge: takes the same part of another account in, as if one account had had the events of both.
        fold: takes one event into that part, in any order of events; returns whether it may have moved a measure.
        fold_batch: the same for several events in their order, where that is cheaper, and with the account's time zone
            (None: UTC); returns the index of the first event that may have moved a measure, or NO_CHANGE.
        source: what reports and scorecards call it; None: it is no source of activity.
        stale_after_days: after how long without an event of any account the source is stale; None: never, since no
            ticket may well mean no trouble.
        counts_repeats: whether its part counts the events that it recognised as repeats.
        ahead: changes an event that is dated ahead of the worker's clock, given "now"; None: it stays as it is, and
            more than a day ahead is refused.
    """

    name: Kind
    topic: str
    contract: type[E]
    state: type[Any] | None
    merge: Callable[[Any, Any], None]
    fold: Callable[[Any, E], bool] | None = None
    fold_batch: Callable[[Any, Sequence[E], Zone | None], int] | None = None
    source: Source | None = None
    stale_after_days: float | None = None
    counts_repeats: bool = False
    ahead: Callable[[Any, int], None] | None = None
