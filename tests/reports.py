"""Health reports for tests: only what a test speaks of is given, the rest is plain."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from stream.contracts.report import Band, Change, Contribution, HealthReport, Profile

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def band_of(score: float | None) -> Band:
    """The bands that the tests reckon with: 75 healthy, 50 watch, 25 at risk."""
    if score is None:
        return "unknown"
    return "healthy" if score >= 75 else "watch" if score >= 50 else "at_risk" if score >= 25 else "critical"


def users_of(score: float | None) -> int | None:
    """The users of this month at a score, after 20 in the month before: half of them below 50, a fifth below 25."""
    return None if score is None else 20 if score >= 50 else 10 if score >= 25 else 4


def make_report(
    account_id: str = "acme",
    score: float | None = 80.0,
    *,
    as_of: datetime = MONDAY,
    band: Band | None = None,
    past: Sequence[float] = (),
    **fields: Any,
) -> HealthReport:
    """One report.

    Args:
        account_id: the account.
        score: its score; the band follows from it unless given.
        as_of: the moment.
        band: another band than the score's own.
        past: closing scores of the days before as_of, oldest first, one a day up to yesterday; the comparisons with 7
            and 28 days ago follow from them.
        fields: any other field of the report.
    """
    today = as_of.date()
    history = [
        ((today - timedelta(days=len(past) - assigned)).isoformat(), value) for assigned, value in enumerate(past)
    ]
    if score is not None:
        history.append((today.isoformat(), score))
    plain: dict[str, Any] = {
        "coverage_ratio": 1.0 if score is not None else 0.1,
        "scorecard": "default@1",
        "reason": "weekly active users fell",
        "contributions": [Contribution("wau", "adoption", 11, 20.0, 0.5, 10.0)],
        "score_7d_ago": past[-7] if len(past) >= 7 else None,
        "changes_7d": [Change("wau", 42, 11, -14.0), Change("open_urgent_tickets", 0, 3, -6.0)],
        "score_28d_ago": past[-28] if len(past) >= 28 else None,
        "history": history,
        "measures": {"wau": 11, "mau": users_of(score), "mau_previous": 20},
        "profile": Profile(name="Acme Corp", segment="mid-market", owner="Dana Fields", mrr=500),
    }
    return HealthReport(
        account_id=account_id, as_of=as_of, score=score, band=band or band_of(score), **(plain | fields)
    )
