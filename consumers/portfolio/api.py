"""The portfolio as JSON, under /api/v1/portfolio."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from consumers.portfolio.days import day_of
from consumers.portfolio.facts import DIMENSIONS
from consumers.portfolio.figures import MOVEMENT_FIGURES
from consumers.portfolio.lifetime import ALL_IDS, shape_of
from consumers.portfolio.presentation import as_json, part_as_json
from consumers.portfolio.service import PortfolioService
from consumers.portfolio.tables import EXPORTED, TABLES
from consumers.portfolio.usage_drops import drop_fates
from stream.contracts.errors import ConfigError

router: Final = APIRouter(prefix="/api/v1/portfolio", tags=["portfolio"])

PeriodText = Annotated[
    str | None,
    Query(description="2026-07-31, 2026-07, 2026-Q3, 2026, or 2025-Q1..2026-Q3; the quarter of today without it"),
]
By = Annotated[str | None, Query(description=f"one of {', '.join(DIMENSIONS)}")]
AsKnown = Annotated[date | None, Query(description="as it was known at the end of that day")]
Group = Annotated[str | None, Query(description="one value of the dimension")]


def service_of(request: Request) -> PortfolioService:
    """What answers."""
    service: PortfolioService = request.app.state.service
    return service


@router.get("/figures")
def figures(
    request: Request,
    period: PeriodText = None,
    by: By = None,
    figure: Annotated[list[str] | None, Query(description="ids; all without it")] = None,
    group: Group = None,
    as_known: AsKnown = None,
) -> dict[str, Any]:
    """Figures of periods, by group, each with numerator, denominator, n and 95 % interval."""
    service = service_of(request)
    currency = service.options.currency
    try:
        values = service.figures(figure, service.periods(period), by, as_known)
    except ConfigError as error:
        raise HTTPException(422, str(error)) from None
    rows = [as_json(shape, value, currency) for shape, value in values if group is None or value.group == group]
    return {"currency": currency, "until": min(as_known or service.today(), service.today()), "figures": rows}


@router.get("/accounts")
def accounts(
    request: Request,
    figure: Annotated[str, Query(description="an id")],
    period: PeriodText = None,
    by: By = None,
    group: Group = None,
    as_known: AsKnown = None,
) -> list[dict[str, Any]]:
    """The accounts behind a figure, those with the largest part first."""
    service = service_of(request)
    try:
        (asked,) = service.periods(period)[:1]
        return [part_as_json(part) for part in service.explain(figure, asked, by, group, as_known)]
    except ConfigError as error:
        raise HTTPException(422, str(error)) from None


@router.get("/renewals")
def renewals(request: Request, days: Annotated[int, Query(ge=1, le=730)] = 90) -> dict[str, Any]:
    """Terms that end within some days or are overdue, and each band's own record with what it lets expect."""
    coming, bands = service_of(request).renewals(days)
    return {
        "renewals": [asdict(each) | {"end_day": day_of(each.end_day)} for each in coming],
        "bands": [asdict(each) for each in bands],
        "arr_at_risk_minor": service_of(request).arr_at_risk(),
    }


@router.get("/adoption")
def adoption(request: Request) -> dict[str, Any]:
    """Churn and expansion by the band 90 days before; features, the rarest first, also by plan, and against retention;
    uptake of launches, and who stayed with them.
    """
    service = service_of(request)
    found = service.features()
    return {
        "bands": [asdict(each) for each in service.bands()],
        "features": [asdict(each) for each in found.used],
        "feature_retention": [asdict(each) for each in found.retention],
        "launches": [asdict(each) for each in found.uptake],
        "launch_stay": [asdict(each) for each in found.stay],
    }


@router.get("/usage-drops")
def usage_drops(request: Request) -> dict[str, Any]:
    """Every fall of use that came back, and what became of it 91, 182 and 364 days after; each with its account."""
    drops = service_of(request).usage_drops()
    return {
        "fates": [asdict(each) for each in drop_fates(drops)],
        "drops": [
            asdict(each) | {"fell_day": day_of(each.fell_day), "back_day": day_of(each.back_day)} for each in drops
        ],
    }


@router.get("/play-effects")
def play_effects(request: Request) -> list[dict[str, Any]]:
    """Plays against comparable accounts without them, 28, 91, 182 and 364 days after, and what may be said of it."""
    return [asdict(each) | {"sentence": each.sentence} for each in service_of(request).play_effects()]


@router.get("/restatements")
def restatements(request: Request, period: PeriodText = None) -> list[dict[str, Any]]:
    """What was recorded after a period had ended and changed its end, each with the event that did."""
    service = service_of(request)
    try:
        (asked,) = service.periods(period)[:1]
    except ConfigError as error:
        raise HTTPException(422, str(error)) from None
    return [asdict(each) | {"effective_day": day_of(each.effective_day)} for each in service.restatements(asked)]


@router.get("/tables")
def exported_tables() -> list[dict[str, str]]:
    """The tables that may be had as Parquet, and what a row of each is."""
    return [{"table": table.name, "meaning": table.meaning} for table in TABLES if table.name in EXPORTED]


@router.get("/tables/{table}.parquet", response_class=Response)
def parquet(request: Request, table: str) -> Response:
    """One of them, for a warehouse. Days are counted from 1970-01-01, money is in minor units."""
    try:
        file = service_of(request).parquet(table)
    except ConfigError as error:
        raise HTTPException(404, str(error)) from None
    headers = {"Content-Disposition": f'attachment; filename="{table}.parquet"'}
    return Response(file, media_type="application/vnd.apache.parquet", headers=headers)


@router.get("/definitions")
def definitions() -> list[dict[str, Any]]:
    """Every figure: what it means, of what it is made, and which documents ask for it."""
    return [
        {
            "figure": shape.id,
            "meaning": shape.meaning,
            "unit": shape.unit,
            "numerator": shape.numerator,
            "denominator": shape.denominator,
            "interval": shape.interval,
            "seeds": shape.seeds,
            "movement": shape.id in MOVEMENT_FIGURES,
        }
        for shape in map(shape_of, ALL_IDS)
    ]


@router.get("/status")
def status(request: Request) -> dict[str, Any]:
    """How far the ledger is, and what in it can't be used."""
    return service_of(request).status()
