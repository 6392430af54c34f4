"""What operators are told of trouble of the pipeline: one notice when it begins, one when it is over."""

from datetime import datetime
from typing import Final

from alerts.context import PipelineIncidentSettings
from alerts.messages.blocks import Payload, context, payload, section
from alerts.model import alert_id, fingerprint
from alerts.notification import AlertNotification
from alerts.pipeline_incident import IncidentState
from alerts.text import duration, escape, plural

PIPELINE_RULE: Final = "pipeline_incident"

_LOOK_AT: Final = {
    "source_quiet": "whoever sends this source: its connector, its credentials, its topic",
    "lag": "the worker, and the consumer lag of its group",
    "worker_absent": "the worker: whether it runs, and the last lines of its log",
    "mass_drop": "what changed for all at once: a release, the tracking, a scorecard, an import",
}


def incident_notification(
    incident: IncidentState, now: datetime, settings: PipelineIncidentSettings, *, reason: str, ended: bool
) -> AlertNotification:
    """The notice of a beginning or an end. It is of no account.

    Args:
        incident: as it is now.
        now: the moment of the decision.
        settings: for how long account alerts are held.
        reason: why it began, or is over.
        ended: whether it is over.
    """
    name = alert_id("", incident.since, PIPELINE_RULE)
    return AlertNotification(
        id=f"{name}:{'resolved' if ended else 'opened'}",
        kind="resolved" if ended else "opened",
        alert_id=name,
        fingerprint=fingerprint("", PIPELINE_RULE),
        rule=PIPELINE_RULE,
        severity="critical",
        episode=1,
        at=now,
        opened_at=incident.since,
        resolved_at=now if ended else None,
        recovered=ended,
        reason=reason,
        evidence={},
        message=_ended(incident, now, name) if ended else _began(incident, settings, name),
    )


def _began(incident: IncidentState, settings: PipelineIncidentSettings, name: str) -> Payload:
    headline = "🔧 The data can not be trusted: red flags are held"
    hours = plural(round(settings.suppress_hours_max), "hour")
    lines = [f"•  {escape(_capital(part))}." for part in incident.reason.split("; ")]
    look_at = [f"•  {_LOOK_AT[kind]}" for kind in incident.kinds if kind in _LOOK_AT]
    blocks = [
        section("\n".join(lines)),
        section("*Look at*\n" + "\n".join(look_at)),
        section(
            "That looks like the pipeline, and not like customers. Red flags are raised and kept, and nobody is told "
            f"of them until this is over, for {hours} at most. What is then still true is told then."
        ),
        context(["pipeline incident", name]),
    ]
    return payload(headline, f"{headline}. {_capital(incident.reason)}", blocks)


def _ended(incident: IncidentState, now: datetime, name: str) -> Payload:
    lasted = duration(now - incident.since)
    headline = f"✅ The data are trusted again, after {lasted}"
    blocks = [
        section(f"It was: {escape(incident.reason)}."),
        section("Red flags that are still true are told now."),
        context(["pipeline incident", name]),
    ]
    return payload(headline, headline, blocks)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
