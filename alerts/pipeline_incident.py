"""A broken pipeline told from quiet customers: what the reports say of the data behind them. Pure; `now` is passed in.

Four signs, each read from what the alerting process sees anyway:

- source_quiet: the newest report of every partition that knows a source calls it stale, so it is silent for everyone;
- lag: for some time no report came that was not late;
- mass_drop: many accounts, that were known before, fell within minutes. Customers leave one by one;
- worker_absent: no worker is there, so scores stand still, and days of silence are counted that nobody knows of.

`PartitionHealth` is what one partition shows, `IncidentState` the incident of all of them together. While it
lasts, account alerts are suppressed; what is still true afterwards is told then. While a mass drop is only suspected,
falls are suppressed, too: a broken feed shows over several batches. A source that is quiet suppresses at once, and is
told of once it has been for minutes: while a history is loaded every source looks quiet, until its end has come.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol, get_args

import msgspec
from msgspec.structs import replace

from alerts.context import PipelineIncident, PipelineIncidentSettings
from alerts.text import duration, plural
from stream.contracts.report import Freshness

IncidentKind = Literal["source_quiet", "lag", "mass_drop", "worker_absent"]

INCIDENT_KINDS: Final[tuple[IncidentKind, ...]] = get_args(IncidentKind)
MASS_RULES: Final = frozenset(
    {"score_low", "score_dropped", "silence", "breadth_collapsed"}
)  # how a broken feed looks, for each account

STATUS_KEPT: Final = timedelta(days=1)  # a partition whose newest word is so much older says nothing of today
LATE_FADES: Final = timedelta(minutes=2)  # without any report, nothing is late
PACE_MINUTES: Final = 2  # how fast accounts fall is read from so many
SIGN_NOTED: Final = timedelta(seconds=30)
UNTOLD_RECOVERY: Final = timedelta(minutes=1)  # the end of a history that is loaded comes seconds later


class SourceStatus(msgspec.Struct, frozen=True, array_like=True):
    """What the newest report that knows a source says of it: when, and whether it is silent for everyone."""

    as_of: datetime
    is_stale: bool


class PartitionHealth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one partition shows.

    Attributes:
        accounts: how many are known.
        claims: by source, the newest word.
        late_since, late_at: when the first and the last of an unbroken row of late reports came; None without one.
        late_seconds: how late that last one was.
        fallen: epoch minute to how many accounts fell in it.
    """

    accounts: int = 0
    claims: dict[str, SourceStatus] = {}
    late_since: datetime | None = None
    late_at: datetime | None = None
    late_seconds: float = 0.0
    fallen: dict[int, int] = {}


class IncidentState(msgspec.Struct, frozen=True, kw_only=True):
    """Trouble that holds.

    Attributes:
        since: since when.
        sign_at: when a sign of it was seen last.
        kinds: the signs that it began with.
        reason: the evidence then, one sentence.
        notified_receivers: the receivers that were notified.
        is_told: whether operators know of it; before that it ends without a word.
    """

    since: datetime
    sign_at: datetime
    kinds: list[str]
    reason: str
    notified_receivers: list[str] = []
    is_told: bool = True


@dataclass(frozen=True)
class Assessment:
    """What came of looking.

    Args:
        incident: the one that holds from now on; None: none.
        change: began or ended, told to operators; None: nothing new.
        signs: kind to evidence, of the signs that are there now.
        reason: why something, or nothing, changed.
    """

    incident: IncidentState | None
    change: Literal["began", "ended"] | None
    signs: Mapping[IncidentKind, str]
    reason: str


class SaysFreshness(Protocol):
    """The part of a report that speaks of the pipeline."""

    @property
    def as_of(self) -> datetime: ...
    @property
    def freshness(self) -> Mapping[str, Freshness]: ...


