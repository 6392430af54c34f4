"""The pages for people. Each is whole as it is sent; scripts only keep it fresh and let one point into charts."""

import asyncio
import csv
import io
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from kafka.errors import KafkaError
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from consumers.board.access_control import NAME_CHARS, own_path, role_of
from consumers.board.account_index import BANDS_AT_RISK, NONE_CHOICE, AccountQuery, AccountRow, together
from consumers.board.alert_log import Episode
from consumers.board.board_context import board_of
from consumers.board.inbox import AlertQuery, inbox, state_of
from consumers.board.live_updates import Listener
from consumers.board.milestone_vector import draw, vector_of
from consumers.board.pipeline_status import pipeline_status
from consumers.board.query_params import AccountQueryParams, AlertQueryParams
from consumers.board.svg import bars, share, strip, timeline
from consumers.csv_cells import safe_cell
from stream.config.logs import get_logger
from stream.contracts.errors import BadEvent
from stream.contracts.report import BANDS

router = APIRouter(include_in_schema=False, default_response_class=Response)

WRONG_TOKEN_SECONDS: Final = 0.5  # slows guessing
LETTERS_SHOWN: Final = 50
RESOLVED_SHOWN: Final = 100
RENEWAL_VIEW_DAYS: Final = 90
EPISODES_SHOWN: Final = 5
CSV_COLUMNS: Final = (
    *("account_id", "name", "band", "health_score", "movement_7d", "reason", "segment", "owner", "lifecycle_stage"),
    *("mrr", "currency", "arr_at_risk", "renewal_date", "open_alerts", "as_of"),
)

log = get_logger(__name__)


