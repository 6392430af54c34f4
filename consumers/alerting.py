"""The alerting process: reads `account-health`, raises and resolves red flags, exports gauges.

Three threads: this one polls Kafka and writes Redis; one empties the outbox; one answers Prometheus. A batch's effects
and its offset are one Redis transaction, so that a kill at any instant loses nothing and repeats nothing; a message
whose receipt was lost may be sent twice, with the same id.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server

from alerts.lifecycle import Transition
from alerts.model import AccountRecord
from alerts.rules import Rule, default_rules
from alerts.wording import duration, tidy
from consumers.batch import Judged, decode_batch, judge_batch
from consumers.kafka_client import make_consumer
from consumers.loop import ConsumerLoop, Record
from consumers.metrics import Metrics
from consumers.outbox import Outbox
from consumers.projection import HealthCollector, Projection
from consumers.sender import Sender
from consumers.settings import AlertingSettings
from consumers.slack import SlackWebhook
from consumers.state import Changes, StateStore, connect
from stream.errors import ConfigError

SENDER_STOP_SECONDS = 15.0

log = logging.getLogger(__name__)


def now_ms() -> int:
    """The wall clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Alerting:
    """The handler of the loop: judges batches, and keeps the projection and the metrics in step.

    Args:
        store: the memory.
        rules: the most telling first.
        projection: the accounts in memory.
        metrics: of the process.
        event_clock: decide as of each report's own moment.
        notify: whether anybody is to be told.
        clock_ms: the wall clock.
    """

    def __init__(
        self,
        store: StateStore,
        rules: Sequence[Rule],
        projection: Projection,
        metrics: Metrics,
        *,
        event_clock: bool,
        notify: bool,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._rules = rules
        self._projection = projection
        self._metrics = metrics
        self._event_clock = event_clock
        self._notify = notify
        self._clock_ms = clock_ms
        self._next: dict[int, int | None] = {}
        self._seen_below: dict[int, int] = {}

    def take_over(self, partition: int) -> int | None:
        """Load a partition; the offset that it goes on from, None for its beginning."""
        next_offset, records = self._store.load(partition)
        self._projection.load(partition, records)
        self._next[partition] = next_offset
        self._seen_below[partition] = next_offset or 0
        log.info("health partition %d: %d accounts, from offset %s", partition, len(records), next_offset)
        return next_offset

    def start_over(self, partition: int) -> None:
        """The topic was made anew: no offset counts as seen."""
        self._seen_below[partition] = 0

    def give_up(self, partition: int) -> None:
        """Let go of a partition."""
        self._projection.drop(partition)
        self._next.pop(partition, None)

    def handle(self, partition: int, records: Sequence[Record]) -> int:
        """Judge a batch and keep what comes of it; the offset after it."""
        seen_below = self._seen_below[partition]
        records = [record for record in records if record.offset >= seen_below]
        if not records:
            return seen_below
        incoming, poison = decode_batch(records)
        next_offset = records[-1].offset + 1
        judged: Judged | None = None

        def decide(known: Mapping[str, AccountRecord]) -> Changes:
            nonlocal judged
            judged = judge_batch(
                incoming,
                known,
                self._rules,
                next_offset=next_offset,
                now_ms=self._clock_ms(),
                event_clock=self._event_clock,
                notify=self._notify,
            )
            return judged.changes

        changes = self._store.apply(partition, self._next[partition], (item.account_id for item in incoming), decide)
        self._next[partition] = self._seen_below[partition] = next_offset
        self._projection.update(partition, changes.records)
        self._metrics.records.labels("poison").inc(poison)
        if judged is not None:
            self._count(judged)
        return next_offset

    def _count(self, judged: Judged) -> None:
        now = self._clock_ms()
        for outcome in judged.outcomes:
            self._metrics.records.labels(outcome).inc()
        for transition, written_ms in judged.steps:
            assert transition.alert is not None  # a change is of an alert
            self._metrics.transitions.labels(transition.alert.rule, transition.kind).inc()
            self._metrics.report_to_alert.observe(max(now - written_ms, 0) / 1000)
            log.info("%s", _line(transition))


def _line(transition: Transition) -> str:
    """One step for the log."""
    alert = transition.alert
    assert alert is not None  # a change is of an alert
    lasted = ""
    if alert.resolved_at is not None:
        lasted = f" after {duration(max(alert.resolved_at - alert.opened_at, timedelta()))}"
    who = tidy(alert.account_id, 80)
    return (
        f"{transition.kind} {alert.alert_id} {alert.rule} {alert.severity} account={who}{lasted}: {transition.reason}"
    )


def run_alerting(settings: AlertingSettings) -> None:
    """Run until SIGTERM or SIGINT; returns when everything is closed.

    Prints `alerting ready` once the first partitions are taken over.

    Raises:
        ConfigError: no broker answered, or the metrics' port is taken.
        StalledError: records wait and none arrives: a restart is the cure.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(settings, stop)


def serve(settings: AlertingSettings, stop: threading.Event, registry: CollectorRegistry | None = None) -> None:
    """The process without its signals: until `stop` is set.

    Args:
        settings: everything.
        stop: set it to end.
        registry: where the metrics go; a fresh one by default.
    """
    registry = registry if registry is not None else CollectorRegistry()
    options = settings.alerting
    rules = default_rules(
        drop_points=options.rules.drop_points,
        drop_days=options.rules.drop_days,
        margin_points=options.rules.margin_points,
    )
    names = [rule.name for rule in rules]
    metrics, projection = Metrics(registry, settings.kafka.topics.health, names), Projection()
    registry.register(
        HealthCollector(projection, names, options.worst_n, options.pinned_accounts, options.segments_max)
    )
    client = connect(settings.redis)
    outbox = Outbox(client, settings.redis.key_prefix)
    handler = Alerting(
        StateStore(client, settings.redis.key_prefix, outbox),
        rules,
        projection,
        metrics,
        event_clock=options.clock == "event",
        notify=settings.slack.webhook_url is not None,
    )
    exporter = _export(settings, registry)
    sender = _start_sender(settings, outbox, metrics, stop)
    try:
        consumer = make_consumer(settings, stop)
        if consumer is not None:
            loop = ConsumerLoop(
                consumer,
                handler,
                stop,
                on_ready=_say_ready,
                on_retry=metrics.store_retries.inc,
                on_lag=metrics.lag,
            )
            loop.run()
    finally:
        stop.set()
        if sender is not None:
            sender.join(SENDER_STOP_SECONDS)
        if exporter is not None:
            exporter.shutdown()
            exporter.server_close()
        client.close()


def _start_sender(
    settings: AlertingSettings, outbox: Outbox, metrics: Metrics, stop: threading.Event
) -> threading.Thread | None:
    """The thread that tells people; None when there is nowhere to tell them."""
    slack = settings.slack
    if slack.webhook_url is None:
        log.warning("slack.webhook_url is not set: red flags are kept and exported, and told to nobody")
        return None
    sender = Sender(
        outbox,
        SlackWebhook(slack.webhook_url, slack.timeout_seconds),
        metrics,
        messages_per_second=slack.messages_per_second,
        dead_letter_after_days=slack.dead_letter_after_days,
    )
    thread = threading.Thread(target=sender.run, args=(stop,), name="outbox", daemon=True)
    thread.start()
    return thread


def _export(settings: AlertingSettings, registry: CollectorRegistry) -> Any:
    """The server for Prometheus; None when it is not wanted."""
    if settings.alerting.metrics_port is None:
        return None
    host, port = settings.alerting.metrics_host, settings.alerting.metrics_port
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        raise ConfigError(
            f"alerting.metrics_host, metrics_port = {host}:{port}: can't listen there ({error.strerror}); "
            "end what listens, or set HEARTLINE_ALERTING__METRICS_PORT to another port (0: any free one)"
        ) from None
    log.info("metrics on http://%s:%d/metrics", host, server.server_port)
    return server


def _say_ready() -> None:
    """For whoever started us and waits."""
    sys.stdout.write("alerting ready\n")
    sys.stdout.flush()
