"""The measures that a scorecard may name: what they are fed by, and how their values are shown.

Every measure of docs/metrics.md that is one number; what is a word or a mapping can't lie on a curve.
"""

from typing import Final

from stream.scorecard.model import Source

UNITS: Final = ("count", "percent", "score", "days", "times", "hours")

_USAGE: Final = {
    "count": (
        *("dau", "wau", "mau", "wau_previous", "mau_previous", "users_for_half", "users_daily", "users_weekly"),
        *("users_monthly", "frequency_30d", "features_30d", "features_per_active_user"),
        *("milestones_reached", "milestones_per_30_days"),
    ),
    "percent": (
        *("active_user_rate_daily", "active_user_rate_weekly", "active_user_rate_monthly", "license_utilization"),
        *("license_utilization_daily", "turnover_exposure", "stickiness", "activity_change_ratio", "depth", "balance"),
        "usage_trend_ratio",
    ),
    "days": (
        *("days_known", "days_since_active", "silence_working_days", "silence_limit_days", "time_to_first_value_days"),
        "first_value_waiting_days",
    ),
    "score": ("usage_trend_deviation",),
    "times": ("silence_ratio",),
}
_TICKETS: Final = {
    "count": (
        *("tickets_opened_7", "tickets_opened_30", "tickets_opened_90", "open_tickets", "open_urgent_tickets"),
        *("escalated_tickets",),
    ),
    "percent": ("escalation_rate",),
    "score": ("support_incident_rate",),
    "hours": ("escalation_hours", "escalation_running_hours", "resolution_hours"),
}
_SURVEYS: Final = {
    "count": ("nps_responses", "csat_responses"),
    "percent": ("csat",),
    "score": ("nps", "nps_previous", "csat_mean", "ces_mean"),
}

# Measure id to (source, unit).
MEASURES: Final[dict[str, tuple[Source, str]]] = {
    **{name: ("usage", unit) for unit, names in _USAGE.items() for name in names},
    **{name: ("tickets", unit) for unit, names in _TICKETS.items() for name in names},
    **{name: ("surveys", unit) for unit, names in _SURVEYS.items() for name in names},
}
