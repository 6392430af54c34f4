"""How well a number tells who leaves: pure statistics over landmarks, with intervals by bootstrap over accounts.

A landmark is one account at one month-end. Landmarks of one account resemble each other, so what is drawn again is
whole accounts: an interval says how much a figure would move with other accounts, and not with other days of the same
ones. A bootstrap sample is a weight for each account (how often it was drawn), so nothing is copied.
"""

from collections.abc import Iterator
from math import exp, log
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

COVERED_RATIO: Final = 0.95  # of the bootstrap's figures lie within an interval


class Interval(NamedTuple):
    """The middle 95 % of what a bootstrap found."""

    low: float
    high: float


class Estimate(NamedTuple):
    """A figure with its interval; the interval is None where too few samples gave a figure."""

    value: float
    interval: Interval | None


def auroc(risk: Floats, event: Flags, weight: Floats | None = None) -> float | None:
    """The chance that a landmark before a churn has a higher risk than one that is not; ties count half.

    Args:
        risk: any number that grows with the risk, one a landmark; no nan.
        event: whether the account churned within the horizon.
        weight: of each landmark, >= 0; None: 1 each.

    Returns:
        0..1, 0.5 is chance; None where there are no landmarks of one of the two kinds.

    Source: Hanley and McNeil, Radiology 143 (1982); the area equals the Mann-Whitney U statistic over its maximum.

    >>> auroc(np.array([3.0, 2.0, 2.0, 1.0]), np.array([True, True, False, False]))
    0.875
    """
    return _Ranked(risk, event).auroc(_ones(risk) if weight is None else weight)


def average_precision(risk: Floats, event: Flags, weight: Floats | None = None) -> float | None:
    """Mean precision over the events, as the threshold falls from the highest risk; the base rate is chance.

    Args, None rule: as for `auroc`.

    >>> average_precision(np.array([4.0, 3.0, 2.0, 1.0]), np.array([True, False, True, False]))
    0.8333333333333333
    """
    return _Ranked(risk, event).average_precision(_ones(risk) if weight is None else weight)


class _Ranked:
    """Landmarks in the order of their risk, sorted once for all samples of a bootstrap."""

    def __init__(self, risk: Floats, event: Flags) -> None:
        self._order = np.argsort(risk, kind="stable")
        self._event = event[self._order].astype(np.float64)
        ascending = risk[self._order]
        self._starts = np.flatnonzero(np.r_[True, ascending[1:] != ascending[:-1]]) if len(risk) else np.zeros(0, int)

    def _by_risk(self, weight: Floats) -> tuple[Floats, Floats]:
        """Weight of the landmarks (with an event, without) at each distinct risk, ascending."""
        ordered = weight[self._order]
        events = ordered * self._event
        if not len(ordered):
            return events, events
        return np.add.reduceat(events, self._starts), np.add.reduceat(ordered - events, self._starts)

    def auroc(self, weight: Floats) -> float | None:
        with_event, without = self._by_risk(weight)
        pairs = with_event.sum() * without.sum()
        if pairs <= 0:
            return None
        lower = np.cumsum(without) - without
        return float((with_event * (lower + without / 2)).sum() / pairs)

    def average_precision(self, weight: Floats) -> float | None:
        with_event, without = self._by_risk(weight)
        events = with_event.sum()
        if events <= 0 or without.sum() <= 0:
            return None
        found = np.cumsum(with_event[::-1])
        named = found + np.cumsum(without[::-1])
        precision = np.divide(found, named, out=np.zeros_like(found), where=named > 0)
        return float((precision * with_event[::-1]).sum() / events)


