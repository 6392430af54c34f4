"""The parts of a report as people read them: a change, a veto, what was set by hand, and how fresh the data are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from alerts.text import hours, measure_name, measure_value, tidy
from stream.contracts.report import Cap, Change, HealthReport
from stream.measures.wording import by_hand, recounted, shown
from stream.topics import SOURCES

OWNER_CHARS_MAX: Final = 80
REASON_CHARS_MAX: Final = 300


def change_name(change: Change) -> str:
    """What moved: a measure by its name, a veto in its scorecard's words.

    >>> change_name(Change("wau", 42, 11, -14.0)), change_name(Change("stuck", None, 80, -9.0, "a ticket is stuck"))
    ('Weekly active users', 'A ticket is stuck')
    """
    return measure_name(change.measure) if change.label is None else _capital(change.label)


def change_values(change: Change) -> tuple[str, str]:
    """Its value then and now. A veto has none while it does not hold, which is not unknown.

    >>> change_values(Change("wau", 42, None, -14.0)), change_values(Change("stuck", None, 80, -9.0, "stuck", "hours"))
    (('42', 'unknown'), ('not so', '80 h'))
    """
    if change.label is None:
        return measure_value(change.measure, change.before), measure_value(change.measure, change.now)
    unit = change.unit or "score"
    before = "not so" if change.before is None else shown(change.before, unit)
    return before, "no longer" if change.now is None else shown(change.now, unit)


def cap_name(cap: Cap) -> str:
    """Why a veto holds, in its scorecard's words; of a report that has none, what it looks at.

    >>> cap_name(Cap("stuck", "escalation_running_hours", 80, 40, -9.0, "a ticket is stuck", "hours"))
    'A ticket is stuck'
    >>> cap_name(Cap("stuck", "escalation_running_hours", 80, 40, -9.0))
    'Longest running escalation'
    """
    return measure_name(cap.measure) if cap.label is None else _capital(cap.label)


def cap_value(cap: Cap) -> str:
    """The value for which a veto holds."""
    return measure_value(cap.measure, cap.value) if cap.unit is None else shown(cap.value, cap.unit)


def override_told(report: HealthReport) -> str | None:
    """Who set the health by hand, until when and why, and what the scorecard says; None without an override."""
    override = report.override
    if override is None:
        return None
    owner, reason = tidy(override.owner, OWNER_CHARS_MAX), tidy(override.reason, REASON_CHARS_MAX)
    return by_hand(replace(override, owner=owner, reason=reason), report.model_score, report.model_band)


def recount_told(report: HealthReport) -> str | None:
    """What the score counts by another rule than a week ago, in words; None where nothing is."""
    return None if report.recount_7d is None else recounted(report.recount_7d, measure_name)


def reason_beside(report: HealthReport) -> str:
    """The report's reason without what it says of an override, for a place that tells that by itself."""
    if report.override is None:
        return report.reason
    return report.reason.removeprefix(by_hand(report.override, report.model_score, report.model_band) + "; ")


@dataclass(frozen=True)
class Heard:
    """How recent what one source told of an account is.

    Attributes:
        source: usage, tickets, surveys and so on.
        ago: how long before the report its newest event happened.
        at: when that was; None where the report does not say.
        is_stale: nothing comes of it for anyone, so that the account's own silence says nothing.
    """

    source: str
    ago: str
    at: datetime | None
    is_stale: bool


def heard(report: HealthReport) -> tuple[list[Heard], list[str]]:
    """The sources that told of the account, and the names of those that never did; both empty where nobody looked."""
    if not report.freshness:
        return [], []
    names = [*SOURCES.values(), *(name for name in report.freshness if name not in SOURCES.values())]
    known = [(name, report.freshness[name]) for name in names if name in report.freshness]
    found = [Heard(name, ago(at.age_days), at.last_event_at, at.is_stale) for name, at in known]
    return found, [name for name in names if name not in report.freshness]


def ago(age_days: float | None) -> str:
    """How long ago something was, by the hour, and by the day from two on; None is never.

    >>> ago(0.01), ago(0.3), ago(41.2), ago(None)
    ('just now', '7 hours ago', '41 days ago', 'never')
    """
    if age_days is None:
        return "never"
    return f"{hours(age_days * 24)} ago" if age_days * 24 >= 1 else "just now"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
