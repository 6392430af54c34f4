"""What is kept of the evaluations before: the band and since when it holds, and the closing scores of days."""

from datetime import UTC, datetime
from typing import Final

from stream.calendar.day import iso_date
from stream.calendar.zones import zone
from stream.contracts.health_override import HealthOverride
from stream.contracts.report import Band, HealthReport
from stream.history import daily
from stream.kinds.state import AccountState, PublishedReport
from stream.scoring.scorecard import Scorecard

HISTORY_DAYS: Final = 28  # that a report shows
COMPARED_DAYS: Final = (7, 14, 28)  # the days that a report may compare with
_NO_CLOSINGS: Final = (None,) * len(COMPARED_DAYS)


def band_of(
    before: PublishedReport | None, score: float | None, day: int, scorecard: Scorecard, *, is_inactive: bool = False
) -> Band:
    """The scorecard's band of a score on a day, for an account that was evaluated before.

    Without a score it is unknown, or inactive where nobody wants one.
    """
    if score is None:
        return "inactive" if is_inactive else "unknown"
    if before is None or not scorecard.remembers:
        return scorecard.band(score)
    return scorecard.band(score, before.model_band or before.band, day - before.band_since_day)


def published_report(
    before: PublishedReport | None,
    report: HealthReport,
    now_ms: int,
    digest: str,
    override: HealthOverride | None = None,
    closing: tuple[float | None, ...] = (),
    facts: tuple[int, int] = (0, 0),
) -> PublishedReport:
    """What is kept of an evaluation once it is published: what was said, and since when the scorecard's band holds.

    Args:
        before: the same of the evaluation before; None for the first.
        report: as published.
        now_ms: when.
        digest: the profile, to notice its change.
        override: the override that holds.
        closing: the closing scores that its comparisons are with.
        facts: `scan_facts` and `day_facts` of the report.
    """
    day = zone(report.profile.timezone).day_of(now_ms)
    band = report.model_band or report.band
    same_band = before is not None and (before.model_band or before.band) == band
    return PublishedReport(
        now_ms,
        report.score,
        report.band,
        report.coverage_ratio,
        report.score_7d_ago,
        digest,
        [],
        before.band_since_day if before is not None and same_band else day,
        report.scorecard,
        round(report.last_event_at.timestamp() * 1000) if report.last_event_at is not None else None,
        report.model_band,
        override,
        day,
        report.reason_days or 0,
        closing,
        *facts,
    )


def closings(state: AccountState, day: int) -> tuple[float | None, ...]:
    """The closing scores of the days that a report of a day may compare with; None where none is known."""
    days = state.usage.days
    return daily.scores_at(days, day, COMPARED_DAYS) if days.tenths else _NO_CLOSINGS


def history(state: AccountState, day: int, score: float | None) -> list[tuple[str, float]]:
    """Daily closing scores of the last 28 days, today's so far included."""
    days = state.usage.days
    if not days.tenths or (known_day := daily.first_scored_day(days)) >= day:
        return [(iso_date(day), score)] if score is not None else []
    first_day = max(day + 1 - HISTORY_DAYS, known_day)
    found = [*daily.scores(days, first_day, day), score]
    return [(iso_date(at), value) for at, value in enumerate(found, start=first_day) if value is not None]


def moment(ms: int) -> datetime:
    """Epoch milliseconds as aware UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)
