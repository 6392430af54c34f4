"""Whether a judgement is worth telling: what a person could notice since the last one that was published."""

from datetime import datetime
from typing import Final

from stream.account import Judged
from stream.report import HealthReport
from stream.zones import zone

NOTICEABLE_POINTS: Final = 1.0
NOTICEABLE_COVERAGE: Final = 0.05


def is_news(before: Judged, report: HealthReport, described: str) -> bool:
    """Whether a person could notice the difference between what was published and what is so now.

    News is: another band or scorecard; the score, or the score of a week ago, moved by a point; coverage moved by 5
    percent of the scorecard; the profile changed; or an event of a later day than any that the last report knew of.
    """
    if report.band != before.band or described != before.described:
        return True
    if before.scorecard not in ("", report.scorecard):  # none is remembered from before scorecards were
        return True
    if _moved(before.score, report.score, NOTICEABLE_POINTS):
        return True
    if _moved(before.score_7d_ago, report.score_7d_ago, NOTICEABLE_POINTS):
        return True
    if abs(before.coverage_ratio - report.coverage_ratio) >= NOTICEABLE_COVERAGE:
        return True
    if report.last_event_at is None:
        return False
    day_of = zone(report.profile.timezone).day_of
    return before.last_event_ms is None or day_of(_ms(report.last_event_at)) > day_of(before.last_event_ms)


def _ms(moment: datetime) -> int:
    """A report's moment as epoch milliseconds."""
    return round(moment.timestamp() * 1000)


def _moved(before: float | None, now: float | None, by: float) -> bool:
    """Whether a number moved by at least `by`, or became known or unknown."""
    if before is None or now is None:
        return before is not now
    return abs(now - before) >= by
