"""Quiet hours and working days: when somebody may be told, in the time zone where they live."""

from datetime import datetime, time, timedelta
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from alerts.model import Severity

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)

_LOOK_AHEAD_DAYS: Final = 8


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("expected a time zone of the IANA database, such as Europe/Berlin") from None
    return name


class QuietSettings(BaseModel):
    """Section `lifecycle.quiet`: when nothing is told. By default there is no quiet time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    starts_at: time | None = Field(None, description="local time of day from which nothing is told, such as 20:00")
    ends_at: time | None = Field(None, description="until then, the next morning where it is earlier; with starts_at")
    working_days: tuple[Weekday, ...] = Field(WEEKDAYS, min_length=1, description="on other days nothing is told")
    timezone: str = Field("UTC", description="of owners that are not named below")
    owners: dict[str, str] = Field({}, max_length=10_000, description="owner, as the account feed has them, to zone")
    except_severities: tuple[Severity, ...] = Field(("critical",), description="told at any time")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return _zone(name)

    @field_validator("owners")
    @classmethod
    def _known_zones(cls, owners: dict[str, str]) -> dict[str, str]:
        return {owner: _zone(name) for owner, name in owners.items()}

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
        return self.starts_at is None and set(self.working_days) == set(WEEKDAYS)


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
    local = now.astimezone(zone)
    moment = local
    end = local + timedelta(days=_LOOK_AHEAD_DAYS)
    while moment < end:
        later = _end_of_quiet(settings, moment, zone)
        if later is None:
            break
        moment = later
    return moment.astimezone(now.tzinfo) if moment > local else None


def _end_of_quiet(settings: QuietSettings, local: datetime, zone: ZoneInfo) -> datetime | None:
    """The first end of whatever makes a moment quiet: the day, or the hours of it; None when nothing does."""
    midnight = datetime.combine(local.date() + timedelta(days=1), time(), zone)
    if WEEKDAYS[local.weekday()] not in settings.working_days:
        return midnight
    starts_at, ends_at = settings.starts_at, settings.ends_at
    if starts_at is None or ends_at is None:
        return None
    at = local.time()
    if starts_at < ends_at:
        return datetime.combine(local.date(), ends_at, zone) if starts_at <= at < ends_at else None
    if at >= starts_at:
        return midnight if ends_at == time() else datetime.combine(local.date() + timedelta(days=1), ends_at, zone)
    return datetime.combine(local.date(), ends_at, zone) if at < ends_at else None
