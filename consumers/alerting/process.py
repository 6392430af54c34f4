"""The alerting process: reads `account-health`, raises and resolves red flags, exports gauges.

Several threads: this one polls Kafka and writes Redis; one for each receiver empties its queue in the outbox; one
answers Prometheus. A batch's effects
and its offset are one Redis transaction, so that a kill at any instant loses nothing and repeats nothing; a message
whose receipt was lost may be sent twice, with the same id.
"""

import gc
import signal
import sys
import threading
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final

import redis
from prometheus_client import CollectorRegistry

from alerts.config import read_config
from alerts.context import DigestSettings
from alerts.daily_digest import next_digest
from consumers.alerting.account_gauges import AccountGauges
from consumers.alerting.alerting_handler import Alerting
from consumers.alerting.audit_log import AuditLog, AuditRelay
from consumers.alerting.command_sender import CommandSender
from consumers.alerting.current_message import CurrentMessage
from consumers.alerting.daily_digests import DailyDigests
from consumers.alerting.digest_queue import DigestQueue
from consumers.alerting.erasure import AccountErasure
from consumers.alerting.group_consumer import make_consumer
from consumers.alerting.liveness import Liveness
from consumers.alerting.loop import ConsumerLoop
from consumers.alerting.metrics import Metrics, clock_gauge
from consumers.alerting.notification_traces import NotificationTraces, make_traces
from consumers.alerting.outbox import Outbox
from consumers.alerting.outbox_queue import Queue
from consumers.alerting.pipeline_health import PipelineHealthMonitor
from consumers.alerting.projection import HealthCollector, Projection
from consumers.alerting.rebuild_state import read_steps, rebuild
from consumers.alerting.receivers.from_settings import Channel, Receivers, make_receivers
from consumers.alerting.receivers.slack_actions import SlackActions
from consumers.alerting.recipients import Recipients
from consumers.alerting.sender import Sender
from consumers.alerting.settings import AlertingSettings
from consumers.alerting.state import StateStore
from consumers.alerting.store_clock import StoreClock
from consumers.errors import STORE_AWAY
from consumers.kafka_client import topic_id_of
from consumers.redis_client import check_scheme, connect
from consumers.worker_presence import WorkerPresence
from stream.calendar.clock import TrustedClock
from stream.config.logs import configure_logging, get_logger
from stream.config.metrics_server import serve_metrics

SENDER_STOP_SECONDS = 15.0
ABANDON_RETRY_SECONDS = 5.0

# What is remembered of the accounts lives long and holds no cycles, so looking at it for garbage is waste. Python's own
# thresholds (700, 10, 10) cost 9 of 44 microseconds a health update with 50,000 accounts.
GC_THRESHOLDS: Final = (50_000, 20, 50)

log = get_logger(__name__)


def run_alerting(settings: AlertingSettings) -> None:
    """Run until SIGTERM or SIGINT; returns when everything is closed.

    Prints `alerting ready` once the first partitions are taken over.

    Raises:
        ConfigError: the alerting configuration is wrong, no broker answered, or the metrics' port is taken.
        StalledError: records wait and none arrives: a restart is the cure.
    """
    # urllib3 and slack_sdk name addresses in their debug lines, which would tell the webhook.
    configure_logging(settings.logs, ("kafka", "slack_sdk", "urllib3", "uvicorn"))
    gc.set_threshold(*GC_THRESHOLDS)
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
    check_scheme(settings.redis)
    client = connect(settings.redis)
    clock = StoreClock(client, TrustedClock())
    clock.observe()
    clock_gauge(registry, lambda: clock.offset_seconds)
    threading.Thread(target=clock.watch, args=(stop,), name="clock", daemon=True).start()
    outbox = Outbox(client, settings.redis.key_prefix)
    config = read_config(settings.alerting.config)
    receivers = make_receivers(config, settings.slack, public_url=settings.board.public_url)
    names = [channel.name for channel in receivers.channels]
    if not names:
        log.warning("no receiver is configured: red flags are kept and exported, and told to nobody")
    metrics = Metrics(registry, settings.kafka.topics.health, config.book.names, names)
    traces = make_traces(settings.alerting.traces_url, settings.kafka.installation)
    audit = AuditLog(client, settings.redis.key_prefix, clock)
    event_clock, calendars = settings.alerting.clock == "event", settings.calendar.calendars()
    lifecycle = config.lifecycle
    digests = DigestQueue(
        client,
        settings.redis.key_prefix,
        lambda owner, at: next_digest(owner, at, lifecycle.daily_digest, lifecycle.quiet),
    )
    store = StateStore(client, settings.redis.key_prefix, outbox, audit, digests)
    recipients = Recipients(
        receivers.routes, {channel.name: channel.receiver.accepts for channel in receivers.channels}, config.plays
    )
    presence = WorkerPresence(settings.kafka, clock)
    handler = Alerting(
        store,
        config,
        _projection(settings, registry, config.book.names, store),
        metrics,
        topics=settings.kafka.topics,
        event_clock=event_clock,
        recipients=recipients,
        rebuild=lambda partition: rebuild(read_steps(settings.kafka, partition)),
        pipeline_health=None
        if event_clock
        else PipelineHealthMonitor(
            client, settings.redis.key_prefix, outbox, audit, lifecycle.pipeline_incident, recipients, metrics, presence
        ),
        digests=DailyDigests(client, digests, store, outbox, recipients, config, metrics.daily_digests.inc),
        calendars=calendars,
        clock_ms=clock,
        topic_id=lambda: topic_id_of(settings.kafka, settings.kafka.topics.health),
    )
    current_message = CurrentMessage(store, config, None if event_clock else lambda: _moment(clock()), calendars)
    erasure = AccountErasure(client, settings.redis.key_prefix)
    relay = AuditRelay(audit, settings.kafka, lambda: handler.partitions, erasure.erase)
    if not event_clock and lifecycle.pipeline_incident.enabled:
        threading.Thread(target=presence.run, args=(stop,), name="presence", daemon=True).start()
    relaying = threading.Thread(target=relay.run, args=(stop,), name="audit", daemon=True)
    relaying.start()
    options, liveness = settings.alerting, Liveness()
    stop_metrics = serve_metrics(
        "alerting", options.metrics_host, options.metrics_port, registry, liveness.livez, liveness.readyz
    )
    digest = lifecycle.digest if lifecycle.digest.enabled and not event_clock else None
    senders = [
        _start_sender(settings, client, channel, metrics, audit, digest, current_message, traces, clock, stop)
        for channel in receivers.channels
    ]
    senders.append(_start_dropping_receivers(outbox, names, clock, stop))
    actions: SlackActions | None = None
    try:
        consumer = make_consumer(settings, stop)
        if consumer is not None:
            actions = _start_actions(settings, receivers)
            loop = ConsumerLoop(
                consumer,
                handler,
                stop,
                on_ready=_say_ready,
                on_retry=metrics.store_retries.inc,
                on_lag=metrics.lag,
                liveness=liveness,
            )
            loop.run()
    finally:
        stop.set()
        if actions is not None:
            actions.stop()
        deadline = time.monotonic() + SENDER_STOP_SECONDS
        for sender in [*senders, relaying]:
            sender.join(max(deadline - time.monotonic(), 0))
        if traces is not None:
            traces.stop()
        stop_metrics()
        client.close()