def concordance(risk: Floats, days: Floats, event: Flags, account: Ints) -> float | None:
    """Harrell's C: of two landmarks of different accounts of which it is known which churned first, how often that one
    had the higher risk; ties of the risk count half.

    Args:
        risk: as for `auroc`.
        days: from each landmark to the churn, or to the end of observation.
        event: whether `days` ends with a churn (at any distance, not only within a horizon).
        account: a number an account; pairs within one are left out, for its later month-end is nearer to its churn.

    Returns:
        0..1, 0.5 is chance; None without such a pair.

    Source: Harrell, Califf, Pryor, Lee and Rosati, JAMA 247 (1982).
    """
    every = _concordant(risk, days, event)
    within = np.zeros(2)
    for rows in _rows_by(account):
        within += _concordant(risk[rows], days[rows], event[rows])
    right, pairs = every - within
    return float(right / pairs) if pairs > 0 else None


def _concordant(risk: Floats, days: Floats, event: Flags) -> NDArray[np.float64]:
    """(pairs ranked right, ties as halves; pairs), where the first of a pair churned and the second outlived it."""
    _, rank = np.unique(risk, return_inverse=True)
    tree = [0] * (int(rank.max(initial=0)) + 2)  # how many outliving landmarks have each risk, as a Fenwick tree
    right, pairs, outliving = 0.0, 0, 0
    order = np.argsort(-days, kind="stable")
    at = 0
    while at < len(order):
        end = at
        while end < len(order) and days[order[end]] == days[order[at]]:
            end += 1
        same_day = order[at:end]
        # Who is censored on the day of a churn has outlived it.
        for row in same_day[~event[same_day]]:
            _add(tree, int(rank[row]))
        outliving += int((~event[same_day]).sum())
        churned = same_day[event[same_day]]
        for row in churned:
            below, upto = _below(tree, int(rank[row])), _below(tree, int(rank[row]) + 1)
            right += below + (upto - below) / 2
        pairs += outliving * len(churned)
        for row in churned:
            _add(tree, int(rank[row]))
        outliving += len(churned)
        at = end
    return np.array([right, pairs], dtype=np.float64)


def _add(tree: list[int], rank: int) -> None:
    at = rank + 1
    while at < len(tree):
        tree[at] += 1
        at += at & -at


def _below(tree: list[int], rank: int) -> int:
    """How many were added with a smaller rank."""
    count, at = 0, rank
    while at > 0:
        count += tree[at]
        at -= at & -at
    return count


def _rows_by(account: Ints) -> list[Ints]:
    """The rows of each account."""
    order = np.argsort(account, kind="stable")
    bounds = np.flatnonzero(np.diff(account[order])) + 1
    return list(np.split(order, bounds)) if len(order) else []


def samples(account: Ints, replicates: int, seed: int = 1) -> Iterator[Floats]:
    """The weights of landmarks in each bootstrap sample: how often their account was drawn, with replacement.

    Source: Field and Welsh, Bootstrapping clustered data, J. R. Statist. Soc. B 69 (2007).
    """
    names, inverse = np.unique(account, return_inverse=True)
    random = np.random.default_rng(seed)
    for _ in range(replicates):
        drawn = np.bincount(random.integers(0, len(names), len(names)), minlength=len(names))
        yield drawn[inverse].astype(np.float64)


def interval_of(found: list[float | None], at_least: int = 20) -> Interval | None:
    """The middle of a bootstrap's figures; None where fewer than `at_least` samples gave one."""
    known = [value for value in found if value is not None]
    if len(known) < at_least:
        return None
    tail = (1 - COVERED_RATIO) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return Interval(float(low), float(high))


class Discrimination(NamedTuple):
    """What a predictor's bootstrap found: the figures, and each sample's AUROC to compare it with another's."""

    auroc: Estimate
    average_precision: Estimate
    auroc_of_samples: list[float | None]


