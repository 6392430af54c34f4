"""The portfolio in a browser: tables of figures over periods with their charts; every number leads to its accounts."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

import consumers.board
from consumers.account_url import url_part
from consumers.csv_cells import safe_cell
from consumers.portfolio.api import AsKnown, PeriodText, service_of
from consumers.portfolio.charts import Line, Mark, benchmark, line_chart, stacked_bars, waterfall
from consumers.portfolio.days import Period, day_at, day_number, day_of, trailing
from consumers.portfolio.figures import MOVEMENT_FIGURES, Figure
from consumers.portfolio.lifetime import made_of, shape_of
from consumers.portfolio.money import minor_digits, shown
from consumers.portfolio.presentation import as_json, interval_text, part_as_json, rows_by_table, text, title_of
from consumers.portfolio.query import FigureValue
from consumers.portfolio.renewals import ComingRenewal
from consumers.portfolio.service import PortfolioService
from consumers.portfolio.usage_drops import HORIZONS_DAYS, drop_fates
from stream.contracts.errors import ConfigError

router: Final = APIRouter(include_in_schema=False)
BOARD_STATIC: Final = Path(consumers.board.__file__).with_name("static")
OWN_STATIC: Final = Path(__file__).with_name("static")

Export = Annotated[Literal["csv"] | None, Query()]
UnitName = Literal["month", "quarter", "year"]
UNITS: Final[dict[UnitName, int]] = {"month": 13, "quarter": 8, "year": 4}  # and how many periods are shown
BANDS: Final = ("critical", "at_risk", "watch", "healthy", None)
DROPS_SHOWN: Final = 100
MEMBERS_SHOWN: Final = 2_000
_MEMBERS_OF: Final = {
    "bands": "Customers by the band they were in, and 90 days later",
    "renewals": "Terms by the band 90 days before they ended",
    "feature": "Who uses it today",
    "feature_retention": "With it and without it, and 90 days later",
    "launch": "Who used it after its launch",
    "launch_stay": "Who took it up in 30 days, and later",
    "play": "Accounts with the play",
}
# Costs of customer success / revenue of others. Source: Metrics for a customer success team.
CRC_BENCHMARKS: Final = ((0.03, "25th percentile"), (0.06, "median"), (0.10, "75th percentile"))

# Title of a table, its figures, and by what it is split; one table below the other.
Tables = tuple[tuple[str, tuple[str, ...], str | None], ...]
PAGES: Final[dict[str, Tables]] = {
    "revenue": (
        ("Movements", MOVEMENT_FIGURES, None),
        ("Retention", ("nrr", "grr", "revenue_churn", "logo_churn", "quick_ratio", "upsell_rate"), None),
        ("Retention by segment", ("nrr", "grr", "logo_churn"), "segment"),
        ("What is in them", ("mrr", "arpa", "revenue", "paused", "involuntary_churn", "renewal_rate_arr"), None),
        ("Accounts", ("accounts", "new_accounts", "churned_accounts", "renewal_rate", "undecided_renewals"), None),
    ),
    "growth": (
        ("Trials", ("trial_conversion", "days_to_convert", "days_to_upsell", "time_to_first_value"), None),
        ("Trials by segment", ("trial_conversion",), "segment"),
        ("Winning", ("cac", "clv", "clv_cac_gap", "clv_cac_ratio"), None),
        ("By campaign", ("cac", "new_accounts"), "campaign"),
        ("Staying", ("clv_purchases", "purchases_per_year", "retention_years", "save_rate", "open_requests"), None),
        (
            "Growing",
            ("upsell_rate", "gross_upsell", "expansion_revenue_rate", "cross_sell", "cross_sell_ratio"),
            None,
        ),
        ("Upsell by start cohort", ("upsell_rate",), "cohort"),
        (
            "Advocacy",
            ("promoters", "referrals", "referred_revenue", "references", "reviews", "case_studies"),
            None,
        ),
        ("Support", ("support_incident_rate", "escalation_rate"), None),
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
            (
                *("customer_base_coverage", "call_count", "email_count", "meeting_count", "qbr_count"),
                *("training_count", "onsite_count", "webinar_count"),
            ),
            None,
        ),
        (
            "Two: adoption, health and voice",
            ("active_user_rate", "time_to_first_value", "first_value_rate", "health_score", "nps", "csat"),
            None,
        ),
        ("Three: what it is worth", ("nrr", "grr", "expansion", "renewal_rate", "logo_churn", "crc"), None),
    ),
}
NAMES: Final = ("revenue", "growth", "cohorts", "renewals", "team", "features", "health", "phases")
_NOTES: Final = {
    "team": "CRC is costs of customer success / revenue: 3 % is the 25th percentile, 6 % the median, 10 % the 75th.",
    "cohorts": "A row is the quarter, month or year in which a customer began.",
    "phases": "A new team measures what it does, then what that moves, then what it is worth.",
}
_LINES: Final[dict[str, tuple[str, ...]]] = {
    "revenue": ("nrr", "grr"),
    "growth": ("clv", "cac"),
    "phases": ("nrr", "customer_base_coverage"),
}
_AT_ONCE: Final = 2  # dimensions that a page asks about at the same time
_GAP: Final = "Where the gap widens, customers are worth more and more than they cost."
_TEMPLATES: Final = Environment(
    loader=PackageLoader("consumers.portfolio"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)

FigureValues = list[tuple[Figure, FigureValue]]


@router.get("/page/renewals")
@router.get("/renewals")
def renewals(request: Request, days: Annotated[int, Query(ge=1, le=730)] = 90, export: Export = None) -> Response:
    """Terms that end soon or are overdue, and each band's record."""
    service = service_of(request)
    coming, bands = service.renewals(days)
    if export == "csv":
        return _tables_csv(service, f"renewals-{days}-days", {"bands": bands, "terms": coming})
    return _page(
        "renewals.html",
        request,
        "renewals",
        coming=coming,
        bands=bands,
        days=days,
        chart=_coming_chart(service, coming, days),
        forecast=sum(each.expected_minor for each in bands if each.expected_minor is not None),
        total=sum(each.coming_minor for each in bands),
        overdue=sum(each.minor or 0 for each in coming if each.overdue_days),
        at_risk=sum(each.minor or 0 for each in coming if each.band in ("at_risk", "critical")),
    )


