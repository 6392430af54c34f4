"""Section `lifecycle` of the alerting configuration, and what surrounds an account when it is evaluated."""

from dataclasses import dataclass, field
from datetime import datetime, time

from pydantic import BaseModel, ConfigDict, Field

from alerts.model import Severity
from alerts.quiet_hours import QuietSettings
from alerts.silences import Silence
from stream.calendar.names import DAY_NAMES, Weekday
from stream.calendar.workdays import NO_CALENDARS, Calendars


class ReminderSettings(BaseModel):
    """Section `lifecycle.reminders`: when a red flag that was a page and that nobody acknowledges is told again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every_days: float = Field(7, ge=7, le=365, description="at most one reminder in so many days, with today's facts")
    reminders_max: int = Field(2, ge=0, le=20, description="so many without an answer; 0: none")
    severities: tuple[Severity, ...] = Field(("critical",), description="of which red flags")
    escalate: bool = Field(True, description="after the last one the owner's manager is told, once, where one is named")
    managers: dict[str, str] = Field({}, max_length=10_000, description="owner, as the account feed has it, to manager")


class PageSettings(BaseModel):
    """Section `lifecycle.pages`: how often one account may be a page; what is over it goes into the digest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every_days: float = Field(30, ge=0, le=365, description="at most one page an account in so many days, ...")
    score_every_days: float = Field(180, ge=0, le=730, description="... where a low score is all there is: in so many")
    again_days: float = Field(180, ge=1, le=3650, description="what is still so after so many days is a page again")
    always: tuple[str, ...] = Field(("cancellation_requested",), description="rules that are a page whenever they fire")


class PipelineIncidentSettings(BaseModel):
    """Section `lifecycle.pipeline_incident`: when the data, and not the customers, are in trouble."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    late_minutes: float = Field(15, gt=0, le=1440, description="reports that take longer than this are late")
    late_for_minutes: float = Field(5, ge=0, le=1440, description="and nothing but late ones for so long is trouble")
    worker_absent_minutes: float = Field(5, gt=0, le=1440, description="no worker in its group for longer: trouble")
    quiet_for_minutes: float = Field(
        10, ge=0, le=1440, description="a source is quiet for so long before operators are told; alerts wait meanwhile"
    )
    mass_accounts_min: int = Field(20, ge=1, description="more accounts than this fell at once: trouble")
    mass_ratio: float = Field(0.1, gt=0, le=1, description="and more than this share of all accounts")
    mass_minutes: int = Field(15, ge=1, le=1440, description="at once: within so long")
    suspect_accounts_min: int = Field(5, ge=0, description="more than this fell, at a pace that makes a mass drop:")
    suspect_seconds: float = Field(60, ge=0, le=3600, description="each further fall waits so long at a time; 0: never")
    recovery_minutes: float = Field(5, ge=0, le=1440, description="without a sign for so long: it is over")
    suppress_hours_max: float = Field(24, ge=0, le=720, description="then account alerts are told in spite of it")


class DailyDigestSettings(BaseModel):
    """Section `lifecycle.daily_digest`: each owner's page of the day; none on a day without news."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    at: time = Field(time(8, 0), description="local time of day, in the owner's zone (lifecycle.quiet)")
    days: tuple[Weekday, ...] = Field(
        DAY_NAMES[:5], min_length=1, description="on these days, where they are working days of lifecycle.quiet too"
    )
    lines_max: int = Field(12, ge=1, le=100, description="accounts in a section; the rest is a count")


class DigestSettings(BaseModel):
    """Section `lifecycle.digest`: when many messages at once become one. On the wall clock only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    after: int = Field(10, ge=1, le=1000, description="messages to one receiver; more than these are collected")
    within_seconds: float = Field(60, gt=0, le=3600, description="the window that they count in")
    critical_after: int = Field(20, ge=0, le=1000, description="so many critical ones go by themselves nevertheless")


class LifecycleSettings(BaseModel):
    """Section `lifecycle`: how alerts live, and when people hear of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reopen_within_hours: float = Field(336, ge=0, le=8760, description="back within this: the same episode goes on")
    reminders: ReminderSettings = ReminderSettings()
    pages: PageSettings = PageSettings()
    daily_digest: DailyDigestSettings = DailyDigestSettings()
    quiet: QuietSettings = QuietSettings()
    pipeline_incident: PipelineIncidentSettings = PipelineIncidentSettings()
    digest: DigestSettings = DigestSettings()
    follow_up_days: tuple[int, ...] = Field((7, 30, 90), max_length=10, description="days after a play or the end")


@dataclass(frozen=True)
class PipelineIncident:
    """The data can not be trusted.

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
        calendars: when accounts work.
    """

    lifecycle: LifecycleSettings = field(default_factory=LifecycleSettings)
    silences: tuple[Silence, ...] = ()
    pipeline_incident: PipelineIncident | None = None
    mass_drop_suspected: str | None = None
    calendars: Calendars = NO_CALENDARS
