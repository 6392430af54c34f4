"""The portfolio in a browser: revenue, cohorts, renewals, team and phases; every number leads to its accounts."""

from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from jinja2 import Environment, PackageLoader
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

import consumers.board
from consumers.portfolio.api import AsKnown, PeriodText, service_of
from consumers.portfolio.days import Period, day_of, trailing
from consumers.portfolio.figures import MOVEMENT_FIGURES
from consumers.portfolio.lifetime import shape_of
from consumers.portfolio.money import shown
from consumers.portfolio.presentation import interval_text, text
from consumers.portfolio.service import PortfolioService
from stream.contracts.errors import ConfigError

router: Final = APIRouter(include_in_schema=False)
BOARD_STATIC: Final = Path(consumers.board.__file__).with_name("static")

# Title of a table, its figures, and by what it is split; one table below the other.
Tables = tuple[tuple[str, tuple[str, ...], str | None], ...]
PAGES: Final[dict[str, Tables]] = {
    "revenue": (
        ("Movements", MOVEMENT_FIGURES, None),
        ("Retention", ("nrr", "grr", "revenue_churn", "logo_churn", "quick_ratio"), None),
        ("Retention by segment", ("nrr", "grr", "logo_churn"), "segment"),
        ("Winning and keeping", ("cac", "clv", "clv_cac_gap", "clv_cac_ratio", "save_rate", "trial_conversion"), None),
    ),
    "cohorts": (
        ("Revenue by start cohort", ("arr",), "cohort"),
        ("Customers by start cohort", ("accounts",), "cohort"),
        ("Net retention by start cohort", ("nrr",), "cohort"),
    ),
    "team": (
        ("Team", ("crc", "revenue_per_csm", "accounts_per_csm"), None),
        ("By owner", ("arr", "accounts", "nrr", "customer_base_coverage", "renewal_rate", "crc"), "owner"),
    ),
    "phases": (
        (
            "One: activity",
            ("customer_base_coverage", "call_count", "qbr_count", "training_count", "onsite_count"),
            None,
        ),
        (
            "Two: adoption, health and voice",
            ("active_user_rate", "time_to_first_value", "health_score", "nps", "csat"),
            None,
        ),
        ("Three: what it is worth", ("nrr", "grr", "expansion", "renewal_rate", "logo_churn", "crc"), None),
    ),
}
_NOTES: Final = {
    "team": "CRC is costs of customer success / revenue: 3 % is the 25th percentile, 6 % the median, 10 % the 75th.",
    "cohorts": "A row is the quarter, month or year in which a customer began.",
}
_TEMPLATES: Final = Environment(
    loader=PackageLoader("consumers.portfolio"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


@router.get("/")
@router.get("/{name}")
def tables(
    request: Request, name: str = "revenue", period: PeriodText = None, as_known: AsKnown = None
) -> HTMLResponse:
    """One of the pages that are tables of figures over periods."""
    if name not in PAGES:
        raise HTTPException(404, f"no page {name}; there are {', '.join([*PAGES, 'renewals'])}")
    service = service_of(request)
    try:
        periods = trailing(service.today(), "quarter", 8) if period is None else service.periods(period)
        shown_tables = [
            {"title": title, "by": by, "rows": _rows(service, ids, by, periods, as_known)}
            for title, ids, by in PAGES[name]
        ]
    except ConfigError as error:
        raise HTTPException(422, str(error)) from None
    return _page(
        "tables.html",
        request,
        name,
        tables=shown_tables,
        periods=[each.name for each in periods],
        note=_NOTES.get(name),
    )


@router.get("/page/accounts")
def accounts(
    request: Request,
    figure: str,
    period: str,
    by: str | None = None,
    group: str | None = None,
    as_known: AsKnown = None,
) -> HTMLResponse:
    """The accounts behind one number."""
    service = service_of(request)
    try:
        (asked,) = service.periods(period)[:1]
        parts = service.explain(figure, asked, by, group, as_known)
        meaning = shape_of(figure).meaning
    except ConfigError as error:
        raise HTTPException(422, str(error)) from None
    return _page(
        "accounts.html", request, "", figure=figure, meaning=meaning, period=asked.name, by=by, group=group, parts=parts
    )


@router.get("/page/renewals")
def renewals(request: Request, days: int = 90) -> HTMLResponse:
    """Terms that end soon or are overdue, and each band's record."""
    service = service_of(request)
    coming, bands = service.renewals(max(1, min(days, 730)))
    return _page("renewals.html", request, "renewals", coming=coming, bands=bands, days=days)


def _rows(
    service: PortfolioService, ids: tuple[str, ...], by: str | None, periods: list[Period], as_known: date | None
) -> list[dict[str, Any]]:
    """A row a group and figure, a cell a period; what has accounts behind it leads to them."""
    rows: dict[tuple[str | None, str], dict[str, Any]] = {}
    for shape, value in service.figures(ids, periods, by, as_known):
        asked = {"figure": shape.id, "period": value.period, "by": by, "group": value.group, "as_known": as_known}
        told = {key: each for key, each in asked.items() if each is not None}
        is_plain = shape.numerator != "0" and value.value is not None
        row = rows.setdefault((value.group, shape.id), {"group": value.group, "figure": shape, "cells": {}})
        row["cells"][value.period] = {
            "text": text(shape, value.value, service.options.currency),
            "note": interval_text(shape, value, service.options.currency),
            "link": f"/page/accounts?{urlencode(told)}" if is_plain else None,
        }
    return (
        sorted(rows.values(), key=lambda row: (row["group"] is None, row["group"] or "")) if by else list(rows.values())
    )


def _page(template: str, request: Request, name: str, **values: Any) -> HTMLResponse:
    service = service_of(request)
    currency = service.options.currency
    rendered = _TEMPLATES.get_template(template).render(
        page=name,
        pages=[*PAGES, "renewals"],
        currency=currency,
        today=service.today(),
        ready=service.is_ready,
        amount=lambda minor: f"{shown(minor, currency):,.0f}",
        number=lambda value: "–" if value is None else f"{float(value):,.10g}",
        percent=lambda value: "–" if value is None else f"{value * 100:.1f} %",
        date_of=day_of,
        **values,
    )
    return HTMLResponse(rendered)
