"""The JSON API of accounts and the pipeline, under /api/v1; described at /api/v1/openapi.json."""

import json
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from kafka.errors import KafkaError
from pydantic import BaseModel
from starlette.responses import Response

from consumers import account_url  # noqa: F401 - its convertor is in the addresses
from consumers.board.account_details import AccountDetails
from consumers.board.account_index import SPARK_UNKNOWN, AccountRow, Sums
from consumers.board.board_context import board_of
from consumers.board.pipeline_status import PipelineStatus, pipeline_status
from consumers.board.query_params import AccountQueryParams
from consumers.board.read_model import Account
from stream.contracts.errors import BadEvent
from stream.contracts.report import BANDS, Band, encode_report, report_schema

router = APIRouter(prefix="/api/v1")


class AccountItem(BaseModel):
    """One account of the list; null is unknown. `arr_at_risk`: what it pays a year, of accounts at risk or critical."""

    account_id: str
    name: str
    band: Band
    score: float | None
    movement_7d: float | None
    reason: str
    history_28d: list[int | None]
    segment: str | None
    owner: str | None
    lifecycle_stage: str | None
    renewal_date: date | None
    mrr: float | None
    currency: str | None
    arr_at_risk: float | None
    as_of: datetime
    last_event_at: datetime | None
    open_alerts: int


class AccountList(BaseModel):
    """Accounts of a query.

    `bands` counts the accounts under all filters but that of the band. `arr_by_currency` is what they pay a year, ""
    where nobody says in which currency; `arr` the same in one currency, null: unknown, or in several.
    """

    total: int
    bands: dict[Band, int]
    arr: dict[Band, float | None]
    arr_by_currency: dict[Band, dict[str, float]]
    accounts: list[AccountItem]


class Day(BaseModel):
    """One day of an account; null is unknown."""

    date: date
    score: float | None
    active_users: int | None
    events: int | None


class History(BaseModel):
    """An account by day, oldest first."""

    account_id: str
    days: list[Day]


@router.get("/accounts", summary="List accounts, the least healthy first")
def list_accounts(
    request: Request,
    query: AccountQueryParams,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> AccountList:
    """Search, filter and sort; unknown scores come last."""
    read_model = board_of(request).read_model
    alerts = read_model.alerts.open_counts()
    listing = read_model.accounts.find(query, alerts, datetime.now(UTC).date())
    return AccountList(
        total=len(listing.rows),
        bands={band: listing.bands[band] for band in BANDS},
        arr={band: _only(listing.arr.get(band, {})) for band in BANDS},
        arr_by_currency={
            band: {currency or "": arr for currency, arr in listing.arr.get(band, {}).items()} for band in BANDS
        },
        accounts=[_item(row, alerts.get(row.account_id, 0)) for row in listing.rows[offset : offset + limit]],
    )


@router.get("/accounts/{account_id:account}/history", summary="An account by day", response_model=History)
def history(request: Request, account_id: str) -> Any:
    """Scores, users and events of up to 182 days; scores of 28 where the state is not to be had."""
    if (whole_id := _id_with(request, account_id, "history")) is not None:
        return get_account(request, whole_id)
    account = _account(request, account_id)
    scores = {date.fromisoformat(day): score for day, score in account.scores}
    known = {day.date: day for day in account.details.days} if account.details is not None else {}
    days = []
    for day in sorted(scores.keys() | known.keys()):
        of_day = known.get(day)
        users, events = (of_day.users, of_day.events) if of_day is not None else (None, None)
        days.append(Day(date=day, score=scores.get(day), active_users=users, events=events))
    return History(account_id=account_id, days=days)


@router.get(
    "/accounts/{account_id:account}/details",
    summary="An account's people, features, tickets and answers",
    response_model=AccountDetails,
)
def get_details(request: Request, account_id: str) -> Any:
    """As of the account's report."""
    if (whole_id := _id_with(request, account_id, "details")) is not None:
        return get_account(request, whole_id)
    details = _account(request, account_id).details
    if details is None:
        raise HTTPException(503, f"the state of {account_id!r} is not to be had just now")
    return details


@router.get(
    "/accounts/{account_id:account}",
    summary="An account's health report",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/HealthReport"}}}}},
)
def get_account(request: Request, account_id: str) -> Response:
    """The report as it is on `account-health`."""
    return Response(encode_report(_account(request, account_id).report), media_type="application/json")


def _id_with(request: Request, account_id: str, last: str) -> str | None:
    """The account whose id ends with what looks like the last part of the address; None when it is that part.

    An id may hold slashes: `a%2Fhistory` is one segment, and so the account `a/history`. A client that left the slash
    as it is means that account too where there is no account `a`.
    """
    whole = f"{account_id}/{last}"
    raw_path: bytes = request.scope.get("raw_path") or b""
    if raw_path.lower().endswith(f"%2f{last}".encode()):
        return whole
    accounts = board_of(request).read_model.accounts
    return whole if accounts.row(account_id) is None and accounts.row(whole) is not None else None


@router.get("/pipeline", summary="Lag and freshness")
def get_pipeline(request: Request) -> PipelineStatus:
    """How far behind the processes are."""
    board = board_of(request)
    return pipeline_status(board.read_model, board.lags)


def _account(request: Request, account_id: str) -> Account:
    try:
        found = board_of(request).read_model.account(account_id)
    except (KafkaError, BadEvent) as error:
        raise HTTPException(503, f"the report can't be read just now ({type(error).__name__})") from None
    if found is None:
        raise HTTPException(404, f"there is no account {account_id!r}")
    return found


def _only(sums: Sums) -> float | None:
    """The one sum; None: there is none, or one in each of several currencies."""
    return next(iter(sums.values())) if len(sums) == 1 else None


def _item(row: AccountRow, open_alerts: int) -> AccountItem:
    return AccountItem(
        account_id=row.account_id,
        name=row.name,
        band=row.band,
        score=row.score,
        movement_7d=row.movement,
        reason=row.reason,
        history_28d=[None if score == SPARK_UNKNOWN else score for score in row.spark],
        segment=row.segment,
        owner=row.owner,
        lifecycle_stage=row.stage,
        renewal_date=row.renewal,
        mrr=row.mrr,
        currency=row.currency,
        arr_at_risk=row.arr_at_risk,
        as_of=row.as_of,
        last_event_at=row.last_event_at,
        open_alerts=open_alerts,
    )


def schemas() -> dict[str, Any]:
    """The schemas that come from contracts and not from this module's models: the health report's."""
    text = json.dumps(report_schema()).replace('"#/$defs/', '"#/components/schemas/')
    found: dict[str, Any] = json.loads(text)["$defs"]
    return found
