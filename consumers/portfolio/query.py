"""Figures out of the store: their values by period and dimension, and the accounts behind one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from consumers.portfolio.confidence import ratio_interval, wilson
from consumers.portfolio.days import Period
from consumers.portfolio.facts import BY_PRODUCT, Dimension, facts_sql
from consumers.portfolio.figures import Figure, FigureError
from consumers.portfolio.money import half_even
from consumers.portfolio.subscription_history import Rules

_COST_DIMENSIONS: Final = {"acquisition": "campaign", "customer_success": "owner"}
EXPLAIN_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class FigureValue:
    """One figure in one period of one group.

    Attributes:
        group: the dimension's value; None: all together, or not known.
        value: in the figure's unit; None: not known, as a rate over nobody is.
        numerator, denominator: the sums; of a median: the median, and None.
        n: accounts in the denominator, else with a part in the numerator.
        low, high: the 95 % interval of a rate; None where it has none.
    """

    figure: str
    period: str
    group: str | None
    value: float | int | None
    numerator: float | int | None
    denominator: float | int | None
    n: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What one account has in a figure."""

    account: str
    name: str | None
    product: str | None
    group: str | None
    numerator: float | int | None
    denominator: float | int | None


class Query:
    """Asks the store.

    Args:
        cursor: a reader's own connection.
        rules: the company's.
        as_of_day: what is asked about ends with this day.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, rules: Rules, as_of_day: int) -> None:
        self._db = cursor
        self._rules = rules
        self._as_of_day = as_of_day

    @property
    def as_of_day(self) -> int:
        """The last day that is known."""
        return self._as_of_day

    def figures(
        self, wanted: Sequence[Figure], periods: Sequence[Period], by: Dimension | None = None
    ) -> list[FigureValue]:
        """Every wanted figure of every period, by group; periods that have not begun are left out.

        Raises:
            FigureError: a figure is not told by that dimension.
        """
        for figure in wanted:
            _check(figure, by)
        begun = [period for period in periods if period.first_day <= self._as_of_day]
        if not begun or not wanted:
            return []
        rows = self._sums_of(wanted, begun, by)
        kinds = {figure.cost for figure in wanted if figure.cost is not None}
        costs = {kind: self._costs(kind, begun, by) for kind in kinds}
        found = []
        for i, group, *columns in rows:
            for index, figure in enumerate(wanted):
                spent = None
                if figure.cost is not None and (i, None) in costs[figure.cost]:
                    spent = costs[figure.cost].get((i, group), 0)
                six = columns[6 * index : 6 * index + 6]
                found.append(_value(figure, begun[i].name, group, six, spent))
        return found

    def _sums_of(self, wanted: Sequence[Figure], periods: Sequence[Period], by: Dimension | None) -> list[list[Any]]:
        """(period's index, group, then six sums of each figure), in order.

        Figures of revenue and other ones are asked apart: planning one query of both takes longer than two.
        """
        found: dict[tuple[int, str | None], list[Any]] = {}
        nothing = [0, 0, 0, None, None, None]
        for part in (True, False):
            asked = [index for index, figure in enumerate(wanted) if (figure.groups <= BY_PRODUCT) is part]
            if not asked:
                continue
            figures = [wanted[index] for index in asked]
            sums = ", ".join(map(_sums, figures))
            rows = self._db.execute(f"SELECT i, key, {sums} FROM ({self._facts(figures, periods, by)}) GROUP BY i, key")
            for i, group, *columns in rows.fetchall():
                row = found.setdefault((i, group), [i, group, *(nothing * len(wanted))])
                for at, index in enumerate(asked):
                    row[2 + 6 * index : 8 + 6 * index] = columns[6 * at : 6 * at + 6]
        if by is None:  # where nothing at all happened there is no row; its sums are 0
            for i in range(len(periods)):
                found.setdefault((i, None), [i, None, *(nothing * len(wanted))])
        return sorted(found.values(), key=lambda row: (row[0], row[1] is None, row[1] or ""))

    def explain(
        self, figure: Figure, period: Period, by: Dimension | None = None, group: str | None = None
    ) -> list[Part]:
        """The accounts behind a figure, those with the largest part first.

        Args:
            figure: which.
            period: when.
            by: the dimension of the group.
            group: only this one; None: all groups.

        Raises:
            FigureError: it is not told by that dimension.
        """
        _check(figure, by)
        if period.first_day > self._as_of_day:
            return []
        denominator = figure.denominator or "NULL"
        denominator = denominator.removeprefix("DISTINCT ")
        if denominator.startswith("CASE WHEN is_customer = 1 THEN owner"):
            denominator = "(owner IS NOT NULL AND is_customer = 1)::INT"
        rows = self._db.execute(
            f"""
            WITH facts AS ({self._facts([figure], [period], by)})
            SELECT facts.account, f.name, facts.product, facts.key, {figure.numerator} AS numerator,
                {denominator} AS denominator
            FROM facts LEFT JOIN profiles f ON f.account = facts.account AND f.to_day > {period.next_day - 1}
                AND f.from_day < {period.next_day}
            WHERE (numerator <> 0 OR denominator <> 0) {"" if group is None else "AND facts.key = ?"}
            ORDER BY abs(numerator - coalesce(denominator, 0)) DESC NULLS LAST, facts.account
            """,
            [] if group is None else [group],
        ).fetchall()
        return [Part(*row) for row in rows]

    def _facts(self, wanted: Sequence[Figure], periods: Sequence[Period], by: Dimension | None) -> str:
        groups = {name for figure in wanted for name in figure.groups}
        return facts_sql(
            groups,
            periods,
            by,
            self._as_of_day,
            company_currency=self._rules.currency,
            pause_is_churn=self._rules.pause_is_churn,
        )

    def _costs(self, kind: str, periods: Sequence[Period], by: Dimension | None) -> dict[tuple[int, str | None], int]:
        """(period, group) to what it cost, each cost spread over its days so that the parts add up to the whole.

        Of a period of which no cost is told there is nothing; of any other one there is an entry without a group.
        """
        column = "NULL" if by is None else by
        rows = self._db.execute(
            f"SELECT {column}, minor, from_day, next_day FROM costs WHERE kind = ?",
            [kind],
        ).fetchall()
        found: dict[tuple[int, str | None], int] = {}
        for group, minor, from_day, next_day in rows:
            for i, period in enumerate(periods):
                first = max(period.first_day, from_day)
                after = min(period.next_day, next_day, self._as_of_day + 1)
                if first < after:
                    days = next_day - from_day
                    part = half_even(minor * (after - from_day), days) - half_even(minor * (first - from_day), days)
                    found[i, group] = found.get((i, group), 0) + part
                    found.setdefault((i, None), 0)
        return found


def why_not_by(figure: Figure, by: Dimension | None) -> str | None:
    """Why a figure is not told by a dimension; None: it is."""
    if by == "product" and not figure.knows_products:
        return "what it counts belongs to no product; ask for it by segment or owner"
    if figure.cost is not None and by not in (None, _COST_DIMENSIONS[figure.cost]):
        return f"costs are told by {_COST_DIMENSIONS[figure.cost]}; ask for it by that, or without"
    return None


def _check(figure: Figure, by: Dimension | None) -> None:
    if (reason := why_not_by(figure, by)) is not None:
        raise FigureError(f"{figure.id} by {by}: {reason}")


def _sums(figure: Figure) -> str:
    """Six aggregates: the sums of numerator and denominator, n, and the sums of squares and products."""
    numerator, denominator = f"({figure.numerator})", figure.denominator
    if figure.is_median:
        return f"median{numerator}, NULL, count{numerator}, NULL, NULL, NULL"
    if denominator is None:
        return f"sum{numerator}, NULL, count(*) FILTER ({numerator} <> 0), NULL, NULL, NULL"
    if denominator.startswith("DISTINCT "):
        return f"sum{numerator}, count({denominator}), count(*) FILTER ({numerator} <> 0), NULL, NULL, NULL"
    denominator = f"({denominator})"
    n = f"count(*) FILTER ({denominator} <> 0)" if figure.interval != "share" else f"sum{denominator}"
    if figure.interval != "ratio":
        return f"sum{numerator}, sum{denominator}, {n}, NULL, NULL, NULL"
    x, y = f"{denominator}::DOUBLE", f"{numerator}::DOUBLE"
    return f"sum{numerator}, sum{denominator}, {n}, sum({x} * {x}), sum({x} * {y}), sum({y} * {y})"


def _value(figure: Figure, period: str, group: str | None, sums: Sequence[Any], spent: int | None) -> FigureValue:
    """One value from its six aggregates; spent: the costs, where they are the numerator; None: nobody told any."""
    numerator, denominator, n, xx, xy, yy = sums
    if figure.is_median:
        return FigureValue(figure.id, period, group, numerator, numerator, None, n or 0)
    numerator, n = numerator or 0, int(n or 0)
    if figure.cost is not None and spent is None:
        return FigureValue(figure.id, period, group, None, None, denominator or 0, n)
    if spent is not None:
        numerator = spent
    if figure.denominator is None:
        value = numerator if figure.scale == 1 else half_even(int(numerator), round(1 / figure.scale))
        return FigureValue(figure.id, period, group, value, numerator, None, n)
    denominator = denominator or 0
    if denominator <= 0:
        return FigureValue(figure.id, period, group, None, numerator, denominator, n)
    interval = None
    if figure.interval == "share":
        interval = wilson(int(numerator), int(denominator))
    elif figure.interval == "ratio" and xx is not None:
        interval = ratio_interval(n, float(denominator), float(numerator), xx, xy, yy, figure.bounds)
    low, high = (None, None) if interval is None else (interval[0] * figure.scale, interval[1] * figure.scale)
    exact = float(numerator) / float(denominator) * figure.scale
    return FigureValue(figure.id, period, group, exact, numerator, denominator, n, low, high)
