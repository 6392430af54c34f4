"""Figures as people and programs read them: amounts in the company's currency, shares in percent, days."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from consumers.portfolio.days import day_of
from consumers.portfolio.figures import Figure
from consumers.portfolio.money import minor_digits, shown
from consumers.portfolio.query import FigureValue, Part

_SHORT: Final = frozenset({"arr", "mrr", "arpa", "nrr", "grr", "cac", "clv", "crc", "nps", "csat", "csm", "qbr", "fx"})


def title_of(id_: str) -> str:
    """A figure's name for people.

    >>> title_of("logo_churn"), title_of("clv_cac_gap"), title_of("revenue_per_csm")
    ('Logo churn', 'CLV CAC gap', 'Revenue per CSM')
    """
    words = [word.upper() if word in _SHORT else word for word in id_.split("_")]
    return " ".join([words[0][0].upper() + words[0][1:], *words[1:]])


def as_json(figure: Figure, value: FigureValue, currency: str) -> dict[str, Any]:
    """One value for a program; money in the company's currency, and exactly in `minor` where it is a sum."""
    found: dict[str, Any] = {
        "figure": figure.id,
        "period": value.period,
        "group": value.group,
        "value": _number(figure, value.value, currency),
        "unit": currency if figure.unit == "money" else figure.unit,
        "numerator": _plain(value.numerator),
        "denominator": _plain(value.denominator),
        "n": value.n,
        "left_out": value.left_out,
        "low": _number(figure, value.low, currency),
        "high": _number(figure, value.high, currency),
    }
    if figure.unit == "money" and isinstance(value.value, int):
        found["minor"] = value.value
    return found


def part_as_json(part: Part) -> dict[str, Any]:
    """One account behind a figure."""
    return {
        "figure": part.figure,
        "account_id": part.account,
        "name": part.name,
        "product": part.product,
        "group": part.group,
        "numerator": _plain(part.numerator),
        "denominator": _plain(part.denominator),
    }


def record_as_row(record: Any, currency: str) -> dict[str, Any]:
    """A dataclass as a row of a spreadsheet: days as dates, money in the company's currency, lists side by side."""
    found: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name == "minor" or field.name.endswith("_minor"):
            name = (field.name.removesuffix("minor").removesuffix("_") + "_amount").removeprefix("_")
            found[name] = None if value is None else shown(value, currency)
        elif field.name == "day" or field.name.endswith("_day"):
            found[field.name] = None if value is None else day_of(value).isoformat()
        elif isinstance(value, list):
            found |= {f"{field.name}_{index}": each for index, each in enumerate(value, 1)}
        else:
            found[field.name] = value
    sentence = getattr(record, "sentence", None)
    return found if sentence is None else found | {"sentence": sentence}


def rows_by_table(tables: Mapping[str, Iterable[Any]], currency: str) -> list[dict[str, Any]]:
    """Records of several tables as rows of one, each with the table's title."""
    return [{"table": title} | record_as_row(each, currency) for title, of in tables.items() for each in of]


def text(figure: Figure, value: float | None, currency: str) -> str:
    """A value in one word; a dash where it is not known."""
    if value is None:
        return "–"
    match figure.unit:
        case "money":
            return f"{shown(round(value), currency):,.0f}"
        case "ratio":
            return f"{value:.2f}" if figure.id == "quick_ratio" else f"{value * 100:.1f} %"
        case "count":
            return f"{value:,.0f}"
        case "days":
            return f"{value:,.0f} d"
        case "score":
            return f"{value:,.1f}"
        case "per_account":
            return f"{value:,.2f}"


def interval_text(figure: Figure, value: FigureValue, currency: str) -> str:
    """The interval, over how many, and who is left out: `71.2 % to 88.0 %, n = 48`; empty for what is no rate."""
    said = []
    if value.denominator is not None:
        if value.low is not None and value.high is not None:
            said.append(f"{text(figure, value.low, currency)} to {text(figure, value.high, currency)}")
        said.append(f"n = {value.n:,}")
    if value.left_out:
        said.append(f"{value.left_out:,} left out, without a rate")
    return ", ".join(said)


def _number(figure: Figure, value: float | None, currency: str) -> float | int | None:
    """Money in major units."""
    if value is None:
        return None
    if figure.unit == "money":
        return float(shown(value, currency)) if isinstance(value, int) else value / 10 ** minor_digits(currency)
    return _plain(value)


def _plain(value: Any) -> float | int | None:
    """A number that JSON knows."""
    if value is None or isinstance(value, int):
        return value
    number = float(value)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