@router.get("/")
def accounts(
    request: Request, query: AccountQueryParams, page: Annotated[int, Query(ge=1, le=100_000)] = 1
) -> Response:
    """The list."""
    board = board_of(request)
    accounts, size = board.read_model.accounts, board.settings.board.page_accounts
    counts = board.read_model.alerts.open_counts()
    listing = accounts.find(query, counts, datetime.now(UTC).date())
    segments, owners = accounts.choices()
    last = max((len(listing.rows) + size - 1) // size, 1)
    page = min(page, last)
    return board.page(
        request,
        "accounts.html",
        query=query,
        rows=listing.rows[(page - 1) * size : page * size],
        first=(page - 1) * size + 1,
        found=len(listing.rows),
        total=accounts.living if listing.living_only else len(accounts),
        bands={band: listing.bands[band] for band in BANDS},
        arr={band: listing.arr.get(band) for band in BANDS},
        at_risk=together(listing.arr.get(band, {}) for band in BANDS_AT_RISK),
        segments=segments,
        owners=owners,
        views=_views(board.me(request), query),
        alerts=counts,
        page=page,
        last=last,
        link=lambda **changes: _link(query, **changes),
        toggled=lambda band: query.bands ^ {band},
        csv_link="/accounts.csv" + _link(query)[1:],
    )


@router.get("/accounts.csv")
def accounts_csv(request: Request, query: AccountQueryParams) -> Response:
    """The list as a table for a spreadsheet: all that the query finds, not a page of it."""
    board = board_of(request)
    counts = board.read_model.alerts.open_counts()
    listing = board.read_model.accounts.find(query, counts, datetime.now(UTC).date())

    def lines() -> Iterator[str]:
        yield _csv_line(CSV_COLUMNS)
        for row in listing.rows:
            yield _csv_line(_csv_cells(row, counts.get(row.account_id, 0)))

    headers = {"Content-Disposition": 'attachment; filename="accounts.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/accounts/{account_id:account}")
def account(request: Request, account_id: str) -> Response:
    """One account."""
    board = board_of(request)
    try:
        found = board.read_model.account(account_id)
    except (KafkaError, BadEvent) as error:
        raise HTTPException(503, f"the report can't be read just now ({type(error).__name__}); try again") from None
    if found is None:
        raise HTTPException(404, f"there is no account {account_id[:80]!r}")
    report = found.report
    floors = board.read_model.floors(report.scorecard)
    return board.page(
        request,
        "account.html",
        row=found.row,
        report=report,
        details=found.details,
        floors=floors,
        episodes=board.as_of_now(_noticed(board.read_model.alerts.of_account(account_id))[:EPISODES_SHOWN]),
        facts=board.current_alerts.facts(report),
        state_of=state_of,
        silence_over=lambda alert: board.read_model.alerts.silence_over(alert, datetime.now(UTC)),
        now=datetime.now(UTC),
        plays=board.current_alerts.plays,
        scores=found.scores,
        timeline=timeline(found.scores, floors),
        bars=bars,
        share=share,
        strip=strip,
        notes=board.read_model.alerts.notes_of(account_id),
        reviews=board.read_model.reviews.of_account(account_id),
        vector=vector_of(report.measures, board.settings.product.milestones),
        draw_vector=draw,
    )


@router.get("/alerts")
def alerts(request: Request, query: AlertQueryParams) -> Response:
    """Open alerts, as an inbox; silences."""
    board, now = board_of(request), datetime.now(UTC)
    log = board.read_model.alerts
    found = inbox(log.all(is_open=True), query, now)
    return board.page(
        request,
        "alerts.html",
        query=query,
        inbox=replace(found, episodes=board.as_of_now(found.episodes)),
        state_of=state_of,
        silences=log.silences(now),
        silence_over=lambda alert: log.silence_over(alert, now),
        plays=board.current_alerts.plays,
        row_of=board.read_model.accounts.row,
        now=now,
        link=lambda **changes: _alerts_link(query, **changes),
    )


@router.get("/alerts/resolved")
def resolved_alerts(request: Request) -> Response:
    """The newest alerts that are over."""
    board = board_of(request)
    resolved = _noticed(board.read_model.alerts.all(is_open=False))[:RESOLVED_SHOWN]
    return board.page(request, "resolved.html", resolved=resolved, now=datetime.now(UTC))


@router.get("/pipeline")
def health_of_the_pipeline(request: Request, reason: str = "") -> Response:
    """Lag, freshness, dead letters."""
    board = board_of(request)
    letters = board.read_model.letters
    return board.page(
        request,
        "pipeline.html",
        state=pipeline_status(board.read_model, board.lags),
        reasons=letters.reasons(),
        reason=reason,
        letters=letters.newest(LETTERS_SHOWN, reason or None),
        letters_total=len(letters),
        recent=board.recent_events.look(),
        now=datetime.now(UTC),
    )


async def _listener(request: Request) -> AsyncIterator[Listener]:
    """A listener for as long as the page is open."""
    hub = board_of(request).hub
    listener = hub.open(request.state.address)
    if listener is None:
        raise HTTPException(503, "too many open pages")
    try:
        yield listener
    finally:
        hub.close(listener)


@router.get("/events", response_class=EventSourceResponse)
async def events(listener: Annotated[Listener, Depends(_listener)]) -> AsyncIterator[ServerSentEvent]:
    """What changes, as it changes; FastAPI adds the keep-alive comments."""
    async for event in listener.events():
        yield event


@router.get("/healthz")
@router.get("/readyz")
def readyz(request: Request) -> Response:
    """Whether it is up and has read what there is; says nothing else, since anybody may ask."""
    loaded = board_of(request).read_model.topic_reader.loaded.is_set()
    return JSONResponse({"status": "ok" if loaded else "loading"}, 200 if loaded else 503)


@router.get("/livez")
async def livez() -> Response:
    """Whether it answers."""
    return JSONResponse({"status": "ok"})


@router.get("/login")
def login(request: Request, next: str = "/") -> Response:
    """Where a token is asked for."""
    return board_of(request).page(request, "login.html", target=own_path(next), wrong=False)


@router.post("/login")
async def logged_in(
    request: Request,
    token: Annotated[str, Form(max_length=500)],
    name: Annotated[str, Form(max_length=NAME_CHARS)] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Take a token, and remember whoever had it by a signed cookie."""
    board = board_of(request)
    role = role_of(board.settings.board, token)
    board.metrics.login("wrong" if role is None else "accepted")
    if role is None:
        board.login_limiter.failed(request.state.address, time.monotonic())
        log.warning("wrong token", address=request.state.address, by="login form")
        await asyncio.sleep(WRONG_TOKEN_SECONDS)
        return board.page(request, "login.html", 401, target=own_path(next), wrong=True)
    session = {"role": role, "key": board.access.session_key(), "name": name.strip()[:NAME_CHARS]}
    request.session.update(session)
    return RedirectResponse(own_path(next), 303)


@router.post("/logout")
def logout(request: Request) -> Response:
    """Forget them."""
    request.session.clear()
    return RedirectResponse("/login", 303)


def _noticed(episodes: list[Episode]) -> list[Episode]:
    return [each for each in episodes if not each.passed_unnoticed]


def _views(me: str, query: AccountQuery) -> list[tuple[str, str, bool]]:
    """(name, address, whether it is this one) of the views that people keep coming back to."""
    views = [
        ("All", AccountQuery()),
        ("Mine", AccountQuery(owner=me or NONE_CHOICE)),
        ("With an open alert", AccountQuery(is_flagged=True)),
        ("Falling", AccountQuery(sort="movement")),
        (f"Renewing in {RENEWAL_VIEW_DAYS} days", AccountQuery(renewal_days=RENEWAL_VIEW_DAYS, sort="renewal")),
    ]
    return [(name, _link(view), view == query) for name, view in views if me or name != "Mine"]


def _link(query: AccountQuery, **changes: Any) -> str:
    """The list's address with some of its query changed; what is as usual is left out.

    >>> _link(AccountQuery(search="a b"), sort="name")
    '/?search=a+b&sort=name'
    """
    page = changes.pop("page", 1)
    query = replace(query, **changes)
    return "/" + _query_string(
        search=query.search,
        band=[band for band in BANDS if band in query.bands],
        segment=query.segment,
        owner=query.owner,
        renewal_days=query.renewal_days,
        flagged="true" if query.is_flagged else "",
        sort=query.sort if query.sort != "health" else "",
        reverse="true" if query.reverse else "",
        page=page if page > 1 else "",
    )


def _alerts_link(query: AlertQuery, **changes: Any) -> str:
    """The inbox's address with some of its query changed.

    >>> _alerts_link(AlertQuery(owner="Dana"), state="snoozed")
    '/alerts?owner=Dana&state=snoozed'
    """
    query = replace(query, **changes)
    return "/alerts" + _query_string(
        search=query.search, owner=query.owner, state=query.state, severity=query.severity, segment=query.segment
    )


def _query_string(**values: Any) -> str:
    pairs = [(name, item) for name, value in values.items() for item in (value if isinstance(value, list) else [value])]
    encoded = urlencode([(name, item) for name, item in pairs if item is not None and item != ""])
    return f"?{encoded}" if encoded else ""


def _csv_cells(row: AccountRow, open_alerts: int) -> list[Any]:
    """One account; an unknown value is an empty cell."""
    return [
        row.account_id,
        row.name,
        row.band,
        None if row.score is None else round(row.score, 1),
        None if row.movement is None else round(row.movement, 1),
        row.reason,
        row.segment,
        row.owner,
        row.stage,
        row.mrr,
        row.currency,
        row.arr_at_risk,
        row.renewal,
        open_alerts,
        row.as_of.isoformat(timespec="seconds"),
    ]


def _csv_line(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([safe_cell(cell) for cell in cells])
    return text.getvalue()
