"""Figures as people and programs read them: amounts in the company's currency, shares in percent, days."""

from typing import Any, Final

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
        "low": _number(figure, value.low, currency),
        "high": _number(figure, value.high, currency),
    }
    if figure.unit == "money" and isinstance(value.value, int):
        found["minor"] = value.value
    return found


def part_as_json(part: Part) -> dict[str, Any]:
    """One account behind a figure."""
    return {
        "account_id": part.account,
        "name": part.name,
        "product": part.product,
        "group": part.group,
        "numerator": _plain(part.numerator),
        "denominator": _plain(part.denominator),
    }


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
    """The interval and over how many: `71.2 % to 88.0 %, n = 48`; empty for what is no rate."""
    if value.denominator is None:
        return ""
    n = f"n = {value.n:,}"
    if value.low is None or value.high is None:
        return n
    return f"{text(figure, value.low, currency)} to {text(figure, value.high, currency)}, {n}"


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
