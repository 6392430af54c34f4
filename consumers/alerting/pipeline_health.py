"""Trouble of the pipeline over all processes: what each partition shows, what stands for all, and who is told of it.

    <prefix>partition_health    hash: partition to PartitionHealth, JSON; written in each batch's own transaction
    <prefix>pipeline_incident   IncidentState, JSON; gone while there is none

Every process reads the health of all partitions and decides alike. Whoever is first writes the incident, the operators'
message and the event in one transaction under a watched key, so that several processes tell it once.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec
import redis
from msgspec.structs import replace

from alerts.alert_events import AlertEvent
from alerts.context import PipelineIncident, PipelineIncidentSettings
from alerts.messages.pipeline_incident import PIPELINE_RULE, incident_notification
from alerts.notification import routing_subject
from alerts.pipeline_incident import (
    MASS_RULES,
    Assessment,
    IncidentState,
    PartitionHealth,
    active_incident,
    assess,
    mass_drop_suspected,
    observe,
)
from alerts.signals import SignalStep
from consumers.alerting.audit_log import AuditLog
from consumers.alerting.batch import BatchResult, ObservedReport
from consumers.alerting.metrics import Metrics
from consumers.alerting.outbox import Outbox, OutboxEntry
from consumers.alerting.recipients import Recipients
from consumers.alerting.state import LoadedState
from consumers.alerting.unreadable import SetAside
from stream.config.logs import get_logger

_partition_decoder = msgspec.json.Decoder(PartitionHealth)
_incident_decoder = msgspec.json.Decoder(IncidentState)
_encoder = msgspec.json.Encoder()

log = get_logger(__name__)


class DataStatus(NamedTuple):
    """What is known of the data behind the reports: trouble that stands, and whether a mass drop may have begun."""

    pipeline_incident: PipelineIncident | None = None
    mass_drop_suspected: str | None = None


class PipelineHealthMonitor:
    """What this process knows of the pipeline's trouble.

    Args:
        client: from `consumers.alerting.state.connect`.
        prefix: put before every key.
        outbox: where operators' messages go.
        audit: where the steps go.
        settings: the limits.
        recipients: whom to tell.
        metrics: of the process.
        absent_since: tells since when no worker is in its group.
    """

    def __init__(
        self,
        client: redis.Redis,
        prefix: str,
        outbox: Outbox,
        audit: AuditLog,
        settings: PipelineIncidentSettings,
        recipients: Recipients,
        metrics: Metrics,
        absent_since: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self._client = client
        self._partitions_health_key, self._incident_key = f"{prefix}partition_health", f"{prefix}pipeline_incident"
        self._outbox = outbox
        self._audit = audit
        self._settings = settings
        self._recipients = recipients
        self._metrics = metrics
        self._absent_since = absent_since
        self._set_aside = SetAside(client, prefix)
        self._partitions_health: dict[int, PartitionHealth] = {}
        self._incident: IncidentState | None = None
        self._held = False

    def data(self, now: datetime) -> DataStatus:
        """What holds account alerts back."""
        pipeline_incident = active_incident(self._incident, self._settings, now)
        return DataStatus(pipeline_incident, mass_drop_suspected(self._partitions_health.values(), self._settings, now))

    def read(self) -> bytes | None:
        """Learn what every partition shows, and what stands; the latter as it is stored."""
        partitions_health = cast("dict[bytes, bytes]", self._client.hgetall(self._partitions_health_key))
        stored = cast("bytes | None", self._client.get(self._incident_key))
        seen = self._set_aside.readable(
            self._partitions_health_key, partitions_health.items(), _partition_decoder.decode
        )
        self._partitions_health = {int(partition): partition_health for partition, partition_health in seen}
        if broken := [name for name in partitions_health if int(name) not in self._partitions_health]:
            self._client.hdel(self._partitions_health_key, *broken)
        incident = [(b"", stored)] if stored is not None else []
        found = self._set_aside.readable(self._incident_key, incident, _incident_decoder.decode)
        self._incident = next((each for _, each in found), None)
        return stored

    def assess_batch(
        self,
        partition: int,
        known: LoadedState,
        evaluate: Callable[[DataStatus], BatchResult],
        *,
        accounts: int,
        now: datetime,
    ) -> BatchResult:
        """Evaluate a batch, and once more with all suppressed where it shows itself that the data can not be trusted.

        Args:
            partition: of the health topic.
            known: what is remembered of the batch's accounts.
            evaluate: the batch, under what is known of the data; pure.
            accounts: how many are known in the partition.
            now: the wall clock.
        """
        known_of_data = self.data(now)
        result = evaluate(known_of_data)
        partition_health = observe(
            self._partitions_health.get(partition, PartitionHealth()),
            result.observed,
            accounts=accounts,
            delay_seconds=_delay_seconds(result.observed, now),
            fallen=_fallen(result.signals, known),
            now=now,
            settings=self._settings,
        )
        if self._incident is None:
            partitions_health = (self._partitions_health | {partition: partition_health}).values()
            begins = assess(None, partitions_health, self._settings, now).incident
            shown = DataStatus(
                active_incident(begins, self._settings, now),
                mass_drop_suspected(partitions_health, self._settings, now),
            )
            if shown.pipeline_incident is not None or (
                shown.mass_drop_suspected is not None and known_of_data.mass_drop_suspected is None
            ):
                result = evaluate(shown)
        result.changes.partition_health = partition_health
        return result

    def keep(self, partition: int, partition_health: PartitionHealth) -> None:
        """A batch is written: that is what the partition shows now."""
        self._partitions_health[partition] = partition_health

    def refresh(self, partitions: Sequence[int], now: datetime) -> bool:
        """Decide whether trouble begins or ends; True when what was held need not be held any more.

        Args:
            partitions: ours; the step goes into the audit log of the first.
            now: the wall clock.
        """
        stored, health = self.read(), self._partitions_health
        seen = assess(self._incident, health.values(), self._settings, now, self._absent_since())
        if partitions and seen.incident != self._incident:
            self._write(stored, seen, min(partitions), now)
        self._metrics.pipeline_incident(seen.signs)
        held, self._held = self._held, active_incident(self._incident, self._settings, now) is not None
        return held and not self._held

    def _write(self, stored: bytes | None, seen: Assessment, partition: int, now: datetime) -> None:
        """Write what stands from now on, unless another process was faster; then the next look learns of it."""
        incident, entries = seen.incident, list[OutboxEntry]()
        if seen.change is not None:
            incident, entries = self._tell(seen, now)
        pipe: Any
        with self._client.pipeline(transaction=True) as pipe:
            try:
                pipe.watch(self._incident_key)
                if pipe.get(self._incident_key) != stored:
                    return
                pipe.multi()
                if incident is None:
                    pipe.delete(self._incident_key)
                else:
                    pipe.set(self._incident_key, _encoder.encode(incident))
                for entry in entries:
                    self._outbox.add(pipe, entry)
                if seen.change is not None:
                    self._audit.add(pipe, partition, PIPELINE_RULE, _step(seen, now))
                pipe.execute()
            except redis.WatchError:
                return
        self._incident = incident
        if seen.change is not None:
            log.warning(f"pipeline trouble {seen.change}", reason=seen.reason)

    def _tell(self, seen: Assessment, now: datetime) -> tuple[IncidentState | None, list[OutboxEntry]]:
        """What stands, knowing who was told, and the message to each of them."""
        ended = seen.change == "ended"
        about = self._incident if ended else seen.incident
        assert about is not None  # something begins or ends
        notification = incident_notification(about, now, self._settings, reason=seen.reason, ended=ended)
        receivers = list(
            dict.fromkeys(
                [*about.notified_receivers, *self._recipients.routes.decide(routing_subject(notification)).receivers]
            )
        )
        messages = [
            name
            for name in receivers
            if name in self._recipients.accepts and self._recipients.accepts[name](notification.kind)
        ]
        entries = [
            OutboxEntry(
                id=notification.id,
                receiver=name,
                notification=notification,
                after=f"{notification.alert_id}:opened" if ended else None,
                created_ms=int(now.timestamp() * 1000),
            )
            for name in messages
        ]
        return None if ended else replace(about, notified_receivers=receivers), entries


def _fallen(steps: Sequence[tuple[str, SignalStep]], known: LoadedState) -> int:
    """Accounts that were known before, and fell now. One that is first seen may have been low for ever."""
    accounts = {
        account_id
        for account_id, step in steps
        if step.change == "firing" and step.signal is not None and step.signal.rule in MASS_RULES
    }
    return len(accounts & known.records.keys())


def _delay_seconds(observed: Sequence[ObservedReport], now: datetime) -> float | None:
    """From the newest fact behind the least late report until now; None without a report."""
    return now.timestamp() - max(each.reached_at_seconds for each in observed) if observed else None


def _step(seen: Assessment, now: datetime) -> AlertEvent:
    """The beginning or the end, as the audit log has it."""
    return AlertEvent(
        seq=int(now.timestamp() * 1000),
        kind="pipeline_incident_opened" if seen.change == "began" else "pipeline_incident_resolved",
        at=now,
        reason=seen.reason,
    )
