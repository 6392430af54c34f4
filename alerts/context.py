"""Section `lifecycle` of the alerting configuration, and what surrounds an account when it is judged."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from alerts.model import Severity
from alerts.quiet_hours import QuietSettings
from alerts.silences import Silence


class RepeatSettings(BaseModel):
    """How often a red flag that nobody acknowledges is told again, by severity; 0: never."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    info_hours: float = Field(0, ge=0, le=8760)
    warning_hours: float = Field(168, ge=0, le=8760)
    critical_hours: float = Field(72, ge=0, le=8760)

    def pause(self, severity: Severity) -> timedelta | None:
        """The pause between two reminders; None: there are none."""
        hours: float = getattr(self, f"{severity}_hours")
        return timedelta(hours=hours) if hours > 0 else None


class PipelineIncidentSettings(BaseModel):
    """Section `lifecycle.pipeline_incident`: when the data, and not the customers, are in trouble."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    late_minutes: float = Field(15, gt=0, le=1440, description="reports that take longer than this are late")
    late_for_minutes: float = Field(5, ge=0, le=1440, description="and nothing but late ones for so long is trouble")
    mass_accounts_min: int = Field(20, ge=1, description="more accounts than this fell at once: trouble")
    mass_ratio: float = Field(0.1, gt=0, le=1, description="and more than this share of all accounts")
    mass_minutes: int = Field(15, ge=1, le=1440, description="at once: within so long")
    suspect_accounts_min: int = Field(5, ge=0, description="more than this fell, at a pace that makes a mass drop:")
    suspect_seconds: float = Field(60, ge=0, le=3600, description="each further fall waits so long at a time; 0: never")
    recovery_minutes: float = Field(5, ge=0, le=1440, description="without a sign for so long: it is over")
    suppress_hours_max: float = Field(24, ge=0, le=720, description="then account alerts are told in spite of it")


class DigestSettings(BaseModel):
    """Section `lifecycle.digest`: when many messages to people become one. On the wall clock only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    after: int = Field(10, ge=1, le=1000, description="messages to one receiver; more than these are collected")
    within_seconds: float = Field(60, gt=0, le=3600, description="the window that they count in")
    critical_after: int = Field(20, ge=0, le=1000, description="so many critical ones go by themselves nevertheless")


class LifecycleSettings(BaseModel):
    """Section `lifecycle`: how alerts live, and when people hear of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reopen_within_hours: float = Field(72, ge=0, le=8760, description="back within this: the same episode goes on")
    repeat: RepeatSettings = RepeatSettings()
    quiet: QuietSettings = QuietSettings()
    pipeline_incident: PipelineIncidentSettings = PipelineIncidentSettings()
    digest: DigestSettings = DigestSettings()
    follow_up_days: tuple[int, ...] = Field((7, 30, 90), max_length=10, description="days after a play or the end")


@dataclass(frozen=True)
class PipelineIncident:
    """The data are in doubt.

    Args:
        kind: source_quiet, lag or mass_drop; several joined by +.
        since: since when.
        reason: the evidence, one sentence.
    """

    kind: str
    since: datetime
    reason: str


@dataclass(frozen=True)
class AlertContext:
    """What decides about telling beside the account itself.

    Args:
        lifecycle: the settings.
        silences: all that are known; their times are looked at.
        pipeline_incident: what is wrong with the data; None: nothing.
        mass_drop_suspected: evidence that a mass drop may have begun; falls wait a moment then. None: none.
    """

    lifecycle: LifecycleSettings = field(default_factory=LifecycleSettings)
    silences: tuple[Silence, ...] = ()
    pipeline_incident: PipelineIncident | None = None
    mass_drop_suspected: str | None = None
