"""Figures as one HTML page that needs nothing else: to send, to print, to keep."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from jinja2 import Environment, PackageLoader

from consumers.portfolio.figures import Figure
from consumers.portfolio.presentation import interval_text, text
from consumers.portfolio.query import FigureValue

_TEMPLATES: Final = Environment(
    loader=PackageLoader("heartline.portfolio"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def page(
    values: Sequence[tuple[Figure, FigureValue]], currency: str, today: date, by: str | None, as_known: date | None
) -> str:
    """The page: a table a group, a row a figure, a column a period.

    Args:
        values: what to show; in the order of `lifetime.ask`.
        currency: the company's.
        today: the last day that is known.
        by: the dimension; None: none.
        as_known: what was known then is shown; None: what is known now.
    """
    groups = list(dict.fromkeys(value.group for _, value in values))
    periods = list(dict.fromkeys(value.period for _, value in values))
    shapes = list({figure.id: figure for figure, _ in values}.values())
    cells = {
        (value.group, figure.id, value.period): (
            text(figure, value.value, currency),
            interval_text(figure, value, currency),
        )
        for figure, value in values
    }
    return _TEMPLATES.get_template("portfolio.html").render(
        groups=groups,
        periods=periods,
        figures=shapes,
        cells=cells,
        currency=currency,
        today=today,
        by=by,
        as_known=as_known,
    )
