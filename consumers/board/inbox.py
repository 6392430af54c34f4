"""The alerts page as an inbox: which open alerts a query leaves, in the order in which to look at them. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, get_args

from alerts.model import Alert, Severity
from consumers.board.account_index import NONE_CHOICE
from consumers.board.alert_log import Episode

State = Literal["unassigned", "acknowledged", "snoozed"]
STATES: Final[tuple[State, ...]] = get_args(State)


@dataclass(frozen=True)
class AlertQuery:
    """Which open alerts to list; None: all.

    Attributes:
        search: words that must all be in the account's name or id, or in the headline.
        owner: of the account; `none`: without one.
        state: whether somebody has it, or has put it off.
        severity, segment: only those.
    """

    search: str = ""
    owner: str | None = None
    state: State | None = None
    severity: Severity | None = None
    segment: str | None = None


@dataclass(frozen=True)
class Inbox:
    """What a query finds.

    Attributes:
        episodes: in order: what nobody has first, the worst and newest of it in front; what is snoozed last.
        total: how many alerts are open.
        states: how many each state has, under all filters but that of the state.
        owners, segments: with how many open alerts each has, the most first.
    """

    episodes: list[Episode]
    total: int
    states: Counter[State]
    owners: list[tuple[str, int]] = field(default_factory=list)
    segments: list[tuple[str, int]] = field(default_factory=list)


def state_of(alert: Alert, now: datetime) -> State:
    """Whether somebody has an open alert, or has put it off."""
    if alert.snoozed_until is not None and alert.snoozed_until > now:
        return "snoozed"
    return "acknowledged" if alert.acknowledged_by is not None else "unassigned"


def inbox(open_episodes: Iterable[Episode], query: AlertQuery, now: datetime) -> Inbox:
    """The open alerts of a query.

    Args:
        open_episodes: all that are open, the worst and newest first.
        query: which of them.
        now: the moment, for what is snoozed.
    """
    found = list(open_episodes)
    left = [each for each in found if _matches(each.alert, query)]
    states = Counter(state_of(each.alert, now) for each in left)
    if query.state is not None:
        left = [each for each in left if state_of(each.alert, now) == query.state]
    left.sort(key=lambda each: STATES.index(state_of(each.alert, now)))
    return Inbox(
        left,
        len(found),
        states,
        _counted(each.alert.owner for each in found),
        _counted(each.alert.segment for each in found),
    )


def _matches(alert: Alert, query: AlertQuery) -> bool:
    if query.owner is not None and (alert.owner or NONE_CHOICE) != query.owner:
        return False
    if query.segment is not None and (alert.segment or NONE_CHOICE) != query.segment:
        return False
    if query.severity is not None and alert.severity != query.severity:
        return False
    text = f"{alert.account_name}\n{alert.account_id}\n{alert.headline}\n{alert.reason}".casefold()
    return all(word in text for word in query.search.casefold().split())


def _counted(names: Iterable[str | None]) -> list[tuple[str, int]]:
    counts = Counter(name or NONE_CHOICE for name in names)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