@router.get("/features")
def features(request: Request, export: Export = None) -> Response:
    """What is used by whom, whether who uses it stays, and launches."""
    service = service_of(request)
    found = service.features()
    if export == "csv":
        return _tables_csv(service, "features", found._asdict())
    plans = sorted({each.plan for each in found.used if each.plan is not None})
    by_plan = {(each.feature, each.plan): each for each in found.used}
    stays = {each.feature: each for each in found.retention}
    return _page(
        "features.html",
        request,
        "features",
        used=[each for each in found.used if each.plan is None],
        plans=plans,
        by_plan=by_plan,
        stays=stays,
        uptake=found.uptake,
        stay=found.stay,
    )


@router.get("/health")
def health(request: Request, export: Export = None) -> Response:
    """Whether health tells who leaves and who renews, whether use that came back lasts, and what plays do."""
    service = service_of(request)
    drops = service.usage_drops()
    if export == "csv":
        tables: dict[str, Iterable[Any]] = {
            **{"churn_by_band": service.bands(), "renewals_by_band": service.renewals(90)[1]},
            **{"fates": drop_fates(drops), "usage_drops": drops, "plays": service.play_effects()},
        }
        return _tables_csv(service, "health", tables)
    return _page(
        "health.html",
        request,
        "health",
        bands=sorted(service.bands(), key=lambda each: BANDS.index(each.band) if each.band in BANDS else len(BANDS)),
        records=service.renewals(90)[1],
        fates=drop_fates(drops),
        drops=drops[:DROPS_SHOWN],
        drop_count=len(drops),
        horizons=HORIZONS_DAYS,
        plays=service.play_effects(),
    )


