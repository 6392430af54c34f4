"""Figures as one HTML page that needs nothing else: to send, to print, to keep."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from jinja2 import Environment, PackageLoader

from consumers.portfolio.figures import Figure
from consumers.portfolio.presentation import interval_text, record_as_row, text
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


def page_of_tables(title: str, tables: Mapping[str, Sequence[Any]], currency: str) -> str:
    """Tables of records, as of renewals, one below the other.

    Args:
        title: over them.
        tables: name to records of one kind.
        currency: the company's.
    """
    rows = {name: [record_as_row(each, currency) for each in records] for name, records in tables.items()}
    return _TEMPLATES.get_template("records.html").render(title=title, tables=rows, currency=currency, cell=_cell)


def _cell(value: Any) -> str:
    """A value of a record for people; a dash where it is not known."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:,.3f}"
        case str():
            return value.replace("_", " ")
        case _:
            return f"{value:,}"
