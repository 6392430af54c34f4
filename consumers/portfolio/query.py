"""Figures out of the store: their values by period and dimension, and the accounts behind one of them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
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
        left_out: accounts of which this is not known, since their currency had no rate; they are in neither sum.
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
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What one account has in a figure; `figure` is the one, or one of those that it is made of."""

    account: str
    name: str | None
    product: str | None
    group: str | None
    numerator: float | int | None
    denominator: float | int | None
    figure: str


@dataclass(frozen=True, slots=True)
class CostPart:
    """The part of a cost that falls into a period, in minor units; None: its currency had no rate."""

    kind: str
    campaign: str | None
    team: str | None
    owner: str | None
    from_day: int
    to_day: int
    minor: int | None


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
        for i, group, left_out, *columns in rows:
            for index, figure in enumerate(wanted):
                spent = None
                if figure.cost is not None and (i, None) in costs[figure.cost]:
                    spent = costs[figure.cost].get((i, group), 0)
                six = columns[6 * index : 6 * index + 6]
                value = _value(figure, begun[i].name, group, six, spent)
                found.append(replace(value, left_out=left_out) if left_out and figure.needs_rates else value)
        return found

    def _sums_of(self, wanted: Sequence[Figure], periods: Sequence[Period], by: Dimension | None) -> list[list[Any]]:
        """(period's index, group, accounts left out, then six sums of each figure), in order.

        Figures of revenue and other ones are asked apart, at the same time: planning one query of both takes longer.
        """
        parts = [
            [index for index, figure in enumerate(wanted) if (figure.groups <= BY_PRODUCT) is part]
            for part in (True, False)
        ]
        asked = {
            f"SELECT i, key, sum(is_unvalued), {', '.join(map(_sums, figures))} "
            f"FROM ({self._facts(figures, periods, by)}) GROUP BY i, key": indexes
            for indexes in parts
            if (figures := [wanted[index] for index in indexes])
        }
        with ThreadPoolExecutor(len(asked)) as pool:
            answers = list(pool.map(lambda sql: self._db.cursor().execute(sql).fetchall(), asked))
        found: dict[tuple[int, str | None], list[Any]] = {}
        nothing = [0, 0, 0, None, None, None]
        for indexes, rows in zip(asked.values(), answers, strict=True):
            for i, group, left_out, *columns in rows:
                row = found.setdefault((i, group), [i, group, 0, *(nothing * len(wanted))])
                row[2] = max(row[2], left_out)
                for at, index in enumerate(indexes):
                    row[3 + 6 * index : 9 + 6 * index] = columns[6 * at : 6 * at + 6]
        if by is None:  # where nothing at all happened there is no row; its sums are 0
            for i in range(len(periods)):
                found.setdefault((i, None), [i, None, 0, *(nothing * len(wanted))])
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
        return [Part(*(*row, figure.id)) for row in rows]

    def _facts(self, wanted: Sequence[Figure], periods: Sequence[Period], by: Dimension | None) -> str:
        groups = {name for figure in wanted for name in figure.groups}
        return facts_sql(
            groups,
            periods,
            by,
            self._as_of_day,
            company_currency=self._rules.currency,
            pause_is_churn=self._rules.pause_is_churn,
            leaves_out=self._leaves_out,
        )

    @cached_property
    def _leaves_out(self) -> bool:
        """Whether anybody ever paid in a currency before its first rate."""
        rows = self._db.execute(
            """
            SELECT 1 FROM (
                SELECT currency, min(from_day) AS day FROM intervals WHERE arr_minor <> 0 GROUP BY currency
            ) i LEFT JOIN (SELECT currency, min(from_day) AS day FROM rates GROUP BY currency) r USING (currency)
            WHERE i.currency <> $currency AND i.day < coalesce(r.day, 10000000) LIMIT 1
            """,
            {"currency": self._rules.currency},
        )
        return rows.fetchone() is not None

    def explain_costs(
        self, kind: str, period: Period, by: Dimension | None = None, group: str | None = None
    ) -> list[CostPart]:
        """The costs of a kind that fall into a period, the largest first; those of a group only where it is named."""
        found = []
        for row_group, part in self._cost_parts(kind, period, by):
            if group is None or row_group == group:
                found.append(part)
        return sorted(found, key=lambda part: (part.minor is None, -(part.minor or 0)))

    def _costs(
        self, kind: str, periods: Sequence[Period], by: Dimension | None
    ) -> dict[tuple[int, str | None], int | None]:
        """(period, group) to what it cost, each cost spread over its days so that the parts add up to the whole.

        Of a period of which no cost is told there is nothing; of any other one there is an entry without a group. None:
        a currency of it had no rate.
        """
        found: dict[tuple[int, str | None], int | None] = {}
        for i, period in enumerate(periods):
            for group, part in self._cost_parts(kind, period, by):
                known = found.get((i, group), 0)
                found[i, group] = None if known is None or part.minor is None else known + part.minor
                found.setdefault((i, None), 0)
        return found

    def _cost_parts(self, kind: str, period: Period, by: Dimension | None) -> Iterator[tuple[str | None, CostPart]]:
        """(group, the part of a cost in a period)."""
        column = "NULL" if by is None else by
        rows = self._db.execute(
            f"SELECT {column}, campaign, team, owner, minor, from_day, next_day FROM costs WHERE kind = ? "
            "AND from_day < ? AND next_day > ?",
            [kind, period.next_day, period.first_day],
        ).fetchall()
        for group, campaign, team, owner, minor, from_day, next_day in rows:
            first = max(period.first_day, from_day)
            after = min(period.next_day, next_day, self._as_of_day + 1)
            if first < after:
                days, part = next_day - from_day, None
                if minor is not None:
                    part = half_even(minor * (after - from_day), days) - half_even(minor * (first - from_day), days)
                yield group, CostPart(kind, campaign, team, owner, first, after, part)


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