@router.get("/page/accounts")
def accounts(
    request: Request,
    figure: str,
    period: str,
    by: str | None = None,
    group: str | None = None,
    as_known: AsKnown = None,
    export: str | None = None,
) -> Response:
    """The accounts behind one number."""
    service = service_of(request)
    try:
        (asked,) = service.periods(period)[:1]
        parts = service.explain(figure, asked, by, group, as_known)
        costs = service.costs(figure, asked, by, group, as_known)
        shape, behind = shape_of(figure), [shape_of(name) for name in made_of(figure)]
    except ConfigError as error:
        raise HTTPException(422, str(error)) from None
    if export == "csv":
        rows = [part_as_json(part) for part in parts]
        return _csv(f"{figure}-{asked.name}", rows + rows_by_table({"costs": costs}, service.options.currency))
    query = {"figure": figure, "period": period, "by": by, "group": group, "as_known": as_known, "export": "csv"}
    return _page(
        "accounts.html",
        request,
        "",
        figure=shape,
        title=title_of(figure),
        period=asked.name,
        by=by,
        group=group,
        sections=[
            {
                "figure": each,
                "title": title_of(each.id),
                "parts": [part for part in parts if part.figure == each.id],
                "numerator_is_money": _is_money(each.numerator),
                "denominator_is_money": _is_money(each.denominator),
            }
            for each in behind
        ],
        costs=costs,
        export=f"/page/accounts?{_query(query)}",
    )


@router.get("/page/restatements")
def page_of_restatements(request: Request, period: PeriodText = None, export: Export = None) -> Response:
    """What came after a period's end and changed it, each with the event that did."""
    service = service_of(request)
    try:
        asked = service.periods(period)[0] if period else service.periods(None)[0].previous()
    except ConfigError as error:
        raise HTTPException(422, str(error)) from None
    found = service.restatements(asked)
    if export == "csv":
        return _tables_csv(service, f"restatements-{asked.name}", {"restatements": found})
    return _page(
        "restatements.html",
        request,
        "",
        period=asked.name,
        before=asked.previous().name,
        rows=found[:MEMBERS_SHOWN],
        count=len(found),
        change=sum((each.after_minor or 0) - (each.before_minor or 0) for each in found),
        day_recorded=lambda ms: day_of(day_at(ms, service.options.rules.zone)),
    )


@router.get("/page/members")
def page_of_members(
    request: Request,
    of: str,
    key: str = "",
    group: str | None = None,
    days: int = 0,
    export: str | None = None,
) -> Response:
    """The accounts behind a row of the pages on features, health and renewals."""
    service = service_of(request)
    try:
        found = service.members(of, key, group, days)
    except ConfigError as error:
        raise HTTPException(422, str(error)) from None
    if export == "csv":
        return _csv(f"{of}-{key or 'unknown'}", rows_by_table({of: found}, service.options.currency))
    query = {"of": of, "key": key, "group": group, "days": days or None, "export": "csv"}
    return _page(
        "members.html",
        request,
        "health" if of in ("bands", "renewals", "play") else "features",
        of=_MEMBERS_OF[of],
        key=key,
        group=group,
        days=days,
        members=found[:MEMBERS_SHOWN],
        count=len(found),
        outcomes=Counter(each.outcome for each in found).most_common(),
        export=f"/page/members?{_query(query)}",
    )


