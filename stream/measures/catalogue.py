"""All measures of one account, put together, or only those that are wanted."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final, NamedTuple

from stream.kinds.state import AccountState
from stream.measures.account_view import AccountView, Availability
from stream.measures.active_users import Measures
from stream.measures.champions import breadth_change, champions
from stream.measures.contact import contact, contact_by_kind, feedback
from stream.measures.context import MeasureContext
from stream.measures.engagement import engagement
from stream.measures.engagement_change import change, concentration, course, pause
from stream.measures.features import depth, features
from stream.measures.goals import attainment, goals
from stream.measures.launches import launches
from stream.measures.lifecycle import lifecycle
from stream.measures.product_config import NO_PRODUCT_CONFIG, ProductConfig, progress
from stream.measures.reach import reach, windows
from stream.measures.renewal import renewal
from stream.measures.sentiment import sentiment_of
from stream.measures.support import support_load

Make = Callable[[MeasureContext], Measures]


class Family(NamedTuple):
    """Measures that are made together.

    Attributes:
        make: makes them, always the same ones.
        is_told: whether there is anything to make them by; without it they are those of an account that nobody knows.
    """

    make: Make
    is_told: Callable[[Availability], bool]


def _product(context: MeasureContext) -> Measures:
    """First value and milestones."""
    return progress(context.state, context.day, context.account.product)


def _sittings(context: MeasureContext) -> Measures:
    """Sessions, which engagement asks for, too."""
    return context.sittings


# The cheap ones that every scorecard asks for stand alone.
FAMILIES: Final[tuple[Family, ...]] = (
    Family(windows, lambda availability: availability.use or availability.seats),
    Family(reach, lambda availability: availability.use or availability.seats),
    Family(concentration, lambda availability: availability.use),
    Family(change, lambda availability: availability.use),
    Family(pause, lambda availability: availability.use),
    Family(course, lambda availability: availability.month_before),
    Family(depth, lambda availability: availability.core_features),
    Family(features, lambda availability: availability.use or availability.core_features),
    Family(_product, lambda availability: availability.value),
    Family(support_load, lambda availability: availability.use or availability.tickets),
    Family(sentiment_of, lambda availability: availability.answers),
    Family(breadth_change, lambda availability: availability.month_before),
    Family(champions, lambda availability: availability.month_before),
    Family(_sittings, lambda availability: availability.sessions),
    Family(
        engagement,
        lambda availability: (
            availability.use and (availability.seats or availability.core_features or availability.sessions)
        ),
    ),
    Family(launches, lambda availability: availability.launches),
    Family(contact, lambda availability: availability.touchpoints),
    Family(contact_by_kind, lambda availability: availability.touchpoints),
    Family(feedback, lambda availability: availability.touchpoints or availability.follow_up),
    Family(goals, lambda availability: availability.goals),
    Family(attainment, lambda availability: availability.goals),
    Family(renewal, lambda availability: availability.renewal),
    Family(lifecycle, lambda availability: availability.use or availability.renewal or availability.stages),
)


def measure(
    state: AccountState,
    as_of_ms: int,
    core_features: frozenset[str] = frozenset(),
    product: ProductConfig = NO_PRODUCT_CONFIG,
    wanted: frozenset[str] | None = None,
) -> Measures:
    """The measures of one account.

    Args:
        state: its facts.
        as_of_ms: the moment, epoch milliseconds.
        core_features: the product's catalogue; empty: depth and balance are None.
        product: its key actions and milestones, and when its customers work.
        wanted: ids of the measures that are wanted; None: all. Others may come with them.

    Returns:
        Measure id to value: numbers, None where unknown, and a few mappings (per feature, priority, category).
    """
    context = MeasureContext(AccountView(state, as_of_ms, core_features, product), as_of_ms)
    return completed(context, frozenset(), {}) if wanted is None else measured(context, wanted)


def measured(context: MeasureContext, wanted: frozenset[str]) -> Measures:
    """The wanted measures of one account as of one moment; others may come with them."""
    found: Measures = {}
    for make in _makers(wanted):
        found.update(make(context))
    return found


def completed(context: MeasureContext, wanted: frozenset[str], known: Measures) -> Measures:
    """All measures, of which `measured` has made the wanted ones already."""
    makers, unknown = _rest(wanted, context.account.availability)
    found = unknown.copy()
    found.update(known)
    for make in makers:
        found.update(make(context))
    return found


@cache
def _makers(wanted: frozenset[str]) -> tuple[Make, ...]:
    """What makes the wanted measures."""
    return tuple(family.make for family in FAMILIES if not wanted.isdisjoint(_of_nobody(family)))


@lru_cache(4096)
def _rest(made: frozenset[str], availability: Availability) -> tuple[tuple[Make, ...], Measures]:
    """What makes the other measures, where there is something to make them by; and all as nobody's account has them."""
    unknown: Measures = {}
    for family in FAMILIES:
        unknown.update(_of_nobody(family))
    makers = set(_makers(made))
    return tuple(
        family.make for family in FAMILIES if family.is_told(availability) and family.make not in makers
    ), unknown


@cache
def _of_nobody(family: Family) -> Measures:
    """The measures of a family as they are of an account of which nothing is known."""
    return family.make(MeasureContext(AccountView(AccountState(), 0, frozenset(), NO_PRODUCT_CONFIG), 0))
