"""Reviews of scorecards: handed in by whoever looks after an account, decided by whoever leads the team."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from kafka.errors import KafkaError
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from consumers import account_url  # noqa: F401 - its convertor is in the addresses
from consumers.board.access_control import own_path
from consumers.board.board_context import Board, board_of
from consumers.confirmed_sender import RecordNotSentError
from stream.contracts.errors import BadEvent, ConfigError
from stream.contracts.report import Band
from stream.contracts.scorecard_review import (
    COMMENT_CHARS_MAX,
    NAME_CHARS_MAX,
    ReviewStep,
    ScorecardReview,
    encode_review,
    make_review,
)

router = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1")

REVIEWS_SHOWN = 200
SAID: dict[ReviewStep, str] = {
    "requested": "Handed in: it waits for a review",
    "approved": "Approved",
    "sent_back": "Sent back",
}


class ReviewItem(BaseModel):
    """One step of a review; score, band and scorecard are what was looked at, null is unknown."""

    review_id: str
    account_id: str
    step: ReviewStep
    by: str
    at: datetime
    comment: str
    scorecard: str
    score: float | None
    band: Band
    as_of: datetime


class ReviewBody(BaseModel):
    """A step; sent_back wants a comment."""

    account_id: str = Field(min_length=1, max_length=1_000)
    step: ReviewStep
    comment: str = Field("", max_length=COMMENT_CHARS_MAX)


class ReviewSent(BaseModel):
    """Kafka has the step; every board shows it within a second."""

    review_id: str


@router.get("/reviews")
def reviews(request: Request) -> Response:
    """Which scorecards wait for a review, the longest waiting first; and what was decided last."""
    board = board_of(request)
    steps = [step for step in board.read_model.reviews.newest() if board.read_model.accounts.row(step.account_id)]
    return board.page(
        request,
        "reviews.html",
        steps=steps[:REVIEWS_SHOWN],
        waiting=sum(step.step == "requested" for step in steps),
        total=len(steps),
        row_of=board.read_model.accounts.row,
        now=datetime.now(UTC),
    )


@router.post("/accounts/{account_id:account}/review")
async def review(request: Request, account_id: str) -> Response:
    """Take a step of a review, from the account's page."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    step, by = form.get("do", ""), request.state.person.name
    try:
        made = await run_in_threadpool(_take, board_of(request), account_id, step, by, form.get("comment", ""))
        said = f"{SAID[made.step]}."
    except (ConfigError, KafkaError, BadEvent, RecordNotSentError) as error:
        said = f"Not sent: {error}"
    request.session["flash"] = said[:400]
    return RedirectResponse(own_path(form.get("back", "/")), 303)


@api.get("/reviews", summary="List reviews of scorecards")
def list_reviews(
    request: Request,
    account_id: Annotated[str | None, Query(description="Every step of this account, the newest first.")] = None,
    waiting: Annotated[bool, Query(description="Only those that wait for a review.")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[ReviewItem]:
    """Without an account the newest step of each: what waits first, then what was decided last."""
    log = board_of(request).read_model.reviews
    steps = log.newest() if account_id is None else log.of_account(account_id)
    found = [step for step in steps if not waiting or step.step == "requested"]
    return [_item(step) for step in found[:limit]]


@api.post("/reviews", status_code=202, summary="Hand a scorecard in, approve it or send it back")
def post_review(request: Request, body: ReviewBody) -> ReviewSent:
    """The step is of the account's report as it is now."""
    name = request.state.person.name[:NAME_CHARS_MAX]
    try:
        made = _take(board_of(request), body.account_id, body.step, name, body.comment)
    except ConfigError as error:
        raise HTTPException(422, str(error)) from None
    except (KafkaError, BadEvent, RecordNotSentError) as error:
        raise HTTPException(503, str(error)[:400]) from None
    return ReviewSent(review_id=made.review_id)


def _take(board: Board, account_id: str, step: str, by: str, comment: str) -> ScorecardReview:
    """Make a step of the account's current report, send it, and have it told.

    Raises:
        ConfigError: there is nothing to review, or the step is not whole.
        KafkaError, BadEvent: the report can't be read just now.
        RecordNotSentError: Kafka did not take it.
    """
    found = board.read_model.report(account_id)
    if found is None:
        raise ConfigError(f"there is no account {account_id[:80]!r}")
    made = make_review(found[1], step, by, comment, datetime.now(UTC))
    board.reviews.send(made.key, encode_review(made))
    board.review_notices.tell(made)
    return made


def _item(step: ScorecardReview) -> ReviewItem:
    return ReviewItem(**{name: getattr(step, name) for name in ReviewItem.model_fields})
