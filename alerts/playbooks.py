"""What to try next: one concrete play for what moved the score, else for the rule that was broken."""

from collections.abc import Iterable
from typing import Final

# By measure: the play that answers its decline.
# Source: the practice that the field's guides agree on: widen a narrow base of users, train on unused core features,
# settle open escalations before any commercial talk, and answer detractors in person.
BY_MEASURE: Final[dict[str, str]] = {
    "dau": "Ask the champion what changed in their team this week, and offer a 20-minute working session.",
    "wau": "List the users who stopped, and ask the champion what changed in their team.",
    "mau": "Go through the people who left the product this month with the champion, and agree who comes back.",
    "active_user_rate_weekly": "Send the champion the list of seats that went quiet, and book a restart session.",
    "active_user_rate_monthly": "Send the champion the list of unused seats, and agree on an owner for each.",
    "license_utilization": "Walk through the unused seats with the sponsor before the renewal talk does.",
    "users_for_half": "Usage hangs on very few people: get a second team started before one of them leaves.",
    "turnover_exposure": "Usage hangs on very few people: get a second team started before one of them leaves.",
    "stickiness": "Find the daily task that the product should own here, and set it up together.",
    "frequency_30d": "Offer a scheduled report or an integration that gives people a reason to come back.",
    "activity_change_ratio": "Ask the champion what changed since last month: a holiday, a finished project, a rival?",
    "silence_ratio": "Call rather than write: find out what stopped the usage, and book a restart session.",
    "days_since_active": "Call rather than write: find out what stopped the usage, and book a restart session.",
    "depth": "Show one core feature that they do not use, on their own data, in 20 minutes.",
    "features_30d": "Ask which job the dropped features did, and show how it is done now.",
    "tickets_opened_30": "Read the month's tickets with support, group them, and bring the customer one plan.",
    "support_incident_rate": "Read the month's tickets with support, group them, and bring the customer one plan.",
    "open_tickets": "Agree on a date for each open ticket with support, and tell the customer before they ask.",
    "open_urgent_tickets": "Get an engineer and a date on the urgent tickets today, and tell the customer both.",
    "escalation_rate": "Own the escalation: one name, one daily update, until it is closed.",
    "escalation_running_hours": "Own the escalation: one name, one daily update, until it is closed.",
    "resolution_hours": "Ask support what blocks the oldest ticket, and tell the customer the date.",
    "nps": "Call the detractors within two days, ask what one thing would change their answer, and report back.",
    "csat": "Call whoever gave the low rating today: listen first, then say what happens next.",
}

BY_RULE: Final[dict[str, str]] = {
    "band_entered": "Call the champion this week: what changed, who still uses the product, what must work by when.",
    "score_dropped": "Ask the champion today what changed in the last days, before it becomes the new normal.",
}


def next_step(rule: str, measures: Iterable[str]) -> str | None:
    """The play for the first measure that has one, else for the rule; None when neither has.

    Args:
        rule: the broken rule's name.
        measures: ids of what moved the score, the worst first.
    """
    for measure in measures:
        if measure in BY_MEASURE:
            return BY_MEASURE[measure]
    return BY_RULE.get(rule)
