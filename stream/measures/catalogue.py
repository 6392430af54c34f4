"""All measures of one account, put together, or only those that are wanted."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final, NamedTuple

from stream.kinds.account import AccountState
from stream.measures.account_view import Facts, Told
from stream.measures.active_users import Measures
from stream.measures.champions import breadth_change, champions
from stream.measures.contact import contact, contact_by_kind, feedback
from stream.measures.context import Asked
from stream.measures.engagement import engagement
from stream.measures.engagement_change import change, concentration, course, pause
from stream.measures.features import depth, features
from stream.measures.goals import attainment, goals
from stream.measures.launches import launches
from stream.measures.lifecycle import lifecycle
from stream.measures.product_config import NO_JOURNEY, Journey, progress
from stream.measures.reach import reach, windows
from stream.measures.renewal import renewal
from stream.measures.sentiment import sentiment_of
from stream.measures.support import support_load

Make = Callable[[Asked], Measures]


class Family(NamedTuple):
    """Measures that are made together.

    Attributes:
        make: makes them, always the same ones.
        is_told: whether there is anything to make them by; without it they are those of an account that nobody knows.
    """

    make: Make
    is_told: Callable[[Told], bool]


def _journey(asked: Asked) -> Measures:
    """First value and milestones."""
    return progress(asked.state, asked.day, asked.facts.journey)


def _sittings(asked: Asked) -> Measures:
    """Sessions, which engagement asks for, too."""
    return asked.sittings


# The cheap ones that every scorecard asks for stand alone.
FAMILIES: Final[tuple[Family, ...]] = (
    Family(windows, lambda told: told.use or told.seats),
    Family(reach, lambda told: told.use or told.seats),
    Family(concentration, lambda told: told.use),
    Family(change, lambda told: told.use),
    Family(pause, lambda told: told.use),
    Family(course, lambda told: told.month_before),
    Family(depth, lambda told: told.core_features),
    Family(features, lambda told: told.use or told.core_features),
    Family(_journey, lambda told: told.value),
    Family(support_load, lambda told: told.use or told.tickets),
    Family(sentiment_of, lambda told: told.answers),
    Family(breadth_change, lambda told: told.month_before),
    Family(champions, lambda told: told.month_before),
    Family(_sittings, lambda told: told.sessions),
    Family(engagement, lambda told: told.use and (told.seats or told.core_features or told.sessions)),
    Family(launches, lambda told: told.launches),
    Family(contact, lambda told: told.touchpoints),
    Family(contact_by_kind, lambda told: told.touchpoints),
    Family(feedback, lambda told: told.touchpoints or told.follow_up),
    Family(goals, lambda told: told.goals),
    Family(attainment, lambda told: told.goals),
    Family(renewal, lambda told: told.renewal),
    Family(lifecycle, lambda told: told.use or told.renewal or told.stages),
)


def measure(
    state: AccountState,
    as_of_ms: int,
    core_features: frozenset[str] = frozenset(),
    journey: Journey = NO_JOURNEY,
    wanted: frozenset[str] | None = None,
) -> Measures:
    """The measures of one account.

    Args:
        state: its facts.
        as_of_ms: the moment, epoch milliseconds.
        core_features: the product's catalogue; empty: depth and balance are None.
        journey: its key actions and milestones, and when its customers work.
        wanted: ids of the measures that are wanted; None: all. Others may come with them.

    Returns:
        Measure id to value: numbers, None where unknown, and a few mappings (per feature, priority, category).
    """
    asked = Asked(Facts(state, as_of_ms, core_features, journey), as_of_ms)
    return completed(asked, frozenset(), {}) if wanted is None else measured(asked, wanted)


def measured(asked: Asked, wanted: frozenset[str]) -> Measures:
    """The wanted measures of one account as of one moment; others may come with them."""
    found: Measures = {}
    for make in _makers(wanted):
        found.update(make(asked))
    return found


def completed(asked: Asked, wanted: frozenset[str], known: Measures) -> Measures:
    """All measures, of which `measured` has made the wanted ones already."""
    makers, unknown = _rest(wanted, asked.facts.told)
    found = unknown.copy()
    found.update(known)
    for make in makers:
        found.update(make(asked))
    return found


@cache
def _makers(wanted: frozenset[str]) -> tuple[Make, ...]:
    """What makes the wanted measures."""
    return tuple(family.make for family in FAMILIES if not wanted.isdisjoint(_of_nobody(family)))


@lru_cache(4096)
def _rest(made: frozenset[str], told: Told) -> tuple[tuple[Make, ...], Measures]:
    """What makes the other measures, where there is something to make them by; and all as nobody's account has them."""
    unknown: Measures = {}
    for family in FAMILIES:
        unknown.update(_of_nobody(family))
    makers = set(_makers(made))
    return tuple(family.make for family in FAMILIES if family.is_told(told) and family.make not in makers), unknown


@cache
def _of_nobody(family: Family) -> Measures:
    """The measures of a family as they are of an account of which nothing is known."""
    return family.make(Asked(Facts(AccountState(), 0, frozenset(), NO_JOURNEY), 0))
