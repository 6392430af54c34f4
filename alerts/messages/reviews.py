"""What is told of reviews of scorecards: one that was handed in or decided, or all that wait for somebody."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from alerts.messages.blocks import account_name, context, payload, sections
from alerts.notification import AlertNotification, notice
from alerts.text import escape, plural, tidy
from stream.contracts.scorecard_review import ReviewStep, ScorecardReview

STEPS_MAX: Final = 40
NAME_CHARS_MAX: Final = 80
COMMENT_CHARS_MAX: Final = 300
_WORDS: Final[dict[ReviewStep, str]] = {
    "requested": "waits for a review",
    "approved": "was approved",
    "sent_back": "was sent back",
}


def reviews_notification(steps: Sequence[ScorecardReview], now: datetime) -> AlertNotification:
    """Steps of reviews as receivers take them.

    Args:
        steps: at least one, in the order in which they are told; of very many the first STEPS_MAX.
        now: the moment, aware UTC; the day names the message where there are several.
    """
    first = steps[0]
    if len(steps) == 1:
        headline = f"The scorecard of {tidy(first.account_id, NAME_CHARS_MAX)} {_WORDS[first.step]}"
        name = f"scorecard-review-{first.review_id}"
    else:
        waiting = sum(step.step == "requested" for step in steps)
        headline = f"{plural(waiting, 'scorecard')} {'waits' if waiting == 1 else 'wait'} for a review"
        name = f"scorecard-reviews-{now:%Y-%m-%d}"
    lines = [_line(step) for step in steps[:STEPS_MAX]]
    more = [f"and {len(steps) - STEPS_MAX:,} more"] if len(steps) > STEPS_MAX else []
    how = "approve it or send it back on the account's page, or by: heartline scorecard review"
    message = payload(headline, headline, [*sections([*lines, *more]), context([how])])
    return notice(name, "scorecard_review", headline, message, now, first.at)


def _line(step: ScorecardReview) -> str:
    account = account_name(step.account_id, step.account_id, NAME_CHARS_MAX)
    score = "no score" if step.score is None else f"score {step.score:.0f}"
    when = f"{step.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    comment = f": {escape(tidy(step.comment, COMMENT_CHARS_MAX))}" if step.comment else ""
    by = escape(tidy(step.by, NAME_CHARS_MAX))
    return f"{account} {_WORDS[step.step]}, {score}; {by}, {when}{comment}"
