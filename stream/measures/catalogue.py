"""All measures of one account, put together, or only those that are wanted; what the declarations say of all of them.

Every module of this package is imported, so that what one of them declares (`stream.measures.registry`) is known.
"""

import pkgutil
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Final

from stream.kinds.state import AccountState
from stream.measures.account_view import AccountView, Availability
from stream.measures.context import MeasureContext
from stream.measures.product_config import NO_PRODUCT_CONFIG, ProductConfig
from stream.measures.registry import EXACT_DAYS, GROUPS, MEASURES, NEVER, SOURCES, Formula, MeasureGroup, Measures
from stream.topics import Source


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
    for formula in _formulas(wanted):
        found |= formula(context)
    return found


def completed(
    context: MeasureContext, wanted: frozenset[str], known: Measures, of: frozenset[str] | None = None
) -> Measures:
    """All measures, or some, of which `measured` has made the wanted ones already.

    Args:
        context: the account as of the moment.
        wanted: those that were made, ...
        known: ... with their values.
        of: ids of those that are asked for; None: all. Others come with them.
    """
    formulas, nulls = _others(wanted, context.account.availability, of)
    found = nulls.copy()
    found.update(known)
    for formula in formulas:
        found |= formula(context)
    return found


@cache
def _formulas(wanted: frozenset[str]) -> tuple[Formula, ...]:
    """What makes the wanted measures."""
    return tuple(group.formula for group in GROUPS if not wanted.isdisjoint(null_values(group)))


@lru_cache(4096)
def _others(
    made: frozenset[str], availability: Availability, of: frozenset[str] | None
) -> tuple[tuple[Formula, ...], Measures]:
    """What makes the other measures, where there is something to make them by; and all as nobody's account has them."""
    nulls: Measures = {}
    asked = [group for group in GROUPS if of is None or not of.isdisjoint(null_values(group))]
    for group in asked:
        nulls.update(null_values(group))
    known = set(_formulas(made))
    return tuple(
        group.formula for group in asked if group.available(availability) and group.formula not in known
    ), nulls


@cache
def null_values(group: MeasureGroup) -> Measures:
    """The measures of a group as they are of an account of which nothing is known."""
    return group.formula(MeasureContext(AccountView(AccountState(), 0, frozenset(), NO_PRODUCT_CONFIG), 0))


def known_at(wanted: frozenset[str], ahead_days: int) -> tuple[frozenset[str], tuple[str, ...]]:
    """The wanted measures that are known as of so many days before the account's newest usage, and those that are not.

    >>> known, unknown = known_at(frozenset({"mau", "balance", "champions"}), 7)
    >>> sorted(known), unknown
    (['champions', 'mau'], ('balance',))
    """
    return _known_at(wanted, min(max(ahead_days, 0), EXACT_DAYS))


@cache
def _known_at(wanted: frozenset[str], ahead_days: int) -> tuple[frozenset[str], tuple[str, ...]]:
    """The same, for no more days than make a difference."""
    unknown = [name for name, history_days in HISTORY_DAYS.items() if name in wanted and ahead_days > history_days]
    return wanted.difference(unknown), tuple(unknown)


def _check(group: MeasureGroup) -> None:
    """A group makes what it declares, and None only of what may be None.

    Raises:
        TypeError: it does not; names the measure.
    """
    name, values = f"{group.formula.__module__}.{group.formula.__name__}", null_values(group)
    declared = {measure.id: measure for measure in group.declared}
    if odd := sorted(declared.keys() ^ values.keys()):
        raise TypeError(f"{name}: makes and declares different measures: {', '.join(odd)}; name each on both sides")
    if unknown := [each for each, value in values.items() if value is None and declared[each].none_when == NEVER]:
        raise TypeError(f"{name}: {', '.join(unknown)} can be None; declare none_when")


for _module in pkgutil.iter_modules([str(Path(__file__).parent)]):
    import_module(f"{__package__}.{_module.name}")
for _group in GROUPS:
    _check(_group)

# What a scorecard may name: every measure that is one number, with its source and unit.
SCORABLE: Final[dict[str, tuple[Source, str]]] = {
    name: (SOURCES[name], found.unit) for name, found in MEASURES.items() if found.is_number
}
# As of how many days before the newest usage a measure is known; of what is not named, of at least EXACT_DAYS.
HISTORY_DAYS: Final[dict[str, int]] = {
    name: found.history_days for name, found in MEASURES.items() if found.history_days < EXACT_DAYS
}
# What alert rules read, of which a change is published with the next scan, and what moves by more than time alone.
SCAN_FACTS: Final = frozenset(name for name, found in MEASURES.items() if found.published == "scan")
DAY_FACTS: Final = frozenset(name for name, found in MEASURES.items() if found.published != "clock")
COUNTS_WHEN_DESERTED: Final = frozenset(name for name, found in MEASURES.items() if found.counts_when_deserted)
