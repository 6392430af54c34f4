"""What a customer is worth over its life, against what winning one costs: figures made of other figures.

Source: "Metric #4: Measuring the difference between CLV and CAC" (purchases a year x years kept), and the revenue form
in general use: mean monthly revenue x gross margin / monthly revenue churn.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consumers.portfolio.days import Period
from consumers.portfolio.facts import Dimension
from consumers.portfolio.figures import BY_ID, Figure, figure
from consumers.portfolio.query import FigureValue, Query, why_not_by

Values = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class LifetimeFigure:
    """A figure made of others.

    Attributes:
        shape: how it is shown: id, meaning, unit.
        inputs: the figures that it is made of.
        value: of the inputs' values, the gross margin (0..1) and the period's months; None: not known.
    """

    shape: Figure
    inputs: tuple[str, ...]
    value: Callable[[Values, float, float], float | None]


def _clv(values: Values, margin: float, months: float) -> float | None:
    arpa, churn = values["arpa"], values["revenue_churn"]
    return None if arpa is None or not churn else arpa * margin / (churn / months)


def _purchases(values: Values, margin: float, months: float) -> float | None:
    purchases, years = values["purchases_per_year"], values["retention_years"]
    return None if purchases is None or years is None else purchases * years


def _gap(values: Values, margin: float, months: float) -> float | None:
    clv, cac = _clv(values, margin, months), values["cac"]
    return None if clv is None or cac is None else clv - cac


def _quotient(values: Values, margin: float, months: float) -> float | None:
    clv, cac = _clv(values, margin, months), values["cac"]
    return None if clv is None or not cac else clv / cac


def _shape(id_: str, meaning: str, unit: str) -> Figure:
    return Figure(id_, meaning, "0", unit=unit, seeds=("000",))  # type: ignore[arg-type]


LIFETIME: Final = (
    LifetimeFigure(
        _shape(
            "clv", "mean monthly revenue x gross margin / monthly revenue churn; unknown where none churns", "money"
        ),
        ("arpa", "revenue_churn"),
        _clv,
    ),
    LifetimeFigure(
        _shape("clv_purchases", "purchases a year x years kept: purchases in a customer's life", "per_account"),
        ("purchases_per_year", "retention_years"),
        _purchases,
    ),
    LifetimeFigure(
        _shape("clv_cac_gap", "clv - cac: where it widens, customers are worth more and more than they cost", "money"),
        ("arpa", "revenue_churn", "cac"),
        _gap,
    ),
    LifetimeFigure(_shape("clv_cac_ratio", "clv / cac", "per_account"), ("arpa", "revenue_churn", "cac"), _quotient),
)

_BY_ID: Final = {each.shape.id: each for each in LIFETIME}
ALL_IDS: Final = (*BY_ID, *_BY_ID)


def shape_of(id_: str) -> Figure:
    """A figure of either sort, by its id.

    Raises:
        FigureError: there is none.
    """
    return _BY_ID[id_].shape if id_ in _BY_ID else figure(id_)


def made_of(id_: str) -> tuple[str, ...]:
    """The figures that a figure of either sort is made of; itself, where it is made of none.

    Raises:
        FigureError: there is none of that id.
    """
    return _BY_ID[id_].inputs if id_ in _BY_ID else (figure(id_).id,)


def is_told_by(id_: str, by: Dimension | None) -> bool:
    """Whether a figure of either sort is told by a dimension.

    Raises:
        FigureError: there is none of that id.
    """
    return all(why_not_by(figure(name), by) is None for name in made_of(id_))


def ask(
    query: Query, ids: Sequence[str], periods: Sequence[Period], by: Dimension | None, margin: float
) -> list[tuple[Figure, FigureValue]]:
    """The values of figures of either sort, each with what it is; by period, group and in the order of the ids.

    Args:
        query: to the store.
        ids: which figures.
        periods: when.
        by: the dimension; None: all together.
        margin: the gross margin, 0..1.

    Raises:
        FigureError: there is no such figure, or it is not told by that dimension.
    """
    made = [_BY_ID[id_] for id_ in ids if id_ in _BY_ID]
    plain = [id_ for id_ in ids if id_ not in _BY_ID]
    needed = list(dict.fromkeys([*plain, *(name for each in made for name in each.inputs)]))
    values = query.figures([figure(id_) for id_ in needed], periods, by)
    found: dict[tuple[str, str | None], dict[str, FigureValue]] = {}
    for value in values:
        found.setdefault((value.period, value.group), {})[value.figure] = value
    months = {period.name: period.until(query.as_of_day).months for period in periods}
    for (period, group), known in found.items():
        for each in made:
            inputs = {name: known[name].value for name in each.inputs}
            made_of = each.value(inputs, margin, months[period])
            known[each.shape.id] = FigureValue(each.shape.id, period, group, made_of, made_of, None, 0)
    return [(shape_of(id_), known[id_]) for known in found.values() for id_ in ids]
