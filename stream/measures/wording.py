"""What people call each measure, and how its values are shown: the one source for reasons, messages and screens."""

from typing import Final, Literal, get_args

from stream.contracts.report import Band, Override

Number = int | float
Unit = Literal["count", "percent", "score", "days", "times", "hours", "minutes", "money"]

UNITS: Final[tuple[Unit, ...]] = get_args(Unit)

# What each measure is called within a sentence, and the unit of its values. What is missing here shows by its id.
LABELS: Final[dict[str, tuple[str, Unit]]] = {
    "dau": ("daily active users", "count"),
    "wau": ("weekly active users", "count"),
    "mau": ("monthly active users", "count"),
    "wau_previous": ("weekly active users, the week before", "count"),
    "mau_previous": ("monthly active users, the month before", "count"),
    "users_daily": ("daily users", "count"),
    "users_weekly": ("weekly users", "count"),
    "users_monthly": ("occasional users", "count"),
    "active_user_rate_daily": ("users active in a day", "percent"),
    "active_user_rate_weekly": ("users active in a week", "percent"),
    "active_user_rate_monthly": ("users active in a month", "percent"),
    "license_utilization": ("licences in use", "percent"),
    "license_utilization_daily": ("licences in use on a weekday", "percent"),
    "turnover_exposure": ("exposure to one departure", "percent"),
    "users_for_half": ("people behind half of the usage", "count"),
    "stickiness": ("stickiness (daily / monthly users)", "percent"),
    "frequency_30d": ("active days per user in a month", "count"),
    "activity_change_ratio": ("activity against the 4 weeks before", "percent"),
    "usage_trend_ratio": ("usage against what was to be expected", "percent"),
    "usage_trend_deviation": ("usage, in deviations from what was to be expected", "score"),
    "days_known": ("days since the first use", "count"),
    "days_since_active": ("days without any use", "count"),
    "silence_working_days": ("working days without any use", "count"),
    "silence_limit_days": ("working days without use that are usual here, at most", "count"),
    "silence_ratio": ("silence, against what is usual here", "times"),
    "features_30d": ("features in use", "count"),
    "features_per_active_user": ("features per user", "count"),
    "depth": ("core features in use", "percent"),
    "balance": ("balance over core features", "percent"),
    "time_to_first_value_days": ("time to the first value", "days"),
    "first_value_waiting_days": ("waiting for the first value", "days"),
    "milestones_reached": ("milestones reached", "count"),
    "milestones_per_30_days": ("milestones per 30 days", "count"),
    "tickets_opened_7": ("tickets opened in 7 days", "count"),
    "tickets_opened_30": ("tickets opened in 30 days", "count"),
    "tickets_opened_90": ("tickets opened in 90 days", "count"),
    "open_tickets": ("open tickets", "count"),
    "open_urgent_tickets": ("urgent tickets open", "count"),
    "open_urgent_hours": ("oldest urgent ticket open for", "hours"),
    "support_incident_rate": ("tickets per user in a month", "score"),
    "escalated_tickets": ("tickets escalated in 90 days", "count"),
    "escalation_rate": ("tickets escalated", "percent"),
    "escalation_hours": ("time in escalation", "hours"),
    "escalation_running_hours": ("longest running escalation", "hours"),
    "resolution_hours": ("time to solve a ticket", "hours"),
    "nps": ("NPS", "score"),
    "nps_responses": ("NPS answers", "count"),
    "nps_previous": ("NPS, the 90 days before", "score"),
    "csat": ("satisfied answers (CSAT)", "percent"),
    "csat_responses": ("CSAT answers", "count"),
    "csat_mean": ("mean rating (CSAT)", "score"),
    "ces_mean": ("mean effort (CES)", "score"),
    "champions": ("most active users of the month before", "count"),
    "champions_gone": ("of them, not active for two weeks", "count"),
    "breadth_change_ratio": ("users against the month before", "percent"),
    "days_to_renewal": ("days to the renewal", "count"),
    "subscriptions_active": ("subscriptions that run", "count"),
    "cancellation_requested": ("requests to cancel", "count"),
    "cancellation_requested_days": ("days since they asked", "count"),
    "mrr_active": ("revenue a month that is at stake", "money"),
    "goals_off_track": ("goals behind plan", "count"),
    "goals_unreported": ("goals that nothing was reported of", "count"),
    "outcome_pace_min": ("the furthest behind, against its plan", "percent"),
    "milestone_stuck_days": ("days since the last milestone", "count"),
    "open_detractors": ("unhappy answers that wait", "count"),
    "open_promoters": ("glad answers that wait", "count"),
    "open_feedback_days": ("days that the oldest waits", "count"),
    "open_feedback": ("answers that wait", "count"),
    "touchpoints_90": ("contacts in three months", "count"),
    "components_per_session": ("features in a session", "count"),
    "launches_unused": ("launched features never used", "count"),
    "touchpoints_30": ("contacts in a month", "count"),
    "days_since_touchpoint": ("days since the last contact", "count"),
    "session_minutes": ("length of a session", "minutes"),
    "engagement_score": ("engagement score", "score"),
    "override": ("set by hand", "count"),
}

_SUFFIX: Final[dict[str, str]] = {"times": "×", "hours": " h", "minutes": " min"}


def label_of(measure: str) -> str:
    """What a measure is called within a sentence.

    >>> label_of("wau"), label_of("tickets_by_mood")
    ('weekly active users', 'tickets by mood')
    """
    known = LABELS.get(measure)
    return known[0] if known is not None else measure.replace("_", " ")


def unit_of(measure: str) -> Unit:
    """The unit of a measure's values; a plain score for one that is not known here."""
    known = LABELS.get(measure)
    return known[1] if known is not None else "score"


def shown(value: Number | None, unit: str) -> str:
    """A value with its unit; None is unknown, and never 0.

    >>> shown(0.624, "percent"), shown(3.25, "count"), shown(1, "days"), shown(1200, "count"), shown(None, "count")
    ('62%', '3.2', '1 day', '1,200', 'unknown')
    """
    if value is None:
        return "unknown"
    if unit == "percent":
        return f"{value:.0%}"
    text = f"{value:,.1f}".removesuffix(".0")
    if unit == "days":
        return f"{text} day" if text == "1" else f"{text} days"
    return text + _SUFFIX.get(unit, "")


def by_hand(override: Override, model_score: float | None, model_band: Band | None) -> str:
    """Who set the verdict, until when and why, and what the scorecard says; part of a sentence.

    >>> from datetime import UTC, datetime
    >>> by_hand(Override("Dana", "sponsor left", datetime(2026, 3, 2, tzinfo=UTC), score=40), 81.6, "healthy")
    'set by Dana until 2 Mar 2026 (sponsor left), the scorecard says 82, healthy'
    """
    until = f"{override.expires_at.day} {override.expires_at:%b %Y}"
    band = "" if model_band is None else f", {model_band.replace('_', ' ')}"
    model = "no score" if model_score is None else f"{model_score:.0f}{band}"
    return f"set by {override.owner} until {until} ({override.reason}), the scorecard says {model}"