@router.get("/")
@router.get("/{name}")
def tables(
    request: Request,
    name: str = "revenue",
    period: PeriodText = None,
    unit: UnitName = "quarter",
    as_known: AsKnown = None,
    export: str | None = None,
) -> Response:
    """One of the pages that are tables of figures over periods."""
    if name not in PAGES:
        raise HTTPException(404, f"no page {name}; there are {', '.join(NAMES)}")
    service = service_of(request)
    try:
        periods = trailing(service.today(), unit, UNITS[unit]) if not period else service.periods(period)
        asked = _asked(service, PAGES[name], periods, as_known)
    except ConfigError as error:
        raise HTTPException(422, str(error)) from None
    if export == "csv":
        currency = service.options.currency
        rows = [{"table": title} | as_json(*value, currency) for title, _, values in asked for value in values]
        return _csv(f"{name}-{periods[0].name}-{periods[-1].name}", rows)
    query = {"period": period or None, "unit": unit, "as_known": as_known}
    return _page(
        "tables.html",
        request,
        name,
        tables=[
            {"title": title, "by": by, "rows": _rows(service, values, by, as_known)} for title, by, values in asked
        ],
        tiles=_tiles(service, asked, periods) if name == "revenue" else [],
        charts=_charts(service, name, asked, periods, as_known),
        periods=[each.name for each in periods],
        running=periods[-1].name if day_number(service.today()) < periods[-1].next_day else None,
        note=_NOTES.get(name),
        units=list(UNITS),
        unit=None if period else unit,
        asked_period=period or "",
        as_known=as_known,
        export=f"/{name}?{_query(query | {'export': 'csv'})}",
    )


def _asked(
    service: PortfolioService, tables: Tables, periods: list[Period], as_known: date | None
) -> list[tuple[str, str | None, FigureValues]]:
    """The values of each table. What is told by one dimension is asked at once: it stands on the same facts."""
    by_dimension = {
        by: list(dict.fromkeys(id_ for _, of, each in tables if each == by for id_ in of))
        for by in dict.fromkeys(by for _, _, by in tables)
    }
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda by: service.figures(by_dimension[by], periods, by, as_known), by_dimension))
    found: dict[str | None, list[dict[str, tuple[Figure, FigureValue]]]] = {}
    for (by, ids), values in zip(by_dimension.items(), answers, strict=True):
        rows = range(0, len(values), len(ids))
        found[by] = [{shape.id: (shape, value) for shape, value in values[at : at + len(ids)]} for at in rows]
    return [(title, by, [known[id_] for known in found[by] for id_ in ids]) for title, ids, by in tables]


def _rows(
    service: PortfolioService, values: FigureValues, by: str | None, as_known: date | None
) -> list[dict[str, Any]]:
    """A row a group and figure, a cell a period; what has accounts behind it leads to them."""
    rows: dict[tuple[str | None, str], dict[str, Any]] = {}
    for shape, value in values:
        row = rows.setdefault(
            (value.group, shape.id),
            {"group": value.group, "figure": shape, "title": title_of(shape.id), "cells": {}},
        )
        row["cells"][value.period] = {
            "text": text(shape, value.value, service.options.currency),
            "note": interval_text(shape, value, service.options.currency),
            "n": value.n if value.denominator is not None else None,
            "link": _behind(shape, value, by, as_known),
            "value": value.value,
        }
    return (
        sorted(rows.values(), key=lambda row: (row["group"] is None, row["group"] or "")) if by else list(rows.values())
    )


def _behind(shape: Figure, value: FigureValue, by: str | None, as_known: date | None) -> str | None:
    """The page of the accounts behind a value; None where it is not known."""
    if value.value is None:
        return None
    asked = {"figure": shape.id, "period": value.period, "by": by, "group": value.group, "as_known": as_known}
    return f"/page/accounts?{_query(asked)}"


def _is_money(sql: str | None) -> bool:
    """Whether a part of a figure is an amount in minor units."""
    return sql is not None and "_minor" in sql and "minor_days" not in sql


def _whole(periods: list[Period], today: date) -> Period:
    """The last period that is over; the only one where none is."""
    over = [each for each in periods if each.next_day <= day_number(today) + 1]
    return over[-1] if over else periods[-1]


