"""An account's subscriptions together: since when it is a customer, and what moved its revenue, net by day.

Pure. A movement is the difference between what an account held yesterday and what it holds today, both at today's rate;
so what rates alone do is never expansion, and start + movements + fx = end holds to the minor unit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

from consumers.portfolio.days import FOREVER
from consumers.portfolio.money import Rates
from consumers.portfolio.subscription_history import RevenueInterval

MovementKind = Literal["new", "reactivation", "expansion", "contraction", "churn"]

MOVEMENT_KINDS: Final[tuple[MovementKind, ...]] = MovementKind.__args__  # type: ignore[attr-defined]
GAINS: Final = frozenset({"new", "reactivation", "expansion"})

# Why: beside the kind. cross_sell: a product that the account did not hold the day before.
Detail = Literal["", "resumed", "paused", "cross_sell", "voluntary", "involuntary", "not_renewed"]


@dataclass(frozen=True, slots=True)
class Movement:
    """What one day changed.

    Attributes:
        day: the first on which it holds.
        minor: annual recurring revenue gained or lost, in the company's minor units, 0 or more.
        unvalued: whether a currency of it had no rate that day, so that `minor` leaves it out.
        event_id: of the change that moved most of it; None where only time passed.
    """

    day: int
    kind: MovementKind
    minor: int
    detail: Detail
    unvalued: bool
    event_id: str | None


@dataclass(frozen=True, slots=True)
class Spell:
    """Days in a row on which the account is a customer: from a day up to, but without, another."""

    from_day: int
    to_day: int


def movements(intervals: Sequence[RevenueInterval], rates: Rates, pause_is_churn: bool = False) -> list[Movement]:
    """What moved the revenue of whatever these intervals belong to, in order.

    Args:
        intervals: an account's, or those of one product of it.
        rates: to the company's currency.
        pause_is_churn: whether an account of which all is paused is no customer.
    """
    found: list[Movement] = []
    was_ever = False
    for day in _days_of_change(intervals):
        before = [each for each in intervals if each.from_day < day <= each.to_day]
        after = [each for each in intervals if each.from_day <= day < each.to_day]
        held, holds = _is_customer(before, pause_is_churn), _is_customer(after, pause_is_churn)
        change = sum(_value(each, rates, day) for each in after) - sum(_value(each, rates, day) for each in before)
        kind: MovementKind
        if holds and not held:
            kind = "reactivation" if was_ever else "new"
        elif held and not holds:
            kind = "churn"
        elif change != 0:
            kind = "expansion" if change > 0 else "contraction"
        else:
            continue
        was_ever = was_ever or holds
        unvalued = any(rates.at(each.currency, day) is None for each in (*before, *after))
        found.append(
            Movement(day, kind, abs(change), _detail(kind, before, after), unvalued, _cause(kind, day, before, after))
        )
    return found


def spells(intervals: Iterable[RevenueInterval], pause_is_churn: bool = False) -> list[Spell]:
    """When the account is a customer, in order; days in a row are one spell."""
    days = sorted((each.from_day, each.to_day) for each in intervals if not (pause_is_churn and each.paused))
    found: list[Spell] = []
    for from_day, to_day in days:
        if found and from_day <= found[-1].to_day:
            found[-1] = Spell(found[-1].from_day, max(found[-1].to_day, to_day))
        else:
            found.append(Spell(from_day, to_day))
    return found


def by_product(intervals: Iterable[RevenueInterval]) -> dict[str, list[RevenueInterval]]:
    """The intervals of each product that has a name."""
    named = sorted((each for each in intervals if each.product is not None), key=lambda each: each.product or "")
    return {product: list(group) for product, group in groupby(named, key=lambda each: each.product or "")}


def _days_of_change(intervals: Iterable[RevenueInterval]) -> list[int]:
    days = {day for each in intervals for day in (each.from_day, each.to_day)}
    return sorted(days - {FOREVER})


def _is_customer(intervals: Sequence[RevenueInterval], pause_is_churn: bool) -> bool:
    return any(not each.paused for each in intervals) if pause_is_churn else bool(intervals)


def _value(interval: RevenueInterval, rates: Rates, day: int) -> int:
    return rates.value(interval.arr_minor, interval.currency, day) or 0


def _detail(kind: MovementKind, before: Sequence[RevenueInterval], after: Sequence[RevenueInterval]) -> Detail:
    if kind == "churn":
        ended = [each for each in before if each.end_reason is not None or each.end_event_id is not None]
        if any(each.involuntary for each in ended):
            return "involuntary"
        return "not_renewed" if ended and all(each.end_event_id is None for each in ended) else "voluntary"
    paused_before = {each.subscription for each in before if each.paused}
    paused_after = {each.subscription for each in after if each.paused}
    if kind == "contraction":
        return "paused" if paused_after - paused_before else ""
    if kind == "expansion":
        if paused_before - paused_after:
            return "resumed"
        products = {each.product for each in before}
        return "cross_sell" if any(each.product not in products for each in after) else ""
    return ""


def _cause(
    kind: MovementKind, day: int, before: Sequence[RevenueInterval], after: Sequence[RevenueInterval]
) -> str | None:
    """The event behind it: of what began that day where something was gained, of what ended where it was lost."""
    began = sorted((each for each in after if each.from_day == day), key=lambda each: (-each.arr_minor, each.event_id))
    ended = sorted(
        (each for each in before if each.to_day == day and each.end_event_id is not None),
        key=lambda each: (-each.arr_minor, each.end_event_id or ""),
    )
    if kind in GAINS or not ended:
        return began[0].event_id if began else None
    return ended[0].end_event_id
