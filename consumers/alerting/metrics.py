"""Every metric of the alerting process: name, type, unit and meaning. The gauges per account are in `projection`.

All label values that are known beforehand exist from the start, so that rates begin at 0 and an absence can alarm.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from alerts.follow_up import ACTIONS
from alerts.notification import DELIVERED_KINDS, DeliveredKind
from alerts.pipeline_incident import INCIDENT_KINDS
from alerts.red_flag import CHANGES, FOLLOW_UP_RESULTS
from alerts.signals import SignalChange
from consumers.alerting.outbox import Backlog

COMMAND_OUTCOMES: Final = ("applied", "poison")
RECORD_OUTCOMES: Final = ("evaluated", "older", "deleted", "poison")
NOTIFICATION_OUTCOMES: Final = ("delivered", "failed", "rate_limited", "gone", "dead_lettered", "superseded")
DELAY_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0)


class Metrics:
    """The process's metrics in one registry.

    Args:
        registry: a fresh one; nothing global is touched.
        topic: the health topic, a label of the lag.
        rules: names of all rules.
        receivers: names of all receivers.
    """

    def __init__(
        self, registry: CollectorRegistry, topic: str, rules: Collection[str], receivers: Collection[str] = ()
    ) -> None:
        self._topic = topic
        self.records = Counter(
            "heartline_health_records",
            "Records read from the health topic, by what became of them: evaluated, older than the last evaluated one, "
            "deleted (a tombstone), poison (not a report: logged with topic, partition and offset, and passed over).",
            ["outcome"],
            registry=registry,
        )
        self.transitions = Counter(
            "heartline_alert_transitions", "Steps of red flags, by rule and kind.", ["rule", "kind"], registry=registry
        )
        self.signals = Counter(
            "heartline_alert_signals",
            "Changes of signals, by rule and kind: firing, worse, resolved.",
            ["rule", "kind"],
            registry=registry,
        )
        self.daily_digests = Counter(
            "heartline_alert_daily_digests_written", "Daily digests that were written.", registry=registry
        )
        self.follow_ups = Counter(
            "heartline_alert_follow_ups",
            "Looks at an account some days after a play or the end of its red flag, by rule; what people did about it "
            "(play: started one; acknowledged; none) and how it went: lasted (recovered, and well since), ended (over "
            "without a recovery), not_recovered, came_back.",
            ["rule", "action", "outcome"],
            registry=registry,
        )
        self.commands = Counter(
            "heartline_alert_commands",
            "Commands read from alert-commands: applied (or refused with a step that says why), poison (not a command: "
            "logged with its topic, partition and offset, and passed over).",
            ["outcome"],
            registry=registry,
        )
        self.notifications = Counter(
            "heartline_notifications",
            "Attempts to deliver a message, by receiver and outcome: delivered; failed (no answer or 5xx, tried "
            "again); rate_limited (429, tried again); gone (address or credentials are refused, tried again every "
            "5 minutes); "
            "dead_lettered (given up, kept in Redis); superseded (a reminder or an update, "
            "not sent, since a later message says it).",
            ["receiver", "outcome"],
            registry=registry,
        )
        self.delivered_messages = Counter(
            "heartline_delivered_notifications",
            "Messages that a receiver took, by receiver and kind: opened, reopened and updated are pages, daily_digest "
            "is an owner's digest, digest one message for many at once.",
            ["receiver", "kind"],
            registry=registry,
        )
        self.digests = Counter(
            "heartline_digest_messages",
            "Messages that were told within a digest, by receiver; each digest is one delivered attempt.",
            ["receiver"],
            registry=registry,
        )
        self.store_retries = Counter(
            "heartline_alerting_store_retries", "Batches put off because Redis was away.", registry=registry
        )
        self.report_to_alert = Histogram(
            "heartline_report_to_alert_seconds",
            "From a report's record on Kafka to its alert step in Redis.",
            buckets=DELAY_SECONDS,
            registry=registry,
        )
        self.ingested_to_alert = Histogram(
            "heartline_ingested_to_alert_seconds",
            "From the oldest event's record on Kafka to the alert step in Redis; for steps that an event brought.",
            buckets=DELAY_SECONDS,
            registry=registry,
        )
        self.ingested_to_delivered = Histogram(
            "heartline_ingested_to_delivered_seconds",
            "From the oldest event's record on Kafka to the receiver's yes.",
            ["receiver"],
            buckets=DELAY_SECONDS,
            registry=registry,
        )
        self._outbox_depth = Gauge(
            "heartline_outbox_depth", "Messages not delivered yet.", ["receiver"], registry=registry
        )
        self._outbox_oldest = Gauge(
            "heartline_outbox_oldest_age_seconds",
            "Age of the oldest message not delivered yet.",
            ["receiver"],
            registry=registry,
        )
        self._outbox_dead = Gauge(
            "heartline_outbox_dead_letters", "Messages that were given up.", ["receiver"], registry=registry
        )
        self._lag = Gauge(
            "heartline_alerting_lag_records",
            "Records of the health topic that are not evaluated yet.",
            ["topic", "partition"],
            registry=registry,
        )
        self._pipeline_incident = Gauge(
            "heartline_pipeline_incident",
            "1 while there is a sign that the pipeline, and not a customer, is in trouble, by kind: source_quiet, lag, "
            "mass_drop, worker_absent; red flags are held then. Every process shows the same; 0 on the event clock.",
            ["kind"],
            registry=registry,
        )
        self._lag_partitions: set[int] = set()
        self._initialise(rules, receivers)

    def _initialise(self, rules: Collection[str], receivers: Collection[str]) -> None:
        self.pipeline_incident(())
        for outcome in RECORD_OUTCOMES:
            self.records.labels(outcome)
        for outcome in COMMAND_OUTCOMES:
            self.commands.labels(outcome)
        for rule in rules:
            for kind in CHANGES:
                if kind != "nothing":
                    self.transitions.labels(rule, kind)
            for change in get_args(SignalChange):
                self.signals.labels(rule, change)
            for action in ACTIONS:
                for result in FOLLOW_UP_RESULTS:
                    self.follow_ups.labels(rule, action, result)
        for receiver in receivers:
            self.ingested_to_delivered.labels(receiver)
            self.digests.labels(receiver)
            for delivered in DELIVERED_KINDS:
                self.delivered_messages.labels(receiver, delivered)
            self.backlog(receiver, Backlog(0, 0.0, 0))
            for outcome in NOTIFICATION_OUTCOMES:
                self.notifications.labels(receiver, outcome)

    def alerted(self, report_ms: int, ingested_ms: int | None, now_ms: int, alert_id: str | None = None) -> None:
        """One alert has changed because of a report, and of an event if one brought it.

        Its id becomes an exemplar of how long it took: a trace is there only once somebody was notified, and names it.
        """
        exemplar = None if alert_id is None else {"alert_id": alert_id}
        self.report_to_alert.observe(max(now_ms - report_ms, 0) / 1000, exemplar)
        if ingested_ms is not None:
            self.ingested_to_alert.observe(max(now_ms - ingested_ms, 0) / 1000, exemplar)

    def delivered(
        self,
        receiver: str,
        ingested_ms: int | None,
        now_ms: int,
        kind: DeliveredKind = "opened",
        trace_id: str | None = None,
    ) -> None:
        """One message is out; the id of its trace becomes an exemplar of how long it took."""
        self.notifications.labels(receiver, "delivered").inc()
        self.delivered_messages.labels(receiver, kind).inc()
        if ingested_ms is not None:
            exemplar = None if trace_id is None else {"trace_id": trace_id}
            self.ingested_to_delivered.labels(receiver).observe(max(now_ms - ingested_ms, 0) / 1000, exemplar)

    def delivered_grouped(self, receiver: str, ingested_ms: Sequence[int | None], now_ms: int) -> None:
        """One digest is out, and with it one message for each of `ingested_ms`."""
        self.notifications.labels(receiver, "delivered").inc()
        self.delivered_messages.labels(receiver, "digest").inc()
        self.digests.labels(receiver).inc(len(ingested_ms))
        for moment in ingested_ms:
            if moment is not None:
                self.ingested_to_delivered.labels(receiver).observe(max(now_ms - moment, 0) / 1000)

    def backlog(self, receiver: str, backlog: Backlog) -> None:
        """The state of one receiver's queue."""
        self._outbox_depth.labels(receiver).set(backlog.depth)
        self._outbox_oldest.labels(receiver).set(backlog.oldest_age_seconds)
        self._outbox_dead.labels(receiver).set(backlog.dead)

    def pipeline_incident(self, kinds: Collection[str]) -> None:
        """The kinds of trouble of which there is a sign now."""
        for kind in INCIDENT_KINDS:
            self._pipeline_incident.labels(kind).set(1 if kind in kinds else 0)

    def lag(self, by_partition: Mapping[int, int]) -> None:
        """Records not evaluated yet; a partition that is no longer ours loses its series."""
        for partition in self._lag_partitions - by_partition.keys():
            self._lag.remove(self._topic, str(partition))
        for partition, records in by_partition.items():
            self._lag.labels(self._topic, str(partition)).set(records)
        self._lag_partitions = set(by_partition)


def clock_gauge(registry: CollectorRegistry, offset_seconds: Callable[[], float]) -> None:
    """How far the wall clock is from what is believed."""
    gauge = Gauge(
        "heartline_alerting_clock_offset_seconds",
        "How far the wall clock is ahead of the time by which alerting decides; 0: it is believed.",
        registry=registry,
    )
    gauge.set_function(offset_seconds)