def _tiles(
    service: PortfolioService, asked: list[tuple[str, str | None, FigureValues]], periods: list[Period]
) -> list[Any]:
    """What a manager looks at first: the last whole period, and how it compares with the one before."""
    last = _whole(periods, service.today())
    found, currency = _by_period(asked), service.options.currency
    tiles = []
    for id_, is_good in (("arr", True), ("nrr", True), ("grr", True), ("logo_churn", False)):
        now, before = found.get((id_, last.name)), found.get((id_, last.previous().name))
        if now is None or now[1].value is None:
            continue
        shape, value = now
        than, tone = "", ""
        if before is not None and before[1].value is not None and value.value is not None:
            change = value.value - before[1].value
            tone = "" if change == 0 else "better" if (change > 0) == is_good else "worse"
            sign = "+" if change > 0 else "−" if change < 0 else "±"
            amount = text(shape, abs(change), currency)
            amount = amount.replace("%", "points") if shape.unit == "ratio" else amount
            than = f"{sign}{amount} against {last.previous().name}"
        tiles.append(
            {
                "what": f"{title_of(id_)}{f' in {currency}' if shape.unit == 'money' else ''}, {last.name}",
                "value": text(shape, value.value, currency),
                "than": than,
                "tone": tone,
                "link": _behind(shape, value, None, None),
            }
        )
    tiles.append(
        {
            "what": f"ARR at risk in {currency} today",
            "value": f"{shown(service.arr_at_risk(), currency):,.0f}",
            "than": "of customers at risk or critical",
            "tone": "",
            "link": "/renewals",
        }
    )
    return tiles


def _by_period(asked: list[tuple[str, str | None, FigureValues]]) -> dict[tuple[str, str], tuple[Figure, FigureValue]]:
    """(figure, period) to its value, of what is not split."""
    whole = [values for _, by, values in asked if by is None]
    return {(shape.id, value.period): (shape, value) for values in whole for shape, value in values}


def _charts(
    service: PortfolioService,
    name: str,
    asked: list[tuple[str, str | None, FigureValues]],
    periods: list[Period],
    as_known: date | None,
) -> list[dict[str, Any]]:
    """The charts of a page, each with its title."""
    found = _by_period(asked)
    currency = service.options.currency

    def mark(id_: str, period: Period, *, sign: int = 1, label: str | None = None) -> Mark:
        cell = found.get((id_, period.name))
        if cell is None or cell[1].value is None:
            return Mark(label or period.name, None, "not known")
        shape, value = cell
        note = interval_text(shape, value, currency)
        number = float(value.value or 0) * sign
        if shape.unit == "money":
            number /= 10 ** minor_digits(currency)
        words = text(shape, value.value, currency) + (f" ({note})" if note else "")
        return Mark(label or period.name, number, words, _behind(shape, value, None, as_known))

    charts: list[dict[str, Any]] = []
    if name == "revenue":
        last = _whole(periods, service.today())
        steps = [mark("opening_arr", last, label="start")]
        steps += [mark(id_, last, label=id_) for id_ in ("new", "reactivation", "expansion")]
        steps += [mark(id_, last, sign=-1, label=id_) for id_ in ("contraction", "churn")]
        steps.append(mark("fx", last, label="rates"))
        charts.append(
            {
                "title": f"From start to end of {last.name}",
                "svg": waterfall(f"Movements of revenue in {last.name}", steps, mark("arr", last, label="end")),
                "note": "Annual recurring revenue. The scale does not begin at 0; totals are grey.",
            }
        )
    if (ids := _LINES.get(name)) is not None:
        title = " and ".join(map(title_of, ids))
        lines = [
            Line(title_of(id_), kind, [mark(id_, each) for each in periods])
            for id_, kind in zip(ids, "ab", strict=True)
        ]
        svg = line_chart(title, lines, percent=name != "growth")
        note = "The last period may still run."
        note = f"{_GAP} {note}" if name == "growth" else note
        charts.append({"title": title, "svg": svg, "note": note, "newest": True})
    if name == "team":
        own = mark("crc", _whole(periods, service.today()))
        charts.append(
            {
                "title": f"Cost of keeping customers / revenue, {own.label}",
                "svg": benchmark("Cost of customer success against others", own, CRC_BENCHMARKS),
                "note": "",
            }
        )
    if name == "cohorts":
        charts.append(
            {"title": "Revenue kept, by start cohort", "svg": None, "triangle": _triangle(asked, periods), "note": ""}
        )
    return [each for each in charts if each["svg"] or each.get("triangle")]


