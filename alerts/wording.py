"""Measures, numbers, durations and customer text as a person reads them."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from stream.report import HealthReport

Number = int | float
Unit = Literal["count", "ratio", "times", "hours", "plain"]

# What each measure is called, and how its value is shown. A measure that is missing here shows by its id.
MEASURES: Final[dict[str, tuple[str, Unit]]] = {
    "dau": ("Daily active users", "count"),
    "wau": ("Weekly active users", "count"),
    "mau": ("Monthly active users", "count"),
    "wau_previous": ("Weekly active users, the week before", "count"),
    "mau_previous": ("Monthly active users, the month before", "count"),
    "users_daily": ("Daily users", "count"),
    "users_weekly": ("Weekly users", "count"),
    "users_monthly": ("Occasional users", "count"),
    "active_user_rate_daily": ("Users active in a day", "ratio"),
    "active_user_rate_weekly": ("Users active in a week", "ratio"),
    "active_user_rate_monthly": ("Users active in a month", "ratio"),
    "license_utilization": ("Licences in use", "ratio"),
    "license_utilization_daily": ("Licences in use on a weekday", "ratio"),
    "turnover_exposure": ("Exposure to one departure", "ratio"),
    "users_for_half": ("People behind half of the usage", "count"),
    "stickiness": ("Stickiness (daily / monthly users)", "ratio"),
    "frequency_30d": ("Active days per user in a month", "plain"),
    "activity_change_ratio": ("Activity against the 4 weeks before", "ratio"),
    "days_known": ("Days since the first use", "count"),
    "days_since_active": ("Days without any use", "count"),
    "silence_ratio": ("Silence, against what is usual here", "times"),
    "features_30d": ("Features in use", "count"),
    "features_per_active_user": ("Features per user", "plain"),
    "depth": ("Core features in use", "ratio"),
    "balance": ("Balance over core features", "ratio"),
    "tickets_opened_7": ("Tickets opened in 7 days", "count"),
    "tickets_opened_30": ("Tickets opened in 30 days", "count"),
    "tickets_opened_90": ("Tickets opened in 90 days", "count"),
    "open_tickets": ("Open tickets", "count"),
    "open_urgent_tickets": ("Urgent tickets open", "count"),
    "support_incident_rate": ("Tickets per user in a month", "plain"),
    "escalation_rate": ("Tickets escalated", "ratio"),
    "escalation_hours": ("Time in escalation", "hours"),
    "escalation_running_hours": ("Longest running escalation", "hours"),
    "resolution_hours": ("Time to solve a ticket", "hours"),
    "nps": ("NPS", "plain"),
    "nps_responses": ("NPS answers", "count"),
    "nps_previous": ("NPS, the 90 days before", "plain"),
    "csat": ("Satisfied answers (CSAT)", "ratio"),
    "csat_responses": ("CSAT answers", "count"),
    "csat_mean": ("Mean rating (CSAT)", "plain"),
    "ces_mean": ("Mean effort (CES)", "plain"),
    "silence_working_days": ("Working days without any use", "count"),
    "silence_limit_days": ("Working days without use that are usual here, at most", "count"),
    "champions": ("Most active users of the month before", "count"),
    "champions_gone": ("Of them, not active for two weeks", "count"),
    "breadth_change_ratio": ("Users against the month before", "ratio"),
    "days_to_renewal": ("Days to the renewal", "count"),
    "subscriptions_active": ("Subscriptions that run", "count"),
    "cancellation_requested": ("Requests to cancel", "count"),
    "cancellation_requested_days": ("Days since they asked", "count"),
    "mrr_active": ("Revenue a month that is at stake", "count"),
    "goals_off_track": ("Goals behind plan", "count"),
    "goals_unreported": ("Goals that nothing was reported of", "count"),
    "outcome_pace_min": ("The furthest behind, against its plan", "ratio"),
    "first_value_waiting_days": ("Days without a first value", "count"),
    "milestones_reached": ("Milestones reached", "count"),
    "milestone_stuck_days": ("Days since the last milestone", "count"),
    "open_detractors": ("Unhappy answers that wait", "count"),
    "open_promoters": ("Glad answers that wait", "count"),
    "open_feedback_days": ("Days that the oldest waits", "count"),
    "touchpoints_30": ("Contacts in a month", "count"),
    "days_since_touchpoint": ("Days since the last contact", "count"),
    "session_minutes": ("Minutes of a session", "plain"),
    "engagement_score": ("Engagement score", "plain"),
}

_SPARKS: Final = "▁▂▃▄▅▆▇█"
_INVISIBLE: Final = re.compile("[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_BROADCAST: Final = re.compile(r"@(?=(?:channel|here|everyone)\b)", re.IGNORECASE)


def measure_name(measure: str) -> str:
    """What a measure is called.

    >>> measure_name("wau")
    'Weekly active users'
    >>> measure_name("tickets_by_mood")
    'Tickets by mood'
    """
    known = MEASURES.get(measure)
    return known[0] if known is not None else measure.replace("_", " ").capitalize()


def measure_value(measure: str, value: Number | None) -> str:
    """A measure's value with its unit; None is unknown, and never 0.

    >>> measure_value("license_utilization", 0.624), measure_value("wau", 12), measure_value("nps", None)
    ('62%', '12', 'unknown')
    """
    if value is None:
        return "unknown"
    unit = MEASURES[measure][1] if measure in MEASURES else "plain"
    if unit == "ratio":
        return f"{value:.0%}"
    if unit == "count":
        return f"{value:,.0f}"
    suffix = {"times": "×", "hours": " h", "plain": ""}[unit]
    return f"{value:,.1f}".removesuffix(".0") + suffix


def points(value: float) -> str:
    """A score or a number of points, whole, since nobody acts on a tenth.

    >>> points(37.6), points(-0.2)
    ('38', '0')
    """
    return str(round(value))


def band_words(band: str) -> str:
    """The band as it is said.

    >>> band_words("at_risk")
    'at risk'
    """
    return band.replace("_", " ")


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "day"), plural(7, "day")
    ('1 day', '7 days')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def duration(span: timedelta) -> str:
    """A length of time by its two largest units.

    >>> duration(timedelta(days=3, hours=4, minutes=5)), duration(timedelta(seconds=20))
    ('3 days 4 h', 'under a minute')
    """
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return "under a minute"
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days > 0:
        return plural(days, "day") + (f" {hours} h" if hours > 0 else "")
    if hours > 0:
        return f"{hours} h" + (f" {minutes} min" if minutes > 0 else "")
    return f"{minutes} min"


def hours(value: float) -> str:
    """A number of hours as people say it.

    >>> hours(30), hours(72), hours(400)
    ('30 hours', '3 days', '17 days')
    """
    return plural(round(value), "hour") if value < 48 else plural(round(value / 24), "day")


def money(value: float) -> str:
    """An amount in whatever currency the feed has.

    >>> money(1234.5), money(80_000)
    ('1,234', '80,000')
    """
    return f"{value:,.0f}"


def day_of_month(moment: datetime) -> str:
    """A day as it is said within a year.

    >>> day_of_month(datetime(2026, 3, 2))
    '2 Mar'
    """
    return f"{moment.day} {moment:%b}"


def clock(moment: datetime) -> str:
    """A time of day, with its zone.

    >>> from datetime import UTC
    >>> clock(datetime(2026, 3, 2, 9, 5, tzinfo=UTC))
    '09:05 UTC'
    """
    return f"{moment:%H:%M %Z}".strip()


def ordinal(number: int) -> str:
    """A place in a row.

    >>> [ordinal(number) for number in (1, 2, 3, 4, 11, 22)]
    ['1st', '2nd', '3rd', '4th', '11th', '22nd']
    """
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def sparkline(scores: Sequence[float]) -> str:
    """Scores as bars on the fixed scale 0..100, so that two accounts can be compared.

    >>> sparkline([0, 50, 100])
    '▁▅█'
    """
    return "".join(_SPARKS[min(max(int(score / 100 * len(_SPARKS)), 0), len(_SPARKS) - 1)] for score in scores)


def tidy(text: str, chars_max: int) -> str:
    """Customer text on one line, without invisible characters or a call to a whole channel, and not too long.

    >>> tidy("Acme\\n@channel", 80) == "Acme @\\u2060channel"
    True
    """
    text = " ".join(_INVISIBLE.sub(" ", text).split())
    if len(text) > chars_max:
        text = text[: chars_max - 1].rstrip() + "…"
    return _BROADCAST.sub("@\u2060", text)


def override_told(report: HealthReport) -> str | None:
    """Who set the health by hand, until when and why, and what the scorecard says; None without an override."""
    override = report.override
    if override is None:
        return None
    model = "no score" if report.model_score is None else points(report.model_score)
    if report.model_band is not None:
        model += f", {report.model_band.replace('_', ' ')}"
    until = f"{override.expires_at.day} {override.expires_at:%b %Y}"
    return f"set by {tidy(override.owner, 80)} until {until}: {tidy(override.reason, 300)} (scorecard: {model})"


def escape(text: str) -> str:
    """Text for a Slack mrkdwn field: the three characters that start Slack's own syntax are spelt out.

    Source: docs.slack.dev, formatting message text, escaping text.

    >>> escape("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clip(escaped: str, chars_max: int) -> str:
    """Escaped text cut to a length, never in the middle of an entity.

    >>> clip("a &amp; b", 5)
    'a …'
    """
    if len(escaped) <= chars_max:
        return escaped
    return re.sub(r"&[a-z]*$", "", escaped[: chars_max - 1]) + "…"
