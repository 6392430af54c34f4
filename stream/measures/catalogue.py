"""All measures of one account, put together, or only those that are wanted."""

from collections.abc import Callable
from functools import cache
from typing import Final

from stream.account import AccountState
from stream.journey import NO_JOURNEY, Journey, progress
from stream.measures.asked import Asked
from stream.measures.champions import breadth_change, champions
from stream.measures.contact import contact, contact_by_kind, feedback
from stream.measures.engagement import engagement
from stream.measures.features import depth, features
from stream.measures.goals import attainment, goals
from stream.measures.habit import change, concentration, course, pause
from stream.measures.launches import launches
from stream.measures.lifecycle import lifecycle
from stream.measures.reach import reach, windows
from stream.measures.renewal import renewal
from stream.measures.sentiment import sentiment_of
from stream.measures.support import support_load
from stream.measures.tally import Measures

Family = Callable[[Asked], Measures]


def _journey(asked: Asked) -> Measures:
    """First value and milestones."""
    return progress(asked.state, asked.day, asked.journey)


def _sittings(asked: Asked) -> Measures:
    """Sessions, which engagement asks for, too."""
    return asked.sittings


# Each makes some measures, and always the same ones. The cheap ones that every scorecard asks for stand alone.
FAMILIES: Final[tuple[Family, ...]] = (
    windows,
    reach,
    concentration,
    change,
    pause,
    course,
    depth,
    features,
    _journey,
    support_load,
    sentiment_of,
    breadth_change,
    champions,
    _sittings,
    engagement,
    launches,
    contact,
    contact_by_kind,
    feedback,
    goals,
    attainment,
    renewal,
    lifecycle,
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
    asked = Asked(state, as_of_ms, core_features, journey)
    found: Measures = {}
    for family in FAMILIES if wanted is None else _families(wanted):
        found.update(family(asked))
    return found


@cache
def _families(wanted: frozenset[str]) -> tuple[Family, ...]:
    """The families that make the wanted measures."""
    nobody = Asked(AccountState(), 0, frozenset(), NO_JOURNEY)
    return tuple(family for family in FAMILIES if not wanted.isdisjoint(family(nobody)))
