"""The contract of `scorecard-reviews`: who had an account's scorecard looked at, and what they said of it.

One record for every step, under a key of its own that begins with the account; compacted, so that each is kept for ever
and a record without a value erases the step of its key. Source: "4 Customer Success Metrics to Inform Your Product-Led
(Expansion) Growth Strategy", metric 3: a scorecard is handed in, and accepted or rejected with comments.
"""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, Literal, get_args

import msgspec

from stream.contracts.errors import ConfigError
from stream.contracts.report import Band, HealthReport
from stream.contracts.values import decode_or_reject

ReviewStep = Literal["requested", "approved", "sent_back"]
REVIEW_STEPS: Final[tuple[ReviewStep, ...]] = get_args(ReviewStep)
COMMENT_CHARS_MAX: Final = 1_000
NAME_CHARS_MAX: Final = 128


class ScorecardReview(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a review.

    Attributes:
        review_id: of this step; a repeat changes nothing.
        account_id: whose scorecard.
        step: requested: it waits for a review; approved; or sent back with a comment.
        by: who took it.
        at: when, aware UTC.
        comment: why, in their words; never empty where it is sent back.
        scorecard, score, band, as_of: of the report that they looked at.
    """

    review_id: str
    account_id: str
    step: ReviewStep
    by: str
    at: datetime
    scorecard: str
    band: Band
    as_of: datetime
    score: float | None = None
    comment: str = ""

    @property
    def key(self) -> str:
        """Of its record: the account, the moment and the step's id."""
        return f"{self.account_id}/{round(self.at.timestamp() * 1000)}/{self.review_id[:10]}"


_encode: Final = msgspec.json.Encoder().encode
_decoder: Final = msgspec.json.Decoder(ScorecardReview)


def make_review(report: HealthReport, step: str, by: str, comment: str, now: datetime) -> ScorecardReview:
    """One step of a review of what a report says.

    Args:
        report: the account's current one.
        step: one of REVIEW_STEPS.
        by: who takes it.
        comment: why; sending back wants one.
        now: the moment.

    Raises:
        ConfigError: the step is none, nobody's name is given, or the comment is missing or too long.
    """
    by, comment = by.strip(), comment.strip()
    found = next((each for each in REVIEW_STEPS if each == step), None)
    if found is None:
        raise ConfigError(f"review {step!r}: expected one of {', '.join(REVIEW_STEPS)}")
    if not by or len(by) > NAME_CHARS_MAX:
        raise ConfigError(f"review by {by[:40]!r}: expected a name of at most {NAME_CHARS_MAX} characters")
    if found == "sent_back" and not comment:
        raise ConfigError("review sent back: expected a comment that says what to change")
    if len(comment) > COMMENT_CHARS_MAX:
        raise ConfigError(f"review comment of {len(comment):,} characters: expected at most {COMMENT_CHARS_MAX:,}")
    told = f"{report.account_id}\0{found}\0{by}\0{now.isoformat()}\0{comment}"
    return ScorecardReview(
        review_id=blake2b(told.encode(errors="replace"), digest_size=16).hexdigest(),
        account_id=report.account_id,
        step=found,
        by=by,
        at=now.astimezone(UTC),
        comment=comment,
        scorecard=report.scorecard,
        score=report.score,
        band=report.band,
        as_of=report.as_of,
    )


def encode_review(review: ScorecardReview) -> bytes:
    """The step as the JSON value of its record."""
    return _encode(review)


def decode_review(value: bytes) -> ScorecardReview:
    """The reverse.

    Raises:
        BadEvent: the value is none; the detail names the field.
    """
    return decode_or_reject(_decoder, value, "not_a_review", "a step of a scorecard's review")


def review_schema() -> dict[str, Any]:
    """The JSON Schema of a step."""
    return msgspec.json.schema(ScorecardReview)
