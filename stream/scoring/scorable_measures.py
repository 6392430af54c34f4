"""The measures that a scorecard may name, and what they are fed by; `measures.wording` says what they are called.

Every measure of docs/metrics.md that is one number; what is a word or a mapping can't lie on a curve.
"""

from typing import Final

from stream.contracts.topics import Source
from stream.measures.wording import Unit, unit_of

_FED_BY: Final[dict[Source, tuple[str, ...]]] = {
    "usage": (
        *("dau", "wau", "mau", "wau_previous", "mau_previous", "users_for_half", "users_daily", "users_weekly"),
        *("users_monthly", "frequency_30d", "stickiness", "turnover_exposure"),
        *("active_user_rate_daily", "active_user_rate_weekly", "active_user_rate_monthly", "license_utilization"),
        *("license_utilization_daily", "features_30d", "features_per_active_user", "depth", "balance"),
        *("activity_change_ratio", "usage_trend_ratio", "usage_trend_deviation"),
        *("days_known", "days_since_active", "silence_ratio", "silence_working_days", "silence_limit_days"),
        *("time_to_first_value_days", "first_value_waiting_days", "milestones_reached", "milestones_per_30_days"),
        *("milestone_stuck_days", "breadth_change_ratio", "champions", "champions_gone", "launches_unused"),
        *("session_minutes", "components_per_session", "engagement_score"),
    ),
    "tickets": (
        *("tickets_opened_7", "tickets_opened_30", "tickets_opened_90", "open_tickets", "open_urgent_tickets"),
        *("open_urgent_hours", "escalated_tickets", "escalation_rate", "support_incident_rate"),
        *("escalation_hours", "escalation_running_hours", "resolution_hours"),
    ),
    "surveys": ("nps", "nps_responses", "nps_previous", "csat", "csat_responses", "csat_mean", "ces_mean"),
    "touchpoints": (
        *("touchpoints_30", "touchpoints_90", "days_since_touchpoint"),
        *("open_feedback", "open_detractors", "open_promoters", "open_feedback_days"),
    ),
    "outcomes": ("goals_off_track", "goals_unreported", "outcome_pace_min"),
    "subscriptions": (
        *("days_to_renewal", "subscriptions_active", "mrr_active"),
        *("cancellation_requested", "cancellation_requested_days"),
    ),
}

# Measure id to (source, unit).
MEASURES: Final[dict[str, tuple[Source, Unit]]] = {
    name: (source, unit_of(name)) for source, names in _FED_BY.items() for name in names
}