def discrimination(risk: Floats, event: Flags, account: Ints, replicates: int, seed: int = 1) -> Discrimination | None:
    """AUROC and average precision of one predictor with their intervals; None where one kind of landmark is missing.

    With the same seed and accounts every predictor is measured on the same samples, so differences are paired.
    """
    ranked, ones = _Ranked(risk, event), _ones(risk)
    area, precision = ranked.auroc(ones), ranked.average_precision(ones)
    if area is None or precision is None:
        return None
    areas: list[float | None] = []
    precisions: list[float | None] = []
    for weight in samples(account, replicates, seed):
        areas.append(ranked.auroc(weight))
        precisions.append(ranked.average_precision(weight))
    return Discrimination(Estimate(area, interval_of(areas)), Estimate(precision, interval_of(precisions)), areas)


def difference(first: Discrimination, second: Discrimination) -> Estimate:
    """By how much the first one's AUROC is above the second's, paired over the same samples."""
    pairs = zip(first.auroc_of_samples, second.auroc_of_samples, strict=True)
    found = [a - b if a is not None and b is not None else None for a, b in pairs]
    return Estimate(first.auroc.value - second.auroc.value, interval_of(found))


def share(event: Flags, account: Ints, replicates: int, seed: int = 1) -> Estimate | None:
    """The share of landmarks with an event; None without any landmark."""
    if not len(event):
        return None
    numbers = event.astype(np.float64)
    found: list[float | None] = []
    for weight in samples(account, replicates, seed):
        whole = weight.sum()
        found.append(float((weight * numbers).sum() / whole) if whole > 0 else None)
    return Estimate(float(numbers.mean()), interval_of(found))


def curve(risk: Floats, event: Flags) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """The points of the ROC curve (false alarm rate, recall) and of precision over recall, as the threshold falls."""
    order = np.argsort(-risk, kind="stable")
    last = np.flatnonzero(np.r_[np.diff(risk[order]) != 0, True]) if len(risk) else np.zeros(0, int)
    found = np.cumsum(event[order])[last]
    named = last + 1.0
    events, others = max(float(event.sum()), 1.0), max(float((~event).sum()), 1.0)
    roc = [(0.0, 0.0), *zip(((named - found) / others).tolist(), (found / events).tolist(), strict=True)]
    return roc, list(zip((found / events).tolist(), (found / named).tolist(), strict=True))


def right_share(risk: Floats, event: Flags, account: Ints) -> dict[int, float]:
    """Of each account's comparisons with landmarks of the other kind, the share that is ranked right; ties half.

    The mean over all comparisons is the AUROC, so these are the accounts' own parts of it.
    """
    with_event, without = np.sort(risk[event]), np.sort(risk[~event])
    if not len(with_event) or not len(without):
        return {}
    lower = (np.searchsorted(without, risk, "left") + np.searchsorted(without, risk, "right")) / 2
    higher = (
        len(with_event) - (np.searchsorted(with_event, risk, "left") + np.searchsorted(with_event, risk, "right")) / 2
    )
    right = np.where(event, lower, higher)
    pairs = np.where(event, float(len(without)), float(len(with_event)))
    return {int(account[rows[0]]): float(right[rows].sum() / pairs[rows].sum()) for rows in _rows_by(account)}


def chance_recall(pages_a_day: float, horizon_days: float) -> float:
    """How many of the churns would have a page within the horizon before them, were pages timed at random.

    A Poisson stream of pages at the same rate; 0..1.

    >>> round(chance_recall(0.76 / 365, 180), 2)
    0.31
    """
    return 1 - exp(-pages_a_day * horizon_days)


def chance_lead_days(pages_a_day: float, horizon_days: float) -> float | None:
    """The median days from the first page within the horizon to the churn, were pages timed at random.

    None without pages.

    The first of a Poisson stream, given that it comes within the horizon, comes half of the time within
    -ln((1 + e^(-rate x horizon)) / 2) / rate days of its beginning.
    """
    if pages_a_day <= 0:
        return None
    return horizon_days + log((1 + exp(-pages_a_day * horizon_days)) / 2) / pages_a_day


def _ones(risk: Floats) -> Floats:
    return np.ones(len(risk))
