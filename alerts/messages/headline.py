"""The first line of each message: who and what, in words that a manager says aloud."""

from collections.abc import Mapping
from typing import Final

from alerts.model import Alert, Severity, Tone
from alerts.red_flag import NotificationKind
from alerts.text import plural, span_words, tidy, within

NAME_CHARS_MAX: Final = 80
HEADLINE_CHARS_MAX: Final = 140

FLAG: Final[Mapping[Severity, str]] = {"info": "🚩", "warning": "🚩", "critical": "🚨"}
GOOD_NEWS: Final = "🌱"  # another glyph: good news is never a red flag
TASK: Final = "📌"
RECOVERED: Final = "✅"
ENDED: Final = "⚪"
REMINDER: Final = "⏰"


def glyph(tone: Tone, severity: Severity) -> str:
    """What stands before a line about a signal."""
    if tone == "opportunity":
        return GOOD_NEWS
    return TASK if tone == "task" and severity != "critical" else FLAG[severity]


def headline(kind: NotificationKind, alert: Alert) -> str:
    """The first line of a message about a red flag."""
    name = tidy(alert.account_name, NAME_CHARS_MAX)
    if kind == "resolved":
        return _resolved(alert, name)
    if kind == "followed_up":
        return f"🔎 {name}: did it help?"
    what = tidy(alert.headline, HEADLINE_CHARS_MAX)
    if kind == "reminded":
        return f"{REMINDER} {name} {what}; nobody is on it yet"
    if kind == "escalated":
        whose = tidy(alert.owner or "the owner", NAME_CHARS_MAX)
        since = f"after {plural(alert.reminders, 'reminder')}" if alert.reminders else "yet"
        return f"{REMINDER} For the manager of {whose}: {name} {what}; nobody is on it {since}"
    if kind == "reopened":
        what = what.replace(":", " again:", 1) if ":" in what else f"{what} again"
    return f"{FLAG[alert.severity]} {name} {what}"


def _resolved(alert: Alert, name: str) -> str:
    """How a red flag ended: well, or otherwise."""
    mark = RECOVERED if alert.recovered else ENDED
    if alert.headline:
        return f"{mark} {name} {tidy(alert.headline, HEADLINE_CHARS_MAX)}"
    parts = tidy(alert.reason, HEADLINE_CHARS_MAX).split("; ")
    return f"{mark} {name}: {'; '.join(within(part) for part in parts)}"


def open_for(alert: Alert) -> str:
    """How long a red flag was up, or since when."""
    if alert.resolved_at is not None:
        return f"Open for {span_words(alert.resolved_at - alert.opened_at)}"
    return f"First flagged {alert.opened_at.day} {alert.opened_at:%b}"
