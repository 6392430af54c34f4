"""Quiet hours and working days: when somebody may be told, in the time zone where they live."""

from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from alerts.model import Severity
from stream.calendar.names import DAY_NAMES, Weekday, ZoneName

_LOOK_AHEAD_DAYS: Final = 8


class QuietSettings(BaseModel):
    """Section `lifecycle.quiet`: when nothing is told. By default there is no quiet time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    starts_at: time | None = Field(None, description="local time of day from which nothing is told, such as 20:00")
    ends_at: time | None = Field(None, description="until then, the next morning where it is earlier; with starts_at")
    working_days: tuple[Weekday, ...] = Field(DAY_NAMES, min_length=1, description="on other days nothing is told")
    timezone: ZoneName = Field("UTC", description="of owners that are not named below")
    owners: dict[str, ZoneName] = Field({}, max_length=10_000, description="owner, as in the account feed, to zone")
    except_severities: tuple[Severity, ...] = Field(("critical",), description="told at any time")

    @field_validator("ends_at")
    @classmethod
    def _both(cls, ends_at: time | None, info: object) -> time | None:
        starts_at = getattr(info, "data", {}).get("starts_at")
        if (ends_at is None) != (starts_at is None) or (ends_at is not None and ends_at == starts_at):
            raise ValueError("expected starts_at and ends_at both, and different")
        return ends_at

    @property
    def is_never(self) -> bool:
        """Whether there is no quiet time at all."""
        return self.starts_at is None and set(self.working_days) == set(DAY_NAMES)


def quiet_until(settings: QuietSettings, owner: str | None, now: datetime) -> datetime | None:
    """When the quiet that holds at `now` ends, as UTC; None when it is not quiet.

    Args:
        settings: the quiet hours and working days.
        owner: whose zone counts; None: the common one.
        now: the moment.
    """
    if settings.is_never:
        return None
    zone = ZoneInfo(settings.owners.get(owner, settings.timezone) if owner is not None else settings.timezone)
    start = moment = now.astimezone(UTC)
    while moment < start + timedelta(days=_LOOK_AHEAD_DAYS):
        end = _end_of_quiet(settings, moment.astimezone(zone))
        if end is None:
            break
        moment = _first_after(end, zone, moment)
    return moment.astimezone(now.tzinfo) if moment > start else None


def _end_of_quiet(settings: QuietSettings, local: datetime) -> datetime | None:
    """The first end of whatever makes a moment quiet: the day, or the hours of it; None when nothing does.

    Args:
        settings: the quiet hours and working days.
        local: the moment where the owner lives.

    Returns:
        The end by the owner's clock, without a zone.
    """
    midnight = datetime.combine(local.date() + timedelta(days=1), time())
    if DAY_NAMES[local.weekday()] not in settings.working_days:
        return midnight
    starts_at, ends_at = settings.starts_at, settings.ends_at
    if starts_at is None or ends_at is None:
        return None
    at = local.time()
    if starts_at < ends_at:
        return datetime.combine(local.date(), ends_at) if starts_at <= at < ends_at else None
    if at >= starts_at:
        return midnight if ends_at == time() else datetime.combine(local.date() + timedelta(days=1), ends_at)
    return datetime.combine(local.date(), ends_at) if at < ends_at else None


def _first_after(clock_time: datetime, zone: ZoneInfo, moment: datetime) -> datetime:
    """When the clocks first show a time after a moment: in an hour that comes twice that may be its second time."""
    shown = [clock_time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return min([each for each in shown if each > moment], default=moment + timedelta(minutes=1))