def _triangle(asked: list[tuple[str, str | None, FigureValues]], periods: list[Period]) -> list[dict[str, Any]]:
    """Each cohort's revenue as a share of what it had at the end of its first period, period after period."""
    arr: dict[str, dict[str, tuple[Figure, FigureValue]]] = {}
    for shape, value in asked[0][2]:
        if value.group is not None:
            arr.setdefault(value.group, {})[value.period] = shape, value
    names = [each.name for each in periods]
    rows = []
    for cohort in sorted(arr):
        if cohort not in names:
            continue  # it began before the first period shown: what it began with is not in sight
        first = arr[cohort].get(cohort)
        if first is None or not first[1].value:
            continue
        cells = []
        for name in names[names.index(cohort) :]:
            cell = arr[cohort].get(name)
            share = 0.0 if cell is None else float(cell[1].value or 0) / float(first[1].value)
            cells.append(
                {
                    "text": f"{share * 100:.0f} %",
                    "heat": max(1, min(7, round(share * 5))),
                    "title": f"{cohort} in {name}",
                    "link": None if cell is None else _behind(cell[0], cell[1], "cohort", None),
                }
            )
        rows.append({"cohort": cohort, "n": first[1].n, "cells": cells})
    return rows


def _coming_chart(service: PortfolioService, coming: list[ComingRenewal], days: int) -> Markup:
    """Revenue up for renewal, week by week, by band."""
    currency, today = service.options.currency, day_number(service.today())
    size = 7 if days <= 182 else 30
    columns = []
    for first in range(0, days, size):
        due = [each for each in coming if first <= each.end_day - today < first + size]
        parts = []
        for band in BANDS:
            minor = sum(each.minor or 0 for each in due if each.band == band)
            count = sum(each.band == band for each in due)
            words = f"{shown(minor, currency):,.0f} {currency} of {count} terms"
            label = f"from {day_of(today + first)}, {band or 'not known'}"
            parts.append((f"band-{band or 'unknown'}", Mark(label, float(shown(minor, currency)), words, "#terms")))
        columns.append((f"{day_of(today + first):%d %b}", parts))
    return stacked_bars("Revenue up for renewal, by week and band", columns)


def _tables_csv(service: PortfolioService, name: str, tables: Mapping[str, Iterable[Any]]) -> Response:
    return _csv(f"{name}-{service.today()}", rows_by_table(tables, service.options.currency))


def _account(board_url: str | None, account_id: str, words: str) -> Markup:
    """An account's name, which leads to its page on the board where it is known how people reach that."""
    if board_url is None:
        return Markup.escape(words)
    return Markup('<a href="{}/accounts/{}">{}</a>').format(board_url.rstrip("/"), url_part(account_id), words)


def _csv(name: str, rows: list[dict[str, Any]]) -> Response:
    out = io.StringIO()
    names = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: safe_cell(value) for key, value in row.items()} for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _query(values: dict[str, Any]) -> str:
    return urlencode({key: value for key, value in values.items() if value is not None})


def _page(template: str, request: Request, name: str, **values: Any) -> HTMLResponse:
    service = service_of(request)
    currency = service.options.currency
    board_url: str | None = request.app.state.board_url
    rendered = _TEMPLATES.get_template(template).render(
        page=name,
        pages=NAMES,
        currency=currency,
        today=service.today(),
        ready=service.is_ready,
        without_rate=service.without_rate(),
        amount=lambda minor: "–" if minor is None else f"{shown(minor, currency):,.0f}",
        number=lambda value: "–" if value is None else f"{float(value):,.10g}",
        percent=lambda value: "–" if value is None else f"{value * 100:.1f} %",
        date_of=day_of,
        word=lambda band: (band or "not known").replace("_", " "),
        board_url=board_url,
        account=lambda id_, words=None: _account(board_url, id_, words or id_),
        members_link=lambda of, key, **more: f"/page/members?{_query({'of': of, 'key': key or '', **more})}",
        **values,
    )
    return HTMLResponse(rendered)
