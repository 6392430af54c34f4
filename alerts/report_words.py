"""The parts of a report as people read them: a change, a veto that holds, and what somebody set by hand."""

from typing import Final

from msgspec.structs import replace

from alerts.wording import measure_name, measure_value, tidy
from stream.report import Cap, Change, HealthReport
from stream.wording import by_hand, shown

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


def reason_beside(report: HealthReport) -> str:
    """The report's reason without what it says of an override, for a place that tells that by itself."""
    if report.override is None:
        return report.reason
    return report.reason.removeprefix(by_hand(report.override, report.model_score, report.model_band) + "; ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