def observe(
    before: PartitionHealth,
    reports: Sequence[SaysFreshness],
    *,
    accounts: int,
    delay_seconds: float | None,
    fallen: int,
    now: datetime,
    settings: PipelineIncidentSettings,
) -> PartitionHealth:
    """What a partition shows after a batch.

    Args:
        before: what it showed.
        reports: of the batch.
        accounts: how many are known.
        delay_seconds: from the newest fact behind the least late report to now; None without a report.
        fallen: accounts, known before, that the batch raised an alert of MASS_RULES for.
        now: the moment.
        settings: the limits.
    """
    claims = dict(before.claims)
    for report in reports:
        for source, found in report.freshness.items():
            if (known := claims.get(source)) is None or report.as_of >= known.as_of:
                claims[source] = SourceStatus(report.as_of, found.is_stale)
    minute = int(now.timestamp()) // 60
    counts = {at: count for at, count in before.fallen.items() if at > minute - settings.mass_minutes}
    if fallen > 0 and not any(status.is_stale for status in claims.values()):  # else that is why they fell
        counts[minute] = counts.get(minute, 0) + fallen
    partition_health = replace(before, accounts=accounts, claims=claims, fallen=counts)
    if delay_seconds is None:
        return partition_health
    if delay_seconds <= settings.late_minutes * 60:
        return replace(partition_health, late_since=None, late_at=None, late_seconds=0.0)
    unbroken = before.late_at is not None and now - before.late_at <= LATE_FADES
    return replace(
        partition_health,
        late_since=before.late_since if unbroken else now,
        late_at=now,
        late_seconds=round(delay_seconds, 1),
    )


def signs(
    partitions_health: Collection[PartitionHealth],
    settings: PipelineIncidentSettings,
    now: datetime,
    absent_since: datetime | None = None,
) -> dict[IncidentKind, str]:
    """The signs of trouble over all partitions, and of the worker: kind to evidence, a sentence's part."""
    found: dict[IncidentKind, str] = {}
    if not settings.enabled:
        return found
    if quiet := _quiet_sources(partitions_health):
        found["source_quiet"] = f"nothing of {' and '.join(quiet)} arrives from any account"
    late = [partition_health for partition_health in partitions_health if _is_late(partition_health, settings, now)]
    if late:
        worst = duration(timedelta(seconds=max(partition_health.late_seconds for partition_health in late)))
        found["lag"] = f"reports of {len(late)} of {plural(len(partitions_health), 'partition')} come {worst} late"
    if absent_since is not None and now - absent_since >= timedelta(minutes=settings.worker_absent_minutes):
        found["worker_absent"] = f"no worker has run since {absent_since:%-d %b %H:%M} UTC, so scores stand still"
    fallen, accounts = _fallen(partitions_health, settings, now)
    if fallen > max(settings.mass_accounts_min, settings.mass_ratio * accounts):
        found["mass_drop"] = _fallen_words(fallen, accounts, settings)
    return found


def mass_drop_suspected(
    partitions_health: Collection[PartitionHealth], settings: PipelineIncidentSettings, now: datetime
) -> str | None:
    """Whether accounts fall at a pace that makes a mass drop, if it lasts: the evidence; None: no more than on any day.

    A broken feed shows over several batches and minutes. Falls wait meanwhile; it ends by itself: the pace slows down,
    or the window is full, and it is a mass drop.
    """
    fallen, accounts = _fallen(partitions_health, settings, now)
    if not settings.enabled or fallen <= settings.suspect_accounts_min:
        return None
    lately, _ = _fallen(partitions_health, settings, now, PACE_MINUTES)
    pace = lately * max(settings.mass_minutes / PACE_MINUTES, 1.0)
    if pace <= max(settings.mass_accounts_min, settings.mass_ratio * accounts):
        return None
    return _fallen_words(fallen, accounts, settings)