def _projection(
    settings: AlertingSettings, registry: CollectorRegistry, rules: Sequence[str], store: StateStore
) -> Projection:
    """The accounts in memory, with their gauges in the registry."""
    options, projection = settings.alerting, Projection()
    health = HealthCollector(projection, rules, options.worst_n, options.pinned_accounts, options.segments_max)
    registry.register(health)
    registry.register(AccountGauges(health.shown_by_partition, store.latest_reports))
    return projection


def _start_sender(
    settings: AlertingSettings,
    client: redis.Redis,
    channel: Channel,
    metrics: Metrics,
    audit: AuditLog,
    digest: DigestSettings | None,
    current_message: CurrentMessage,
    traces: NotificationTraces | None,
    clock: StoreClock,
    stop: threading.Event,
) -> threading.Thread:
    """The thread that tells one receiver."""
    sender = Sender(
        Queue(client, settings.redis.key_prefix, channel.name, note=audit.note_delivered),
        channel.receiver,
        metrics,
        messages_per_second=channel.messages_per_second,
        dead_letter_after_days=channel.dead_letter_after_days,
        digest=digest if channel.receiver.accepts("digest") else None,
        current=current_message,
        traces=traces,
        clock_ms=clock,
    )
    thread = threading.Thread(target=sender.run, args=(stop,), name=f"outbox-{channel.name}", daemon=True)
    thread.start()
    return thread


def _start_dropping_receivers(
    outbox: Outbox, names: Collection[str], clock: StoreClock, stop: threading.Event
) -> threading.Thread:
    """The thread that, once, gives up what waits for receivers that are no longer configured."""

    def drop_receiver() -> None:
        while not stop.is_set():
            try:
                for name in set(outbox.receivers()) - set(names):
                    given_up = outbox.drop_receiver(name, "no receiver of this name is configured", clock())
                    if given_up > 0:
                        log.error(
                            "messages for a receiver that is not configured: now dead letters",
                            receiver=name,
                            messages=given_up,
                        )
            except STORE_AWAY:
                stop.wait(ABANDON_RETRY_SECONDS)
            else:
                return

    thread = threading.Thread(target=drop_receiver, name="outbox-drop", daemon=True)
    thread.start()
    return thread


def _start_actions(settings: AlertingSettings, receivers: Receivers) -> SlackActions | None:
    """The endpoint for Slack's buttons; None where no Slack app has a signing secret."""
    if not receivers.signing_secrets:
        return None
    commands = CommandSender(settings.kafka)
    host, port = settings.alerting.actions_host, settings.alerting.actions_port
    actions = SlackActions(receivers.signing_secrets, commands.send, host, port)
    actions.start()
    return actions


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _say_ready() -> None:
    """For whoever started us and waits."""
    sys.stdout.write("alerting ready\n")
    sys.stdout.flush()