def assess(
    incident: IncidentState | None,
    partitions_health: Collection[PartitionHealth],
    settings: PipelineIncidentSettings,
    now: datetime,
    absent_since: datetime | None = None,
) -> Assessment:
    """Decide whether trouble begins, holds or is over.

    Args:
        incident: the one that holds; None: none.
        partitions_health: of all partitions.
        settings: the limits.
        now: the moment.
        absent_since: since when no worker is in its group; None: one is, or it is not known.
    """
    there = signs(partitions_health, settings, now, absent_since)
    evidence = "; ".join(there.values())
    if incident is None:
        if not there:
            return Assessment(None, None, there, "no sign of trouble")
        waits = list(there) == ["source_quiet"] and settings.quiet_for_minutes > 0
        begun = IncidentState(since=now, sign_at=now, kinds=list(there), reason=evidence, is_told=not waits)
        return Assessment(begun, None if waits else "began", there, evidence)
    if there:
        lasts = now - incident.since >= timedelta(minutes=settings.quiet_for_minutes)
        if not incident.is_told and (lasts or list(there) != ["source_quiet"]):
            told = replace(incident, sign_at=now, kinds=list(there), reason=evidence, is_told=True)
            return Assessment(told, "began", there, evidence)
        noted = replace(incident, sign_at=now) if now - incident.sign_at >= SIGN_NOTED else incident
        return Assessment(noted, None, there, f"it goes on: {evidence}")
    recovery = timedelta(minutes=settings.recovery_minutes) if incident.is_told else UNTOLD_RECOVERY
    calm_at = incident.sign_at + recovery
    if settings.enabled and now < calm_at:
        return Assessment(incident, None, there, f"no sign any more; over at {calm_at:%Y-%m-%d %H:%M} if it stays so")
    reason = f"no sign of it for {duration(now - incident.sign_at)}: {incident.reason}"
    return Assessment(None, "ended" if incident.is_told else None, there, reason)


def active_incident(
    incident: IncidentState | None, settings: PipelineIncidentSettings, now: datetime
) -> PipelineIncident | None:
    """What holds account alerts back; None: nothing, or trouble that lasts for too long to wait for its end."""
    if incident is None or now - incident.since >= timedelta(hours=settings.suppress_hours_max):
        return None
    return PipelineIncident("+".join(incident.kinds), incident.since, incident.reason)


def _fallen(
    partitions_health: Collection[PartitionHealth],
    settings: PipelineIncidentSettings,
    now: datetime,
    minutes: int | None = None,
) -> tuple[int, int]:
    """How many accounts fell within the window, or the last of its minutes; and how many there are."""
    first = int(now.timestamp()) // 60 - (settings.mass_minutes if minutes is None else minutes)
    fallen = sum(
        count
        for partition_health in partitions_health
        for minute, count in partition_health.fallen.items()
        if minute > first
    )
    return fallen, sum(partition_health.accounts for partition_health in partitions_health)


def _fallen_words(fallen: int, accounts: int, settings: PipelineIncidentSettings) -> str:
    return f"{fallen:,} of {accounts:,} accounts fell within {plural(settings.mass_minutes, 'minute')}"


def _quiet_sources(partitions_health: Collection[PartitionHealth]) -> list[str]:
    """The sources that every partition with a recent word calls stale."""
    claims: dict[str, list[SourceStatus]] = {}
    for partition_health in partitions_health:
        for source, status in partition_health.claims.items():
            claims.setdefault(source, []).append(status)
    quiet = []
    for source, said in claims.items():
        newest = max(status.as_of for status in said)
        if all(status.is_stale for status in said if newest - status.as_of <= STATUS_KEPT):
            quiet.append(source)
    return sorted(quiet)


def _is_late(partition_health: PartitionHealth, settings: PipelineIncidentSettings, now: datetime) -> bool:
    """Whether reports still come, and none in time for as long as the settings want."""
    if (
        partition_health.late_since is None
        or partition_health.late_at is None
        or now - partition_health.late_at > LATE_FADES
    ):
        return False
    return partition_health.late_at - partition_health.late_since >= timedelta(minutes=settings.late_for_minutes)
